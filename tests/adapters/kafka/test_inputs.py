"""How many partitions a subscription has: of all its topics together, or unknown."""

from collections.abc import Callable

import pytest

from streamkl.adapters.kafka import input_partitions
from streamkl.broker.loopback import free_port
from streamkl.errors import SourceError
from streamkl.transport import Cluster
from tests.conftest import RunningBroker

pytestmark = pytest.mark.broker


def test_partitions_of_all_topics_are_added_up(broker: RunningBroker, create_topic: Callable[..., str], topic_name: str) -> None:
    cluster = Cluster(bootstrap_servers=(broker.bootstrap,), client_id="test")
    one, other, dead = (create_topic(count, f"{topic_name}.{end}") for count, end in ((2, "one"), (3, "other"), (4, "dead")))

    def count(*topics: str, pattern: str = "") -> int:
        return input_partitions(cluster, topics=topics, topic_pattern=pattern, excluded_topics=(dead,))

    assert count(one) == 2
    assert count(one, other) == 5
    assert count(pattern=rf"{topic_name}\..*") == 5  # what we write is not read, whatever the pattern says
    assert count(one, f"{topic_name}.missing") == 0
    assert count(pattern=f"{topic_name}-nothing") == 0


def test_a_cluster_that_is_away_is_a_source_error() -> None:
    cluster = Cluster(bootstrap_servers=(f"127.0.0.1:{free_port()}",), client_id="test")
    with pytest.raises(SourceError, match="no Kafka broker can be reached"):
        input_partitions(cluster, topics=("metrics",), topic_pattern="", excluded_topics=())
