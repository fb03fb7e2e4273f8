"""Which points are passed over, because their series is silenced at the time they carry. No clock: event time alone decides."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

# Asked for the stretches [start, end) that have a part in [from, to), all in microseconds since 1970; any order, they may overlap.
Calendar = Callable[[int, int], Sequence[tuple[int, int]]]

BLOCK_US = 28 * 86_400_000_000  # a calendar is opened so much event time at once
BLOCKS_KEPT = 32


class Silence:
    """One silence: the series it takes (a shell-style pattern over their names) and when. Shared by all partitions."""

    def __init__(self, name: str, match: str, calendar: Calendar) -> None:
        self.name = name
        self.match = match
        self._calendar = calendar
        self._blocks: OrderedDict[int, NDArray[np.int64]] = OrderedDict()

    def covers(self, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each time, whether it lies within a stretch: start inside, end outside. O(log stretches) a time.

        >>> bool(Silence("night", "*", lambda _from, _to: [(60, 120)]).covers(np.array([60]))[0])
        True
        """
        if len(times) and times.min() // BLOCK_US == times.max() // BLOCK_US:
            return self._within(int(times[0]) // BLOCK_US, times)
        within = np.zeros(len(times), np.bool_)
        blocks = times // BLOCK_US
        for block in np.unique(blocks).tolist():
            at = blocks == block
            within[at] = self._within(block, times[at])
        return within

    def _within(self, block: int, times: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(np.searchsorted(self._borders(block), times, side="right") & 1, np.bool_)

    def _borders(self, block: int) -> NDArray[np.int64]:
        """Start, end, start, end, ... of what has a part in the block, ascending."""
        known = self._blocks.get(block)
        if known is None:
            known = self._blocks[block] = _merged(self._calendar(block * BLOCK_US, (block + 1) * BLOCK_US))
            if len(self._blocks) > BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(block)
        return known


class Silences:
    """All silences of a plan. Series that are taken by the same ones form a group; group 0 is taken by none."""

    def __init__(self, silences: Sequence[Silence]) -> None:
        self._silences = tuple(silences)
        self._numbers: dict[tuple[int, ...], int] = {(): 0}
        self._members: list[tuple[int, ...]] = [()]

    def group(self, series: str) -> int:
        """Number of the group that a series belongs to; O(silences), asked once a series."""
        members = tuple(i for i, silence in enumerate(self._silences) if fnmatchcase(series, silence.match))
        number = self._numbers.setdefault(members, len(self._members))
        if number == len(self._members):
            self._members.append(members)
        return number

    def marks(self, groups: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """One mark a point, given the group of its series and its time."""
        silent = np.zeros(len(times), np.bool_)
        for number in np.flatnonzero(np.bincount(groups)).tolist():
            if number == 0:
                continue
            at = np.flatnonzero(groups == number)
            for i in self._members[number]:
                silent[at] |= self._silences[i].covers(times[at])
        return silent

    def hush(self, group: int, time: int) -> bool:
        """Whether a silence of the group covers the time."""
        at = np.array([time], np.int64)
        return any(self._silences[i].covers(at)[0] for i in self._members[group])


def _merged(stretches: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    borders: list[int] = []
    for start, end in sorted(stretches):
        if end <= start:
            continue
        if borders and start <= borders[-1]:
            borders[-1] = max(borders[-1], end)
        else:
            borders += [start, end]
    return np.array(borders, np.int64)
