"""Transactions that either happened as a whole or raised: what the client library's own ones promise and do not keep is closed here.

It knows producers, deliveries and offsets; what is sent and why is for others to say.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka import errors as kafka_errors
from kafka.structs import ConsumerGroupMetadata

from streamkl.adapters.kafka.delivery import deliver, open_producer
from streamkl.adapters.kafka.endings import Endings
from streamkl.adapters.kafka.internals import (
    abandon,
    abort_transaction,
    commit_transaction,
    send_offsets_to_transaction,
    transaction_error,
    watch_repeats,
    written_to,
)
from streamkl.adapters.kafka.words import in_words
from streamkl.errors import FencedError, SinkError
from streamkl.model import Partition
from streamkl.transport import tuning
from streamkl.transport.clients import InstanceTakenError, Kept, Parcel
from streamkl.transport.cluster import Cluster

RETRY_BACKOFF_MS = 10  # "the transaction before is still being written" is answered in milliseconds, and asked about with this pause
DISCARD_SECONDS = 5.0

_REASSIGNED = (kafka_errors.CommitFailedError, kafka_errors.IllegalGenerationError, kafka_errors.UnknownMemberIdError)
# What no other producer would mend either.
_FINAL = (
    kafka_errors.AuthorizationError,
    kafka_errors.TransactionalIdAuthorizationFailedError,
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
    kafka_errors.OffsetMetadataTooLargeError,
    kafka_errors.InvalidTopicError,
    kafka_errors.UnknownTopicOrPartitionError,
    kafka_errors.UnsupportedVersionError,
    kafka_errors.InvalidTransactionTimeoutError,
)


class Transactor:
    """One transactional id, and at most one producer that speaks for it.

    Whoever opens the same id next fences us and aborts what we left open. Any failure drops the producer: the library's own stays
    half-broken after an abort (offsets of the aborted transaction go into the next one). Called from one thread.
    """

    def __init__(self, cluster: Cluster, transactional_id: str, topics: Sequence[str] = (), group: str = "") -> None:
        """`topics`: where an earlier process with this id may have written; `group`: whose offsets it may have moved."""
        self._cluster = cluster
        self._id = transactional_id
        self.endings = Endings(cluster, transactional_id, topics, group)
        self._producer: KafkaProducer | None = None
        self._repeated: Callable[[], bool] = lambda: False

    def open(self, permitted: Callable[[], None] | None = None) -> None:
        """Abort whatever this id left open. About 0.3 s without a producer, else nothing. Raises SinkError.

        `permitted` is called before a producer begins, and raises where we have no right to this id any more.
        """
        if self._producer is None and permitted is not None:
            permitted()
        self._ready()

    def commit(
        self, parcels: Sequence[Parcel], offsets: Callable[[Sequence[int]], Mapping[Partition, Kept]], member: ConsumerGroupMetadata
    ) -> None:
        """Records and group offsets in one transaction; when this returns, all of it is durable and visible.

        `offsets` is asked once all records have arrived, with the offsets they got. `member` is the membership pinned when the partitions
        became ours, never the consumer's present one. Raises FencedError where the group has moved on, and SinkError, after which the
        outcome may be unknown: read the group's offsets again before going on.
        """
        if member.generation_id <= 0 or not member.member_id:
            raise FencedError(f"group {member.group_id}: we are no member of it; the broker would let anybody commit that way")
        producer, ending = self._ready(), False
        try:
            producer.begin_transaction()
            delivered = deliver(producer, parcels, tuning.TRANSACTIONAL_DELIVERY_TIMEOUT_MS / 1000)
            wanted = _as_taken(offsets([each.offset for each in delivered]))
            if wanted:
                send_offsets_to_transaction(producer, wanted, member, tuning.STEP_TIMEOUT_MS)
            began, ending = time.monotonic(), True
            commit_transaction(producer, tuning.STEP_TIMEOUT_MS)
        except BaseException as error:
            self.endings.given_up(written_to(producer), perhaps_committed=ending)
            refusal = self._refusal(transaction_error(producer) or error.__cause__ or error, error)
            self._give_up(producer)
            if refusal is None:
                raise
            raise refusal from error
        self.endings.committed({each.partition: each.offset for each in delivered})
        if time.monotonic() - began > tuning.SLOW_COMMIT_SECONDS or self._repeated():
            self.drop()

    def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has. Raises SinkError where the broker does not know it."""
        try:
            return len(self._opened().partitions_for(topic))
        except kafka_errors.KafkaError as error:
            raise SinkError(f"topic {topic}: {in_words(error)}", transient=not isinstance(error, _FINAL)) from error

    def close(self) -> None:
        """Nothing more is sent. Idempotent."""
        self.drop()
        self.endings.close()

    def _ready(self) -> KafkaProducer:
        """A producer whose next transaction decides over nothing but itself."""
        producer = self._opened()
        try:
            self.endings.complete(producer)
        except BaseException as error:
            unsure = f"topic {self.endings}: it is not certain that the transaction before has ended there"
            refusal = self._refusal(error, SinkError(f"{unsure}: {in_words(error)}"))
            self.drop()
            if refusal is None:
                raise
            raise refusal from error
        return producer

    def _opened(self) -> KafkaProducer:
        if self._producer is None:
            self._producer = open_producer(
                self._cluster,
                delivery_timeout_ms=tuning.TRANSACTIONAL_DELIVERY_TIMEOUT_MS,
                request_timeout_ms=tuning.REQUEST_TIMEOUT_MS,
                transactional_id=self._id,
                transaction_timeout_ms=tuning.TRANSACTION_TIMEOUT_MS,
                retry_backoff_ms=RETRY_BACKOFF_MS,
            )
            try:
                self._repeated = watch_repeats(self._producer)
                self.endings.look_back()
                self._producer.init_transactions()
            except BaseException as error:
                self.drop()
                if not isinstance(error, kafka_errors.KafkaError):
                    raise
                raise SinkError(f"transactional id {self._id}: {in_words(error)}", transient=not isinstance(error, _FINAL)) from error
        return self._producer

    def _refusal(self, cause: BaseException, error: BaseException) -> Exception | None:
        """What the loop is told; None: what was raised is told as it is."""
        if isinstance(cause, kafka_errors.FencedInstanceIdError):
            return InstanceTakenError(in_words(cause))
        if isinstance(cause, _REASSIGNED):
            return FencedError(f"transactional id {self._id}: the partitions have moved on ({in_words(cause)})")
        if not isinstance(cause, kafka_errors.KafkaError):
            return None
        said = str(error) if isinstance(error, SinkError) else f"transactional id {self._id}: {in_words(cause)}"
        return SinkError(said, transient=not isinstance(cause, _FINAL))

    def _give_up(self, producer: KafkaProducer) -> None:
        """Readers see the end of it now instead of after the transaction's time-out, if the broker still listens to us."""
        try:
            abort_transaction(producer, tuning.ABORT_TIMEOUT_MS)
        except kafka_errors.KafkaError:
            pass
        finally:
            self.drop()

    def drop(self) -> None:
        """Have nobody speak for the id until the next `open`."""
        producer, self._producer = self._producer, None
        if producer is not None:
            abandon(producer, DISCARD_SECONDS)


def _as_taken(offsets: Mapping[Partition, Kept]) -> dict[TopicPartition, OffsetAndMetadata]:
    return {TopicPartition(*partition): OffsetAndMetadata(kept.offset, kept.metadata, -1) for partition, kept in offsets.items()}
