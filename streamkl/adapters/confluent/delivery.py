"""Producers: how they are opened, and how records are sent so that every single one is known to have arrived."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Report

from streamkl.adapters.confluent.client import properties_of
from streamkl.adapters.confluent.words import UNKNOWN_TOPIC, error_of, in_words, may_pass
from streamkl.errors import SinkError
from streamkl.model import Outgoing
from streamkl.transport import Cluster, tuning
from streamkl.transport.clients import Parcel, portions
from streamkl.transport.reaching import obstacle

MOST_WAITING = 10**6  # records; more than a portion can be
SLACK_SECONDS = 1.0  # for the library to give up by itself

_PURGED = {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}


class Delivered(NamedTuple):
    """What became of a record: its offset, or why it has not arrived."""

    error: KafkaError | None
    offset: int


def open_producer(cluster: Cluster, *, delivery_timeout_ms: int, **options: Any) -> Producer:
    """A producer that acknowledges by all replicas, keeps the order, and chooses partitions as clients in Java do.

    Raises ConfigError, and SinkError where no server lets us connect.
    """
    if refusal := obstacle(cluster):
        raise SinkError(refusal, transient=True)
    return Producer(
        properties_of(cluster)
        | {
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            "linger.ms": tuning.LINGER_MS,
            "batch.size": tuning.BATCH_BYTES,
            "message.max.bytes": tuning.MAX_RECORD_BYTES,
            "queue.buffering.max.messages": MOST_WAITING,
            "topic.metadata.propagation.max.ms": tuning.METADATA_TIMEOUT_MS,
            "delivery.timeout.ms": delivery_timeout_ms,
            "request.timeout.ms": tuning.REQUEST_TIMEOUT_MS,
            "socket.timeout.ms": tuning.REQUEST_TIMEOUT_MS,
            **options,
        }
    )


def deliver(producer: Producer, parcels: Sequence[Parcel], timeout_seconds: float) -> list[int]:
    """Send and await every single acknowledgement; the offsets the records got, in order. Nothing is in flight afterwards.

    Raises SinkError at the first record that did not arrive within `timeout_seconds` of its portion.
    """
    return [offset for portion in portions(parcels) for offset in _deliver(producer, portion, timeout_seconds)]


def _deliver(producer: Producer, portion: Sequence[Parcel], timeout_seconds: float) -> Iterator[int]:
    reports: list[Delivered | None] = [None] * len(portion)
    for number, parcel in enumerate(portion):
        try:
            _hand_over(producer, parcel, partial(_note, reports, number))
        except (KafkaException, BufferError) as error:
            why = error_of(error) if isinstance(error, KafkaException) else KafkaError(KafkaError._QUEUE_FULL)
            raise _failure(parcel.record.topic, why) from error
    producer.flush(timeout_seconds + SLACK_SECONDS)
    for parcel, report in zip(portion, reports, strict=True):
        if report is None or report.error is not None:
            topic, why = _cause(portion, reports) or (parcel.record.topic, KafkaError(KafkaError._MSG_TIMED_OUT))
            raise _failure(topic, why)
        yield report.offset


def _note(reports: list[Delivered | None], number: int, error: KafkaError | None, report: Report) -> None:
    """Called within `flush`."""
    reports[number] = Delivered(error, report.offset())


def _cause(portion: Sequence[Parcel], reports: Sequence[Delivered | None]) -> tuple[str, KafkaError] | None:
    """Whose record broke it, and how: the others of a transaction are thrown away with it."""
    failed = [(parcel.record.topic, report.error) for parcel, report in zip(portion, reports, strict=True) if report and report.error]
    return next(((topic, error) for topic, error in failed if error.code() not in _PURGED), failed[0] if failed else None)


def _failure(topic: str, error: KafkaError) -> SinkError:
    if error.code() in UNKNOWN_TOPIC:
        waited = f"after {tuning.METADATA_TIMEOUT_MS / 1000:g} s"
        return SinkError(f"topic {topic}: unknown to the broker {waited}: does it exist, or was it deleted?", transient=True)
    return SinkError(f"topic {topic}: {in_words(error)}", transient=may_pass(error))


def _hand_over(producer: Producer, parcel: Parcel, note: Any) -> None:
    record = parcel.record
    where = {} if parcel.partition is None else {"partition": parcel.partition}
    # As kafka-python, which refuses a record without key and value: a dead letter of an empty record is the same whoever wrote it.
    value = b"" if record.key is None and record.value is None else record.value
    producer.produce(record.topic, value, record.key, headers=list(record.headers), on_delivery=note, **where)


def abandon(producer: Producer) -> None:
    """Nothing of it is sent any more. The library closes it once it is forgotten; its own `close` would wait for the broker."""
    producer.purge(blocking=False)
    producer.poll(0)


class ConfluentCourier:
    """Delivers at least once. After any failure the producer is thrown away and the next delivery opens a new one."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._producer: Producer | None = None

    def deliver(self, records: Sequence[Outgoing]) -> None:
        """Returns when every single record is acknowledged; at most about DELIVERY_TIMEOUT_MS. Raises SinkError."""
        try:
            if self._producer is None:
                self._producer = open_producer(self._cluster, delivery_timeout_ms=tuning.DELIVERY_TIMEOUT_MS)
            deliver(self._producer, [Parcel(record) for record in records], tuning.DELIVERY_TIMEOUT_MS / 1000)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Nothing more is sent. Idempotent."""
        producer, self._producer = self._producer, None
        if producer is not None:
            abandon(producer)
