"""A partition without a leader misses the ending of a transaction: what was aborted stays hidden, what was committed is seen."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaConnectionError
from kafka.structs import ConsumerGroupMetadata, MemberState

from streamkl.adapters.kafka import endings
from streamkl.adapters.kafka.internals import abandon
from streamkl.assembly.clients import client_of
from streamkl.broker.cluster import Cluster as Brokers
from streamkl.config import KafkaConfig
from streamkl.errors import SinkError
from streamkl.model import Outgoing, Partition
from streamkl.transport import Cluster, tuning
from streamkl.transport.clients import Kept, Parcel, Transactor
from tests.adapters.kafka.places import with_both

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300), with_both]

NOBODY = ConsumerGroupMetadata("nobody", 1, "m", None, MemberState.STABLE)  # no offsets are sent, so confluent never looks at it


@pytest.fixture(scope="module")
def brokers() -> Iterator[Brokers]:
    """Two; the second may be killed, and the first one then speaks for everything but what lies on the second alone."""
    with Brokers(2) as started:
        yield started


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "ABORT_TIMEOUT_MS", 10_000)  # "given up" means that the coordinator has heard of it
    monkeypatch.setattr(endings, "QUERY_TIMEOUT_MS", 1_000)


class World:
    """A topic on the second broker alone."""

    def __init__(self, brokers: Brokers, client: str) -> None:
        self.client = client_of(KafkaConfig(client=client), "")  # type: ignore[arg-type]
        self.bootstrap, self.second = brokers.bootstrap, brokers.brokers[1]
        self.id, self.topic = f"ours-{uuid.uuid4().hex[:8]}", f"events-{uuid.uuid4().hex[:8]}"
        self.where = TopicPartition(self.topic, 0)
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            admin.create_topics([NewTopic(self.topic, replica_assignments={0: [2]})])
            admin.wait_for_topics([self.topic])

    def transactor(self) -> Transactor:
        return self.client.transactor(
            Cluster(bootstrap_servers=tuple(self.bootstrap.split(",")), client_id="test"), self.id, (self.topic,), "group"
        )

    def lose_the_leader(self) -> None:
        self.second.kill()

        def leaderless() -> bool:
            with suppress(KafkaConnectionError):
                return bool(admin.describe_topics([self.topic])[0]["partitions"][0]["leader_id"] == -1)
            return False

        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            wait_until(leaderless)

    def read(self, seconds: float = 0.0) -> list[bytes]:
        """What readers of committed records see, once they see anything behind which nothing is open, or after so long."""
        with KafkaConsumer(bootstrap_servers=self.bootstrap, isolation_level="read_committed") as consumer:
            consumer.assign([self.where])
            consumer.seek_to_beginning()
            found: list[bytes] = []
            until = time.monotonic() + seconds
            while time.monotonic() < until or consumer.position(self.where) < consumer.end_offsets([self.where])[self.where]:
                found += [each.value for batch in consumer.poll(100).values() for each in batch]
            return found


@pytest.fixture
def world(brokers: Brokers, client: str) -> Iterator[World]:
    opened = World(brokers, client)
    yield opened
    opened.second.start()


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def write(transactor: Transactor, world: World, value: bytes, meanwhile: Callable[[], None] = lambda: None) -> None:
    """One transaction with one record; `meanwhile` comes when the record has arrived and nothing has ended."""

    def offsets(_: Sequence[int]) -> dict[Partition, Kept]:
        meanwhile()
        return {}

    transactor.commit([Parcel(Outgoing(world.topic, b"k", value, ()), 0)], offsets, NOBODY)


def until_it_works(attempt: Callable[[], None]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            return attempt()
        except SinkError as error:
            if not error.transient or time.monotonic() > deadline:
                raise


def test_what_was_given_up_without_a_leader_never_appears(world: World) -> None:
    transactor = world.transactor()
    write(transactor, world, b"1")

    def fail() -> None:
        world.lose_the_leader()
        raise ZeroDivisionError

    with pytest.raises((ZeroDivisionError, SinkError)):
        write(transactor, world, b"given up", fail)
    with pytest.raises(SinkError, match=f"topic {world.topic}: it is not certain that the transaction before has ended there"):
        transactor.open()
    world.second.start()
    until_it_works(lambda: write(transactor, world, b"2"))
    transactor.close()
    assert world.read() == [b"1", b"2"]


def test_what_was_committed_without_a_leader_is_seen_and_outlives_a_later_failure(world: World) -> None:
    transactor = world.transactor()
    write(transactor, world, b"1", world.lose_the_leader)
    world.second.start()

    def fail() -> None:
        raise ZeroDivisionError

    until_it_works(transactor.open)
    assert world.read() == [b"1"]
    with pytest.raises((ZeroDivisionError, SinkError)):
        write(transactor, world, b"given up", fail)
    write(transactor, world, b"2")
    transactor.close()
    assert world.read() == [b"1", b"2"]


@pytest.mark.parametrize("transaction_timeout_ms", [60_000, 3_000])
def test_a_killed_process_leaves_nothing_that_its_heir_would_commit(world: World, transaction_timeout_ms: int) -> None:
    """With the short time-out the coordinator has given it up before the heir comes."""
    producer = KafkaProducer(bootstrap_servers=world.bootstrap, transactional_id=world.id, transaction_timeout_ms=transaction_timeout_ms)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(world.topic, b"given up", partition=0).get(timeout=10)
    world.lose_the_leader()
    abandon(producer, 5.0)
    time.sleep(0 if transaction_timeout_ms > 10_000 else 6)
    heir = world.transactor()
    with pytest.raises(SinkError, match="it is not certain"):
        heir.open()
    world.second.start()
    until_it_works(lambda: write(heir, world, b"1"))
    heir.close()
    assert world.read() == [b"1"]
