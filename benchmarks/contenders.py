"""Detectors with one knob each, which is turned until all of them alarm equally often on quiet data."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN, KSWIN, PageHinkley

import streamkl
from streamkl.config.detector import DetectorConfig, ReferenceConfig
from streamkl.units import parse_budget

Array = NDArray[np.float64]

PAGE_HINKLEY_DELTA = 0.25  # standard deviations: half the smallest shift of the mean, and all that it is told of the changes
KSWIN_ARMED = 99  # points after an alarm in which KSWIN has too few to test


class Watch(Protocol):
    """How a detector is watched."""

    def __call__(self, values: Array, setting: float, since: int) -> Iterator[int] | None:
        """Rows from `since` on at which it alarms, lazily where that saves time; None where it is in an episode then."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A detector and what is turned on it: between `low` and `high`, of which `low` alarms more often.

    `lead`: points it is fed before a change; `quiet`: points on which it is turned; `trials` of each change.
    """

    name: str
    knob: str
    low: float
    high: float
    watch: Watch
    lead: int = 10_000
    quiet: int = 1_000_000
    trials: int = 200


def _streamkl(learned: int) -> Watch:
    def watch(values: Array, setting: float, since: int) -> Iterator[int] | None:
        budget = parse_budget(f"1 per {setting:.0f} points")
        config = DetectorConfig(false_alarms_without_clock=budget, reference=ReferenceConfig(size=learned))
        result = streamkl.evaluate(values, config=config)
        if result.in_episode[since - 1]:
            return None
        return iter((np.flatnonzero(result.opened[since:]) + since).tolist())

    return watch


def _river(make: Callable[..., Any], argument: str, inverted: bool = False, **fixed: float) -> Watch:
    """River's detectors start over after an alarm by themselves. `inverted`: the argument is one divided by the knob."""

    def watch(values: Array, setting: float, since: int) -> Iterator[int]:
        detector = make(**{argument: 1 / setting if inverted else setting}, **fixed)
        for row, value in enumerate(values.tolist()):
            detector.update(value)
            if detector.drift_detected and row >= since:
                yield row

    return watch


def kswin_alarms(values: Array, settings: Sequence[float]) -> list[int]:
    """How often KSWIN alarms under each of its settings, from one pass: what it tests does not depend on the setting until it alarms, and
    after that it is silent for KSWIN_ARMED points. 250 µs a point."""
    detector: Any = KSWIN(alpha=0.0, seed=0)
    p = np.ones(len(values))
    for row, value in enumerate(values.tolist()):
        detector.update(value)
        p[row] = detector.p_value if row >= KSWIN_ARMED else 1.0
    return [_separate(np.flatnonzero(p <= setting)) for setting in settings]


def _separate(rows: NDArray[np.int64]) -> int:
    count, last = 0, -KSWIN_ARMED - 1
    for row in rows.tolist():
        if row - last > KSWIN_ARMED:
            count, last = count + 1, row
    return count


STREAMKL = "streamkl"
KSWIN_NAME = "KSWIN"
CONTENDERS = (
    Contender(STREAMKL, "budget: points per promised alarm", 500.0, 500_000.0, _streamkl(DetectorConfig().reference.size)),
    Contender("streamkl, 2,000 learned", "budget: points per promised alarm", 500.0, 500_000.0, _streamkl(2_000)),
    Contender("ADWIN", "1 / delta", 1.0, 1e6, _river(ADWIN, "delta", inverted=True)),
    Contender("PageHinkley", "threshold", 2.0, 200.0, _river(PageHinkley, "threshold", delta=PAGE_HINKLEY_DELTA)),
    Contender(KSWIN_NAME, "1 / alpha", 100.0, 1e7, _river(KSWIN, "alpha", inverted=True, seed=0), lead=500, quiet=200_000, trials=40),
)
