"""How results leave and where state is kept: the outlet and the store that go together."""

from contextlib import ExitStack
from functools import partial

from streamkl.adapters.state_files import FileStateStore
from streamkl.adapters.state_memory import MemoryStateStore
from streamkl.assembly.clients import Client, Session
from streamkl.assembly.joining import source_of
from streamkl.config import Config, KafkaConfig
from streamkl.engine.outgoing import encode_event, encode_rejected
from streamkl.ports import Outlet, States, StateStore
from streamkl.runner.holdings import Encoders
from streamkl.transport import AtLeastOnceOutlet, ExactlyOnceOutlet, TopicStateStore


def state_topic(config: Config) -> str:
    """Where state is kept in the cluster, or ""."""
    return config.state.topic if config.state.backend == "topic" else ""


def open_store(config: Config, stack: ExitStack) -> StateStore | None:
    """Where state is kept on this machine; None where it is kept in the cluster. Raises ConfigError."""
    if config.state.backend == "topic":
        return None
    if config.state.backend == "none":
        return MemoryStateStore()
    store = FileStateStore(config.state.directory)
    stack.callback(store.close)
    return store


def transactional_id(kafka: KafkaConfig) -> str:
    """A function of the group and of this instance's name in it, so that a restart ends what was left open."""
    return f"streamkl-{kafka.group_id}-{kafka.group_instance_id}"


def encoders_of(kafka: KafkaConfig) -> Encoders:
    """How results become records of the topics that are configured."""
    return Encoders(
        event=partial(encode_event, topic=kafka.events_topic, source_uri=source_of(kafka)),
        rejected=partial(encode_rejected, topic=kafka.dead_letter_topic),
    )


def deliver_through(config: Config, client: Client, session: Session, store: StateStore | None) -> tuple[Outlet, States]:
    """The outlet for the chosen delivery, and where its states come back from."""
    if store is not None:
        return AtLeastOnceOutlet(session, client.courier(session.cluster), store), store
    written = (config.kafka.events_topic, config.kafka.dead_letter_topic, config.state.topic)
    transactor = client.transactor(session.cluster, transactional_id(config.kafka), written, config.kafka.group_id)
    states = TopicStateStore(session, transactor, client.reader(session), config.state.topic)
    return ExactlyOnceOutlet(session, transactor, states, config.state.topic), states
