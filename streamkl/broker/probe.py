"""Whether a broker answers, in one small request: no client threads, no retries, no log lines."""

import socket
from typing import Any

from kafka.errors import KafkaError
from kafka.protocol.metadata import MetadataRequest
from kafka.protocol.parser import KafkaProtocol

from streamkl.broker.properties import Node


def metadata(port: int, timeout_seconds: float = 1.0) -> Any:
    """The MetadataResponse of the broker on this loopback port about all brokers and topics, or None while there is none."""
    codec = KafkaProtocol(client_id="streamkl-ready")
    codec.send_request(MetadataRequest[1](topics=None))
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_seconds) as connection:
            connection.sendall(codec.send_bytes())
            while data := connection.recv(65536):
                for _, reply in codec.receive_bytes(data):
                    return reply
    except (OSError, KafkaError):
        return None
    return None


def serves(reply: Any, node: Node, members: int) -> bool:
    """Whether by this reply the node is one of at least `members` brokers, at its port, and leads the partitions that only it holds."""
    if reply is None or reply.controller_id < 0 or len(reply.brokers) < members:
        return False
    admitted = any((broker.node_id, broker.port) == (node.number, node.port) for broker in reply.brokers)
    partitions = [partition for topic in reply.topics for partition in topic.partitions]
    return admitted and all(each.leader_id == node.number for each in partitions if list(each.replica_nodes) == [node.number])
