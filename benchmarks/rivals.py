"""Drift detectors of others with their own defaults, counted on the same series; nothing here is tuned."""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN, KSWIN, PageHinkley

from benchmarks import kept
from benchmarks.zoo import series

SERIES, POINTS = 10, 10_000  # of each process: 100,000 points
PYSAD = "PySAD RelativeEntropy"


def _river(make: Callable[[], Any]) -> Callable[[NDArray[np.float64]], int]:
    """River's detectors start over after each alarm by themselves, so that every detection is an alarm of its own."""

    def count(values: NDArray[np.float64]) -> int:
        detector, found = make(), 0
        for value in values.tolist():
            detector.update(value)
            found += detector.drift_detected
        return found

    return count


def _relative_entropy(values: NDArray[np.float64]) -> int:
    """It has to know the smallest and the largest value before it starts, so it gets them in hindsight. Points in a row are one alarm."""
    model = import_module("pysad.models.relative_entropy").RelativeEntropy(min_val=values.min(), max_val=values.max())
    flags = np.array([model.fit_score_partial(value) for value in values]) > 0
    return int((flags & ~np.r_[False, flags[:-1]]).sum())


# 0.2 (ADWIN) to 200 (KSWIN) and 400 (RelativeEntropy) µs a point.
_COUNT: dict[str, Callable[[NDArray[np.float64]], int]] = {
    "river ADWIN": _river(ADWIN),
    "river KSWIN": _river(lambda: KSWIN(seed=0)),
    "river PageHinkley": _river(PageHinkley),
    PYSAD: _relative_entropy,
}


def installed() -> list[str]:
    """The rivals that can run here: PySAD is no part of the locked environment."""
    return [name for name in _COUNT if name != PYSAD or find_spec("pysad")]


def alarms(rival: str, process: str, points: int, seed: int) -> int:
    """How often the rival detects drift on one stationary series."""
    return _COUNT[rival](series(process, points, seed))


def measure(rival: str, process: str) -> Sequence[int]:
    """Alarms on each of the series of one process, from the file where they were kept."""
    store = kept.Kept("rivals")
    package = "pysad" if rival == PYSAD else "river"
    key = {"rival": rival, "version": version(package), "process": process, "series": SERIES, "points": POINTS}
    key["processes"] = kept.digest(kept.PROCESSES)
    known = store.get(key)
    if known is None:
        known = [alarms(rival, process, POINTS, seed) for seed in range(SERIES)]
        store.put(key, known)
    return [int(count) for count in known]
