"""The at-least-once Kafka side of the Outlet port: results out, then states saved, then offsets moved."""

from collections.abc import Iterator, Sequence

from kafka import KafkaProducer
from kafka import errors as kafka_errors
from kafka.producer.future import FutureRecordMetadata

from streamkl.adapters.kafka.client import open_client
from streamkl.adapters.kafka.cluster import Cluster
from streamkl.adapters.kafka.internals import abandon
from streamkl.adapters.kafka.session import KafkaSession
from streamkl.adapters.kafka.words import in_words, may_pass
from streamkl.errors import SinkError
from streamkl.model import Outgoing
from streamkl.ports import StateStore, Step

# Tuned producer settings.
LINGER_MS = 5
BATCH_BYTES = 256 * 2**10
MAX_RECORD_BYTES = 64 * 2**20  # the topic decides what is too large, not we
METADATA_TIMEOUT_MS = 10_000  # to learn about a topic
DELIVERY_TIMEOUT_MS = 30_000  # until a record that the broker does not acknowledge has failed; longer than a broker's restart
REQUEST_TIMEOUT_MS = 10_000
UNSENT_BYTES = 8 * 2**20  # the client buffers without bound, so so much is sent and awaited before more is handed over
DISCARD_SECONDS = 5.0


class KafkaOutlet:
    """Commits through the session that the source reads with; called from the same thread.

    A crash between two steps repeats records with the same ids, never loses one. After any failure the producer is thrown away and the
    next commit opens a new one: the library's producer keeps sending, or stays broken, after some errors.
    """

    def __init__(self, cluster: Cluster, session: KafkaSession, store: StateStore) -> None:
        self._cluster = cluster
        self._session = session
        self._store = store
        self._producer: KafkaProducer | None = None

    def commit(self, step: Step) -> None:
        """Returns when all of the step is durable; blocks up to about 30 s where the broker is away.

        Raises SinkError, FencedError, SnapshotError, and ValueError for a state whose next offset is not in `offsets`.
        """
        if not step.snapshots.keys() <= step.offsets.keys():
            raise ValueError("a snapshot without its next offset")
        self._session.membership(step.assignment)
        if step.outgoing:
            self._send(step.outgoing)
            self._session.membership(step.assignment)  # sending may have taken long: do not save what another member has taken over
        for partition, state in step.snapshots.items():
            self._store.save(partition, step.offsets[partition], state)
        if step.offsets:
            self._session.commit(step.assignment, step.offsets)

    def close(self) -> None:
        """Nothing more is sent. Idempotent."""
        self._discard()

    def _send(self, outgoing: Sequence[Outgoing]) -> None:
        try:
            if self._producer is None:
                self._producer = _open_producer(self._cluster)
            for portion in _portions(outgoing):
                _deliver(self._producer, portion)
        except BaseException:
            self._discard()
            raise

    def _discard(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            abandon(producer, DISCARD_SECONDS)


def _open_producer(cluster: Cluster) -> KafkaProducer:
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
        delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        metrics_enabled=False,
    )


def _portions(outgoing: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    start = size = 0
    for index, record in enumerate(outgoing):
        size += len(record.key or b"") + len(record.value or b"") + sum(len(name) + len(value) for name, value in record.headers)
        if size >= UNSENT_BYTES:
            yield outgoing[start : index + 1]
            start, size = index + 1, 0
    if start < len(outgoing):
        yield outgoing[start:]


def _deliver(producer: KafkaProducer, portion: Sequence[Outgoing]) -> None:
    """Send and await every single acknowledgement: a flush that returns does not mean that the records arrived."""
    sent = [_hand_over(producer, record) for record in portion]
    topic = portion[0].topic
    try:
        producer.flush(timeout=DELIVERY_TIMEOUT_MS / 1000)
        for record, future in zip(portion, sent, strict=True):
            topic = record.topic
            future.get(timeout=DELIVERY_TIMEOUT_MS / 1000)
    except kafka_errors.KafkaError as error:
        raise SinkError(f"topic {topic}: {in_words(error)}", transient=may_pass(error)) from error


def _hand_over(producer: KafkaProducer, record: Outgoing) -> FutureRecordMetadata:
    # The library refuses a record without key and value, which is what a dead letter of an empty record is.
    value = b"" if record.key is None and record.value is None else record.value
    try:
        return producer.send(record.topic, key=record.key, value=value, headers=list(record.headers))
    except kafka_errors.KafkaTimeoutError as error:
        waited = METADATA_TIMEOUT_MS / 1000
        raise SinkError(f"topic {record.topic}: unknown to the broker after {waited:g} s: does it exist?", transient=True) from error
    except kafka_errors.KafkaError as error:
        raise SinkError(f"topic {record.topic}: {in_words(error)}", transient=may_pass(error)) from error
