"""Settings so small that a test sees everything, and threshold tables that nobody has to simulate."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from streamkl.core.arena import Arena
from streamkl.core.bank import Bank
from streamkl.core.run_length import POINTS_KEY, RUN_LENGTHS, Table, TableKey
from streamkl.core.settings import Episodes, Gates, Reference, ReferenceKind, Settings, Window
from streamkl.core.verdicts import Verdicts
from streamkl.units import parse_budget

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US

FIXED = Reference(
    kind=ReferenceKind.FIXED, size=60, gap=20, half_life=50, slots=24, period_us=DAY_US, phase_us=0, shrinkage=5.0, lagged=False
)  # fmt: skip
TRAILING = replace(FIXED, kind=ReferenceKind.TRAILING)
DECAYED = replace(FIXED, kind=ReferenceKind.DECAYED)
SEASONAL = replace(FIXED, kind=ReferenceKind.SEASONAL)
LAGGED = replace(SEASONAL, slots=4, period_us=80 * 60_000_000, lagged=True)
EPISODES = Episodes(
    min_points=1,
    close_below=0.8,
    close_after=4,
    cooldown=6,
    escalate_factor=1.5,
    accept_after=90,
    first_after=0,
    min_duration_us=0,
    expect_returns=True,
)
NO_GATES = Gates(min_effect=0.0, min_relative_effect=0.0, direction=0)
BY_COUNT = (Window("4 points", 4, 0), Window("10 points", 10, 0), Window("20 points", 20, 0))
BY_TIME = (Window("5m", 0, 5 * 60_000_000), Window("20m", 0, 20 * 60_000_000))


def settings(**changes: Any) -> Settings:
    """Windows of 4, 10 and 20 points against a fixed reference of 60 points in 6 bins, with changes."""
    default: dict[str, Any] = {
        "windows": BY_COUNT,
        "bins": 6,
        "ring_points": 30,
        "grace_us": HOUR_US,
        "reference": FIXED,
        "episodes": EPISODES,
        "gates": NO_GATES,
        "budget": parse_budget("1 per 1000 points"),
        "budget_without_clock": parse_budget("1 per 1000 points"),
        "least_run": 1.0,
        "certainty": 0.0,
        "point_share": 0.0,
        "drift": False,
        "categorical": False,
        "features": 1,
    }
    return Settings(**(default | changes))


# Surprises of single points that independent normal data reach once in RUN_LENGTHS: as shipped, since the limit is read off a rising line.
OF_POINTS = (4.05, 5.05, 5.675, 6.175, 6.575, 6.925, 7.225, 7.5, 7.825)


def flat(limit: float) -> Callable[[TableKey], Table]:
    """Tables that ask for the same n KL whatever is promised."""
    return lambda key: OF_POINTS if key == POINTS_KEY else (limit,) * len(RUN_LENGTHS)


NEVER = flat(1e9)


def feed(bank: Bank, row: int, values: ArrayLike, times: ArrayLike | None = None, first: int = 0) -> Verdicts:
    """Points of one row; positions count from `first`. Without times all of them are 0, as for a series without a clock."""
    numbers = np.atleast_1d(np.asarray(values, np.float64))
    n = len(numbers)
    when = np.zeros(n, np.int64) if times is None else np.atleast_1d(np.asarray(times, np.int64))
    return bank.run(np.full(n, row), when, numbers, np.arange(first, first + n))


def held(arena: Arena, row: int) -> list[int]:
    """Places in the row's ring, from the oldest point to the newest."""
    room = arena.code.shape[1]
    return [(int(arena.head[row]) - depth) % room for depth in range(int(arena.filled[row]), 0, -1)]
