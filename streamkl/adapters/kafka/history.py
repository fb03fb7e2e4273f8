"""What a topic holds at this moment, from its earliest record to its present end, read without joining a group or committing anything."""

import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from kafka import TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import KafkaAdminClient

from streamkl.adapters.kafka.client import open_client, open_reader
from streamkl.adapters.kafka.internals import list_offsets
from streamkl.adapters.kafka.records import deliver_messages
from streamkl.adapters.kafka.words import in_words, may_pass
from streamkl.errors import SourceError
from streamkl.model import Message, Partition
from streamkl.transport.cluster import Cluster
from streamkl.transport.tuning import FETCH_MAX_BYTES, FETCH_MAX_WAIT_MS, MAX_PARTITION_FETCH_BYTES, MAX_POLL_RECORDS, QUERY_TIMEOUT_MS

POLL_SECONDS = 0.5
SILENCE_SECONDS = 30.0  # without any progress: the broker is away


class MissingTopicError(SourceError):
    """There is no such topic, or no such partition of it."""


class TopicHistory:
    """The records of one topic between two moments: the earliest still held, and the end as it is when this is made.

    `records` is the number of offsets between them, of which `seen` are behind us (offsets that hold no record, because of compaction or
    transactions, count too). What aborted transactions left is not read. Raises ConfigError and SourceError, each one line.
    """

    def __init__(self, cluster: Cluster, topic: str, *, only: int | None = None, since: int = 0, until: int | None = None) -> None:
        """`only` one partition; no record before offset `since`, none from `until` on. Raises MissingTopicError, a SourceError."""
        self._topic = topic
        numbers = _partitions(cluster, topic)
        if only is not None and only not in numbers:
            raise MissingTopicError(f"topic {topic}: has no partition {only}; it has {len(numbers)}, counted from 0")
        partitions = [TopicPartition(topic, number) for number in numbers if only in (None, number)]
        self._consumer = open_reader(
            cluster,
            max_poll_records=MAX_POLL_RECORDS,
            max_partition_fetch_bytes=MAX_PARTITION_FETCH_BYTES,
            fetch_max_bytes=FETCH_MAX_BYTES,
            fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
        )
        deliver_messages(self._consumer)
        try:
            self._consumer.assign(partitions)
            self._first = list_offsets(self._consumer.beginning_offsets, partitions, QUERY_TIMEOUT_MS)
            self._held = list_offsets(self._consumer.end_offsets, partitions, QUERY_TIMEOUT_MS)
        except kafka_errors.KafkaError as error:
            self._consumer.close()
            raise self._failure(error) from error
        self._begin = {each: max(first, since) for each, first in self._first.items()}
        self._end = {each: end if until is None else min(end, until) for each, end in self._held.items()}
        self._end = {each: max(end, self._begin[each]) for each, end in self._end.items()}
        self._position = dict(self._begin)
        self.records = sum(self._end[each] - self._begin[each] for each in partitions)

    @property
    def seen(self) -> int:
        """How many of `records` are behind us."""
        return sum(self._position[each] - begin for each, begin in self._begin.items())

    def held(self, partition: int) -> tuple[int, int]:
        """The first offset that a partition still holds, and the one behind its last, whatever of it is read."""
        where = TopicPartition(self._topic, partition)
        return self._first[where], self._held[where]

    def __enter__(self) -> Self:
        """The history itself; the connection is closed at the end."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the connection."""
        self._consumer.close()

    def batches(self) -> Iterator[tuple[Partition, Sequence[Message]]]:
        """All records, each partition's in offset order. Raises SourceError where the broker goes away or refuses."""
        for partition, begin in self._begin.items():
            self._consumer.seek(partition, begin)
            if begin >= self._end[partition]:
                self._consumer.pause(partition)
        moved = time.monotonic()
        while self.seen < self.records:
            before = self.seen
            for partition, records in self._poll().items():
                messages = [each for each in records if each.offset < self._end[partition]]
                if messages:
                    yield Partition(*partition), messages
            self._advance()
            now = time.monotonic()
            if self.seen > before:
                moved = now
            elif now - moved > SILENCE_SECONDS:
                raise SourceError(f"topic {self._topic}: nothing came for {SILENCE_SECONDS:g} s; is the broker running?", transient=True)

    def _poll(self) -> Mapping[TopicPartition, Sequence[Message]]:
        try:
            records: Mapping[TopicPartition, Sequence[Message]] = self._consumer.poll(timeout_ms=round(POLL_SECONDS * 1000))
        except kafka_errors.KafkaError as error:
            if may_pass(error):
                return {}
            raise self._failure(error) from error
        return records

    def _advance(self) -> None:
        for partition, end in self._end.items():
            if self._position[partition] >= end:
                continue
            position = self._consumer.position(partition, timeout_ms=0)
            self._position[partition] = min(end, max(self._position[partition], position or 0))
            if self._position[partition] >= end:
                self._consumer.pause(partition)

    def _failure(self, error: kafka_errors.KafkaError) -> SourceError:
        if isinstance(error, kafka_errors.OffsetOutOfRangeError):
            return SourceError(f"topic {self._topic}: records were deleted while they were read (retention); start again")
        return SourceError(f"topic {self._topic}: {in_words(error)}", transient=may_pass(error))


def _partitions(cluster: Cluster, topic: str) -> list[int]:
    """The topic's partitions. Asked of the admin client: a consumer waits for a topic that does not exist."""
    admin = open_client(KafkaAdminClient, cluster, SourceError)
    try:
        (known,) = admin.describe_topics([topic])
        error = kafka_errors.for_code(known["error_code"])
        if error is kafka_errors.UnknownTopicOrPartitionError:
            raise MissingTopicError(f"topic {topic}: does not exist; `--topic` names one that does")
        if error is kafka_errors.InvalidTopicError:
            raise SourceError(f"topic {topic}: is not a topic's name; it has letters, digits, dots, dashes and underscores, at most 249")
        if error is not kafka_errors.NoError:
            raise SourceError(f"topic {topic}: {in_words(error())}")
        return sorted(each["partition_index"] for each in known["partitions"])
    except kafka_errors.KafkaError as error:
        raise SourceError(f"topic {topic}: {in_words(error)}", transient=may_pass(error)) from error
    finally:
        admin.close()
