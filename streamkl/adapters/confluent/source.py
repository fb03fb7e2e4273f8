"""The Source port: records of the partitions that are ours, from where the loop asked for them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise, repeat
from operator import itemgetter
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from streamkl.adapters.confluent.client import complain
from streamkl.adapters.confluent.session import ConfluentSession
from streamkl.adapters.confluent.words import OUT_OF_RANGE, error_of, in_words, may_pass
from streamkl.errors import SourceError
from streamkl.model import Message, Partition
from streamkl.ports import Assignment
from streamkl.transport.tuning import QUERY_TIMEOUT_MS
from streamkl.transport.words import OFFSET_LOST, lost_offset

_DAMAGED = {KafkaError._BAD_MSG, KafkaError._BAD_COMPRESSION}
_OF_A_PARTITION = OUT_OF_RANGE | _DAMAGED | {KafkaError._LOG_TRUNCATION}
# What the library does not mend by itself; everything else it tells of, it goes on trying.
_HALTING = _OF_A_PARTITION | {
    KafkaError._FATAL,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.INVALID_SESSION_TIMEOUT,
    KafkaError.INCONSISTENT_GROUP_PROTOCOL,
    KafkaError.INVALID_GROUP_ID,
    KafkaError.FENCED_INSTANCE_ID,
}
_message = partial(tuple.__new__, Message)  # 0.1 µs; the constructor, which is Python, takes three times as long


class ConfluentSource:
    """Reads through a session. A newly assigned partition delivers nothing until it is sought.

    A broker that is away only means empty polls. What no waiting mends (lost offsets, a damaged batch, a missing permission) is raised as
    SourceError by every later poll, once what came before it is delivered, because the library would step over the damage.
    """

    def __init__(self, session: ConfluentSession) -> None:
        self._session = session
        self._consumer = session.consumer
        self._positions: dict[Partition, int] = {}  # next offsets of what is read
        self._ends: dict[Partition, int] = {}  # next offsets where the end was met: endings of transactions may lie before them
        self._told = True  # the library knows the positions
        self._failure: SourceError | None = None

    def poll(self, timeout_seconds: float) -> Mapping[Partition, Sequence[Message]]:
        """Messages per partition in offset order; may be empty. O(records). Raises SourceError."""
        if self._failure is not None:
            raise self._failure
        if not self._told:
            self._session.read_from(self._positions)
            self._told = True
        generation = self._session.assignment().generation
        try:
            records: Sequence[Record] = self._session.poll(timeout_seconds)
        except SourceError as error:
            self._failure = error
            raise
        if self._session.assignment().generation != generation:
            self._positions, self._ends, self._told = {}, {}, True
        if any(map(Record.error, records)):
            records = self._heed(records)
            if self._failure is not None and not records:
                raise self._failure
        return self._deliver(records)

    def assignment(self) -> Assignment:
        """What is ours as of the last `poll`. O(1)."""
        return self._session.assignment()

    def committed(self, partition: Partition) -> int | None:
        """The group's committed next offset, or None for a new group. Waits for pending transactions. Raises SourceError."""
        kept = self._session.kept([partition]).get(partition)
        return None if kept is None else kept.offset

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """(first offset still held, next offset that is not part of an open transaction). Raises SourceError."""
        try:
            first, end = self._consumer.get_watermark_offsets(TopicPartition(*partition), QUERY_TIMEOUT_MS / 1000)
        except KafkaException as error:
            why = error_of(error)
            raise SourceError(f"{_name(partition)}: {in_words(why)}", transient=may_pass(why)) from error
        return first, end

    def park(self, partition: Partition) -> None:
        """Deliver nothing of it until it is sought. Raises ValueError where the partition is not ours."""
        self._require(partition)
        if self._positions.pop(partition, None) is not None:
            self._told = False

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from here at the next `poll`. Raises ValueError where the partition is not ours."""
        self._require(partition)
        self._positions[partition] = offset
        self._ends.pop(partition, None)
        self._told = False

    def lag(self) -> Mapping[Partition, int]:
        """Records behind the newest, for partitions of which something was fetched. O(partitions), asks nobody."""
        behind = {}
        for partition, position in self._positions.items():
            _, newest = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
            if newest >= 0:
                behind[partition] = max(0, newest - max(position, self._ends.get(partition, 0)))
        return behind

    def close(self) -> None:
        """Leave the group. Idempotent."""
        self._session.close()

    def _require(self, partition: Partition) -> None:
        if partition not in self._session.assignment().partitions:
            raise ValueError(f"{_name(partition)} is not ours")

    def _deliver(self, records: Sequence[Record]) -> dict[Partition, list[Message]]:
        found: dict[Partition, list[Message]] = {}
        for partition, run in _runs(records) if records else ():
            if partition in self._positions:
                messages = _messages(partition, run)
                found.setdefault(partition, []).extend(messages)
                self._positions[partition] = messages[-1].offset + 1
        return found

    def _heed(self, records: Sequence[Record]) -> Sequence[Record]:
        """The records before the first error that ends reading; all of them where there is none."""
        for index, record in enumerate(records):
            error = record.error()
            if error is None:
                continue
            partition = Partition(record.topic(), record.partition())
            if error.code() in _OF_A_PARTITION | {KafkaError._PARTITION_EOF} and partition not in self._positions:
                continue  # it was parked meanwhile
            if error.code() == KafkaError._PARTITION_EOF:
                self._ends[partition] = record.offset()
            elif error.code() in _HALTING:
                self._failure = SourceError(self._why(error, partition, record.offset()))
                records = records[:index]
                break
            else:
                complain(error)
        return [each for each in records if each.error() is None]

    def _why(self, error: KafkaError, partition: Partition, offset: int) -> str:
        if error.code() in OUT_OF_RANGE:
            try:
                return lost_offset(_name(partition), self._positions[partition], self.bounds(partition))
            except SourceError as unknown:
                return f"{_name(partition)}: the broker does not hold offset {self._positions[partition]} ({unknown}): {OFFSET_LOST}"
        if error.code() == KafkaError._LOG_TRUNCATION:
            return f"{_name(partition)}: the broker lost records that we have read (unclean leader election): {OFFSET_LOST}"
        if error.code() in _DAMAGED:
            return f"{_name(partition)}, offset {offset}: {in_words(error)}"
        return f"group {self._session.group_id}: {in_words(error)}"


def _name(partition: Partition) -> str:
    return f"{partition.topic}/{partition.partition}"


def _runs(records: Sequence[Record]) -> Iterator[tuple[Partition, Sequence[Record]]]:
    """Records of one partition that follow one another. O(records)."""
    topics, numbers = list(map(Record.topic, records)), list(map(Record.partition, records))
    changes = np.flatnonzero(np.diff(numbers)).tolist()
    if topics.count(topics[0]) < len(topics):
        changes = sorted({*changes, *(at for at, (one, next_) in enumerate(pairwise(topics)) if one != next_)})
    for before, last in pairwise([-1, *changes, len(records) - 1]):
        yield Partition(topics[last], numbers[last]), records[before + 1 : last + 1]


def _messages(partition: Partition, records: Sequence[Record]) -> list[Message]:
    """The library's records as ours, a column at a time: Python is run for headers only. O(records)."""
    times = map(itemgetter(1), map(Record.timestamp, records))
    headers: Iterable[Any] = map(Record.headers, records)
    if any(map(Record.headers, records)):
        headers = [tuple((name, value or b"") for name, value in found) if found else () for found in headers]
    else:
        headers = repeat(())
    columns = (map(Record.offset, records), times, map(Record.key, records), map(Record.value, records))
    return list(map(_message, zip(*map(repeat, partition), *columns, headers, strict=False)))  # places and no headers have no end
