"""Points of many series for a detector by itself, and how long it takes over them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamkl.config.detector import DetectorConfig
from streamkl.core.bank import Bank
from streamkl.core.run_length import Table, TableKey
from streamkl.core.settings import Settings, Window
from streamkl.library.series import shared_tables
from streamkl.library.settings import settings_of

MINUTE_US = 60_000_000
LEARNED = 1_200  # points of each series before anything is measured: every window is full
BATCH = 200_000  # points handed over at once

Points = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]


def shipped() -> Settings:
    """The default detector."""
    return settings_of(DetectorConfig())


def single(points: int = 256, bins: int = 32) -> Settings:
    """One window and nothing beside it."""
    made = shipped()
    size = max(made.reference.size, 2 * bins)
    return replace(
        made,
        windows=(Window(f"{points} points", points, 0),),
        bins=bins,
        point_share=0.0,
        drift=False,
        reference=replace(made.reference, size=size),
    )


class Feed:
    """Normal numbers of many series in turn, a minute between two points of one."""

    def __init__(self, settings: Settings, series: int, table: Callable[[TableKey], Table] | None = None) -> None:
        self.bank = Bank(settings, table or shared_tables(), series)
        self._rows = np.array([self.bank.birth() for _ in range(series)], np.int64)
        self._dice = np.random.default_rng(0)
        self._rounds = 0
        self._at_once = max(1, BATCH // series)

    def batch(self, rounds: int) -> Points:
        """So many points of each series."""
        series = len(self._rows)
        turns = np.repeat(np.arange(self._rounds, self._rounds + rounds), series)
        self._rounds += rounds
        return np.tile(self._rows, rounds), turns * MINUTE_US, self._dice.normal(size=len(turns)), turns * series

    def learned(self, points: int = LEARNED) -> Self:
        """The same, after so many points of each series."""
        while self._rounds < points:
            self.bank.run(*self.batch(self._at_once))
        return self

    def nanoseconds(self) -> float:
        """Of a point of one more batch, by the processor's clock."""
        batch = self.batch(self._at_once)
        return clocked(lambda: self.bank.run(*batch), len(batch[0]))


def clocked(work: Callable[[], Any], count: int) -> float:
    """Nanoseconds of processor time, of each of so many."""
    began = time.process_time()
    work()
    return 1e9 * (time.process_time() - began) / count


def in_turns(cases: Sequence[Callable[[], float]], runs: int) -> list[float]:
    """The median of each. They take turns, and a first turn of each is thrown away: a machine's speed may double within minutes."""
    turns = [[case() for case in cases] for _ in range(runs + 1)]
    return [median(taken) for taken in zip(*turns[1:], strict=True)]
