"""One point of some series at a time, without an array made for it: where programs hand over points as they come."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.bank import Bank
from streamkl.core.batch import room
from streamkl.core.native import Memory
from streamkl.core.verdicts import Verdicts


class Desk:
    """Points of these rows of a bank, judged where the last ones were."""

    def __init__(self, bank: Bank, rows: NDArray[np.int64]) -> None:
        batch = room(rows)
        self._bank, self._batch = bank, Memory(batch)
        self._verdicts = Verdicts(*batch.outcome, [])
        columns: tuple[Any, ...] = batch.times, batch.values, batch.positions
        self._columns: tuple[Any, ...] = tuple(map(memoryview, columns))  # Python writes to these twice as fast

    def __reduce__(self) -> tuple[Any, ...]:
        return Desk, (self._bank, self._batch.state.rows)

    def take(self, time: int, values: Iterable[float], position: int) -> Verdicts:
        """Judge one value of each row, in the order of the rows. The verdicts hold until the next call. O(rows)."""
        into_times, into_values, into_positions = self._columns
        for at, value in enumerate(values):
            into_times[at], into_values[at], into_positions[at] = time, value, position
        out = self._verdicts
        if out.transitions or out.learned:
            out.transitions.clear()
            out.learned.clear()
        self._bank.judge(self._batch, out)
        return out
