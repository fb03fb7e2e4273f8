"""One connection for many readings, and another after one that failed."""

from collections.abc import Iterator

import pytest
from kafka import TopicPartition
from kafka import errors as kafka_errors
from kafka.consumer.fetcher import Fetcher

from streamkl.adapters.kafka.reader import SharedReader
from streamkl.broker.launcher import Broker
from streamkl.errors import SourceError
from streamkl.model import Partition
from streamkl.transport import Cluster
from tests.adapters.kafka.places import OnKafka
from tests.adapters.kafka.reading import joined
from tests.fakes import MemoryStore

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


def test_a_leader_that_does_not_know_its_offsets_yet_is_asked_again_later(
    kafka_place: OnKafka, group: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is cut: an election cannot be timed so finely. The library raises KeyError over what then is missing."""
    topic = kafka_place.topic()
    source = kafka_place.member(group, topic, store).source
    joined(source)
    monkeypatch.setattr(Fetcher, "_handle_list_offsets_response", lambda _self, _response: ({}, set()))
    with pytest.raises(SourceError, match=r"its leader does not know its offsets yet") as raised:
        source.bounds(Partition(topic, 0))
    assert raised.value.transient
    monkeypatch.undo()
    assert source.bounds(Partition(topic, 0)) == (0, 0)
