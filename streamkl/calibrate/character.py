"""What kind of series a history shows: its interval, spread, values, dependence, and a hint of a day or a week in it."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from streamkl.core.dependence import dependence

HOUR_US = 3_600_000_000
DAY, WEEK = 24, 168  # hours
MOST_DECIMALS = 6
LARGEST_ROUNDED = 1e9  # beyond it, six decimals are more than a double holds
REPEATING = 0.5  # share of ties from which a series is taken to have values of its own
HINT_AT = 0.3  # correlation of hours a period apart that is worth a hint ...
HINT_CERTAIN = 4.0  # ... and is so many standard errors of independent hours above zero ...
HINT_ABOVE = 0.2  # ... when it is so much above that of hours half a period apart
WEEK_ABOVE_DAY = 0.15  # a week is told from a day when hours a week apart are so much more alike than hours a day apart
FEWEST_PERIODS = 2


@dataclass(frozen=True, slots=True)
class Support:
    """The values that a series can take. `known` (ascending): those of a series whose values repeat; empty: any number will do. Beyond the
    known ones they go on in steps of the usual gap, with so many `decimals` (None: any)."""

    known: NDArray[np.float64]
    decimals: int | None

    def shift(self, values: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values moved by about `by`, each to the nearest value that the series can take: a status of 200 never becomes 200.1.

        >>> Support(np.array([0.0, 1.0, 5.0, 6.0]), 0).shift(np.array([0.0, 1.0, 5.0, 6.0]), np.array([0.6]))
        array([1., 1., 6., 7.])
        """
        moved = values + by
        if len(self.known) < 2:
            return moved
        above = np.clip(np.searchsorted(self.known, moved), 1, len(self.known) - 1)
        low, high = self.known[above - 1], self.known[above]
        nearest = np.where(moved - low <= high - moved, low, high)
        gap = float(np.median(np.diff(self.known)))
        beyond = nearest + np.rint((moved - nearest) / gap) * gap
        if self.decimals is not None:
            beyond = np.round(beyond, self.decimals)
        return np.where((moved < self.known[0]) | (moved > self.known[-1]), beyond, nearest)


@dataclass(frozen=True, slots=True)
class Character:
    """A series of numbers as its history shows it. `ties` is the share of points whose value occurs more than once; `period` is "", "day",
    "week" or "day, week": a hint, on which nothing else rests."""

    sigma: float
    support: Support
    lag1: float
    turn: float
    ties: float
    period: str


def interval_of(times: NDArray[np.int64]) -> int:
    """Median of the steps between different times, microseconds; 0 where time stands still."""
    steps = np.diff(np.sort(times))
    steps = steps[steps > 0]
    return int(np.median(steps)) if len(steps) else 0


def character(values: NDArray[np.float64], times: NDArray[np.int64]) -> Character:
    """Look at finite values and their times (µs), in any order. O(n log n)."""
    order = np.argsort(times, kind="stable")
    ordered, moments = values[order], times[order]
    found = dependence(ordered)
    return Character(
        sigma=_spread(ordered),
        support=support_of(ordered),
        lag1=found.lag1,
        turn=found.turn,
        ties=ties_of(ordered),
        period=period_of(ordered, moments),
    )


def _spread(values: NDArray[np.float64]) -> float:
    """Standard deviation, without overflow; exactly 0 for a constant."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0.0 or values.min() == values.max():
        return 0.0
    with np.errstate(over="ignore"):
        return min(float(np.std(values / largest) * largest), float(np.finfo(np.float64).max))


def ties_of(values: NDArray[np.float64]) -> float:
    """Share of the points whose value occurs more than once.

    >>> ties_of(np.array([1.0, 1.0, 1.0, 2.0]))
    0.75
    """
    counts = np.unique(values, return_counts=True)[1]
    return float(counts[counts > 1].sum() / len(values)) if len(values) else 0.0


def support_of(values: NDArray[np.float64]) -> Support:
    """What values a series takes, as far as its history shows. At most six decimals are looked for.

    >>> support_of(np.array([12.5, 13.0, 12.5, 13.0]))
    Support(known=array([12.5, 13. ]), decimals=1)
    """
    if ties_of(values) < REPEATING or values.min() == values.max():
        return Support(np.empty(0), None)
    distinct = np.unique(values)
    exact = (places for places in range(MOST_DECIMALS + 1) if np.array_equal(np.round(distinct, places), distinct))
    return Support(distinct, next(exact, None) if np.abs(distinct).max() < LARGEST_ROUNDED else None)


def period_of(values: NDArray[np.float64], times: NDArray[np.int64]) -> str:
    """A day or a week that shows in means over hours, where at least two of them were seen; values sorted by time."""
    hours = (times - times[0]) // HOUR_US if len(times) else times
    if not len(hours) or hours[-1] < FEWEST_PERIODS * DAY or hours[-1] > len(hours) * DAY:
        return ""  # too short, or nearly all of it is holes
    counts = np.bincount(hours)
    with np.errstate(invalid="ignore", over="ignore"):
        scale = np.abs(values).max() or 1.0
        means = np.bincount(hours, weights=values / scale) / counts  # NaN where an hour has no point
    alike = {lag: _alike(means, lag) for lag in (DAY // 2, DAY, WEEK // 2, WEEK)}
    day = alike[DAY] >= _worth_a_hint(len(means) - DAY) and alike[DAY] >= alike[DAY // 2] + HINT_ABOVE
    week = alike[WEEK] >= _worth_a_hint(len(means) - WEEK) and alike[WEEK] >= max(
        alike[DAY] + WEEK_ABOVE_DAY, alike[WEEK // 2] + HINT_ABOVE
    )
    return ", ".join(name for name, seen in (("day", day), ("week", week)) if seen)


def _worth_a_hint(pairs: int) -> float:
    return max(HINT_AT, HINT_CERTAIN / sqrt(max(pairs, 1)))


def _alike(means: NDArray[np.float64], lag: int) -> float:
    """Correlation of hours so far apart, among those that both have points; -1 where too few do."""
    if len(means) < FEWEST_PERIODS * lag:
        return -1.0
    early, late = means[:-lag], means[lag:]
    both = np.isfinite(early) & np.isfinite(late)
    if both.sum() < lag // 2 or early[both].std() < 1e-12 or late[both].std() < 1e-12:
        return -1.0
    return float(np.corrcoef(early[both], late[both])[0, 1])
