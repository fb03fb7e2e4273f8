"""A real Apache Kafka for every test that asks for one: started once per session, or the one that STREAMKL_TEST_BOOTSTRAP names."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

import hypothesis
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from streamkl.adapters.kafka.sockets import ClosingSocket
from streamkl.broker.launcher import Broker

# Where the tests run in the background of a script, Ctrl-C is ignored by them and by every process they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A test that waits for the compiler, or for its turn on a busy machine, has not failed.
hypothesis.settings.register_profile("unhurried", hypothesis.settings.default, deadline=None)
# Where kernels run as plain Python only lines are counted; what is found there was looked for before, with compiled ones.
hypothesis.settings.register_profile("counting", hypothesis.settings.default, deadline=None, max_examples=15)
hypothesis.settings.load_profile("counting" if os.environ.get("NUMBA_DISABLE_JIT") == "1" else "unhurried")

# The library leaves the socket of an attempt that was given up to the garbage collector, which would blame whatever test runs then.
for client in (KafkaConsumer, KafkaProducer, KafkaAdminClient):
    client.DEFAULT_CONFIG["proxy_url"] = ClosingSocket.URL


class RunningBroker(NamedTuple):
    """What tests know about the broker they talk to."""

    bootstrap: str


@pytest.fixture(scope="session")
def broker() -> Iterator[RunningBroker]:
    """A broker that all tests of the session share: use topics of your own (`topic_name`, `create_topic`)."""
    existing = os.environ.get("STREAMKL_TEST_BOOTSTRAP")
    if existing:
        yield RunningBroker(existing)
    else:
        with Broker() as started:
            yield RunningBroker(started.bootstrap)


@pytest.fixture(scope="session")
def admin(broker: RunningBroker) -> Iterator[KafkaAdminClient]:
    """An admin client on the shared broker."""
    client = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    yield client
    client.close()


@pytest.fixture
def topic_name() -> str:
    """A topic name that no other test uses; the topic does not exist yet."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def create_topic(admin: KafkaAdminClient) -> Callable[..., str]:
    """`create_topic(partitions=1, name=None, **topic_configs)` makes a topic that is ready when it returns, and returns its name."""

    def create(partitions: int = 1, name: str | None = None, **configs: str) -> str:
        topic = name or f"test-{uuid.uuid4().hex[:12]}"
        settings = {key.replace("_", "."): value for key, value in configs.items()}
        admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=settings)])
        admin.wait_for_topics([topic])
        return topic

    return create
