"""Producers: how they are opened, and how records are sent so that every single one is known to have arrived."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from kafka import KafkaProducer, TopicPartition
from kafka import errors as kafka_errors
from kafka.producer.future import FutureRecordMetadata

from streamkl.adapters.kafka.client import open_client
from streamkl.adapters.kafka.cluster import Cluster
from streamkl.adapters.kafka.internals import forgotten_topics
from streamkl.adapters.kafka.words import in_words, may_pass
from streamkl.errors import SinkError
from streamkl.model import Outgoing

# Tuned producer settings.
LINGER_MS = 5
BATCH_BYTES = 256 * 2**10
MAX_RECORD_BYTES = 64 * 2**20  # the topic decides what is too large, not we
METADATA_TIMEOUT_MS = 10_000  # to learn about a topic, or to begin with a transactional id
ASK_SECONDS = 2.0  # whether a topic is still there, once records for it were not taken
UNSENT_BYTES = 8 * 2**20  # the client buffers without bound, so so much is sent and awaited before more is handed over


class Parcel(NamedTuple):
    """A record, and the partition it has to go to (None: where its key belongs)."""

    record: Outgoing
    partition: int | None = None


def open_producer(cluster: Cluster, *, delivery_timeout_ms: int, request_timeout_ms: int, **options: Any) -> KafkaProducer:
    """A producer that acknowledges by all replicas and keeps the order. Raises ConfigError, SinkError."""
    return open_client(
        KafkaProducer,
        cluster,
        SinkError,
        enable_idempotence=True,
        acks="all",
        compression_type="lz4",
        linger_ms=LINGER_MS,
        batch_size=BATCH_BYTES,
        max_request_size=MAX_RECORD_BYTES,
        max_block_ms=METADATA_TIMEOUT_MS,
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
    return [each for portion in _portions(parcels) for each in _deliver(producer, portion, timeout_seconds)]


def _portions(parcels: Sequence[Parcel]) -> Iterator[Sequence[Parcel]]:
    start = size = 0
    for index, parcel in enumerate(parcels):
        size += parcel.record.size
        if size >= UNSENT_BYTES:
            yield parcels[start : index + 1]
            start, size = index + 1, 0
    if start < len(parcels):
        yield parcels[start:]


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
        if gone := forgotten_topics(producer, unsent, ASK_SECONDS):
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
        waited = METADATA_TIMEOUT_MS / 1000
        raise SinkError(f"topic {record.topic}: unknown to the broker after {waited:g} s: does it exist?", transient=True) from error
