"""A topic read from its beginning to its present end, leaving no trace on the broker."""

import threading
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from streamkl.adapters.kafka import TopicHistory, history
from streamkl.errors import SourceError
from streamkl.model import Message
from streamkl.transport import Cluster
from tests.adapters.kafka.secure import PASSWORD, USER, Secured
from tests.conftest import RunningBroker

pytestmark = pytest.mark.broker


def cluster_of(bootstrap: str, **settings: str) -> Cluster:
    return Cluster(bootstrap_servers=(bootstrap,), client_id="test", **settings)


def produce(bootstrap: str, topic: str, values: list[bytes], **settings: object) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, **settings)
    for i, value in enumerate(values):
        producer.send(topic, value, key=b"k", partition=i % 2, timestamp_ms=1_000 + i)
    producer.flush()
    producer.close()


def _create(bootstrap: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics({topic: {"num_partitions": 2, "replication_factor": 1}})
    admin.wait_for_topics([topic])
    admin.close()


def read(cluster: Cluster, topic: str) -> list[Message]:
    with TopicHistory(cluster, topic) as past:
        found = [message for _, messages in past.batches() for message in messages]
        assert past.seen == past.records
    return found


def test_every_record_once_in_offset_order_and_no_group_is_left(
    broker: RunningBroker, admin: KafkaAdminClient, create_topic: Callable[..., str]
) -> None:
    topic = create_topic(2)
    values = [b"%d" % i for i in range(25_000)]
    produce(broker.bootstrap, topic, values)
    groups = {group["group_id"] for group in admin.list_groups()}
    found = read(cluster_of(broker.bootstrap), topic)
    assert sorted(found, key=lambda each: each.timestamp_ms) == [
        Message(topic, i % 2, i // 2, 1_000 + i, b"k", value) for i, value in enumerate(values)
    ]
    for partition in (0, 1):
        offsets = [each.offset for each in found if each.partition == partition]
        assert offsets == sorted(offsets)
    assert {group["group_id"] for group in admin.list_groups()} <= groups  # of others, some may have gone


def test_it_ends_where_the_topic_ended_when_it_began(broker: RunningBroker, create_topic: Callable[..., str]) -> None:
    topic = create_topic(2)
    produce(broker.bootstrap, topic, [b"old"] * 10)
    with TopicHistory(cluster_of(broker.bootstrap), topic) as past:
        produce(broker.bootstrap, topic, [b"new"] * 10)
        assert [message.value for _, messages in past.batches() for message in messages] == [b"old"] * 10


def test_deleted_records_and_transactions_do_not_hold_it_up(
    broker: RunningBroker, admin: KafkaAdminClient, create_topic: Callable[..., str]
) -> None:
    topic = create_topic(2)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=topic)
    producer.init_transactions()
    for outcome in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        for i in range(4):
            producer.send(topic, outcome.__name__[:5].encode(), partition=i % 2)
        producer.flush()
        outcome()
    producer.close()
    assert [each.value for each in read(cluster_of(broker.bootstrap), topic)] == [b"commi"] * 4
    admin.delete_records({TopicPartition(topic, 0): 1})
    assert [each.value for each in read(cluster_of(broker.bootstrap), topic)] == [b"commi"] * 3
    with TopicHistory(cluster_of(broker.bootstrap), topic) as past:
        assert past.records == 11  # 12 with those that end the transactions, one of them deleted


def test_an_empty_topic_is_over_at_once(broker: RunningBroker, create_topic: Callable[..., str]) -> None:
    assert read(cluster_of(broker.bootstrap), create_topic(3)) == []


@pytest.mark.parametrize(
    ("name", "says"), [("", "does not exist; `--topic` names one that does"), (" not a name", "is not a topic's name")]
)
def test_a_topic_that_is_not_there_is_one_line(broker: RunningBroker, topic_name: str, name: str, says: str) -> None:
    with pytest.raises(SourceError, match=says) as refusal, ExitStack() as stack:
        stack.enter_context(TopicHistory(cluster_of(broker.bootstrap), topic_name + name))
    assert "\n" not in str(refusal.value)


def test_nobody_listening_is_one_line_and_leaves_nothing_open() -> None:
    before = set(threading.enumerate())
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:1 refuses the connection"):
        TopicHistory(cluster_of("127.0.0.1:1"), "metrics")
    assert set(threading.enumerate()) == before


def test_a_missing_permission_is_one_line(secured: Secured) -> None:
    settings = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_username": USER, "sasl_password": PASSWORD}
    secured.broker.start()
    _create(secured.broker.bootstrap, "history-forbidden")
    with pytest.raises(SourceError, match="topic history-forbidden: no permission for the topic: grant Read"):
        read(cluster_of(secured.sasl_plaintext, **settings), "history-forbidden")


def test_a_broker_that_goes_away_is_told_after_a_while(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "SILENCE_SECONDS", 1.0)
    broker = secured.broker
    broker.start()
    _create(broker.bootstrap, "history-away")
    produce(broker.bootstrap, "history-away", [b"x"] * 10)
    with TopicHistory(cluster_of(broker.bootstrap), "history-away") as past:
        broker.pause()
        try:
            with pytest.raises(SourceError, match=r"nothing came for 1 s; is the broker running\?"):
                list(past.batches())
        finally:
            broker.resume()
