"""One series with one feature or several, behind one call."""

from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamkl.adapters.tables import Tables
from streamkl.core.bank import Bank
from streamkl.core.batch import Row
from streamkl.core.desk import Desk
from streamkl.core.panel import Panel
from streamkl.core.run_length import Table, TableKey
from streamkl.core.settings import Settings
from streamkl.core.verdicts import Verdicts


@cache
def shared_tables() -> Tables:
    """One set of threshold tables a process."""
    return Tables()


def shared_table(key: TableKey) -> Table:
    """One of them. A copy of a detector has this by name, not the tables."""
    return shared_tables()(key)


class Series(Protocol):
    """Rows of values (n, d) to verdicts, one a row."""

    def run(self, times: NDArray[np.int64], values: NDArray[np.float64], positions: NDArray[np.int64]) -> Verdicts:
        """Judge rows in order; times are microseconds."""

    def take(self, time: int, values: Row, position: int) -> Verdicts:
        """Judge one row of values (d,), as `run` does. The verdicts hold until the next call."""

    @property
    def ready(self) -> bool:
        """Whether the reference is learned and at least one window has a threshold."""

    @property
    def open(self) -> bool:
        """Whether an episode is open."""


class Single:
    """A series with one feature: one row of a bank."""

    def __init__(self, settings: Settings) -> None:
        self._bank = Bank(settings, shared_table, 1)
        self._row = self._bank.birth()
        self._desk = Desk(self._bank, np.array([self._row], np.int64))

    def run(self, times: NDArray[np.int64], values: NDArray[np.float64], positions: NDArray[np.int64]) -> Verdicts:
        """Judge rows in order; times are microseconds."""
        return self._bank.run(np.full(len(values), self._row), times, values[:, 0], positions)

    def take(self, time: int, values: Row, position: int) -> Verdicts:
        """Judge one row of values (1,), as `run` does. The verdicts hold until the next call."""
        return self._desk.take(time, values, position)

    @property
    def ready(self) -> bool:
        """Whether the reference is learned and at least one window has a threshold."""
        return bool((self._bank.arena.factor[self._row] > 0).any())

    @property
    def open(self) -> bool:
        """Whether an episode is open."""
        return bool(self._bank.arena.open[self._row])


def series_of(settings: Settings) -> Series:
    """A series with as many features as the settings say."""
    return Single(settings) if settings.features == 1 else Panel(settings, shared_table)
