"""Whether a broker answers, in one small request: no client threads, no retries, no log lines."""

import socket

from kafka.errors import KafkaError
from kafka.protocol.metadata import MetadataRequest
from kafka.protocol.parser import KafkaProtocol


def metadata(port: int, timeout_seconds: float = 1.0) -> object | None:
    """The reply of the broker on this loopback port about all brokers and topics, or None while there is none."""
    codec = KafkaProtocol(client_id="streamkl-ready")
    codec.send_request(MetadataRequest[1](topics=None))
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_seconds) as connection:
            connection.settimeout(timeout_seconds)
            connection.sendall(codec.send_bytes())
            while data := connection.recv(65536):
                for _, reply in codec.receive_bytes(data):
                    return reply
    except (OSError, KafkaError):
        return None
    return None


def serves(reply: object | None, number: int, port: int) -> bool:
    """Whether by this reply the node is admitted to the cluster at this port and leads the partitions that only it holds."""
    if reply is None or getattr(reply, "controller_id", -1) < 0:
        return False
    admitted = any((broker.node_id, broker.port) == (number, port) for broker in reply.brokers)  # type: ignore[attr-defined]
    partitions = (partition for topic in reply.topics for partition in topic.partitions)  # type: ignore[attr-defined]
    return admitted and all(each.leader_id == number for each in partitions if list(each.replica_nodes) == [number])
