"""The Kafka side of the Source port: records of the partitions that are ours, from where the loop asked for them."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from kafka import TopicPartition
from kafka import errors as kafka_errors

from streamkl.adapters.kafka.internals import forget_parked, list_offsets
from streamkl.adapters.kafka.session import KafkaSession
from streamkl.adapters.kafka.words import in_words, may_pass
from streamkl.errors import SourceError
from streamkl.model import Message, Partition
from streamkl.ports import Assignment
from streamkl.transport.tuning import QUERY_TIMEOUT_MS
from streamkl.transport.words import OFFSET_LOST, lost_offset

PAUSE_SECONDS = 0.1  # after a failure that passes, so that a loop does not spin

_Answer = TypeVar("_Answer")


class KafkaSource:
    """Reads through a session. A newly assigned partition delivers nothing until it is sought.

    A broker that is away only means empty polls. What no waiting mends (lost offsets, a damaged batch, a missing permission) is raised as
    SourceError by this poll and by every later one, because the library would step over the damage.
    """

    def __init__(self, session: KafkaSession) -> None:
        self._session = session
        self._consumer = session.consumer
        self._parked: frozenset[Partition] = frozenset()
        self._failure: SourceError | None = None

    def poll(self, timeout_seconds: float) -> Mapping[Partition, Sequence[Message]]:
        """Messages per partition in offset order; empty where a rebalance takes long. O(records). Raises SourceError."""
        if self._failure is not None:
            raise self._failure
        try:
            records = self._session.poll(timeout_seconds)
        except SourceError as error:
            self._failure = error
            raise
        except Exception as error:
            if may_pass(error):
                time.sleep(min(timeout_seconds, PAUSE_SECONDS))
                return {}
            self._failure = SourceError(self._why(error))
            raise self._failure from error
        return {Partition(*partition): messages for partition, messages in records.items()}

    def assignment(self) -> Assignment:
        """What is ours as of the last `poll`. O(1)."""
        return self._session.assignment()

    def committed(self, partition: Partition) -> int | None:
        """The group's committed next offset, or None for a new group. Waits for pending transactions. Raises SourceError."""
        where = TopicPartition(*partition)
        offset: int | None = self._ask(lambda: self._consumer.committed(where, timeout_ms=QUERY_TIMEOUT_MS), partition)
        return offset

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """(first offset still held, next offset that is not part of an open transaction). Raises SourceError."""
        where = TopicPartition(*partition)
        first = self._ask(lambda: list_offsets(self._consumer.beginning_offsets, [where], QUERY_TIMEOUT_MS)[where], partition)
        return first, self._ask(lambda: list_offsets(self._consumer.end_offsets, [where], QUERY_TIMEOUT_MS)[where], partition)

    def park(self, partition: Partition) -> None:
        """Deliver nothing of it until it is sought. Raises ValueError where the partition is not ours."""
        self._consumer.pause(TopicPartition(*partition))

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from here at the next `poll`. Raises ValueError where the partition is not ours."""
        where = TopicPartition(*partition)
        forget_parked(self._consumer, where)
        self._consumer.seek(where, offset)
        self._consumer.resume(where)

    def lag(self) -> Mapping[Partition, int]:
        """Records behind the newest, for partitions of which something was fetched. O(partitions), asks nobody."""
        behind = {}
        for partition in self._session.assignment().partitions:
            where = TopicPartition(*partition)
            try:
                newest, position = self._consumer.highwater(where), self._consumer.position(where, timeout_ms=0)
            except kafka_errors.KafkaError:
                continue  # the next poll tells
            if newest is not None and position is not None:
                behind[partition] = max(0, newest - position)
        return behind

    def close(self) -> None:
        """Leave the group. Idempotent."""
        self._session.close()

    def _ask(self, question: Callable[[], _Answer], partition: Partition) -> _Answer:
        try:
            return question()
        except kafka_errors.KafkaError as error:
            raise SourceError(f"{_name(partition)}: {in_words(error)}", transient=may_pass(error)) from error

    def _why(self, error: Exception) -> str:
        if isinstance(error, kafka_errors.OffsetOutOfRangeError):
            return "; ".join(self._lost(Partition(*where), offset) for where, offset in error.args[0].items())
        if isinstance(error, kafka_errors.LogTruncationError):
            names = ", ".join(sorted(_name(Partition(*where)) for where in error.divergent_offsets))
            return f"{names}: the broker lost records that we have read (unclean leader election): {OFFSET_LOST}"
        names = ", ".join(sorted(map(_name, self._session.assignment().partitions)))
        if isinstance(error, kafka_errors.CorruptRecordError):
            return f"{names}: {in_words(error)}"
        if isinstance(error, kafka_errors.KafkaError):
            return f"group {self._session.group_id}: {in_words(error)}"
        return f"a record of {names} cannot be decoded: {in_words(error)}"

    def _lost(self, partition: Partition, offset: int) -> str:
        return lost_offset(_name(partition), offset, self.bounds(partition))


def _name(partition: Partition) -> str:
    return f"{partition.topic}/{partition.partition}"
