"""The places of the contract, and what several Kafka tests share."""

import uuid
from collections.abc import Iterator

import pytest
from kafka.admin import KafkaAdminClient

from tests.adapters.kafka.places import InMemory, OnKafka, Place
from tests.conftest import RunningBroker
from tests.fakes import MemoryStore


@pytest.fixture
def kafka_place(broker: RunningBroker, admin: KafkaAdminClient) -> Iterator[OnKafka]:
    """The shared broker; members that a test opened are closed after it."""
    place = OnKafka(broker.bootstrap, admin)
    yield place
    for member in place.members:
        member.close()


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.broker)])
def place(request: pytest.FixtureRequest) -> Place:
    """Each contract test runs in both places."""
    return InMemory() if request.param == "memory" else request.getfixturevalue("kafka_place")


@pytest.fixture
def group() -> str:
    """A consumer group that no other test uses."""
    return f"group-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def store() -> MemoryStore:
    """Where states go."""
    return MemoryStore()
