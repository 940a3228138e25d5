"""The same four questions as ours, asked of the same SQLite file, by FastAPI under uvicorn.

Usage: twin.py PORT DATABASE SECRET. One process, as ours is; a connection of SQLite for each of the framework's threads;
answers have the fields that ours have. The price needs the site's bands: a plain two-rate rule stands for them.
"""
import hashlib, hmac, base64, json, sqlite3, sys, threading, time
from datetime import datetime, timedelta, timezone

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request

PORT, DATABASE, SECRET = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
SEOUL = timezone(timedelta(hours=9))
QUALITY = {0: "good", 1: "uncertain", 2: "bad"}
app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
local = threading.local()


def database():
    if not hasattr(local, "connection"):
        local.connection = sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True, check_same_thread=False)
        local.connection.execute("PRAGMA mmap_size = 268435456")
    return local.connection


def signed_in(request: Request):
    """HS256, as PyJWT checks it: signature, then expiry."""
    try:
        head, body, signature = request.headers["authorization"].removeprefix("Bearer ").split(".")
        wanted = hmac.new(SECRET, f"{head}.{body}".encode(), hashlib.sha256).digest()
        given = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if not hmac.compare_digest(wanted, given) or claims["exp"] < time.time():
            raise ValueError
        return claims["sub"]
    except (KeyError, ValueError):
        raise HTTPException(401)


def iso(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def partition():
    return database().execute("SELECT name FROM partitions ORDER BY start_ms DESC LIMIT 1").fetchone()[0]


@app.get("/latest")
def latest(machine: str, limit: int = 100, user: str = Depends(signed_in)):
    rows = database().execute(
        f"SELECT time_ms, power_kw, energy_kwh, power_factor, quality FROM {partition()} "
        "WHERE machine = (SELECT id FROM machines WHERE name = ?) ORDER BY time_ms DESC LIMIT ?",
        (machine, limit),
    )
    return {
        "items": [
            {"site": "demo", "machine": machine, "time": iso(t), "powerKw": p, "energyKwh": e, "powerFactor": f,
             "quality": QUALITY[q]}
            for t, p, e, f, q in rows
        ]
    }


@app.get("/series")
def series(machine: str, start: int, end: int, user: str = Depends(signed_in)):
    rows = database().execute(
        "SELECT start_ms, energy_kwh, estimated_kwh, mean_kw, max_kw, min_kw, coverage, quality, samples FROM quarters "
        "WHERE machine = (SELECT id FROM machines WHERE name = ?) AND start_ms >= ? AND start_ms < ? ORDER BY start_ms",
        (machine, start, end),
    )
    return {
        "items": [
            {"site": "demo", "machine": machine, "start": iso(s), "end": iso(s + 900000), "energyKwh": e,
             "estimatedKwh": x, "meanKw": mean, "maxKw": most, "minKw": least, "coverage": c, "quality": QUALITY[q],
             "samples": n}
            for s, e, x, mean, most, least, c, q, n in rows
        ]
    }


@app.get("/price")
def price(user: str = Depends(signed_in)):
    now = datetime.now(SEOUL)
    peak = 11 <= now.hour < 12 or 13 <= now.hour < 18
    return {"time": now.isoformat(), "band": "peak" if peak else "off-peak", "krwPerKwh": 180 if peak else 84}


@app.get("/realtime")
def realtime(user: str = Depends(signed_in)):
    name, found = partition(), []
    for ident, machine in database().execute("SELECT id, name FROM machines"):
        row = database().execute(
            f"SELECT time_ms, power_kw, power_factor, quality FROM {name} WHERE machine = ? ORDER BY time_ms DESC LIMIT 1",
            (ident,),
        ).fetchone()
        if row:
            found.append({"machine": machine, "time": iso(row[0]), "powerKw": row[1], "powerFactor": row[2],
                          "quality": QUALITY[row[3]]})
    return {"type": "snapshot", "totalKw": sum(m["powerKw"] or 0 for m in found), "machines": found}


uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="error", access_log=False)
