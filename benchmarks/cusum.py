"""The test that knows everything: a cumulative sum of exact log-likelihood ratios, which no other detector can beat on average."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.changes import Change

LOWEST, HIGHEST = 1.0, 30.0  # nats between which a threshold lies
STEPS = 24  # bisections
SPAN = 1_500  # points back to which a drift may have begun


def alarms(change: Change, values: NDArray[np.float64], phi: float, threshold: float) -> NDArray[np.int64]:
    """Rows at which the test of this change alarms; it starts over after each. O(n), for a drift O(n * SPAN)."""
    if change.slope:
        return _drift_alarms(values, phi, change.slope, threshold, SPAN)
    return _sum_alarms(change.log_likelihood_ratio(values, phi), threshold)


def tuned(change: Change, quiet: NDArray[np.float64], phi: float, run_length: float) -> float:
    """The threshold at which this test alarms on the quiet values once per `run_length` points."""
    low, high = LOWEST, HIGHEST
    for _ in range(STEPS):
        middle = (low + high) / 2
        if len(alarms(change, quiet, phi, middle)) * run_length > len(quiet):
            low = middle
        else:
            high = middle
    return high


@njit(cache=True)
def _sum_alarms(steps: NDArray[np.float64], threshold: float) -> NDArray[np.int64]:
    found = np.empty(len(steps), np.int64)
    count, total = 0, 0.0
    for i, step in enumerate(steps):
        total = max(0.0, total) + step
        if total >= threshold:
            found[count] = i
            count += 1
            total = 0.0
    return found[:count]


@njit(cache=True)
def _drift_alarms(values: NDArray[np.float64], phi: float, slope: float, threshold: float, span: int) -> NDArray[np.int64]:
    """The drift's size depends on when it began, so each of the last `span` points has a sum of its own."""
    found = np.empty(len(values), np.int64)
    sums = np.zeros(span)
    count, begun = 0, 0
    scale = 1.0 - phi * phi
    for i in range(1, len(values)):
        shock = values[i] - phi * values[i - 1]
        begun += 1
        sums[i % span] = 0.0
        best = -np.inf
        for age in range(1, min(begun, span) + 1):
            shift = slope * (age - phi * (age - 1))
            k = (i - age + 1) % span
            sums[k] += shift * (shock - shift / 2) / scale
            best = max(best, sums[k])
        if best >= threshold:
            found[count] = i
            count += 1
            begun = 0
    return found[:count]
