"""Detectors that do not fit into this project's environment, run by an interpreter that has them: it needs nothing of this project.

python elsewhere_detectors.py NAME FILE.npz          FILE: `first`, what is learned, and `stream_0`, `stream_1`, ..; prints a JSON list, a
                                                     list of numbers for each stream: rows of alarms (alibi), a score a point (rrcf)
"""

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np

ERT = 1_000  # points between two false alarms that alibi-detect is told
WINDOWS = [16, 64]
BOOTSTRAPS = 10_000
TREES, LEAVES = 40, 256


def alibi(first, streams):
    """Cramer-von-Mises over two windows, thresholds by bootstrap for an expected run time; begins anew after each alarm and each stream."""
    np.random.seed(0)  # the library's own dice
    detector = import_module("alibi_detect.cd").CVMDriftOnline(first, ert=ERT, window_sizes=WINDOWS, n_bootstraps=BOOTSTRAPS, verbose=False)
    for stream in streams:
        detector.reset_state()
        rows = []
        for row, value in enumerate(stream):
            if detector.predict(np.array([value]))["data"]["is_drift"]:
                rows.append(row)
                detector.reset_state()
        yield rows


def forest(first, streams):
    """A robust random cut forest over the newest points: collusive displacement of each, mean over trees."""
    rrcf = import_module("rrcf")
    for stream in streams:
        trees = [rrcf.RCTree(random_state=seed) for seed in range(TREES)]
        scores = []
        for at, value in enumerate(np.concatenate([first[-LEAVES:], stream])):
            score = 0.0
            for tree in trees:
                if at >= LEAVES:
                    tree.forget_point(at - LEAVES)
                tree.insert_point(np.array([value]), index=at)
                score += tree.codisp(at) / TREES
            scores.append(float(score))
        yield scores[len(first[-LEAVES:]) :]


if __name__ == "__main__":
    with np.load(Path(sys.argv[2])) as arrays:
        given = [arrays[f"stream_{number}"] for number in range(len(arrays.files) - 1)]
        made = {"alibi": alibi, "rrcf": forest}[sys.argv[1]](arrays["first"], given)
        print(json.dumps(list(made)))
