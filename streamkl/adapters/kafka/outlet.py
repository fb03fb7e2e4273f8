"""The at-least-once Kafka side of the Outlet port: results out, then states saved, then offsets moved."""

from streamkl.adapters.kafka.cluster import Cluster
from streamkl.adapters.kafka.session import KafkaSession
from streamkl.ports import StateStore, Step


class KafkaOutlet:
    """Commits through the session that the source reads with."""

    def __init__(self, cluster: Cluster, session: KafkaSession, store: StateStore) -> None:
        raise NotImplementedError

    def commit(self, step: Step) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
