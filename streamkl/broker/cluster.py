"""Several brokers on loopback that form one cluster, so that replication and its faults can be tried on one machine."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from streamkl.broker.launcher import Broker
from streamkl.broker.loopback import free_port
from streamkl.broker.properties import Node, Value
from streamkl.broker.storage import new_id


class Cluster:
    """`brokers` processes with replication factor 3 (or as many as there are). Not thread-safe.

    With three or more, the first three are the controllers and any one of them may be killed. With two, only the first is: kill the second.
    Each takes about 150 MB of memory. The arguments are those of `Broker`; `directory` gets a folder a node.

        with Cluster(brokers=3) as cluster:
            cluster.brokers[0].kill()
            cluster.brokers[0].restart()
    """

    def __init__(
        self,
        brokers: int = 3,
        directory: str | Path | None = None,
        *,
        properties: Mapping[str, Value] | None = None,
        java: str | Path | None = None,
    ) -> None:
        if brokers < 1:
            raise ValueError(f"brokers: {brokers} is less than 1")
        controllers = 3 if brokers >= 3 else 1
        nodes = tuple(Node(number, free_port(), free_port(), controller=number <= controllers) for number in range(1, brokers + 1))
        cluster_id = new_id()
        self.brokers = tuple(
            Broker(
                Path(directory) / f"node-{node.number}" if directory is not None else None,
                properties=properties,
                java=java,
                nodes=nodes,
                number=node.number,
                cluster_id=cluster_id,
            )
            for node in nodes
        )

    @property
    def bootstrap(self) -> str:
        """All brokers' addresses, comma-separated."""
        return ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> Self:
        """Start all that do not run, and wait until each knows all others. Raises BrokerError."""
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.wait_ready(members=len(self.brokers))
        return self

    def close(self) -> None:
        """End all brokers, as `Broker.close` does. Idempotent."""
        with ExitStack() as stack:  # all of them, even where one raises
            for broker in self.brokers:
                stack.callback(broker.close)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
