"""What is written into a node's server.properties."""

from pathlib import Path

import pytest

from streamkl.broker.properties import Node, render
from streamkl.errors import BrokerError


def settings(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_a_lone_node_is_broker_and_controller_and_replicates_nothing() -> None:
    node = Node(1, 20_001, 20_002)
    written = settings(render(node, [node], Path("/data"), {}))
    assert written["process.roles"] == "broker,controller"
    assert written["controller.quorum.voters"] == "1@127.0.0.1:20002"
    assert written["listeners"] == "PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002"
    assert written["offsets.topic.replication.factor"] == "1"
    assert written["log.dirs"] == "/data"


def test_a_node_that_is_no_controller_has_no_vote_and_no_controller_listener() -> None:
    nodes = [Node(1, 20_001, 20_002), Node(2, 20_003, 20_004, controller=False)]
    written = settings(render(nodes[1], nodes, Path("/data"), {}))
    assert written["process.roles"] == "broker"
    assert written["controller.quorum.voters"] == "1@127.0.0.1:20002"
    assert written["listeners"] == "PLAINTEXT://127.0.0.1:20003"
    assert written["offsets.topic.replication.factor"] == "2"


def test_three_nodes_keep_three_replicas_of_which_two_must_be_in_sync() -> None:
    nodes = [Node(number, 20_000 + number, 21_000 + number) for number in (1, 2, 3)]
    written = settings(render(nodes[0], nodes, Path("/data"), {}))
    assert written["controller.quorum.voters"] == "1@127.0.0.1:21001,2@127.0.0.1:21002,3@127.0.0.1:21003"
    assert written["transaction.state.log.replication.factor"] == "3"
    assert written["transaction.state.log.min.isr"] == "2"


def test_added_properties_win_and_are_written_as_kafka_reads_them() -> None:
    node = Node(1, 20_001, 20_002)
    written = settings(render(node, [node], Path("/data"), {"broker.session.timeout.ms": 9000, "a.flag": True, "a.path": "C:\\x"}))
    assert written["broker.session.timeout.ms"] == "9000"
    assert written["a.flag"] == "true"
    assert written["a.path"] == "C:\\\\x"


@pytest.mark.parametrize("properties", [{"x": "1\ny=2"}, {"x=y": 1}, {"x\n": 1}])
def test_a_property_that_breaks_out_of_its_line_is_refused(properties: dict[str, str | int]) -> None:
    node = Node(1, 20_001, 20_002)
    with pytest.raises(BrokerError, match="does not fit into one line"):
        render(node, [node], Path("/data"), properties)


def test_a_folder_that_kafka_would_read_as_two_is_refused() -> None:
    node = Node(1, 20_001, 20_002)
    with pytest.raises(BrokerError, match="contains a comma"):
        render(node, [node], Path("/da,ta"), {})
