"""Producers: how they are opened, and how records are sent so that every single one is known to have arrived."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Report

from streamkl.adapters.confluent.client import properties_of
from streamkl.adapters.confluent.words import FINAL, UNKNOWN_TOPIC, error_of, in_words, may_pass
from streamkl.errors import SinkError
from streamkl.model import Outgoing, Partition
from streamkl.transport import Cluster, tuning
from streamkl.transport.clients import Parcel, portions
from streamkl.transport.reaching import obstacle

MOST_WAITING = 10**6  # records; more than a portion can be
SLACK_SECONDS = 1.0  # for the library to give up by itself

_WITH_OTHERS = {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}


class Delivered(NamedTuple):
    """Where a record has arrived."""

    partition: Partition
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


def deliver(producer: Producer, parcels: Sequence[Parcel], timeout_seconds: float) -> list[Delivered]:
    """Send and await every single acknowledgement: where each record is now, in order. Nothing is in flight afterwards.

    Raises SinkError at the first record that did not arrive within `timeout_seconds` of its portion.
    """
    return [each for portion in portions(parcels) for each in _deliver(producer, portion, timeout_seconds)]


def _deliver(producer: Producer, portion: Sequence[Parcel], timeout_seconds: float) -> Iterator[Delivered]:
    reports: list[Delivered | KafkaError] = [KafkaError(KafkaError._MSG_TIMED_OUT)] * len(portion)
    for number, parcel in enumerate(portion):
        try:
            _hand_over(producer, parcel, partial(_note, reports, number))
        except (KafkaException, BufferError) as error:
            why = error_of(error) if isinstance(error, KafkaException) else KafkaError(KafkaError._QUEUE_FULL)
            raise failure(parcel.record.topic, why) from error
    try:
        producer.flush(timeout_seconds + SLACK_SECONDS)
    except KafkaException as error:  # of the producer as a whole
        raise failure(portion[0].record.topic, error_of(error)) from error
    if not all(isinstance(report, Delivered) for report in reports):
        raise failure(*_cause(producer, portion, reports))
    yield from reports


def _note(reports: list[Delivered | KafkaError], number: int, error: KafkaError | None, report: Report) -> None:
    """Called within `flush`."""
    reports[number] = Delivered(Partition(report.topic(), report.partition()), report.offset()) if error is None else error


def _cause(producer: Producer, portion: Sequence[Parcel], reports: Sequence[Delivered | KafkaError]) -> tuple[str, KafkaError]:
    """Whose record broke it, and how. The others of a transaction fail with it; and where one waits for a deleted topic, all time out."""
    failed = [(each.record.topic, report) for each, report in zip(portion, reports, strict=True) if isinstance(report, KafkaError)]
    topic, error = next((each for each in failed if each[1].code() not in _WITH_OTHERS), failed[0])
    if error.code() in _WITH_OTHERS or may_pass(error):
        with suppress(KafkaException):  # nobody answers: then it is that
            for name in dict.fromkeys(name for name, _ in failed):
                found = producer.list_topics(name, tuning.ASK_SECONDS).topics[name]
                if found.error is not None and found.error.code() in UNKNOWN_TOPIC:
                    return name, found.error
    return topic, error


def failure(topic: str, error: KafkaError) -> SinkError:
    """Why a topic takes nothing."""
    if error.code() in UNKNOWN_TOPIC:
        return SinkError(f"topic {topic}: unknown to the broker: does it exist, or was it deleted?", transient=True)
    return SinkError(f"topic {topic}: {in_words(error)}", transient=error.code() not in FINAL)


def _hand_over(producer: Producer, parcel: Parcel, note: Any) -> None:
    record = parcel.record
    where = {} if parcel.partition is None else {"partition": parcel.partition}
    # As kafka-python, which refuses a record without key and value: a dead letter of an empty record is the same whoever wrote it.
    value = b"" if record.key is None and record.value is None else record.value
    producer.produce(record.topic, value, record.key, headers=list(record.headers), on_delivery=note, **where)


def abandon(producer: Producer) -> None:
    """Nothing of it is sent any more. The library closes it once it is forgotten; its own `close` would wait for the broker."""
    producer.purge(blocking=False)
    with suppress(KafkaException):  # of what had failed before
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
