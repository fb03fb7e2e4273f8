"""A few series judged side by side, one point of each at a time, whose state can be copied, tried and put away."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamkl.core.bank import Bank
from streamkl.core.desk import Desk
from streamkl.core.settings import Settings
from streamkl.core.verdicts import Verdicts
from streamkl.engine.memory import bank_arrays, fill
from streamkl.engine.snapshot import pack, unpack
from streamkl.library.series import shared_tables


class _Kept(msgspec.Struct):
    names: list[str]
    turns: int


class Judge:
    """Series with names under one set of settings, born when they are first seen; they share the budget in equal parts.

    Copying costs a copy of its arrays, 5 to 10 kB a series. Pickled, it is the compressed and checksummed state that the service writes
    too, so one of another version raises SnapshotError instead of going on with what it misreads.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._bank: Bank | None = None  # most detectors of an ensemble are made and never fed
        self.rows: dict[str, int] = {}  # by name, in the order of their birth
        self._turns = 0
        self._desk: Desk | None = None
        self._seated: list[int] = []  # the rows that it is for

    @property
    def bank(self) -> Bank:
        """Where the series live, made when it is first asked for."""
        if self._bank is None:
            self._bank = Bank(replace(self.settings, features=max(len(self.rows), 1)), shared_tables(), max(len(self.rows), 1))
        return self._bank

    def meet(self, names: list[str]) -> None:
        """Make rows for series that are new, and divide the budget anew. O(series) where one is."""
        fresh = [name for name in names if name not in self.rows]
        for name in fresh:
            self.rows[name] = self.bank.birth()
        if fresh and len(self.rows) > 1:
            self.bank.divide(len(self.rows))

    def take(self, values: Mapping[str, float]) -> Verdicts:
        """Judge and learn one point of each of these series (the others have none); `meet` them first. O(series).
        The verdicts hold until the next call."""
        rows = [self.rows[name] for name in values]
        if self._desk is None or rows != self._seated:
            self._desk, self._seated = Desk(self.bank, np.array(rows, np.int64)), rows
        self._turns += 1
        return self._desk.take(0, values.values(), self._turns - 1)

    def is_open(self, name: str) -> bool:
        """Whether an episode of the series is open."""
        return name in self.rows and bool(self.bank.arena.open[self.rows[name]])

    def copy(self, spare: Self | None = None) -> Self:
        """Another one that goes on from the same state: `spare`, an earlier copy that may be overwritten, or a new one."""
        other = type(self)(self.settings) if spare is None else spare
        other.rows, other._turns = self.rows.copy(), self._turns
        bank = None if self._bank is None else self._bank.copy(other._bank)
        if bank is not other._bank:
            other._bank, other._desk = bank, None
        return other

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        return self.copy()

    def __getstate__(self) -> dict[str, Any]:
        rows = np.array(list(self.rows.values()), np.int64)
        arrays = dict(bank_arrays(self.bank, rows)) if self.rows else {}
        return {"settings": self.settings, "state": pack(_Kept(list(self.rows), self._turns), arrays)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept, arrays = unpack(state["state"], _Kept)
        self.settings, self._bank, self._turns = state["settings"], None, kept.turns
        self._desk, self._seated = None, []
        self.rows = {name: row for row, name in enumerate(kept.names)}
        if self.rows:
            fill(self.bank, arrays)


def highest(verdicts: Verdicts) -> float:
    """The highest statistic / threshold of one point each of some series; 0.0 where none is judged."""
    ratio: NDArray[np.float64] = verdicts.ratio
    return float(ratio.max()) if len(ratio) else 0.0
