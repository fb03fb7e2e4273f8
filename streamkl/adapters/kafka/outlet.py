"""The at-least-once Kafka side of the Outlet port: results out, then states saved, then offsets moved."""

from collections.abc import Sequence

from kafka import KafkaProducer

from streamkl.adapters.kafka.cluster import Cluster
from streamkl.adapters.kafka.delivery import Parcel, deliver, open_producer
from streamkl.adapters.kafka.internals import abandon
from streamkl.adapters.kafka.session import KafkaSession
from streamkl.model import Outgoing
from streamkl.ports import StateStore, Step

DELIVERY_TIMEOUT_MS = 30_000  # until a record that the broker does not acknowledge has failed; longer than a broker's restart
REQUEST_TIMEOUT_MS = 10_000
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
                self._producer = open_producer(
                    self._cluster, delivery_timeout_ms=DELIVERY_TIMEOUT_MS, request_timeout_ms=REQUEST_TIMEOUT_MS
                )
            deliver(self._producer, [Parcel(record) for record in outgoing], DELIVERY_TIMEOUT_MS / 1000)
        except BaseException:
            self._discard()
            raise

    def _discard(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            abandon(producer, DISCARD_SECONDS)
