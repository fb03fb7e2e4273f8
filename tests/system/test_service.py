"""`streamkl run` on a real broker: from records to episodes, through stops, kills and everything else that ends a process."""

import json
import random
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from streamkl.broker.launcher import Broker
from streamkl.broker.loopback import free_port
from tests.conftest import RunningBroker
from tests.system.service import Place, metrics, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]


@pytest.fixture
def place(broker: RunningBroker, tmp_path: Path) -> Iterator[Place]:
    """Topics of its own, one partition."""
    opened = Place(broker.bootstrap, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    """A broker that may be killed."""
    with Broker() as started:
        yield started


def page(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def test_an_incident_becomes_an_episode_and_a_restart_goes_on_without_learning_again(place: Place) -> None:
    place.create("metrics")
    place.publish([*metrics(0, 700), b"{no json", *metrics(700, 30, shift=40.0)])
    place.start()
    place.wait_until_read()
    assert place.stop() == 0
    opened = place.events()
    assert (opened[0]["type"], opened[0]["series"], opened[0]["sequence"]) == ("opened", "cpu", 0)
    assert [message.value for message in place.read("dead")] == [b"{no json"]
    assert "stopped in good order" in place.log()

    place.publish([*metrics(730, 300)])
    place.start()
    place.wait_until_read()
    assert place.stop() == 0
    assert "(saved state)" in place.log()
    # The episode could only be closed by what was learned before: 300 records are fewer than the 500 that learning takes.
    steps = [(event["type"], event["episode_id"]) for event in place.events()]
    assert steps[-1] == ("closed", opened[0]["episode_id"])
    assert steps[-1][0] not in {event["type"] for event in opened}
    assert place.sent() == place.expected()
    assert len(place.read("anomalies")) == len(steps)


def test_a_sender_may_change_from_line_protocol_to_telegraf_and_nothing_is_learned_again(place: Place) -> None:
    def values(records: Iterator[bytes]) -> Iterator[tuple[int, float]]:
        return ((record["timestamp"], record["value"]) for record in map(json.loads, records))

    lines = [
        f"cpu,zone=a,host=b load={value},n=1i {when}000000000\ncpu,host=c load={value} {when}".encode()
        for when, value in [*values(metrics(0, 600)), *values(metrics(600, 30, shift=40.0))]
    ]
    place.options["input.format"] = '"influx"'
    place.create("metrics", "dead")  # one partition each: letters without a key go anywhere else
    place.publish([*lines[:300], b"# only a comment", b"cpu,host=b\ncpu,host=c load=50 1700000299", *lines[300:]])
    place.start()
    place.wait_until_read()
    assert place.stop() == 0
    assert {event["series"] for event in place.events()} == {"cpu,host=b,zone=a,load", "cpu,host=c,load"}
    assert [dict(letter.headers)["streamkl.reason"] for letter in place.read("dead")] == [b"missing_field", b"invalid_line"]
    assert place.sent() == place.expected()

    place.options["input.format"] = '"telegraf"'
    place.publish(
        [
            json.dumps({"metrics": [{"name": "cpu", "tags": tags, "fields": {"load": value}, "timestamp": when}
                                    for tags in ({"host": "b", "zone": "a"}, {"host": "c"})]}).encode()
            for when, value in values(metrics(630, 300))
        ]
    )  # fmt: skip
    place.start()
    place.wait_until_read()
    assert place.stop() == 0
    assert "(saved state)" in place.log()
    # Only what was learned from lines can end an episode: 300 records are fewer than the 500 that learning takes.
    assert {event["series"] for event in place.events() if event["type"] == "closed"} == {"cpu,host=b,zone=a,load", "cpu,host=c,load"}


def test_kills_at_any_moment_lose_nothing_and_repeat_nothing_that_differs(place: Place) -> None:
    dice = random.Random(7)  # noqa: S311 - no secret
    place.partitions = 2
    place.create("metrics")
    written = [0, 0]

    def write_on(records: int) -> None:
        for partition in (0, 1):
            start, shift = written[partition], dice.choice([0.0, 0.0, 40.0])
            lines = [record for name in ("cpu", "mem") for record in metrics(start, records, shift=shift, series=f"{name}{partition}")]
            dice.shuffle(lines)
            place.publish([*lines, b"\xff"], partition)
            written[partition] += records

    write_on(700)
    for _ in range(3):
        place.start()
        place.wait_for_line("continues with offset")
        for _ in range(dice.randrange(1, 4)):
            write_on(60)
        time.sleep(dice.random())
        place.kill()
    write_on(200)
    place.start()
    place.wait_until_read()
    assert place.stop() == 0
    wanted = place.expected()
    assert len(wanted) > 20
    assert place.sent() == wanted


def test_metrics_and_readiness_are_told_over_http(place: Place) -> None:
    place.create("metrics")
    port = free_port()
    place.options["http.port"] = str(port)
    place.publish([*metrics(0, 400), b"null", b""])
    place.start()
    wait_until(lambda: page(port, "/healthz")[0] == 200, 60, place.log)
    wait_until(lambda: page(port, "/readyz") == (200, "ok\n"), 100, place.log)
    place.wait_until_read()
    wait_until(lambda: "streamkl_records_total 402.0" in page(port, "/metrics")[1], 10, lambda: page(port, "/metrics")[1])
    text = page(port, "/metrics")[1]
    assert 'streamkl_rejected_total{reason="empty"} 1.0' in text
    assert f'streamkl_lag_records{{partition="0",topic="{place.topics["metrics"]}"}} 0.0' in text
    assert "streamkl_learning_points 400.0" in text
    assert place.stop() == 0


def test_it_waits_for_a_missing_topic_and_goes_when_asked_meanwhile(place: Place) -> None:
    place.start()
    place.wait_for_line(f"waiting: topic {place.topics['metrics']}: does not exist")
    assert place.stop() == 0
    place.start()
    place.wait_for_line("waiting: topic")
    place.create("metrics")
    place.publish([b"null"])
    place.wait_until_read()
    assert place.stop() == 0


def test_it_refuses_at_once_where_it_is_told_not_to_wait(tmp_path: Path) -> None:
    place = Place(f"127.0.0.1:{free_port()}", tmp_path, options={"kafka.startup": '"exit"'})
    assert place.start().wait(100) == 1
    assert place.log().splitlines()[-1].startswith("error: no Kafka broker can be reached: 127.0.0.1:")
    assert "Traceback" not in place.log()


def test_a_state_that_does_not_fit_halts_it_with_one_line(place: Place) -> None:
    place.create("metrics")
    topic = place.topics["metrics"]
    place.publish([*metrics(0, 100)])
    place.start()
    place.wait_until_read()
    assert place.stop() == 0
    place.publish([*metrics(100, 100)])

    place.options["detector.bins"] = "8"
    assert place.start().wait(100) == 1
    assert place.log().splitlines()[-1].startswith(f"error: {topic}/0: state was made with another configuration")
    del place.options["detector.bins"]

    admin = KafkaAdminClient(bootstrap_servers=place.bootstrap)
    admin.delete_records({TopicPartition(topic, 0): 150})
    admin.close()
    assert place.start().wait(100) == 1
    assert place.log().splitlines()[-1] == (
        f"error: {topic}/0: the saved state continues with offset 100, but the broker holds 150 to 200 (50 records are lost):"
        " remove this partition's file from state.directory to learn again"
    )


def test_a_directory_or_a_port_in_use_is_one_line(place: Place) -> None:
    place.create("metrics")
    place.start()
    place.wait_for_line("preparing")
    assert place.start().wait(60) == 2
    assert place.log().splitlines()[-1] == (
        f"error: state.directory = '{place.directory / 'state'}': in use by another streamkl (process {place.processes[0].pid});"
        " give each its own directory"
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        place.options |= {"http.port": str(port), "state.directory": f'"{place.directory / "other"}"'}
        assert place.start().wait(60) == 2
        assert (
            place.log()
            .splitlines()[-1]
            .startswith(f"error: http.port = {port}: cannot listen on 127.0.0.1:{port} (Address already in use)")
        )
    assert place.processes[0].poll() is None
    place.processes[0].send_signal(signal.SIGINT)
    assert place.processes[0].wait(60) == 0


def test_a_broker_that_is_killed_and_comes_back_costs_nothing(own_broker: Broker, tmp_path: Path) -> None:
    port = free_port()
    place = Place(own_broker.bootstrap, tmp_path, options={"http.port": str(port)})
    try:
        place.create("metrics", "anomalies", "dead")
        place.publish([*metrics(0, 650), b"{", *metrics(650, 30, shift=40.0)])
        place.start()
        place.wait_until_read()
        place.publish([b"[", *metrics(680, 40)])
        own_broker.kill()
        wait_until(lambda: page(port, "/readyz")[0] == 503, 30, place.log)
        assert page(port, "/healthz")[0] == 200
        own_broker.start()
        place.publish([b"]", *metrics(720, 200)])
        place.wait_until_read()
        wait_until(lambda: page(port, "/readyz")[0] == 200, 30, place.log)
        assert place.stop() == 0
        assert place.sent() == place.expected()
    finally:
        place.close()


def test_members_share_the_partitions_and_take_over_what_another_leaves(broker: RunningBroker, tmp_path: Path) -> None:
    place = Place(broker.bootstrap, tmp_path, partitions=2)
    poison = [b"{%d" % number for number in range(40)]
    try:
        place.create("metrics")
        for partition in (0, 1):
            place.publish(poison[:20], partition)
        place.start()
        place.wait_until_read()
        place.options["state.directory"] = f'"{tmp_path / "second"}"'
        place.start()
        place.wait_for_line("continues with offset 20 (committed offset)")
        for partition in (0, 1):
            place.publish(poison[20:30], partition)
        place.wait_until_read()
        place.kill()
        for partition in (0, 1):
            place.publish(poison[30:], partition)
        place.wait_until_read(0)
        place.processes[0].send_signal(signal.SIGTERM)
        assert place.processes[0].wait(60) == 0
        assert place.sent() == place.expected()
        assert len(place.sent()) == 80
    finally:
        place.close()
