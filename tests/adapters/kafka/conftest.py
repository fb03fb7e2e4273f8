"""The places of the contract, and what several Kafka tests share."""

import uuid
from collections.abc import Iterator

import pytest

from streamkl.broker.launcher import Broker
from tests.adapters.kafka.places import InMemory, OnKafka, OnKafkaExactlyOnce, Place
from tests.adapters.kafka.secure import Secured, secured_broker
from tests.conftest import RunningBroker
from tests.fakes import MemoryStore


@pytest.fixture
def kafka_place(broker: RunningBroker) -> Iterator[OnKafka]:
    """The shared broker; members that a test opened are closed after it."""
    yield from _place(broker.bootstrap)


@pytest.fixture
def exactly_once_place(broker: RunningBroker) -> Iterator[OnKafkaExactlyOnce]:
    """The shared broker, with everything of a commit in one transaction."""
    place = OnKafkaExactlyOnce(broker.bootstrap)
    yield place
    for member in place.members:
        member.close()


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A broker with certificates, passwords and permissions, which may also be paused, killed and started again."""
    with secured_broker(tmp_path_factory.mktemp("keys")) as started:
        yield started


@pytest.fixture
def own_broker(secured: Secured) -> Broker:
    """The broker that may be mistreated; on its plaintext listener everything is allowed."""
    return secured.broker


@pytest.fixture
def own_place(own_broker: Broker) -> Iterator[OnKafka]:
    """A place on the broker that may be mistreated; it runs again after each test."""
    own_broker.start()
    yield from _place(own_broker.bootstrap)
    own_broker.resume()


def _place(bootstrap: str) -> Iterator[OnKafka]:
    place = OnKafka(bootstrap)
    yield place
    for member in place.members:
        member.close()


@pytest.fixture(params=["memory", *(pytest.param(name, marks=pytest.mark.broker) for name in ("kafka", "exactly_once"))])
def place(request: pytest.FixtureRequest) -> Place:
    """Each contract test runs in all places."""
    return InMemory() if request.param == "memory" else request.getfixturevalue(f"{request.param}_place")


@pytest.fixture
def group() -> str:
    """A consumer group that no other test uses."""
    return f"group-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def store() -> MemoryStore:
    """Where states go."""
    return MemoryStore()
