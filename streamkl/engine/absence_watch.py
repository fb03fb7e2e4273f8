"""Which series of a partition have fallen silent: between the router's seats and the events, one compiled pass over a batch."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamkl.core import absence as core
from streamkl.core.absence import Attendance
from streamkl.core.arena import NO_TIME
from streamkl.engine.absence import Absence, AbsenceTeller, absence_id
from streamkl.engine.batch import Batch
from streamkl.engine.plan import Plan
from streamkl.engine.router import FIRST_ROWS, Router
from streamkl.engine.snapshot import Arrays
from streamkl.engine.story import Place
from streamkl.errors import SnapshotError
from streamkl.model import Event

PREFIX = "absence."
COLUMNS = ("span", "multiple", "interval", "last", "reached", "older", "base", "due", "stage")
INTERVALS_AT_LEAST = 3  # a limit shorter than so many of a series' own intervals would call it silent between two points


class WatchKept(msgspec.Struct, array_like=True):
    """What a snapshot holds beside the arrays: lived time, the heartbeats' clock, and open episodes by series."""

    lived: int
    heart: tuple[int, int]
    absent: dict[str, tuple[str, int, int, int]]


class AbsenceWatch:
    """Watches over all series of one partition, whether their own monitor asks for it or not: each is a witness for the others.

    What is told depends on the records and their order alone, not on how they come in pieces.
    """

    def __init__(self, plan: Plan, router: Router) -> None:
        self._router = router
        limits = [monitor.no_data_after for monitor in plan.monitors]
        self._limits = [(limit.microseconds, limit.intervals or INTERVALS_AT_LEAST) if limit else (0, 0) for limit in limits]
        self._tellers = [
            AbsenceTeller(monitor.name, str(limit or ""), plan.config_hash) for monitor, limit in zip(plan.monitors, limits, strict=True)
        ]
        self._state: Attendance = core.nothing_heard(FIRST_ROWS)
        self._absent: dict[int, Absence] = {}

    @property
    def absent(self) -> int:
        """How many series have an open episode."""
        return len(self._absent)

    # -- points ---------------------------------------------------------------------

    def welcome(self, seats: NDArray[np.int64]) -> None:
        """Series that are about to be heard; new ones are given the limit of their monitor. Before the bank learns from their points."""
        while len(seats) and seats.max() >= len(self._state.stage):
            self._state = core.more_room(self._state, len(self._state.stage))
        known = np.maximum(seats, 0)
        for seat in np.unique(seats[(seats >= 0) & (self._state.reached[known] == NO_TIME)]).tolist():
            self._expect(seat)

    def _expect(self, seat: int) -> None:
        place = self._router.seats[seat]
        span, intervals = self._limits[place.bank // 2]
        self._state.span[seat], self._state.multiple[seat] = span, intervals
        self._state.interval[seat] = self._router.banks[place.bank].arena.interval[place.row]

    def follow(self, batch: Batch, start: int, stop: int, learned: Iterable[tuple[int, int]]) -> None:
        """Take in a piece of a batch. `learned`: the points at which an interval was learned, and that interval in microseconds."""
        seats, times = batch.seats[start:stop], batch.points.timestamp_us[start:stop]
        intervals = np.zeros(stop - start, np.int64)
        for i, interval in learned:
            intervals[i - start] = interval
        found = np.empty(len(self._state.stage), np.int64)
        at = 0
        while at < len(seats):
            at, ended, missing = core.follow(self._state, seats, times, intervals, at, found)
            if ended or missing:
                i = start + at - 1
                batch.told += [(i, event) for event in self._tell(batch.place(i), int(batch.seats[i]), ended, found[:missing].tolist())]

    def _tell(self, place: Place, speaker: int, ended: int, missing: Sequence[int]) -> Iterator[Event]:
        if ended:
            absence = self._absent.pop(speaker)
            yield self._tellers[absence.monitor].returned(place, absence, ended)
        for seat in sorted(missing, key=lambda each: self._router.seats[each].name):
            if self._router.silences.hush(int(self._router.seat_group[seat]), int(self._state.clock.now[0])):
                core.excuse(self._state, seat)
                continue
            absence = self._absent[seat] = self._absence(place, seat)
            yield self._tellers[absence.monitor].opened(place, absence, self._absent_for(seat))

    def _absence(self, place: Place, seat: int) -> Absence:
        taken, state = self._router.seats[seat], self._state
        last, interval, limit = int(state.last[seat]), int(state.interval[seat]), core.limit(state, seat)
        return Absence(taken.name, taken.bank // 2, absence_id(place, taken.name), last, interval, limit)

    def _absent_for(self, seat: int) -> int:
        return int(self._state.clock.lived[0] - self._state.base[seat])

    def forget(self, gone: Sequence[int], place: Place) -> list[Event]:
        """Series at these seats are evicted with the record at `place`: their open episodes end. O(seats)."""
        silent = sorted((seat for seat in gone if seat in self._absent), key=lambda seat: self._absent[seat].series)
        events = []
        for seat in silent:
            absence = self._absent.pop(seat)
            events.append(self._tellers[absence.monitor].forgotten(place, absence, self._absent_for(seat)))
        for seat in gone:
            core.leave(self._state, seat)
        core.recount(self._state)
        return events

    # -- snapshots --------------------------------------------------------------------

    def keep(self, order: Sequence[int]) -> tuple[WatchKept, Arrays]:
        """What a snapshot holds of it; its arrays have one entry a seat, in the given order."""
        clock = self._state.clock
        absent = {a.series: (a.id, a.last_us, a.interval_us, a.limit_us) for a in self._absent.values()}
        kept = WatchKept(int(clock.lived[0]), (int(clock.heart[0]), int(clock.heart[1])), dict(sorted(absent.items())))
        return kept, {PREFIX + name: getattr(self._state, name)[list(order)] for name in COLUMNS}

    def restore(self, kept: WatchKept | None, arrays: Arrays) -> None:
        """Go on from what `keep` gave, the router's seats being numbered in its order. SnapshotError if something is missing."""
        if kept is None:
            raise SnapshotError("state lacks its clock of absences")
        seats = len(self._router.seats)
        self._state = core.nothing_heard(max(seats, FIRST_ROWS))
        for name in COLUMNS:
            column = arrays.get(PREFIX + name)
            if column is None or column.shape != (seats,) or column.dtype != getattr(self._state, name).dtype:
                raise SnapshotError(f"state lacks {PREFIX + name!r}, or it is of another shape")
            getattr(self._state, name)[:seats] = column
        self._state.clock.lived[0] = kept.lived
        self._state.clock.heart[:] = kept.heart
        core.resume(self._state)
        for series, told in kept.absent.items():
            seat = self._router.index[series]
            self._absent[seat] = Absence(series, self._router.seats[seat].bank // 2, *told)
