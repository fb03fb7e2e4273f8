"""Endings that brokers forget. A partition that has no leader while a transaction ends is taken for a deleted one (Apache Kafka 4.3): the
ending is not written there, and the next ending of ours that is decides over what was left, so that aborted results appear or committed
ones stay hidden. So no transaction begins before the one before has ended wherever it wrote.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import KafkaAdminClient, TransactionState

from streamkl.adapters.kafka.client import open_client
from streamkl.adapters.kafka.internals import end_empty_transaction, list_offsets
from streamkl.adapters.kafka.reader import SharedReader
from streamkl.errors import SinkError, SourceError
from streamkl.transport.cluster import Cluster

QUERY_TIMEOUT_MS = 10_000
STEP_TIMEOUT_MS = 20_000
LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 0.5  # an ending is written within milliseconds; after so long it is written again
COORDINATOR_SECONDS = 20.0
ASK_AGAIN_SECONDS = 0.1

_UNDONE = {TransactionState.ONGOING, TransactionState.PREPARE_ABORT, TransactionState.PREPARE_EPOCH_FENCE}
_DONE = {TransactionState.PREPARE_COMMIT, TransactionState.COMPLETE_COMMIT}

_Answer = TypeVar("_Answer")


class Endings:
    """What the transactions of one transactional id have written, until it is certain that they ended there."""

    def __init__(self, cluster: Cluster, transactional_id: str, topics: Sequence[str], group: str) -> None:
        """`topics`: where an earlier process of ours may have written; `group`: whose offsets it may have moved."""
        self._cluster = cluster
        self._id = transactional_id
        self._topics, self._group = topics, group
        self._asked = False
        self._hidden: dict[TopicPartition, int] = {}  # last offset of the last committed transaction, not yet seen to be visible
        self._undone: set[TopicPartition] = set()  # written to by a transaction that was given up
        self._done: set[TopicPartition] = set()  # written to by a committed one of which nobody knows the offsets
        self._unknown: set[TopicPartition] = set()  # written to by one of which nobody knows how it ended
        self._reader = SharedReader(cluster)

    def given_up(self, partitions: Iterable[TopicPartition], *, perhaps_committed: bool) -> None:
        """A transaction that wrote there failed; perhaps after the coordinator had heard that it shall commit."""
        (self._unknown if perhaps_committed else self._undone).update(partitions)

    def committed(self, written: Mapping[TopicPartition, int]) -> None:
        """A transaction has committed: the last offset that it wrote in each partition."""
        self._hidden = dict(written)

    def forget(self) -> None:
        """A transaction failed of which nobody knows where it wrote: the next producer looks back as the first one does."""
        self._asked = False

    def look_back(self) -> None:
        """Learn how the last transaction ended, before a new producer begins: then the coordinator forgets. Raises the library's errors."""
        if self._asked and not self._unknown:
            return
        state, partitions = self._last()
        everywhere = set() if self._asked else self._everywhere()
        if state in _UNDONE:
            self._undone |= partitions | self._unknown
        elif state is TransactionState.COMPLETE_ABORT:
            self._undone |= self._unknown | everywhere
        elif state in _DONE:
            self._done |= partitions | self._unknown | everywhere
        self._unknown, self._asked = set(), True

    def complete(self, producer: KafkaProducer) -> None:
        """Return once everything before has ended wherever it wrote: a request for each leader where nothing is amiss.

        Raises the library's errors, after which the producer is of no more use.
        """
        if self._done:
            self._end(producer, self._done, commit=True)
            self._done = set()
        if self._undone:
            left = self._visible_until(self._undone)  # whose leaders answer
            self._end(producer, left, commit=False)
            self._undone = set()
        if not self.visible():
            self._end(producer, self._hidden, commit=True)  # or another process' open transaction hides them: then it does no harm
            self._hidden = {}

    def __str__(self) -> str:
        return ", ".join(sorted({each.topic for each in (*self._done, *self._undone, *self._hidden)}))

    def close(self) -> None:
        """Give the connection back. Idempotent."""
        self._reader.rest()

    def _end(self, producer: KafkaProducer, partitions: Iterable[TopicPartition], *, commit: bool) -> None:
        end_empty_transaction(producer, partitions, self._group, commit=commit, timeout_ms=STEP_TIMEOUT_MS)

    def visible(self) -> bool:
        """Whether readers see what was committed last: at once, or after PATIENCE_SECONDS at most. Raises SinkError."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._hidden:
            ends = self._visible_until(self._hidden)
            self._hidden = {each: offset for each, offset in self._hidden.items() if ends.get(each, offset + 1) <= offset}
            if self._hidden and time.monotonic() > deadline:
                return False
            if self._hidden:
                time.sleep(LOOK_SECONDS)
        return True

    def _visible_until(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The first offset of each that a reader of committed records does not see yet, from its leader; not those of deleted topics."""
        wanted = list(partitions)
        deadline = time.monotonic() + QUERY_TIMEOUT_MS / 1000
        with self._reading() as reader:
            while wanted:
                try:
                    return list_offsets(reader.end_offsets, wanted, QUERY_TIMEOUT_MS)
                except kafka_errors.OffsetNotAvailableError:
                    there = reader.topics()
                    wanted = [each for each in wanted if each.topic in there]
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(ASK_AGAIN_SECONDS)
        return {}

    @contextmanager
    def _reading(self) -> Iterator[KafkaConsumer]:
        try:
            with self._reader as reader:
                yield reader
        except SourceError as error:
            raise SinkError(str(error), transient=error.transient) from error

    def _last(self) -> tuple[TransactionState | None, set[TopicPartition]]:
        """How the coordinator thinks of the last transaction, and where that has written as long as it has not ended."""
        admin = open_client(KafkaAdminClient, self._cluster, SinkError)
        try:
            found = _patiently(lambda: admin.describe_transactions([self._id])[self._id])
        except (kafka_errors.TransactionalIdNotFoundError, kafka_errors.UnsupportedVersionError):  # brokers before 3.0 cannot tell
            return None, set()
        finally:
            admin.close()
        return found.state, {each for each in found.topic_partitions if not each.topic.startswith("__")}

    def _everywhere(self) -> set[TopicPartition]:
        with self._reading() as reader:
            known = {topic: reader.partitions_for_topic(topic) or () for topic in self._topics}
        return {TopicPartition(topic, number) for topic, numbers in known.items() for number in numbers}


def _patiently(ask: Callable[[], _Answer]) -> _Answer:
    """The library asks only once, and a coordinator that is new needs a moment."""
    deadline = time.monotonic() + COORDINATOR_SECONDS
    while True:
        try:
            return ask()
        except kafka_errors.RetriableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(ASK_AGAIN_SECONDS)
