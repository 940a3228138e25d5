#!/usr/bin/env python3
"""A forecast of your own, from training to service: docs/models.md, "Bring your own model".

Forecasts the next day as the mean of the same quarter-hours one and two weeks before, moved by what the newest four
hours were above or below theirs; a ridge learns by how much. Writes that as an ONNX file, imports it over the API, waits
for its trial and lets it forecast. Needs scikit-learn and onnx, nothing else; on Debian:

    apt install python3-sklearn python3-onnx
    SMARTFACTORY_PASSWORD=... python3 bring-your-own-model.py --api http://127.0.0.1:8000/api/v1 --promote
"""
import argparse
import base64
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import Ridge

WEEK, LEADS = 672, 96
WEEKS, NEWEST = 2, 16
WINDOW = WEEKS * WEEK + NEWEST
# The import tries a model on the newest four weeks: what it has learnt from must not be among them.
TRIAL = 4 * WEEK


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--api", default="http://127.0.0.1:8000/api/v1")
    parser.add_argument("--user", default="admin", help="the password is read from SMARTFACTORY_PASSWORD")
    parser.add_argument("--machine", default="total", help="what the model is to forecast")
    parser.add_argument("--meter", default="main-meter", help="the meter whose load it learns from")
    parser.add_argument("--days", type=int, default=180, help="history to learn from, the four weeks of the trial included")
    parser.add_argument("--serves", choices=["alone", "ensemble"], default="alone")
    parser.add_argument("--promote", action="store_true", help="take it into use when its trial is over")
    return parser.parse_args()


class Api:
    def __init__(self, base, user, password):
        self.base, self.headers = base, {"content-type": "application/json"}
        token = self.ask("POST", "/auth/login", {"username": user, "password": password})["accessToken"]
        self.headers["authorization"] = f"Bearer {token}"

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, self.headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            sys.exit(f"{method} {path}: {problem.code} {problem.read().decode()}")


def load_of(api, meter, days):
    """Quarter-hours of a meter up to now, kWh, oldest first, on a whole grid: what was not measured is the usual load."""
    step = timedelta(minutes=15)
    now = datetime.now(timezone.utc)
    to = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    start = to - timedelta(days=days)
    query = {"machine": meter, "resolution": "15min", "from": start.isoformat(), "to": to.isoformat(), "limit": 1000}
    values = np.full((to - start) // step, np.nan)
    cursor = None
    while True:
        more = {**query, **({"cursor": cursor} if cursor else {})}
        page = api.ask("GET", "/data/sensors?" + urllib.parse.urlencode(more))
        for one in page["items"]:
            at = datetime.fromisoformat(one["start"].replace("Z", "+00:00"))
            if start <= at < to:
                values[(at - start) // step] = one["energyKwh"]
        cursor = page.get("nextCursor")
        if not cursor:
            break
    known = ~np.isnan(values)
    if known.sum() < TRIAL + WINDOW + WEEK:
        sys.exit(f"{meter}: {known.sum()} quarter-hours are known, {TRIAL + WINDOW + WEEK} are needed")
    values[~known] = values[known].mean()
    return values[known.argmax() :]


def usual(load, places):
    """Mean of the same quarter-hours in the weeks before."""
    return np.mean([load[places - WEEK * week] for week in range(1, WEEKS + 1)], axis=0)


def fitted(load):
    """96 x 16: by how much each quarter-hour ahead moves with each of the newest four hours."""
    starts = range(WINDOW, len(load) - LEADS + 1)
    newest = [np.arange(start - NEWEST, start) for start in starts]
    ahead = [np.arange(start, start + LEADS) for start in starts]
    x = np.stack([load[places] - usual(load, places) for places in newest])
    y = np.stack([load[places] - usual(load, places) for places in ahead])
    return Ridge(alpha=1000 * load.var(), fit_intercept=False).fit(x, y).coef_


def weights_of(moved):
    """The whole forecast as one matrix [window, leads]."""
    weights = np.zeros((WINDOW, LEADS))
    lead, newest = np.arange(LEADS), np.arange(WINDOW - NEWEST, WINDOW)
    weights[newest] += moved.T
    for week in range(1, WEEKS + 1):
        weights[WINDOW + lead - WEEK * week, lead] += 1 / WEEKS
        weights[newest - WEEK * week] -= moved.T / WEEKS
    return weights


def to_onnx(weights):
    """"window" [rows, 1360] in, "path" [rows, 96] out."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["window", "weights"], ["path"])],
        "weeks-and-ridge",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["rows", WINDOW])],
        [helper.make_tensor_value_info("path", TensorProto.FLOAT, ["rows", LEADS])],
        [numpy_helper.from_array(weights.astype(np.float32), "weights")],
    )
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    file.ir_version = 8
    onnx.checker.check_model(file)
    return file.SerializeToString()


def main():
    asked = options()
    api = Api(asked.api, asked.user, os.environ.get("SMARTFACTORY_PASSWORD", ""))
    load = load_of(api, asked.meter, asked.days)
    past = load[:-TRIAL]
    weights = weights_of(fitted(past))
    mean, scale = float(past.mean()), float(past.std()) or 1.0
    print(f"learnt from {len(past)} quarter-hours of {asked.meter}, mean {mean:.1f} kWh")

    # Two rows of the input before scaling, and what the model says to them in kWh: they are asked again on import.
    rows = np.stack([load[-WINDOW:], load[:WINDOW]])
    expected = (rows - mean) / scale @ weights * scale + mean
    manifest = {
        "manifestVersion": 1,
        "name": "two weeks and a ridge",
        "source": "examples/bring-your-own-model.py",
        "input": "window",
        "output": "path",
        "window": WINDOW,
        "horizon": {"fromLead": 1, "toLead": LEADS},
        "inputScaling": {"mean": [mean], "scale": [scale]},
        "outputScaling": {"mean": mean, "scale": scale},
        "missing": 0,
        "sample": {"rows": rows.tolist(), "expected": expected.ravel().tolist(), "tolerance": 0.001},
        "serves": asked.serves,
    }
    file = base64.b64encode(to_onnx(weights)).decode()
    job = api.ask("POST", "/models/import", {"machine": asked.machine, "manifest": manifest, "file": file})
    while job["state"] in ("queued", "running"):
        time.sleep(1)
        job = api.ask("GET", "/jobs/" + urllib.parse.quote(job["id"]))
    if job["state"] != "done":
        sys.exit(json.dumps(job["problem"], indent=2, ensure_ascii=False))
    status = api.ask("GET", f"/models/{urllib.parse.quote(job['id'])}/status")
    print(f"{status['id']} is {status['status']}: {json.dumps(status['metrics'])}")

    if asked.promote:
        print("in use:", api.ask("POST", f"/models/{urllib.parse.quote(job['id'])}/promote", {})["status"])
    if asked.serves == "alone":
        said = api.ask("POST", "/models/predict", {"model": job["id"], "horizonMinutes": 60})
        print(f"{said['method']} on {json.dumps(said['engine'])}")
        for point in said["points"]:
            print(json.dumps(point))


if __name__ == "__main__":
    main()
