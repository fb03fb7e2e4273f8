"""Which library speaks to Kafka for the service: the one that is configured, imported only then."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, Protocol

from streamkl.adapters.kafka import KafkaCourier, KafkaSession, KafkaSource, KafkaStateReader, Settler
from streamkl.adapters.kafka import Transactor as KafkaTransactor
from streamkl.config import KafkaConfig
from streamkl.errors import ConfigError
from streamkl.ports import Source
from streamkl.transport import Cluster
from streamkl.transport.clients import Courier, Membership, StateReader, Transactor


class Session(Membership, Protocol):
    """An open membership, and where it is one."""

    cluster: Cluster

    def close(self) -> None:
        """Leave the group. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Client:
    """The parts of one library that belong together."""

    session: Callable[..., Session]
    source: Callable[[Any], Source]
    courier: Callable[[Cluster], Courier]
    transactor: Callable[..., Transactor]
    reader: Callable[[Any], StateReader]


KAFKA_PYTHON = Client(KafkaSession, KafkaSource, KafkaCourier, KafkaTransactor, lambda session: KafkaStateReader(session.cluster))


def client_of(kafka: KafkaConfig, state_topic: str) -> Client:
    """The library that `kafka.client` names; `state_topic` is where state is kept, or "". ConfigError where it is not installed."""
    if kafka.client == "kafka-python":
        return KAFKA_PYTHON
    if find_spec("confluent_kafka") is None:
        raise ConfigError(["kafka.client = \"confluent\": confluent-kafka is not installed; pip install 'streamkl[confluent]'"])
    from streamkl.adapters import confluent  # noqa: PLC0415 - an optional dependency

    return Client(
        partial(confluent.ConfluentSession, state_topic=state_topic),
        confluent.ConfluentSource,
        confluent.ConfluentCourier,
        lambda cluster, name, *where: confluent.ConfluentTransactor(cluster, name, Settler(cluster, name, *where)),
        confluent.ConfluentStateReader,
    )
