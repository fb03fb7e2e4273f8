"""All series of one partition: messages in, events out, a snapshot at any moment. No I/O, no clock but the event time."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import LEARNING
from streamkl.core.bank import Bank
from streamkl.core.episode import ACCEPTED, FORGOTTEN, OPENED, RECOVERED
from streamkl.core.kernel import JUDGED
from streamkl.core.verdicts import Transition, Verdicts
from streamkl.engine import memory
from streamkl.engine.absence_watch import AbsenceWatch
from streamkl.engine.batch import Batch, batch_of
from streamkl.engine.limiter import Limiter, Told
from streamkl.engine.pieces import pieces_of
from streamkl.engine.plan import Plan
from streamkl.engine.points import Points
from streamkl.engine.router import IGNORED, SHED, UNKNOWN, Router, Seat
from streamkl.engine.story import Episode, Place, Teller, episode_id
from streamkl.engine.warning import shed_warning
from streamkl.model import Event, Message, Partition, Rejected


@dataclass(slots=True)
class Output:
    """What a batch caused: events in record order, and messages for the dead letters, each once, in record order."""

    events: list[Event] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class Look(NamedTuple):
    """One series for those who look closer: its seat, the bank with its row, and who tells of it."""

    seat: Seat
    bank: Bank
    teller: Teller


@dataclass(slots=True)
class EngineStats:
    """Totals since the engine was built, and figures of now. `unlettered` rejected records and `untold` episodes were held back by a
    limit; `learned_points` of `wanted_points`: the series furthest from ready."""

    messages: int = 0
    points: int = 0
    judged: int = 0
    late: int = 0
    silenced: int = 0
    replayed: int = 0
    shed: int = 0
    evicted: int = 0
    unlettered: int = 0
    untold: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    series: int = 0
    learning: int = 0
    open_episodes: int = 0
    absent: int = 0
    newest_us: int | None = None
    learned_points: int = 0
    wanted_points: int = 0


class Engine:
    """The state of one partition. Equal messages in equal order give equal events and equal state, however they are batched.

    `snapshot` continues where it was taken; SnapshotError if it is not of this partition and configuration.
    """

    def __init__(self, partition: Partition, plan: Plan, snapshot: bytes | None = None) -> None:
        self.partition = partition
        self._plan = plan
        self._tellers = [Teller(monitor.name, monitor.settings, plan.config_hash) for monitor in plan.monitors]
        self._totals: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        kept = memory.Kept(partition=(partition.topic, partition.partition), config_hash=plan.config_hash)
        self._router = Router(plan)
        watched = any(monitor.no_data_after for monitor in plan.monitors)
        self._watch = AbsenceWatch(plan, self._router) if watched else None
        if snapshot is not None:
            kept = memory.restore(snapshot, kept, self._router, self._watch)
        self.next_offset: int | None = kept.next_offset
        self._newest_us = kept.newest_us
        self._shedding = kept.shedding
        self._listener: Callable[[Verdicts], None] | None = None
        self._limiter = Limiter(plan.limits, plan.config_hash, kept.limits)
        self._episodes = {self._router.index[name]: Episode(*told) for name, told in kept.episodes.items()}

    # -- in and out ------------------------------------------------------------

    def receive(self, messages: Sequence[Message]) -> Output:
        """Judge messages in offset order. Those below `next_offset` were seen before: they are dropped and counted."""
        if self.next_offset is not None and messages and messages[0].offset < self.next_offset:
            fresh = [message for message in messages if message.offset >= self.next_offset]
            self._totals["replayed"] += len(messages) - len(fresh)
            messages = fresh
        output = Output()
        for piece in pieces_of(messages):
            decoded = self._plan.codec.decode(piece)
            judged = self.receive_points(decoded.points, piece, decoded.rejected)
            output.events += judged.events
            output.rejected += judged.rejected
        return output

    def receive_points(self, points: Points, messages: Sequence[Message], rejected: Sequence[Rejected] = ()) -> Output:
        """The same for points that are decoded already; `messages` are the records that `points.message` counts."""
        self._totals["messages"] += len(messages)
        self._totals["points"] += len(points)
        told: Told = []
        refused = list(rejected)
        if len(points):
            batch = batch_of(points, messages, self._newest_us)
            self._judge_all(batch)
            self._newest_us = int(batch.clock[-1])
            told, refused = self._limiter.events(batch), batch.rejected(rejected)
        self._rejected.update(one.reason.value for one in refused)
        self.next_offset = messages[-1].offset + 1
        letters, said = self._limiter.letters(messages, refused)
        if said:
            told += [(np.searchsorted(points.message, index, side="right") - 0.5, event) for index, event in said]
            told.sort(key=itemgetter(0))
        return Output([event for _, event in told], letters)

    def _judge_all(self, batch: Batch) -> None:
        """Judge the points in as few pieces as their order allows: where silent series are looked for, between two points, one ends."""
        start = 0
        while start < len(batch.points):
            due = self._router.sweep_due(int(batch.clock[start]))
            if batch.clock[start] >= due:
                self._evict(batch, start)
                continue
            stop = self._take_seats(batch, start, int(np.searchsorted(batch.clock, due)))
            if self._watch is not None:
                self._watch.welcome(batch.seats[start:stop])
            learned = self._judge(batch, start, stop)
            if self._watch is not None:
                self._watch.follow(batch, start, stop, learned)
            if self._router.sharing.due:
                self._router.deal()
            start = stop

    def _take_seats(self, batch: Batch, start: int, stop: int) -> int:
        """Quick where all series are known and all values are numbers; else point by point, since births depend on their order. Returns
        where the piece ends: early, behind a birth after which a budget in all has to be divided anew."""
        batch.seats[start:stop] = self._router.known(batch.points, start, stop)
        if batch.points.text or (batch.seats[start:stop] == UNKNOWN).any():
            for i, name in enumerate(batch.points.series[start:stop], start):
                batch.seats[i] = self._seat(batch, i, name)
                if self._router.sharing.due:
                    return i + 1
        return stop

    def _seat(self, batch: Batch, i: int, name: str) -> int:
        text = batch.points.text.get(i)
        seat = self._router.find(name, text is not None)
        if seat == SHED:
            self._totals["shed"] += 1
            if not self._shedding:
                self._shedding = True
                batch.told.append((i, shed_warning(batch.place(i), name, self._plan)))
            return IGNORED
        if seat >= 0 and text is not None and not self._router.seats[seat].categorical:
            batch.refused.setdefault(int(batch.points.message[i]), f"series {name!r} is numeric, got {text!r}")
            return IGNORED
        return seat

    def _number_categories(self, batch: Batch, where: NDArray[np.int64]) -> None:
        for i in where.tolist():
            text = batch.points.text.get(i)
            name = text if text is not None else f"{batch.points.value[i]:.15g}"
            batch.values[i] = self._router.seats[int(batch.seats[i])].category(name)

    def _evict(self, batch: Batch, start: int) -> None:
        gone = self._router.silent(int(batch.clock[start]))
        if gone and self._watch is not None:
            batch.told += [(start, event) for event in self._watch.forget(gone, batch.place(start))]
        for number in sorted((each for each in gone if each in self._episodes), key=lambda each: self._router.seats[each].name):
            seat = self._router.seats[number]
            parting = self._router.banks[seat.bank].parting(seat.row)
            batch.told.append((start, self._tell(batch.place(start), number, parting)))
        self._router.forget(gone)
        self._totals["evicted"] += len(gone)
        if gone:
            self._shedding = False
        if self._router.sharing.due:
            self._router.deal()

    def _judge(self, batch: Batch, start: int, stop: int) -> list[tuple[int, int]]:
        """One kernel call per bank over the points of a piece, then their events. Returns the points that completed a learning, and the
        interval in microseconds that was learned."""
        moved: list[tuple[int, int, Transition]] = []
        learned: list[tuple[int, int]] = []
        for number, at in self._router.shares(batch.seats[start:stop]):
            where = at + start
            taken = where if len(at) < stop - start else slice(start, stop)  # a bank that takes all of them is shown them as they lie
            seats, times = batch.seats[taken], batch.points.timestamp_us[taken]
            self._router.hear(seats)
            hushed = self._router.hushed(seats, times)
            if number % 2:
                self._number_categories(batch, where[~hushed] if len(hushed) else where)
            bank = self._router.banks[number]
            verdicts = bank.run(self._router.seat_row[seats], times, batch.values[taken], batch.offsets[taken], hushed)
            self._count(verdicts)
            if self._listener is not None:
                self._listener(verdicts)
            learned += [(int(where[index]), interval_us) for index, interval_us in verdicts.learned]
            moved += [(int(where[t.index]), int(seats[t.index]), t) for t in verdicts.transitions]
        for i, seat, transition in sorted(moved, key=itemgetter(0)):
            batch.told.append((i, self._tell(batch.place(i), seat, transition)))
        return learned

    def _count(self, verdicts: Verdicts) -> None:
        self._totals["judged"] += int(np.count_nonzero(verdicts.fate == JUDGED))
        self._totals["late"] += verdicts.late
        self._totals["silenced"] += verdicts.silenced

    def _tell(self, place: Place, number: int, transition: Transition) -> Event:
        seat = self._router.seats[number]
        if transition.happened == OPENED:
            self._episodes[number] = Episode(episode_id(place, seat.name), 0, transition.explanation.since_us)
        else:
            self._episodes[number].sequence += 1
        event = self._tellers[seat.bank // 2].tell(transition, seat, place, self._episodes[number])
        if transition.happened in (RECOVERED, ACCEPTED, FORGOTTEN):
            del self._episodes[number]
        return event

    # -- looking in ---------------------------------------------------------------

    def overhear(self, listener: Callable[[Verdicts], None]) -> None:
        """Tell the listener every verdict from now on, as banks give them."""
        self._listener = listener

    def look(self, series: str) -> Look | None:
        """Where a series stands; None where it is not judged. O(1)."""
        seat = self._router.seats.get(self._router.index.get(series, UNKNOWN))
        return None if seat is None else Look(seat, self._router.banks[seat.bank], self._tellers[seat.bank // 2])

    def place_of(self, series: str) -> int:
        """The number of its seat, or one of the router's: IGNORED, SHED (it would be one too many) or HEARTBEAT."""
        return self._router.find(series, False)

    def snapshot(self) -> bytes:
        """The whole state: an engine built from it goes on as if this one had never stopped. O(series)."""
        kept = memory.Kept(
            partition=(self.partition.topic, self.partition.partition),
            config_hash=self._plan.config_hash,
            next_offset=self.next_offset,
            newest_us=self._newest_us,
            shedding=self._shedding,
            limits=self._limiter.keep(),
            episodes={self._router.seats[seat].name: (e.id, e.sequence, e.started_us) for seat, e in self._episodes.items()},
        )
        return memory.keep(kept, self._router, self._watch)

    def stats(self) -> EngineStats:
        """Figures for a status line; O(series)."""
        stats = EngineStats(
            **self._totals,
            unlettered=self._limiter.unlettered,
            untold=self._limiter.untold,
            rejected=dict(self._rejected),
            newest_us=self._newest_us,
        )
        furthest = 0
        for bank in self._router.banks.values():
            arena, rows = bank.arena, bank.living()
            young = rows[arena.phase[rows] == LEARNING]
            stats.series += len(rows)
            stats.learning += len(young)
            stats.open_episodes += int(arena.open[rows].sum())
            if len(young):
                learned, wanted = int(arena.learned[young].min()), bank.settings.reference.size
                if wanted - learned > furthest:
                    furthest, stats.learned_points, stats.wanted_points = wanted - learned, learned, wanted
        stats.absent = self._watch.absent if self._watch is not None else 0
        stats.open_episodes += stats.absent
        return stats
