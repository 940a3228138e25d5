#!/usr/bin/env python3
"""From nothing to a plan with Python's standard library: sign in, send readings, train, predict, optimise, follow.

    PASSWORD='…' python3 docs/api/story.py [http://127.0.0.1:8000]

METER is a machine whose readings are sent and learnt from, MACHINE one that takes orders of production.
"""

import base64
import json
import os
import socket
import ssl
import struct
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone

BASE = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000").rstrip("/")
METER = os.environ.get("METER", "cnc-1")
MACHINE = os.environ.get("MACHINE", "mill-1")
PAUSE_S = float(os.environ.get("PAUSE", "5"))
PATIENCE_S = float(os.environ.get("PATIENCE", "600"))


class Problem(Exception):
    """What the API says of a request that it refused (RFC 9457): `title` for programs, `detail` for people."""

    def __init__(self, problem):
        places = [f"\n  {one.get('pointer') or one.get('in')}: {one['detail']}" for one in problem.get("errors", [])]
        places += [f"\n  {one['field']}: {one['text']['en-US']}" for one in problem.get("details", {}).get("issues", [])]
        super().__init__(f"{problem['status']} {problem['title']}: {problem['detail']}{''.join(places)}")
        self.status, self.title = problem["status"], problem["title"]


class Energy:
    """The API with a name and a password; a token that has expired is renewed."""

    def __init__(self, base, username, password):
        self.base, self.login = base, {"username": username, "password": password}
        self.token = None
        self.sign_in()

    def sign_in(self):
        self.token = None
        self.token = self.call("POST", "/api/v1/auth/login", self.login)["accessToken"]

    def call(self, method, path, body=None, query=None, once=None):
        """One request. `once` is an Idempotency-Key: sent twice with it, an order is carried out once."""
        url = self.base + path + ("?" + urllib.parse.urlencode(query) if query else "")
        headers = {"Accept-Language": "en"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        if once:
            headers["Idempotency-Key"] = once
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:
                text = answer.read().decode()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            problem = json.loads(error.read())
            if problem["title"] == "access.token-expired" and self.token:
                self.sign_in()
                return self.call(method, path, body, query, once)
            raise Problem(problem) from None

    def wait(self, job):
        """Follows a job to its end, but not for ever: a first start has many trainings before this one."""
        until = time.monotonic() + PATIENCE_S
        while job["state"] in ("queued", "running") and time.monotonic() < until:
            print("  ", job["state"], "ahead", job.get("ahead"), "progress", job["progress"])
            time.sleep(PAUSE_S)
            job = self.call("GET", "/api/v1/jobs/" + urllib.parse.quote(job["id"]))
        return job

    def follow(self):
        """Messages of the live feed: a snapshot, then what changed. With `websockets` installed this is three lines."""
        where = urllib.parse.urlsplit(self.base)
        tls = where.scheme == "https"
        line = socket.create_connection((where.hostname, where.port or (443 if tls else 80)), timeout=30)
        if tls:
            line = ssl.create_default_context().wrap_socket(line, server_hostname=where.hostname)
        with line, line.makefile("rb") as stream:
            key = base64.b64encode(os.urandom(16)).decode()
            line.sendall(
                f"GET /ws HTTP/1.1\r\nHost: {where.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                f"Authorization: Bearer {self.token}\r\n\r\n".encode()
            )
            status = stream.readline().decode().strip()
            while stream.readline().strip():
                pass
            if " 101 " not in status + " ":
                raise ConnectionError(status)
            text = b""
            while True:
                first, second = stream.read(2)
                length = second & 127
                if length == 126:
                    (length,) = struct.unpack("!H", stream.read(2))
                elif length == 127:
                    (length,) = struct.unpack("!Q", stream.read(8))
                payload = stream.read(length)
                kind, last = first & 15, first & 128
                if kind == 8:
                    return
                if kind == 9:  # a ping is answered; what a client sends is masked
                    mask = os.urandom(4)
                    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
                    line.sendall(bytes([0x8A, 0x80 | len(payload)]) + mask + masked)
                elif kind in (0, 1):
                    text += payload
                    if last:
                        yield json.loads(text)
                        text = b""


def stamp(when):
    return when.astimezone(timezone.utc).isoformat(timespec="seconds")


def say(text):
    print("\n— " + text)


def main():
    run = uuid.uuid4().hex[:12]
    now = datetime.now(timezone.utc)

    say("Sign in")
    if "PASSWORD" not in os.environ:
        raise SystemExit("PASSWORD is not set")
    energy = Energy(BASE, os.environ.get("USERNAME_OF_API", "admin"), os.environ["PASSWORD"])
    me = energy.call("GET", "/api/v1/auth/me")
    print(me["name"], me["role"])

    say("Send readings of the last three minutes")
    readings = [
        {"machine": METER, "time": stamp(now - timedelta(minutes=3 - at)), "powerKw": 30 + at} for at in range(3)
    ]
    print(energy.call("POST", "/api/v1/data/sensors", readings, once=f"story-readings-{run}"))

    say("Read them back as quarter-hours, the newest first")
    query = {"machine": METER, "sort": "-time", "limit": 3}
    for quarter in energy.call("GET", "/api/v1/data/sensors", query=query)["items"]:
        print(quarter["start"], quarter["energyKwh"], "kWh", quarter["quality"])

    say("Train a model; a job does the work")
    job = energy.call("POST", "/api/v1/models/train", {"task": "anomaly", "machine": METER}, once=f"story-train-{run}")
    print("job", job["id"])

    say("Wait for it")
    job = energy.wait(job)
    print(job["state"], job["result"] or (job["problem"] or {}).get("detail"))

    say("Predict the next hours of the whole site")
    forecast = energy.call("POST", "/api/v1/models/predict", {"machine": "total", "horizonMinutes": 120})
    print(forecast["method"], [point["energyKwh"] for point in forecast["points"]])

    say("Add an order of production, and plan")
    order = {
        "id": f"story-{run}",
        "product": "Sample",
        "due": stamp(now + timedelta(hours=20)),
        "operations": [{"modes": [{"machine": MACHINE, "minutes": 30, "powerKw": 40}]}],
    }
    energy.call("POST", "/api/v1/scheduling/jobs", order, once=f"story-order-{run}")
    plan = energy.call("POST", "/api/v1/scheduling/optimize", {})
    cost = plan["cost"]
    print(plan["id"], plan["status"], cost["plan"]["totalKrw"], "instead of", cost["asSoonAsPossible"]["totalKrw"], "KRW")
    for operation in plan["operations"]:
        if operation["job"] == order["id"]:
            print(operation["machine"], operation["start"], operation["reason"]["text"]["en-US"])

    say("Take the order back")
    print(energy.call("DELETE", "/api/v1/scheduling/jobs/" + order["id"])["id"])

    say("Follow the plant")
    for count, message in enumerate(energy.follow(), start=1):
        print(message["type"], message.get("seq"), message.get("totalKw"))
        if count == 3:
            break


if __name__ == "__main__":
    try:
        main()
    except Problem as problem:
        raise SystemExit(str(problem)) from None
