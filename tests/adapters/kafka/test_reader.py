"""One connection for many readings, and another after one that failed."""

from collections.abc import Iterator

import pytest
from kafka import TopicPartition
from kafka import errors as kafka_errors

from streamkl.adapters.kafka.reader import SharedReader
from streamkl.broker.launcher import Broker
from streamkl.transport import Cluster
from tests.adapters.kafka.places import OnKafka

pytestmark = pytest.mark.broker


@pytest.fixture
def reader(own_broker: Broker) -> Iterator[SharedReader]:
    opened = SharedReader(Cluster(bootstrap_servers=(own_broker.bootstrap,), client_id="test"))
    yield opened
    opened.rest()


def end(reader: SharedReader, topic: str) -> int:
    where = TopicPartition(topic, 0)
    with reader as consumer:
        return int(consumer.end_offsets([where], timeout_ms=1_000)[where])


def test_readings_share_a_connection_until_it_rests(reader: SharedReader) -> None:
    with reader as first:
        pass
    with reader as second:
        assert second is first
    reader.rest()
    reader.rest()
    with reader as third:
        assert third is not first


def test_one_that_met_a_broker_at_rest_is_not_used_again(reader: SharedReader, own_broker: Broker, own_place: OnKafka) -> None:
    topic = own_place.topic()
    assert end(reader, topic) == 0
    with reader as before:
        pass
    own_broker.pause()
    with pytest.raises(kafka_errors.KafkaTimeoutError):
        end(reader, topic)
    own_broker.resume()
    with reader as after:
        assert after is not before
    assert end(reader, topic) == 0
