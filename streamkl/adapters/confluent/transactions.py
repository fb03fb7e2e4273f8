"""Transactions that either happened as a whole or raised; what is sent and why is for others to say."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from streamkl.adapters.confluent.delivery import abandon, deliver, failure, open_producer
from streamkl.adapters.confluent.words import FINAL, error_of, in_words
from streamkl.errors import FencedError, SinkError
from streamkl.model import Partition
from streamkl.transport import Cluster, tuning
from streamkl.transport.bookmark import END
from streamkl.transport.clients import InstanceTakenError, Kept, Parcel, Settler

RETRY_SECONDS = 1.0  # until the library sends a request again whose connection broke, a fifth more or less
MAY_BE_REPEATED = 0.75 * RETRY_SECONDS  # offsets and ending that took less were sent once

SLACK_SECONDS = 1.0  # for the library's own time-out to be the first

_REASSIGNED = {KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID}


class ConfluentTransactor:
    """One transactional id, and at most one producer that speaks for it.

    Whoever opens the same id next fences us and aborts what we left open. Any failure drops the producer. Called from one thread.

    Brokers tell transactions of one epoch apart only in a newer form of the protocol, which the library does not speak: offsets or an
    ending that were sent twice may end a later transaction. So after any that took long enough for that, a new producer begins.
    """

    def __init__(self, cluster: Cluster, transactional_id: str, settler: Settler) -> None:
        self._cluster = cluster
        self._id = transactional_id
        self._settler = settler
        self._producer: Producer | None = None
        self._counts: dict[str, int] = {}

    def open(self, permitted: Callable[[], None] | None = None) -> None:
        """Abort whatever this id left open. About 0.4 s without a producer, else nothing. Raises SinkError.

        `permitted` is called before a producer begins, and raises where we have no right to this id any more.
        """
        if self._producer is None and permitted is not None:
            permitted()
        self._ready()

    def commit(self, parcels: Sequence[Parcel], offsets: Callable[[Sequence[int]], Mapping[Partition, Kept]], member: bytes) -> None:
        """Records and group offsets in one transaction; when this returns, all of it is durable and visible.

        `offsets` is asked once all records have arrived, with the offsets they got. `member` is the membership pinned when the partitions
        became ours. Raises FencedError where the group has moved on, and SinkError, after which the outcome may be unknown: read the
        group's offsets again before going on.
        """
        producer = self._ready()
        try:
            producer.begin_transaction()
            delivered = deliver(producer, parcels, tuning.TRANSACTIONAL_DELIVERY_TIMEOUT_MS / 1000)
            moved = offsets([each.offset for each in delivered])
            wanted = [TopicPartition(*where, kept.offset, kept.metadata.removesuffix(END)) for where, kept in moved.items()]
            began = time.monotonic()
            if wanted:
                _within(tuning.STEP_TIMEOUT_MS / 1000, producer.send_offsets_to_transaction, wanted, member)
            _within(tuning.STEP_TIMEOUT_MS / 1000, producer.commit_transaction)
        except KafkaException as error:
            self._give_up(producer)
            raise self._refusal(error_of(error)) from error
        except BaseException:
            self._give_up(producer)
            raise
        self._settler.committed({each.partition: each.offset for each in delivered})
        if time.monotonic() - began > MAY_BE_REPEATED:
            self._drop()

    def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has. Raises SinkError where the broker does not know it."""
        if topic not in self._counts:
            try:
                found = self._opened().list_topics(topic, tuning.METADATA_TIMEOUT_MS / 1000).topics[topic]
            except KafkaException as error:
                raise failure(topic, error_of(error)) from error
            if found.error is not None:
                raise failure(topic, found.error)
            self._counts[topic] = len(found.partitions)
        return self._counts[topic]

    def close(self) -> None:
        """Nothing more is sent. Idempotent."""
        self._drop()
        self._settler.close()

    def _drop(self) -> None:
        """Have nobody speak for the id until it is opened again."""
        self._counts.clear()
        producer, self._producer = self._producer, None
        if producer is not None:
            abandon(producer)

    def _ready(self) -> Producer:
        """A producer whose next transaction decides over nothing but itself."""
        if self._producer is not None and not self._settler.settled():
            self._drop()
        return self._opened()

    def _opened(self) -> Producer:
        if self._producer is None:
            self._settler.settle()
            producer = open_producer(
                self._cluster,
                delivery_timeout_ms=tuning.TRANSACTIONAL_DELIVERY_TIMEOUT_MS,
                **{
                    "transactional.id": self._id,
                    "transaction.timeout.ms": tuning.TRANSACTION_TIMEOUT_MS,
                    "retry.backoff.ms": round(RETRY_SECONDS * 1000),
                    "retry.backoff.max.ms": round(RETRY_SECONDS * 1000),
                },
            )
            try:
                producer.init_transactions(tuning.METADATA_TIMEOUT_MS / 1000)
            except KafkaException as error:
                abandon(producer)
                why = error_of(error)
                raise SinkError(f"transactional id {self._id}: {in_words(why)}", transient=why.code() not in FINAL) from error
            self._producer = producer
        return self._producer

    def _refusal(self, error: KafkaError) -> FencedError | SinkError:
        if error.code() == KafkaError.FENCED_INSTANCE_ID:
            return InstanceTakenError(in_words(error))
        if error.code() in _REASSIGNED:
            return FencedError(f"transactional id {self._id}: the partitions have moved on ({in_words(error)})")
        return SinkError(f"transactional id {self._id}: {in_words(error)}", transient=error.code() not in FINAL)

    def _give_up(self, producer: Producer) -> None:
        """Readers see the end of it now instead of after the transaction's time-out, if the broker still listens to us."""
        self._settler.failed()
        with suppress(KafkaException):
            _within(tuning.ABORT_TIMEOUT_MS / 1000, producer.abort_transaction)
        self._drop()


def _within(seconds: float, call: Callable[..., object], *arguments: object) -> None:
    """A step of a transaction. Where connections break during it, the library forgets its time-out and may wait for ever: then its thread
    is left behind with a producer that nobody uses any more. Raises what the step raises, or KafkaException.
    """
    outcome: list[BaseException | None] = []

    def step() -> None:
        try:
            call(*arguments, seconds)
        except BaseException as error:  # noqa: BLE001 - raised below
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=step, name="transaction", daemon=True)
    thread.start()
    thread.join(seconds + SLACK_SECONDS)
    failed = outcome[0] if outcome else KafkaException(KafkaError(KafkaError._TIMED_OUT))
    if failed is not None:
        raise failed
