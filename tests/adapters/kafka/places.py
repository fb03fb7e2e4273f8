"""The two places where the contract of Source and Outlet is tested: in memory, and a real broker."""

import time
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.structs import ConsumerGroupMetadata

from streamkl.adapters.kafka.internals import rescue_lost_join
from streamkl.assembly.clients import Client, Session, client_of
from streamkl.config import KafkaConfig
from streamkl.model import Message, Partition
from streamkl.ports import Outlet, Source, States, StateStore
from streamkl.transport import AtLeastOnceOutlet, Cluster, ExactlyOnceOutlet, TopicStateStore
from tests.fakes import MemoryCluster, MemoryOutlet, MemorySource

CLIENTS = ("kafka-python", "confluent")
with_both = pytest.mark.parametrize("client", CLIENTS, indirect=True)


class Member(NamedTuple):
    """One process of the service."""

    source: Source
    outlet: Outlet
    states: States

    def close(self) -> None:
        self.outlet.close()
        self.source.close()


class Record(NamedTuple):
    """What a test writes into a topic."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    at_ms: int = 1_700_000_000_000


class Place(Protocol):
    """Everything a contract test needs of the world around the ports."""

    def topic(self, partitions: int = 1) -> str: ...

    def write(self, topic: str, partition: int, records: Sequence[Record]) -> None: ...

    def read(self, topic: str) -> list[Message]: ...

    def delete_before(self, topic: str, partition: int, offset: int) -> None: ...

    def member(self, group: str, topic: str, store: StateStore) -> Member: ...


def readable(member: Any) -> ConsumerGroupMetadata:
    """A membership of either library, for a producer of kafka-python."""
    if not isinstance(member, bytes):
        return member
    group, name, *_ = member.removeprefix(b"CGMDv2:")[4:].split(b"\0")
    return ConsumerGroupMetadata(group.decode(), int.from_bytes(member[7:11], "little"), name.decode())


def member_of(client: str, member: ConsumerGroupMetadata) -> Any:
    """The other way round: a membership of kafka-python, for a transactor of either library."""
    if client != "confluent":
        return member
    names = [f"{name}\0".encode() for name in (member.group_id, member.member_id)]
    return b"".join([b"CGMDv2:", member.generation_id.to_bytes(4, "little"), *names, b"\x01"])


class InMemory:
    """The reference."""

    def __init__(self) -> None:
        self._cluster = MemoryCluster()

    def topic(self, partitions: int = 1) -> str:
        name = f"t{len(self._cluster.logs)}"
        self._cluster.create(name, partitions)
        return name

    def write(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        for record in records:
            self._cluster.append(Partition(topic, partition), record.key, record.value, record.headers, record.at_ms)

    def read(self, topic: str) -> list[Message]:
        return self._cluster.logs[Partition(topic, 0)].messages

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        self._cluster.delete_before(Partition(topic, partition), offset)

    def member(self, group: str, topic: str, store: StateStore) -> Member:
        source = MemorySource(self._cluster, group, [topic])
        return Member(source, MemoryOutlet(self._cluster, source, store), store)


def join_group(bootstrap: str, group: str, topic: str, **options: Any) -> KafkaConsumer:
    """The bare library's consumer as a member of a group that has its partitions."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        isolation_level="read_committed",
        metadata_max_age_ms=1_000,  # until a topic is noticed whose subscription met an answer that was under way
        **options,
    )
    deadline = time.monotonic() + 30
    while not consumer.assignment():
        assert time.monotonic() < deadline
        poll(consumer)
    return consumer


def poll(consumer: KafkaConsumer) -> None:
    """Take part in the group for 0.1 s."""
    consumer.poll(100)
    rescue_lost_join(consumer)


class OnKafka:
    """A real broker, written and read with the bare library; members use the one that `client` names."""

    state_topic = ""

    def __init__(self, bootstrap: str, client: str = CLIENTS[0]) -> None:
        self.bootstrap = bootstrap
        self.client: Client = client_of(KafkaConfig(client=client), self.state_topic)  # type: ignore[arg-type]
        self.members: list[Member] = []

    def admin(self) -> KafkaAdminClient:
        return KafkaAdminClient(bootstrap_servers=self.bootstrap)

    def topic(self, partitions: int = 1, *, name: str = "", **configs: str) -> str:
        name = name or f"test-{uuid.uuid4().hex[:12]}"
        # Some records here are old: a broker that lives long enough would delete them.
        settings = {"retention.ms": "-1", **{key.replace("_", "."): value for key, value in configs.items()}}
        with self.admin() as admin:
            admin.create_topics({name: {"num_partitions": partitions, "replication_factor": 1, "configs": settings}})
            admin.wait_for_topics([name])
        return name

    def write(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        with KafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5) as producer:
            sent = [
                producer.send(topic, record.value, record.key, list(record.headers), partition=partition, timestamp_ms=record.at_ms)
                for record in records
            ]
            producer.flush()
            for each in sent:
                each.get(timeout=0)

    def read(self, topic: str) -> list[Message]:
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, group_id=None, isolation_level="read_committed")
        parts = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        found: list[Message] = []
        while any(consumer.position(part) < ends[part] for part in parts):
            for part, records in consumer.poll(200).items():
                found += [Message(*part, each.offset, each.timestamp, each.key, each.value, tuple(each.headers)) for each in records]
        consumer.close()
        return found

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        with self.admin() as admin:
            admin.delete_records({TopicPartition(topic, partition): offset})

    def member(self, group: str, topic: str, store: StateStore) -> Member:
        return self.join(group, store, topics=(topic,))

    def join(
        self,
        group: str,
        store: StateStore,
        *,
        topics: Sequence[str] = (),
        topic_pattern: str = "",
        excluded_topics: Sequence[str] = (),
        group_instance_id: str | None = None,
    ) -> Member:
        cluster = Cluster(bootstrap_servers=(self.bootstrap,), client_id="test")
        session = self.client.session(
            cluster,
            group_id=group,
            topics=topics,
            topic_pattern=topic_pattern,
            excluded_topics=excluded_topics,
            session_timeout_seconds=6.0,
            group_instance_id=group_instance_id,
        )
        member = self.assemble(session, store, group_instance_id or uuid.uuid4().hex)
        self.members.append(member)
        return member

    def assemble(self, session: Session, store: StateStore, _name: str) -> Member:
        return Member(self.client.source(session), AtLeastOnceOutlet(session, self.client.courier(session.cluster), store), store)


class OnKafkaExactlyOnce(OnKafka):
    """The same broker, with results, states and offsets in one transaction."""

    def __init__(self, bootstrap: str, client: str = CLIENTS[0]) -> None:
        self.bootstrap = bootstrap
        self.state_topic = self.topic(partitions=2, cleanup_policy="compact")
        super().__init__(bootstrap, client)

    def assemble(self, session: Session, _store: StateStore, name: str) -> Member:
        """States have their topic."""
        transactor = self.client.transactor(session.cluster, f"test-{session.group_id}-{name}")
        states = TopicStateStore(session, transactor, self.client.reader(session), self.state_topic)
        return Member(self.client.source(session), ExactlyOnceOutlet(session, transactor, states, self.state_topic), states)
