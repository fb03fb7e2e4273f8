"""The partitions that are ours: an engine each, where it continues, and the results not yet handed on.

A partition that leaves is forgotten as if the process had crashed: whoever owns it next restores the saved state and replays. So nothing
here has to happen in time, and a rebalance needs no farewell.
"""

import bisect
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streamkl.engine.engine import EngineStats, Output
from streamkl.errors import SnapshotError, SourceError
from streamkl.model import Event, Message, Outgoing, Partition, Rejected
from streamkl.ports import Assignment, Source, States, Step
from streamkl.runner.figures import Tally

log = logging.getLogger(__name__)


class PartitionEngine(Protocol):
    """What the loop needs of an engine (`streamkl.engine.engine.Engine`)."""

    @property
    def next_offset(self) -> int | None:
        """The first offset not yet received; None before the first message."""
        ...

    def receive(self, messages: Sequence[Message]) -> Output:
        """Judge messages in offset order; those below `next_offset` are dropped."""
        ...

    def snapshot(self) -> bytes:
        """The whole state, from which an equal engine can be built."""
        ...

    def stats(self) -> EngineStats:
        """Figures since the engine was built, and as of now."""
        ...


MakeEngine = Callable[[Partition, bytes | None], PartitionEngine]


@dataclass(frozen=True, slots=True)
class Encoders:
    """How results become records of the topics they go to."""

    event: Callable[[Event], Outgoing]
    rejected: Callable[[Rejected], Outgoing]


@dataclass(slots=True)
class Holding:
    """One partition of ours."""

    engine: PartitionEngine
    start: int  # where reading began; stands for the position until the first message
    emit_from: int  # results of earlier records were durable before the group's offset passed them: they are not sent again
    committed: int | None  # the group's offset, as far as we know
    saved: int | None  # the next offset of the saved state
    turn: int = 0  # of the commit that was last given a state
    outgoing: list[Outgoing] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)  # among them, by type

    @property
    def position(self) -> int:
        """The next offset to read."""
        return self.start if self.engine.next_offset is None else self.engine.next_offset

    @property
    def ready(self) -> int | None:
        """The next offset to commit; None where nothing was read, or what the group's offset has passed is still being replayed."""
        next_offset = self.engine.next_offset
        return None if next_offset is None or next_offset < self.emit_from else next_offset


class Holdings:
    """All partitions of ours, as of the last assignment that was taken."""

    def __init__(self, source: Source, store: States, make_engine: MakeEngine, encoders: Encoders) -> None:
        self._source = source
        self._store = store
        self._make_engine = make_engine
        self._encoders = encoders
        self._held: dict[Partition, Holding] = {}
        self._unrestored: deque[Partition] = deque()
        self._turn = 0
        self.tally = Tally()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def restoring(self) -> int:
        """How many partitions of ours wait for `restore_next`."""
        return len(self._unrestored)

    @property
    def replaying(self) -> bool:
        """Whether the group's offset is ahead of what a partition of ours has read. O(partitions)."""
        return any(holding.position < holding.emit_from for holding in self._held.values())

    def take(self, assignment: Assignment) -> None:
        """Let go what is no longer ours, go on with what stays, and leave what is new to `restore_next`. May block on the broker.

        A partition that stays keeps its engine only if nobody else moved the group's offset in between. Raises SourceError and SinkError,
        and SnapshotError where what was committed tells of a state that cannot be read.
        """
        self._unrestored.clear()
        for partition in self._held.keys() - assignment.partitions:
            log.info("%s/%d: given away", *partition)
            self._let_go(partition)
        for partition in sorted(assignment.partitions):
            holding = self._held.get(partition)
            if holding is not None and self._source.committed(partition) != holding.committed:
                log.info("%s/%d: another member read on in between; restoring", *partition)
                self._let_go(partition)
                holding = None
            if holding is None:
                self._source.park(partition)
            else:
                self._source.seek(partition, holding.position)
        self._unrestored.extend(self._store.soonest_first(assignment.partitions - self._held.keys()))

    def restore_next(self) -> None:
        """Restore the partition that waits for it first, if any, and seek it. May block on the broker for as long as its state is large.

        One at a time, so that the others go on meanwhile, and so that the first of many commits before the last is back. Raises
        SnapshotError where a state cannot be used and SourceError where the records to continue with are gone.
        """
        if not self._unrestored:
            return
        partition = self._unrestored.popleft()
        holding = self._held[partition] = self._restore(partition)
        self._source.seek(partition, holding.position)
        if not self._unrestored:
            self._store.rest()

    def drop(self) -> None:
        """Forget everything not yet committed, as a crash would."""
        self._unrestored.clear()
        for partition in list(self._held):
            self._let_go(partition)

    def feed(self, batch: Mapping[Partition, Sequence[Message]]) -> bool:
        """Judge a poll's messages and keep the results for the next commit. Whether some were replayed: read before, judged again."""
        replayed = False
        for partition, messages in batch.items():
            holding = self._held.get(partition)
            if holding is None:
                continue
            known = bisect.bisect_left(messages, holding.emit_from, key=lambda message: message.offset)
            if known:
                replayed = True
                holding.engine.receive(messages[:known])
            if known < len(messages):
                self._collect(holding, holding.engine.receive(messages[known:]))
        return replayed

    def pending(self) -> tuple[int, int]:
        """(records, bytes) waiting for the next commit. O(records)."""
        waiting = [record for holding in self._held.values() for record in holding.outgoing]
        return len(waiting), sum(record.size for record in waiting)

    def step(self, assignment: Assignment, *, saves: int = 0, leaving: bool = False) -> Step | None:
        """What a commit has to make true now, or None where nothing is new. A state is always saved together with its own next offset.

        So many states are saved, those first that were not for longest. A partition's first commit always saves its state too, so that no
        offset is ever committed that a restart could not continue from. When `leaving`, all are saved, and an outlet puts nothing off.
        """
        outgoing: list[Outgoing] = []
        states: dict[Partition, bytes] = {}
        offsets: dict[Partition, int] = {}
        ready = {partition: offset for partition, holding in sorted(self._held.items()) if (offset := holding.ready) is not None}
        due = self._longest_unsaved(ready, len(ready) if leaving else saves)
        for partition, next_offset in ready.items():
            holding = self._held[partition]
            outgoing += holding.outgoing
            if partition in due or holding.saved is None:
                states[partition] = holding.engine.snapshot()
            if next_offset != holding.committed or partition in states:
                offsets[partition] = next_offset
        return Step(assignment, outgoing, states, offsets, leaving) if offsets else None

    def _longest_unsaved(self, ready: Mapping[Partition, int], most: int) -> Collection[Partition]:
        """Of those whose states were not packed since the start, the ones with the most records to read again: a service that is killed
        often would else always save the same few."""

        def urgency(partition: Partition) -> tuple[int, int]:
            holding = self._held[partition]
            return holding.turn, (holding.saved or 0) - ready[partition]

        return sorted((partition for partition, offset in ready.items() if offset != self._held[partition].saved), key=urgency)[:most]

    def proof(self, assignment: Assignment) -> Step | None:
        """A commit that changes nothing: where the group stands already, or where reading began. None where nothing is ours."""
        offsets = {
            partition: holding.start if holding.committed is None else holding.committed
            for partition, holding in sorted(self._held.items())
        }
        return Step(assignment, offsets=offsets) if offsets else None

    def committed(self, step: Step, saved: Mapping[Partition, int]) -> None:
        """All of the step is durable, and so are states up to these next offsets."""
        self._turn += 1
        for partition, offset in step.offsets.items():
            holding = self._held[partition]
            holding.committed = offset
            self.tally.events.update(holding.events)
            holding.events.clear()
            holding.outgoing.clear()
            if partition in step.snapshots:
                holding.turn = self._turn
        for partition, offset in saved.items():
            if partition in self._held:  # else it waits for its state to be loaded, whichever that is now
                self._held[partition].saved = offset

    def stats(self) -> Iterator[EngineStats]:
        """The figures of every engine. O(partitions)."""
        return (holding.engine.stats() for holding in self._held.values())

    def _collect(self, holding: Holding, output: Output) -> None:
        holding.outgoing += map(self._encoders.event, output.events)
        holding.outgoing += map(self._encoders.rejected, output.rejected)
        holding.events.update(event.type for event in output.events)

    def _let_go(self, partition: Partition) -> None:
        self.tally.retire(self._held.pop(partition).engine.stats())

    def _restore(self, partition: Partition) -> Holding:
        state = self._store.load(partition)
        try:
            engine = self._make_engine(partition, state)
        except SnapshotError as error:
            raise SnapshotError(f"{partition.topic}/{partition.partition}: {error}") from error
        committed = self._source.committed(partition)
        first, end = self._source.bounds(partition)
        saved = engine.next_offset
        start = next(offset for offset in (saved, committed, first) if offset is not None)
        if not first <= start <= end:
            raise SourceError(_out_of_range(partition, start, (first, end), self._store.learn_again if saved is not None else None))
        if saved is not None and committed is None:
            log.warning(
                "%s/%d: there is a state up to offset %d, but the group has no offset. If the topic was made anew, or the state is of"
                " another group or cluster: %s",
                *partition,
                saved,
                self._store.learn_again,
            )
        origin = "saved state" if saved is not None else "committed offset" if committed is not None else "earliest record"
        log.info("%s/%d: continues with offset %d (%s), newest %d", *partition, start, origin, end)
        return Holding(engine, start, emit_from=committed or 0, committed=committed, saved=saved)


def _out_of_range(partition: Partition, wanted: int, held: tuple[int, int], learn_again: str | None) -> str:
    """What is lost and what an operator can do about it, in one line. `learn_again`: where it is a state that continues there."""
    name = f"{partition.topic}/{partition.partition}"
    first, end = held
    lost = f"{first - wanted} records are lost" if wanted < first else "the topic was emptied or made anew"
    owner, fix = (
        ("the saved state", learn_again)
        if learn_again
        else ("the group", "move the group's offset (kafka-consumer-groups --reset-offsets --to-earliest) to go on with what is held")
    )
    return f"{name}: {owner} continues with offset {wanted}, but the broker holds {first} to {end} ({lost}): {fix}"
