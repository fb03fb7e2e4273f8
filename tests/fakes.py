"""A Kafka in memory, small enough to be right at a glance: what the contract tests hold the real adapters against."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from streamkl.errors import FencedError, SnapshotError, SourceError
from streamkl.model import Message, Outgoing, Partition
from streamkl.ports import Assignment, StateStore, Step


@dataclass
class MemoryLog:
    """One partition: records never change their offset, the oldest may be deleted."""

    first: int = 0
    messages: list[Message] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.first + len(self.messages)


@dataclass
class MemoryGroup:
    """A consumer group: its members in the order they joined, and the offsets they committed."""

    members: list["MemorySource"] = field(default_factory=list)
    committed: dict[Partition, int] = field(default_factory=dict)
    round: int = 0

    def owned(self, member: "MemorySource", partitions: Sequence[Partition]) -> frozenset[Partition]:
        place = self.members.index(member)
        return frozenset(partitions[place :: len(self.members)])


class MemoryCluster:
    """Topics and groups."""

    def __init__(self) -> None:
        self.logs: dict[Partition, MemoryLog] = {}
        self.groups: defaultdict[str, MemoryGroup] = defaultdict(MemoryGroup)

    def create(self, topic: str, partitions: int) -> None:
        self.logs |= {Partition(topic, number): MemoryLog() for number in range(partitions)}

    def append(
        self, partition: Partition, key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...] = (), at_ms: int = -1
    ) -> None:
        log = self.logs[partition]
        log.messages.append(Message(*partition, log.end, at_ms, key, value, headers))

    def delete_before(self, partition: Partition, offset: int) -> None:
        log = self.logs[partition]
        del log.messages[: offset - log.first]
        log.first = offset

    def partitions(self, topics: Sequence[str]) -> list[Partition]:
        return sorted(each for each in self.logs if each.topic in topics)


class MemorySource:
    """One member of a group. It joins with its first poll, like a Kafka consumer."""

    def __init__(self, cluster: MemoryCluster, group: str, topics: Sequence[str]) -> None:
        self._cluster = cluster
        self._topics = topics
        self.group = cluster.groups[group]
        self._assignment = Assignment(0, frozenset())
        self._round = 0
        self._positions: dict[Partition, int] = {}

    def poll(self, timeout_seconds: float) -> Mapping[Partition, Sequence[Message]]:  # noqa: ARG002 - memory has nothing to wait for
        if self not in self.group.members:
            self.group.members.append(self)
            self.group.round += 1
        if self._round != self.group.round:
            self._round = self.group.round
            owned = self.group.owned(self, self._cluster.partitions(self._topics))
            self._assignment = Assignment(self._assignment.generation + 1, owned)
            self._positions.clear()
        batch = {}
        for partition, position in self._positions.items():
            log = self._cluster.logs[partition]
            if not log.first <= position <= log.end:
                raise SourceError(f"{partition.topic}/{partition.partition}: wanted {position}, held {log.first} to {log.end}")
            if position < log.end:
                batch[partition] = log.messages[position - log.first :]
                self._positions[partition] = log.end
        return batch

    def current(self, assignment: Assignment) -> bool:
        return self in self.group.members and self._round == self.group.round and assignment == self._assignment

    def assignment(self) -> Assignment:
        return self._assignment

    def committed(self, partition: Partition) -> int | None:
        return self.group.committed.get(partition)

    def bounds(self, partition: Partition) -> tuple[int, int]:
        log = self._cluster.logs[partition]
        return log.first, log.end

    def park(self, partition: Partition) -> None:
        self._positions.pop(partition, None)

    def seek(self, partition: Partition, offset: int) -> None:
        if partition not in self._assignment.partitions:
            raise ValueError(f"{partition} is not ours")
        self._positions[partition] = offset

    def lag(self) -> Mapping[Partition, int]:
        return {partition: self._cluster.logs[partition].end - position for partition, position in self._positions.items()}

    def close(self) -> None:
        if self in self.group.members:
            self.group.members.remove(self)
            self.group.round += 1


class MemoryOutlet:
    """Commits at once what the real ones commit over the network, in the same order."""

    def __init__(self, cluster: MemoryCluster, source: MemorySource, store: StateStore) -> None:
        self._cluster = cluster
        self._source = source
        self._store = store

    def commit(self, step: Step) -> Mapping[Partition, int]:
        if not step.snapshots.keys() <= step.offsets.keys():
            raise ValueError("a snapshot without its next offset")
        if not self._source.current(step.assignment):
            raise FencedError("an old generation")
        for record in step.outgoing:
            self._send(record)
        for partition, state in step.snapshots.items():
            self._store.save(partition, step.offsets[partition], state)
        self._source.group.committed.update(step.offsets)
        return {partition: step.offsets[partition] for partition in step.snapshots}

    def close(self) -> None:
        """Nothing to give back."""

    def _send(self, record: Outgoing) -> None:
        self._cluster.append(Partition(record.topic, 0), record.key, record.value, record.headers)


class MemoryStore:
    """Keeps the newest state of each partition, by the port's rule."""

    learn_again = "remove this partition's file to learn again"

    def __init__(self) -> None:
        self.states: dict[Partition, tuple[int, bytes]] = {}

    def soonest_first(self, partitions: Collection[Partition]) -> Sequence[Partition]:
        return sorted(partitions)

    def load(self, partition: Partition) -> bytes | None:
        held = self.states.get(partition)
        return None if held is None else held[1]

    def rest(self) -> None:
        """Nothing was opened."""

    def save(self, partition: Partition, next_offset: int, state: bytes) -> None:
        held = self.states.get(partition)
        if held is not None and next_offset < held[0]:
            raise SnapshotError(f"{partition}: {next_offset} would replace {held[0]}")
        self.states[partition] = (next_offset, state)
