"""A meter over a position that never falls (an offset, an event time): so much may pass in the long run, and so much at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray


class Request(NamedTuple):
    """Something that wants to pass: the unit it belongs to, and where that stands (offset of the record, number of the point in it)."""

    unit: int
    offset: int
    ordinal: int = 0


class MeterKept(msgspec.Struct, array_like=True, frozen=True):
    """What a meter knows: what is owed as of position `at`, and since when, until when and how often it holds back."""

    owed: int = 0
    at: int | None = None
    held_back: int = 0
    first: tuple[int, int] = (0, 0)  # offset and ordinal
    last: int = 0  # offset


class Notice(NamedTuple):
    """With a unit, holding back begins (`over` False) or is over; `told` is what it has come to by then."""

    unit: int
    over: bool
    told: MeterKept


@dataclass(slots=True)
class Meter:
    """Each passage costs `cost`; what is owed shrinks by `rate` with each step of the position, and never exceeds `capacity` >= `cost`.

    All in whole numbers, so that the result is a function of the positions, however they are batched.
    """

    rate: int
    cost: int
    capacity: int
    kept: MeterKept

    def sift(self, positions: NDArray[np.int64], requests: Sequence[Request]) -> tuple[list[bool], list[Notice]]:
        """Which of the requests may pass, and what is to be told. O(requests). Neither positions nor units fall.

        Holding back is over with the first unit behind the last one held back at which half of the capacity is free again: it was quiet
        for a while.
        """
        passed: list[bool] = []
        notices: list[Notice] = []
        begin = 0
        for request in requests:
            notices += self._over(positions, begin, request.unit + 1)
            may = self._take(int(positions[request.unit]))
            passed.append(may)
            if not may:
                if self._hold_back(request) == 1:
                    notices.append(Notice(request.unit, False, self.kept))
                begin = request.unit + 1
        notices += self._over(positions, begin, len(positions))
        return passed, notices

    def _take(self, position: int) -> bool:
        kept = self.kept
        owed = 0 if kept.at is None else max(0, kept.owed - (position - kept.at) * self.rate)
        if owed + self.cost > self.capacity:
            return False
        self.kept = msgspec.structs.replace(kept, owed=owed + self.cost, at=position)
        return True

    def _hold_back(self, request: Request) -> int:
        kept, place = self.kept, (request.offset, request.ordinal)
        first = kept.first if kept.held_back else place
        self.kept = msgspec.structs.replace(kept, held_back=kept.held_back + 1, first=first, last=request.offset)
        return self.kept.held_back

    def _over(self, positions: NDArray[np.int64], begin: int, end: int) -> Iterator[Notice]:
        kept = self.kept
        if not kept.held_back or kept.at is None:
            return
        free = kept.at - (self.capacity // 2 - kept.owed) // self.rate
        index = begin + int(np.searchsorted(positions[begin:end], free))
        if index < end:
            self.kept = MeterKept(kept.owed, kept.at)
            yield Notice(index, True, kept)
