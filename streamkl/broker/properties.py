"""The text of a node's server.properties: tuned for a small machine, short outages and quick tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamkl.errors import BrokerError

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Node:
    """One member of a cluster: its id and its two loopback ports."""

    number: int
    port: int
    controller_port: int
    controller: bool = True


def render(node: Node, nodes: Sequence[Node], log_folder: Path, extra: Mapping[str, Value]) -> str:
    """The properties of `node` in the cluster `nodes`. `extra` comes last and wins.

    Raises BrokerError where a value cannot be written as one property.
    """
    if "," in str(log_folder):
        raise BrokerError(f"directory: {log_folder} contains a comma, where Kafka would split it; choose another folder.")
    replicas = min(3, len(nodes))
    in_sync = 2 if replicas == 3 else 1
    listeners = {"PLAINTEXT": node.port}
    if node.controller:
        listeners["CONTROLLER"] = node.controller_port
    values: dict[str, Value] = {
        "process.roles": "broker,controller" if node.controller else "broker",
        "node.id": node.number,
        "controller.quorum.voters": ",".join(f"{each.number}@127.0.0.1:{each.controller_port}" for each in nodes if each.controller),
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items()),
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{node.port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(log_folder),
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,  # 128 MB by default, more than half of the heap
        "broker.session.timeout.ms": 2000,  # back 3.5 s after a SIGKILL instead of 11 s: the dead one is fenced sooner
        "broker.heartbeat.interval.ms": 500,
        # Alone, a broker that says goodbye is back 2 s sooner; the last one of a cluster would wait for controllers that are gone.
        "controlled.shutdown.enable": len(nodes) == 1,
        **extra,
    }
    return "".join(f"{key}={_escape(key, value)}\n" for key, value in values.items())


def _escape(key: str, value: Value) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if any(character in key for character in "=: \t\r\n") or "\n" in text or "\r" in text:
        raise BrokerError(f"properties: {key!r} = {text!r} does not fit into one line of a properties file.")
    return text.replace("\\", "\\\\")
