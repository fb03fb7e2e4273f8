"""The records up to one of them, out of a file or a topic, and an engine that has seen all but that one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from streamkl.adapters.files import LineFile, Lines, read_batches
from streamkl.adapters.kafka import TopicHistory
from streamkl.assembly.plan import build_engine
from streamkl.engine.engine import Engine
from streamkl.engine.mapping import InputMapping
from streamkl.engine.plan import Plan
from streamkl.engine.points import Points
from streamkl.errors import InputError
from streamkl.model import Message, Partition, Rejected
from streamkl.transport import Cluster

# Hears how much is read of how much (None: unknown), bytes of a file or records of a partition.
Watch = Callable[[int, int | None], None]
Batch = tuple[Points, Sequence[Message], Sequence[Rejected]]


@dataclass(frozen=True, slots=True)
class Suspect:
    """The record, what it gave, and the engine just before it. `first`: the first offset that it has seen, by itself or in a state."""

    engine: Engine
    message: Message
    points: Points
    rejected: Sequence[Rejected]
    first: int


def from_file(path: str, line: int, plan: Plan, mapping: InputMapping, watch: Watch) -> Suspect:
    """The record on a line of a file, counted from 1, as `streamkl replay` reads it. InputError where there is none; SourceError."""
    with LineFile(path) as file:

        def batches() -> Iterator[Batch]:
            for batch in read_batches(file, mapping):
                if isinstance(batch, Lines):
                    yield _decoded(plan, batch.messages)
                else:
                    yield batch.points, batch.messages, batch.rejected
                watch(file.position, file.size)

        found = _find(Engine(Partition(file.name, 0), plan), batches(), line)
        if found is None:
            raise InputError(f"{path}: line {line} holds no record (it is blank, a heading, or behind the end: {file.lines} lines)")
        return found


def from_topic(cluster: Cluster, partition: Partition, offset: int, plan: Plan, state: bytes | None, watch: Watch) -> Suspect:
    """The record at an offset, after everything that its partition still holds before it, or after a saved state.

    Raises ConfigError, SourceError, InputError, and SnapshotError where the state cannot be used.
    """
    engine = build_engine(plan, partition, state)
    begin = engine.next_offset or 0
    if begin > offset:
        raise InputError(f"--state: holds offset {offset} already (it goes on at {begin}); an older one is needed")
    with TopicHistory(cluster, partition.topic, only=partition.partition, since=begin, until=offset + 1) as past:
        first, end = past.held(partition.partition)
        if 0 < begin < first:
            raise InputError(f"--state: goes on at offset {begin}, but the records before {first} are no longer held")

        def batches() -> Iterator[Batch]:
            for _, messages in past.batches():
                yield _decoded(plan, messages)
                watch(past.seen, past.records)

        found = _find(engine, batches(), offset)
        if found is None:
            held = f"offsets {first} to {end - 1} can be read" if end > first else "it holds nothing"
            missing = "is not written yet, or holds no record (a gap, or the mark of a transaction)"
            why = "is no longer held" if offset < first else missing
            raise InputError(f"{partition.topic}/{partition.partition}: offset {offset} {why}; {held}")
        return Suspect(found.engine, found.message, found.points, found.rejected, 0 if state is not None else first)


def _decoded(plan: Plan, messages: Sequence[Message]) -> Batch:
    decoded = plan.codec.decode(messages)
    return decoded.points, messages, decoded.rejected


def _find(engine: Engine, batches: Iterator[Batch], offset: int) -> Suspect | None:
    first: int | None = None
    for points, messages, rejected in batches:
        if not messages:
            continue
        first = messages[0].offset if first is None else first
        if messages[-1].offset < offset:
            engine.receive_points(points, messages, rejected)
            continue
        at = next((i for i, message in enumerate(messages) if message.offset >= offset), len(messages))
        before, own = _cut(points, at)
        if at:
            engine.receive_points(before, messages[:at], [one for one in rejected if one.message.offset < offset])
        if messages[at].offset != offset:
            return None
        return Suspect(engine, messages[at], own, [one for one in rejected if one.message.offset == offset], first)
    return None


def _cut(points: Points, at: int) -> tuple[Points, Points]:
    """The points of the messages before number `at`, and those of that message."""
    start, end = np.searchsorted(points.message, [at, at + 1]).tolist()
    return _slice(points, 0, start, 0), _slice(points, start, end, at)


def _slice(points: Points, start: int, end: int, first_message: int) -> Points:
    return Points(
        points.series[start:end],
        points.timestamp_us[start:end],
        points.value[start:end],
        {i - start: text for i, text in points.text.items() if start <= i < end},
        points.message[start:end] - np.int32(first_message),
    )
