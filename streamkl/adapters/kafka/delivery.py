"""Producers: how they are opened, and how records are sent so that every single one is known to have arrived."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from kafka import KafkaProducer, TopicPartition
from kafka import errors as kafka_errors
from kafka.producer.future import FutureRecordMetadata

from streamkl.adapters.kafka.client import open_client
from streamkl.adapters.kafka.internals import abandon, forgotten_topics
from streamkl.adapters.kafka.words import in_words, may_pass
from streamkl.errors import SinkError
from streamkl.model import Outgoing
from streamkl.transport import tuning
from streamkl.transport.clients import Parcel, portions
from streamkl.transport.cluster import Cluster

DISCARD_SECONDS = 5.0


def open_producer(cluster: Cluster, *, delivery_timeout_ms: int, request_timeout_ms: int, **options: Any) -> KafkaProducer:
    """A producer that acknowledges by all replicas and keeps the order. Raises ConfigError, SinkError."""
    return open_client(
        KafkaProducer,
        cluster,
        SinkError,
        enable_idempotence=True,
        acks="all",
        compression_type="lz4",
        linger_ms=tuning.LINGER_MS,
        batch_size=tuning.BATCH_BYTES,
        max_request_size=tuning.MAX_RECORD_BYTES,
        max_block_ms=tuning.METADATA_TIMEOUT_MS,
        delivery_timeout_ms=delivery_timeout_ms,
        request_timeout_ms=request_timeout_ms,
        metrics_enabled=False,
        **options,
    )


class Delivered(NamedTuple):
    """Where a record has arrived."""

    partition: TopicPartition
    offset: int


def deliver(producer: KafkaProducer, parcels: Sequence[Parcel], timeout_seconds: float) -> list[Delivered]:
    """Send and await every single acknowledgement: a flush that returns does not mean that the records arrived.

    Returns where each record is now, in order. Nothing is in flight afterwards. Raises SinkError at the first record that did not arrive
    within `timeout_seconds` of its portion.
    """
    return [each for portion in portions(parcels) for each in _deliver(producer, portion, timeout_seconds)]


def _deliver(producer: KafkaProducer, portion: Sequence[Parcel], timeout_seconds: float) -> Iterator[Delivered]:
    sent: list[tuple[str, FutureRecordMetadata]] = []
    try:
        for parcel in portion:
            sent.append((parcel.record.topic, _hand_over(producer, parcel)))  # noqa: PERF401 - those before a failure are kept
        with suppress(kafka_errors.UnknownError):  # of a batch that was cut in two because it was too large: each record is asked below
            producer.flush(timeout=timeout_seconds)
        for _, future in sent:
            found = future.get(timeout=timeout_seconds)
            yield Delivered(found.topic_partition, found.offset)
    except kafka_errors.KafkaError as error:
        unsent = dict.fromkeys(topic for topic, future in sent if not future.succeeded())
        if gone := forgotten_topics(producer, unsent, tuning.ASK_SECONDS):
            raise SinkError(f"topic {gone[0]}: the broker does not know it any more: was it deleted?", transient=True) from error
        topic, cause = _cause(sent) or (portion[min(len(sent), len(portion) - 1)].record.topic, error)
        raise SinkError(f"topic {topic}: {in_words(cause)}", transient=may_pass(cause)) from cause


def _cause(sent: Sequence[tuple[str, FutureRecordMetadata]]) -> tuple[str, Exception] | None:
    """Whose record broke it: the others of a transaction fail with it, by an error that has no class of its own."""
    failed = ((topic, future.exception) for topic, future in sent if future.failed())
    return next(((topic, error) for topic, error in failed if type(error) is not kafka_errors.KafkaError), None)


def _hand_over(producer: KafkaProducer, parcel: Parcel) -> FutureRecordMetadata:
    record = parcel.record
    # The library refuses a record without key and value, which is what a dead letter of an empty record is.
    value = b"" if record.key is None and record.value is None else record.value
    try:
        return producer.send(record.topic, key=record.key, value=value, headers=list(record.headers), partition=parcel.partition)
    except kafka_errors.KafkaTimeoutError as error:
        waited = tuning.METADATA_TIMEOUT_MS / 1000
        raise SinkError(f"topic {record.topic}: unknown to the broker after {waited:g} s: does it exist?", transient=True) from error


class KafkaCourier:
    """Delivers at least once. After any failure the producer is thrown away and the next delivery opens a new one: the library's producer
    keeps sending, or stays broken, after some errors.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._producer: KafkaProducer | None = None

    def deliver(self, records: Sequence[Outgoing]) -> None:
        """Returns when every single record is acknowledged; at most about DELIVERY_TIMEOUT_MS. Raises SinkError."""
        delivery, request = tuning.DELIVERY_TIMEOUT_MS, tuning.REQUEST_TIMEOUT_MS
        try:
            if self._producer is None:
                self._producer = open_producer(self._cluster, delivery_timeout_ms=delivery, request_timeout_ms=request)
            deliver(self._producer, [Parcel(record) for record in records], delivery / 1000)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Nothing more is sent. Idempotent."""
        producer, self._producer = self._producer, None
        if producer is not None:
            abandon(producer, DISCARD_SECONDS)
