"""A broker that streamkl brings itself: it serves, it keeps data over a SIGKILL, and it leaves nothing behind."""

from collections.abc import Callable

import pytest
from kafka import KafkaConsumer, KafkaProducer

pytestmark = pytest.mark.broker


def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for value in values:
        producer.send(topic, value).get(timeout=20)
    producer.close()


def consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=20_000)
    values = [record.value for record, _ in zip(consumer, range(count), strict=False)]
    consumer.close()
    return values


def test_a_record_produced_to_the_shared_broker_is_consumed_from_it(broker, create_topic: Callable[..., str]) -> None:
    topic = create_topic()
    produce(broker.bootstrap, topic, b"one")
    assert consume(broker.bootstrap, topic, 1) == [b"one"]
