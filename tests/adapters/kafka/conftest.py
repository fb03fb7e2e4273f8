"""The places of the contract, and what several Kafka tests share."""

import uuid
from collections.abc import Iterator
from typing import TypeVar

import pytest

from streamkl.broker.launcher import Broker
from tests.adapters.kafka.places import CLIENTS, InMemory, OnKafka, OnKafkaExactlyOnce, Place
from tests.adapters.kafka.secure import Secured, secured_broker
from tests.conftest import RunningBroker
from tests.fakes import MemoryStore


@pytest.fixture
def client(request: pytest.FixtureRequest) -> str:
    """The library under test; tests marked `with_both` run with each."""
    return getattr(request, "param", CLIENTS[0])


@pytest.fixture
def kafka_place(broker: RunningBroker, client: str) -> Iterator[OnKafka]:
    """The shared broker; members that a test opened are closed after it."""
    yield from _closing(OnKafka(broker.bootstrap, client))


@pytest.fixture
def exactly_once_place(broker: RunningBroker, client: str) -> Iterator[OnKafkaExactlyOnce]:
    """The shared broker, with everything of a commit in one transaction."""
    yield from _closing(OnKafkaExactlyOnce(broker.bootstrap, client))


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
def own_place(own_broker: Broker, client: str) -> Iterator[OnKafka]:
    """A place on the broker that may be mistreated; it runs again after each test."""
    own_broker.start()
    yield from _closing(OnKafka(own_broker.bootstrap, client))
    own_broker.resume()


_Opened = TypeVar("_Opened", bound=OnKafka)


def _closing(place: _Opened) -> Iterator[_Opened]:
    yield place
    for member in place.members:
        member.close()


KINDS: dict[str, type[OnKafka]] = {"kafka": OnKafka, "exactly_once": OnKafkaExactlyOnce}
PLACES = [pytest.param((kind, client), marks=pytest.mark.broker, id=f"{kind}-{client}") for kind in KINDS for client in CLIENTS]


@pytest.fixture(params=["memory", *PLACES])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Each contract test runs in all places."""
    if request.param == "memory":
        yield InMemory()
        return
    kind, client = request.param
    yield from _closing(KINDS[kind](request.getfixturevalue("broker").bootstrap, client))


@pytest.fixture
def group() -> str:
    """A consumer group that no other test uses."""
    return f"group-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def store() -> MemoryStore:
    """Where states go."""
    return MemoryStore()
