"""Points of many series for a detector by itself, and how long it takes over them."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

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

    def batch(self, rounds: int) -> Points:
        """So many points of each series."""
        series = len(self._rows)
        turns = np.repeat(np.arange(self._rounds, self._rounds + rounds), series)
        self._rounds += rounds
        return np.tile(self._rows, rounds), turns * MINUTE_US, self._dice.normal(size=len(turns)), turns * series

    def nanoseconds(self, runs: int, first: int = LEARNED) -> list[float]:
        """Of a point in each run, by the processor's clock, after `first` points of each series."""
        rounds = max(1, BATCH // len(self._rows))
        while self._rounds < first:
            self.bank.run(*self.batch(rounds))
        taken = []
        for _ in range(runs):
            batch = self.batch(rounds)
            taken.append(clocked(lambda points=batch: self.bank.run(*points), rounds * len(self._rows)))
        return taken


def clocked(work: Callable[[], Any], count: int) -> float:
    """Nanoseconds of processor time, of each of so many."""
    began = time.process_time()
    work()
    return 1e9 * (time.process_time() - began) / count
