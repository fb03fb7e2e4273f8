"""The client library's transactions lose, repeat and invent without an error; ours do not. Each hazard is shown on the bare one first."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest
from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka import errors as kafka_errors
from kafka.future import Future
from kafka.protocol.producer import ProduceRequest
from kafka.structs import ConsumerGroupMetadata

from streamkl.adapters.kafka.transactions import Transactor
from streamkl.broker.launcher import Broker
from streamkl.errors import FencedError, SinkError
from streamkl.model import Outgoing, Partition
from streamkl.transport import Cluster, tuning
from streamkl.transport.clients import Kept, Parcel
from tests.adapters.kafka.places import OnKafka, join_group, poll

pytestmark = pytest.mark.broker

Offsets = Mapping[Partition, Kept]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives up after 2 s."""
    for name in ("DELIVERY_TIMEOUT_MS", "STEP_TIMEOUT_MS"):
        monkeypatch.setattr(tuning, name, 2_000)
    monkeypatch.setattr(tuning, "REQUEST_TIMEOUT_MS", 1_000)


@pytest.fixture
def transactor(kafka_place: OnKafka, group: str) -> Iterator[Transactor]:
    opened = Transactor(cluster_of(kafka_place), f"ours-{group}")
    yield opened
    opened.close()


def cluster_of(place: OnKafka) -> Cluster:
    return Cluster(bootstrap_servers=(place.bootstrap,), client_id="test")


@contextmanager
def bare(place: OnKafka, name: str, **options: int) -> Iterator[KafkaProducer]:
    """The library's producer, ready for its first transaction."""
    with KafkaProducer(bootstrap_servers=place.bootstrap, transactional_id=f"bare-{name}", **options) as producer:
        producer.init_transactions()
        yield producer


class Group:
    """A member of a group, as the library shows it."""

    def __init__(self, place: OnKafka, group: str, topic: str, **options: int) -> None:
        self.consumer = join_group(place.bootstrap, group, topic, **options)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline
            poll(self.consumer)

    def member(self) -> ConsumerGroupMetadata:
        return self.consumer.group_metadata()

    def committed(self, topic: str, partitions: int) -> list[int | None]:
        return [self.consumer.committed(TopicPartition(topic, number)) for number in range(partitions)]


@pytest.fixture
def join(kafka_place: OnKafka, group: str) -> Iterator[Callable[..., Group]]:
    """`join(topic)` is a member of the test's group."""
    members: list[Group] = []

    def begin(topic: str, **options: int) -> Group:
        members.append(Group(kafka_place, group, topic, **options))
        return members[-1]

    yield begin
    for each in members:
        each.consumer.close(autocommit=False)


def parcel(topic: str, value: bytes = b"x") -> Parcel:
    return Parcel(Outgoing(topic, b"k", value, ()))


def bare_at(topic: str, *offsets: int) -> dict[TopicPartition, OffsetAndMetadata]:
    return {TopicPartition(topic, number): OffsetAndMetadata(offset, "", -1) for number, offset in enumerate(offsets)}


def at(topic: str, *offsets: int | None) -> Callable[[Sequence[int]], Offsets]:
    """The next offsets of partitions 0, 1, ...; None: not this one."""
    wanted = {Partition(topic, number): Kept(offset) for number, offset in enumerate(offsets) if offset is not None}
    return lambda _delivered: wanted


def values(place: OnKafka, topic: str) -> list[bytes | None]:
    return [message.value for message in place.read(topic)]


# -- H1: a record that was given up, and a commit that succeeds without it ------


def lose_leader(producer: KafkaProducer, topic: str) -> None:
    """Every record for the topic is answered by "not the leader", as while it has none."""
    client = producer._sender._client
    send = client.send

    def refuse(node: object, request: object, **options: object) -> Future:
        if isinstance(request, ProduceRequest) and any(each.name == topic for each in request.topic_data):
            return Future().failure(kafka_errors.NotLeaderForPartitionError())
        return send(node, request, **options)

    client.send = refuse


def test_the_bare_library_commits_without_a_record_that_never_arrived(kafka_place: OnKafka, group: str) -> None:
    alerts, state = kafka_place.topic(), kafka_place.topic()
    with bare(kafka_place, group, delivery_timeout_ms=2_000, request_timeout_ms=1_000) as producer:
        lose_leader(producer, alerts)
        producer.begin_transaction()
        lost = producer.send(alerts, b"alert")
        producer.send(state, b"state")
        producer.commit_transaction()
        assert lost.failed()
    assert values(kafka_place, state) == [b"state"]
    assert values(kafka_place, alerts) == []


@pytest.mark.usefixtures("impatient")
def test_a_record_that_never_arrived_takes_everything_else_with_it(
    kafka_place: OnKafka, transactor: Transactor, join: Callable[..., Group]
) -> None:
    topic, alerts, state = kafka_place.topic(), kafka_place.topic(), kafka_place.topic()
    ours = join(topic)
    transactor.open()
    lose_leader(transactor._producer, alerts)
    with pytest.raises(SinkError, match=f"topic {alerts}: ") as caught:
        # The lost one first: where both go out in one request, both are lost, and the first one is named.
        transactor.commit([parcel(alerts), parcel(state)], at(topic, 5), ours.member())
    assert caught.value.transient
    assert values(kafka_place, state) == []
    assert ours.committed(topic, 1) == [None]


# -- H2: offsets of an aborted transaction that come back with the next one ------


def test_the_bare_library_commits_offsets_of_an_aborted_transaction_with_the_next_one(
    kafka_place: OnKafka, group: str, join: Callable[..., Group]
) -> None:
    topic = kafka_place.topic(partitions=2)
    ours = join(topic)
    with bare(kafka_place, group) as producer:
        producer.begin_transaction()
        with pytest.raises(kafka_errors.CommitFailedError):
            producer.send_offsets_to_transaction(bare_at(topic, 100, 200), ours.member()._replace(generation_id=99))
        producer.abort_transaction()
        producer.begin_transaction()
        producer.send_offsets_to_transaction(bare_at(topic, 101), ours.member())
        producer.commit_transaction()
    assert ours.committed(topic, 2) == [101, 200]


def test_offsets_that_were_refused_are_gone(kafka_place: OnKafka, transactor: Transactor, join: Callable[..., Group]) -> None:
    topic, alerts = kafka_place.topic(partitions=2), kafka_place.topic()
    ours = join(topic)
    with pytest.raises(FencedError, match="moved on"):
        transactor.commit([parcel(alerts, b"stale")], at(topic, 100, 200), ours.member()._replace(generation_id=99))
    transactor.commit([parcel(alerts, b"good")], at(topic, 101), ours.member())
    assert ours.committed(topic, 2) == [101, None]
    assert values(kafka_place, alerts) == [b"good"]


# -- H3: a member that was declared dead commits without a name ------------------


def test_the_bare_library_lets_a_dead_member_commit(kafka_place: OnKafka, group: str, join: Callable[..., Group]) -> None:
    topic = kafka_place.topic()
    zombie = join(topic, max_poll_interval_ms=1_000)
    time.sleep(2.0)
    heir = join(topic)
    nobody = zombie.member()
    with bare(kafka_place, group) as producer:
        producer.begin_transaction()
        producer.send_offsets_to_transaction(bare_at(topic, 7), nobody)
        producer.commit_transaction()
    assert (nobody.generation_id, nobody.member_id) == (-1, "")
    heir.until(lambda: heir.committed(topic, 1) == [7])


def test_a_dead_member_commits_nothing_with_a_name_or_without(
    kafka_place: OnKafka, transactor: Transactor, join: Callable[..., Group]
) -> None:
    topic, alerts = kafka_place.topic(), kafka_place.topic()
    zombie = join(topic, max_poll_interval_ms=1_000)
    pinned = zombie.member()
    time.sleep(2.0)
    heir = join(topic)
    with pytest.raises(FencedError, match="moved on"):
        transactor.commit([parcel(alerts)], at(topic, 7), pinned)
    with pytest.raises(FencedError, match="no member"):
        transactor.commit([parcel(alerts)], at(topic, 7), zombie.member())
    assert heir.committed(topic, 1) == [None]
    assert values(kafka_place, alerts) == []


# -- H4: a broker that aborts and a library that calls it committed --------------


def break_sequence(producer: KafkaProducer, topic: str) -> None:
    """The broker will say that records before the next one are missing."""
    producer._transaction_manager.set_sequence_number(TopicPartition(topic, 0), 5)


def test_the_bare_library_calls_a_transaction_committed_that_the_broker_aborted(kafka_place: OnKafka, group: str) -> None:
    alerts = kafka_place.topic()
    with bare(kafka_place, group) as producer:
        producer.begin_transaction()
        producer.send(alerts, b"first").get(timeout=10)
        producer.commit_transaction()
        producer.begin_transaction()
        break_sequence(producer, alerts)
        producer.send(alerts, b"second")
        producer.commit_transaction()
    assert values(kafka_place, alerts) == [b"first"]


def test_a_gap_in_the_sequence_is_an_error_and_the_next_try_works(
    kafka_place: OnKafka, transactor: Transactor, join: Callable[..., Group]
) -> None:
    topic, alerts = kafka_place.topic(), kafka_place.topic()
    ours = join(topic)
    transactor.commit([parcel(alerts, b"first")], at(topic, 1), ours.member())
    break_sequence(transactor._opened(), alerts)  # a slow commit has dropped the one before
    with pytest.raises(SinkError) as caught:
        transactor.commit([parcel(alerts, b"second")], at(topic, 2), ours.member())
    assert caught.value.transient
    assert ours.committed(topic, 1) == [1]
    transactor.commit([parcel(alerts, b"second")], at(topic, 2), ours.member())
    assert values(kafka_place, alerts) == [b"first", b"second"]
    assert ours.committed(topic, 1) == [2]


# -- time, and others ------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
def test_a_broker_that_stays_silent_is_given_up_and_nothing_stays_behind(own_broker: Broker, own_place: OnKafka, group: str) -> None:
    topic, alerts = own_place.topic(), own_place.topic()
    ours = Group(own_place, group, topic)
    before = set(threading.enumerate())
    transactor = Transactor(cluster_of(own_place), group)
    transactor.commit([parcel(alerts, b"before")], at(topic, 1), ours.member())
    member = ours.member()
    own_broker.pause()
    began = time.monotonic()
    with pytest.raises(SinkError) as caught:
        transactor.commit([], at(topic, 2), member)  # no record is sent: the bare library waits here until the broker is back
    assert caught.value.transient
    assert time.monotonic() - began < 15
    assert set(threading.enumerate()) <= before
    own_broker.resume()
    ours.until(lambda: ours.member().generation_id > 0)
    transactor.commit([parcel(alerts, b"after")], at(topic, 2), ours.member())
    transactor.close()
    assert values(own_place, alerts) == [b"before", b"after"]
    ours.until(
        lambda: ours.committed(topic, 1) == [2]
    )  # an impatient consumer hears nothing until the broker has marked the transaction's end
    ours.consumer.close(autocommit=False)


def test_whoever_opens_the_same_id_next_aborts_what_was_open_and_fences_the_one_before(
    kafka_place: OnKafka, transactor: Transactor, group: str, join: Callable[..., Group]
) -> None:
    topic, alerts = kafka_place.topic(), kafka_place.topic()
    ours = join(topic)
    transactor.open()
    assert transactor._producer is not None
    transactor._producer.begin_transaction()
    transactor._producer.send(alerts, b"left open").get(timeout=10)
    heir = Transactor(cluster_of(kafka_place), f"ours-{group}")
    began = time.monotonic()
    heir.open()
    heir.commit([parcel(alerts, b"heir")], at(topic, 1), ours.member())
    assert values(kafka_place, alerts) == [b"heir"]
    assert time.monotonic() - began < tuning.TRANSACTION_TIMEOUT_MS / 1000 / 2
    heir.close()


def test_a_producer_that_was_fenced_is_an_error_that_passes(
    kafka_place: OnKafka, transactor: Transactor, group: str, join: Callable[..., Group]
) -> None:
    topic, alerts = kafka_place.topic(), kafka_place.topic()
    ours = join(topic)
    transactor.open()
    heir = Transactor(cluster_of(kafka_place), f"ours-{group}")
    heir.open()
    with pytest.raises(SinkError, match="another process") as caught:
        transactor.commit([parcel(alerts, b"old")], at(topic, 1), ours.member())
    assert caught.value.transient
    heir.close()
    transactor.commit([parcel(alerts, b"again")], at(topic, 1), ours.member())
    assert values(kafka_place, alerts) == [b"again"]


def test_what_the_caller_raises_between_records_and_offsets_aborts_it_all(
    kafka_place: OnKafka, transactor: Transactor, join: Callable[..., Group]
) -> None:
    topic, alerts = kafka_place.topic(), kafka_place.topic()
    ours = join(topic)

    def refuse(delivered: Sequence[int]) -> Offsets:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        transactor.commit([parcel(alerts)], refuse, ours.member())
    assert values(kafka_place, alerts) == []


def test_a_record_that_the_topic_does_not_accept_is_final(kafka_place: OnKafka, transactor: Transactor, join: Callable[..., Group]) -> None:
    topic, alerts = kafka_place.topic(), kafka_place.topic(max_message_bytes="1000")
    ours = join(topic)
    with pytest.raises(SinkError, match=rf"topic {alerts}: .*max\.message\.bytes") as caught:
        transactor.commit([parcel(alerts, os.urandom(5_000))], at(topic, 1), ours.member())
    assert not caught.value.transient
    assert ours.committed(topic, 1) == [None]


def test_the_topic_that_does_not_accept_a_record_is_named_whatever_else_was_sent_with_it(
    kafka_place: OnKafka, transactor: Transactor, join: Callable[..., Group]
) -> None:
    topic, fine, alerts = kafka_place.topic(), kafka_place.topic(), kafka_place.topic(max_message_bytes="1000")
    ours = join(topic)
    sent = [parcel(fine), *(parcel(alerts, os.urandom(5_000)) for _ in range(3)), parcel(fine)]
    with pytest.raises(SinkError, match=rf"topic {alerts}: .*max\.message\.bytes") as caught:
        transactor.commit(sent, at(topic, 1), ours.member())
    assert not caught.value.transient
    assert ours.committed(topic, 1) == [None]


def test_records_tell_their_offsets_before_the_group_moves(
    kafka_place: OnKafka, transactor: Transactor, join: Callable[..., Group]
) -> None:
    topic, alerts = kafka_place.topic(), kafka_place.topic()
    ours = join(topic)
    told: list[int] = []

    def note(delivered: Sequence[int]) -> Offsets:
        told.extend(delivered)
        return {Partition(topic, 0): Kept(3, ",".join(map(str, delivered)))}

    transactor.commit([parcel(alerts, b"0"), parcel(alerts, b"1")], note, ours.member())
    assert told == [0, 1]
    kept = ours.consumer.committed(TopicPartition(topic, 0), metadata=True)
    assert (kept.offset, kept.metadata) == (3, "0,1")
