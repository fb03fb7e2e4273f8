"""Brokers to strike: one behind a proxy, or three that are one cluster."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from streamkl.broker.cluster import Cluster
from streamkl.broker.launcher import Broker
from streamkl.broker.loopback import free_port
from streamkl.broker.properties import Node
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Ground


@contextmanager
def one() -> Iterator[Ground]:
    """The harness talks to it directly, the service through the proxy."""
    node = Node(1, free_port(), free_port())
    proxy = Proxy()
    try:
        with Broker(nodes=[node], properties=proxy.properties(node)) as broker:
            yield Ground(broker.bootstrap, (broker,), proxy)
    finally:
        proxy.close()


@contextmanager
def three() -> Iterator[Ground]:
    """Replication 3, two of them in sync."""
    with Cluster(3) as cluster:
        yield Ground(cluster.bootstrap, cluster.brokers)


GROUNDS: dict[str, Callable[[], AbstractContextManager[Ground]]] = {"one": one, "three": three}
