"""Drift detectors of river with their own defaults, counted on the same series; nothing here is tuned."""

from collections.abc import Callable
from typing import Any

from river.drift import ADWIN, KSWIN, PageHinkley

from benchmarks.zoo import series

# River's detectors start over after each alarm by themselves, so that every detection is an alarm of its own.
RIVALS: dict[str, Callable[[], Any]] = {
    "river ADWIN": ADWIN,
    "river KSWIN": lambda: KSWIN(seed=0),
    "river PageHinkley": PageHinkley,
}


def alarms(rival: str, process: str, points: int, seed: int) -> int:
    """How often the rival detects drift on one stationary series. 0.2 (ADWIN) to 200 (KSWIN) µs a point."""
    detector, count = RIVALS[rival](), 0
    for value in series(process, points, seed).tolist():
        detector.update(value)
        count += detector.drift_detected
    return count
