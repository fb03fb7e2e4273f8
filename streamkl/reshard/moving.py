"""One topic: what its old partitions still hold is judged as the service would, then the states are dealt out to all of its partitions."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from streamkl.adapters.kafka import TopicHistory
from streamkl.assembly.delivering import encoders_of
from streamkl.assembly.plan import build_engine
from streamkl.config import Config
from streamkl.engine.engine import Engine, Output
from streamkl.engine.plan import Plan
from streamkl.engine.resharding import deal
from streamkl.errors import SinkError, SnapshotError, SourceError
from streamkl.model import Message, Outgoing, Partition
from streamkl.reshard.evidence import NOT_AGAIN, Evidence
from streamkl.transport import Cluster, TopicStateStore

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 2**20  # of results that wait for the one commit


@dataclass(frozen=True, slots=True)
class Moved:
    """What is to be committed for a topic, and what there is to say of it."""

    topic: str
    before: int
    now: int
    read: int  # records of the old partitions that the service had not committed
    outgoing: Sequence[Outgoing]
    states: Mapping[int, bytes]
    offsets: Mapping[int, int]
    series: int
    moved: int
    doubles: int
    unknown: Counter[str]
    stale_ms: int

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{self.topic}: {self.before} -> {self.now} partitions"
        yield f"  judged {self.read:,} records of the old partitions that were not committed yet: {len(self.outgoing):,} results"
        yield f"  moved {self.moved:,} of {self.series:,} series"
        for reason, count in sorted(self.unknown.items()):
            yield f"  {count:,} series {reason} stay where they are; should their records go elsewhere, they are learned again there"
        if self.doubles:
            yield f"  {self.doubles:,} series stay where they are, because the other partition has learned them too"


class Mover:
    """Reads through a store that belongs to a member of the group. `breathe` is called now and then, so that it stays one."""

    def __init__(self, config: Config, plan: Plan, cluster: Cluster, store: TopicStateStore, breathe: Callable[[], object]) -> None:
        self.encoders = encoders_of(config.kafka)
        self.plan = plan
        self.cluster = cluster
        self.store = store
        self.breathe = breathe

    def has_changed(self, topic: str, now: int) -> bool:
        """Whether the topic had another number of partitions when its states were saved."""
        return self._before(topic, now) not in (None, now)

    def _before(self, topic: str, now: int) -> int | None:
        marks = [self.store.mark(Partition(topic, number)) for number in range(now)]
        counts = {mark.bookmark.partitions for mark in marks if mark.bookmark is not None and mark.bookmark.saved is not None}
        if len(counts) > 1:
            raise SnapshotError(f"topic {topic}: its states were saved for {' and '.join(map(str, sorted(counts)))} partitions")
        before = next(iter(counts), None)
        if before is not None and before > now:
            raise SnapshotError(f"topic {topic}: had {before} partitions and has {now}: it was made anew: {NOT_AGAIN}")
        strange = [number for number, mark in enumerate(marks) if before is not None and number >= before and mark.offset is not None]
        if strange and before != now:
            raise SourceError(f"topic {topic}: partition {strange[0]} is new, but the group has an offset for it: {NOT_AGAIN}")
        return before

    def move(self, topic: str, now: int) -> Moved:
        """What a commit has to make true for one topic. Reads all that its old partitions hold."""
        before = self._before(topic, now) or now
        evidence = Evidence(topic, before, now)
        ends = {number: self._hear(evidence, number) for number in range(before)}
        offsets = {number: self._first(topic, number) for number in range(before, now)}
        outgoing: list[Outgoing] = []
        states: dict[int, bytes] = {}
        read = 0
        for number, end in ends.items():
            reader = _Reader(self, Partition(topic, number))
            offsets[number] = reader.read(evidence.cut(number, end))
            states[number] = reader.engine.snapshot()
            outgoing += reader.outgoing
            read += reader.unread
            if sum(record.size for record in outgoing) > MOST_BYTES:
                raise SinkError(f"topic {topic}: more than {MOST_BYTES >> 20} MB of results wait to be written: {NOT_AGAIN}")
        dealt = deal(states, evidence.home, offsets, topic, self.plan)
        return Moved(
            topic=topic,
            before=before,
            now=now,
            read=read,
            outgoing=outgoing,
            states=dealt.states,
            offsets=offsets,
            series=len(dealt.held),
            moved=len(dealt.moved),
            doubles=len(dealt.doubles),
            unknown=evidence.unknown(dealt.held),
            stale_ms=evidence.stale_ms,
        )

    def _first(self, topic: str, number: int) -> int:
        with TopicHistory(self.cluster, topic, only=number) as past:
            return past.held(number)[0]

    def _hear(self, evidence: Evidence, number: int) -> int:
        """Everything that an old partition holds; returns the offset behind it."""
        with TopicHistory(self.cluster, evidence.topic, only=number) as past:
            log.info("%s/%d: asking the keys of offsets %d to %d where series go", evidence.topic, number, *past.held(number))
            for _, messages in past.batches():
                evidence.hear(number, messages, self.plan.codec.decode(messages).points)
                self.breathe()
            return past.held(number)[1]


class _Reader:
    """One old partition as the service would read it: from the state to the committed offset in silence, then aloud."""

    def __init__(self, mover: Mover, partition: Partition) -> None:
        self._mover = mover
        self._partition = partition
        self._committed = mover.store.mark(partition).offset
        try:
            self.engine: Engine = build_engine(mover.plan, partition, mover.store.load(partition))
        except SnapshotError as error:
            raise SnapshotError(f"{partition.topic}/{partition.partition}: {error}") from error
        self.outgoing: list[Outgoing] = []
        self.unread = 0

    def read(self, cut: int) -> int:
        """Reads up to `cut` (or to the committed offset, where that is further), and returns where it stopped."""
        topic, number = self._partition
        with TopicHistory(self._mover.cluster, topic, only=number) as past:
            first, end = past.held(number)
        begin = next(offset for offset in (self.engine.next_offset, self._committed, first) if offset is not None)
        stop = max(cut, self._committed or 0, begin)
        if not first <= begin <= stop <= end:
            raise SourceError(f"{topic}/{number}: offsets {begin} to {stop} are to be read, but {first} to {end} are held: {NOT_AGAIN}")
        log.info("%s/%d: judging offsets %d to %d", topic, number, begin, stop)
        with TopicHistory(self._mover.cluster, topic, only=number, since=begin, until=stop) as past:
            for _, messages in past.batches():
                self._take(messages)
                self._mover.breathe()
        return stop

    def _take(self, messages: Sequence[Message]) -> None:
        committed = self._committed or 0
        self.engine.receive([message for message in messages if message.offset < committed])
        fresh = [message for message in messages if message.offset >= committed]
        self.unread += len(fresh)
        self._collect(self.engine.receive(fresh))

    def _collect(self, output: Output) -> None:
        encoders = self._mover.encoders
        self.outgoing += [*map(encoders.event, output.events), *map(encoders.rejected, output.rejected)]
