"""scikit-learn and XGBoost on the very rows that our learners were given; predictions go back to be measured there."""
import json
import sys
import time

import numpy as np

folder = sys.argv[1]
job = json.load(open(f"{folder}/job.json"))
columns = job["columns"]


def matrix(name):
    return np.fromfile(f"{folder}/{name}.f32", dtype=np.float32).reshape(-1, columns)


x, y, test = matrix("x"), np.fromfile(f"{folder}/y.f64"), matrix("test")
seconds = {}
cpu_seconds = {}


def run(name, model, rows=x, ask=test):
    started, cpu = time.perf_counter(), time.process_time()
    model.fit(rows, y)
    seconds[name] = time.perf_counter() - started
    cpu_seconds[name] = time.process_time() - cpu
    model.predict(ask).astype(np.float64).tofile(f"{folder}/{name}.f64")


def filled(rows):
    """scikit-learn's forest of this version takes no missing values."""
    return np.nan_to_num(rows, nan=-1.0)


def forest(trees, **options):
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(trees, n_jobs=-1, random_state=0, **options)


def xgboost(objective, bins=256):
    import xgboost

    return xgboost.XGBRegressor(
        n_estimators=300,
        max_depth=6,
        learning_rate=0.1,
        tree_method="hist",
        max_bin=bins,
        objective=objective,
        n_jobs=job["threads"],
    )


def histogram():
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(loss="absolute_error", max_iter=300, early_stopping=False, random_state=0)


peers = {
    "scikit-learn HistGradientBoosting": lambda: run("scikit-learn HistGradientBoosting", histogram()),
    "XGBoost pseudo-Huber": lambda: run("XGBoost pseudo-Huber", xgboost("reg:pseudohubererror")),
    "XGBoost squared": lambda: run("XGBoost squared", xgboost("reg:squarederror")),
    "scikit-learn RandomForest": lambda: run("scikit-learn RandomForest", forest(200), filled(x), filled(test)),
    "scikit-learn RandomForest, leaves of 5, a third of the columns": lambda: run(
        "scikit-learn RandomForest, leaves of 5, a third of the columns",
        forest(200, min_samples_leaf=5, max_features=1 / 3),
        filled(x),
        filled(test),
    ),
}
for bins in job["bins"]:
    name = f"XGBoost squared, {bins} bins"
    peers[name] = lambda name=name, bins=bins: run(name, xgboost("reg:squarederror", bins))
missing = []
for name in job["peers"]:
    try:
        peers[name]()
    except ImportError as error:
        missing.append(f"{name}: {error}")
print(json.dumps({"seconds": seconds, "cpuSeconds": cpu_seconds, "missing": missing}))
