"""`streamkl run --processes` on a real broker: partitions that move, processes that are killed, and a supervisor that is."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from streamkl.broker.loopback import free_port
from tests.conftest import RunningBroker
from tests.system.service import START_SECONDS, Place, metrics, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]


@pytest.fixture
def place(broker: RunningBroker, tmp_path: Path) -> Iterator[Place]:
    """Topics of its own, four partitions."""
    opened = Place(broker.bootstrap, tmp_path, partitions=4)
    yield opened
    opened.close()


def pid_of(place: Place, number: int) -> int:
    """The process that has this number now."""
    return int(re.findall(rf"process {number} started \(pid (\d+)\)", place.log())[-1])


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def publish(place: Place, start: int, count: int, shift: float = 0.0) -> None:
    for partition in range(place.partitions):
        place.publish([*metrics(start, count, shift=shift, series=f"cpu{partition}"), b"\xff"], partition)


def taken(place: Place, number: int, since: int = 0) -> set[str]:
    """The partitions that a process has restored, as its log says from this character on."""
    return set(re.findall(rf"\[{number}\] metrics-\w+/(\d): continues with offset", place.log()[since:]))


def shared_out(place: Place) -> bool:
    """Both have two partitions. Who was there first had all for a moment, and has given two away."""
    owned: dict[str, set[str]] = {"0": set(), "1": set()}
    for number, partition, what in re.findall(r"\[(\d)\] metrics-\w+/(\d): (continues|given)", place.log()):
        (owned[number].add if what == "continues" else owned[number].discard)(partition)
    return [len(partitions) for partitions in owned.values()] == [2, 2]


def test_partitions_move_between_processes_with_what_was_learned_and_nothing_is_lost(place: Place) -> None:
    port = free_port()
    place.options["http.port"] = str(port)
    place.create("metrics", "dead")
    publish(place, 0, 700)
    place.start("--processes", "2")
    wait_until(lambda: shared_out(place), START_SECONDS, place.log, place.processes[0])
    place.wait_until_read()
    for number in (0, 1):
        socket.create_connection(("127.0.0.1", port + number), timeout=5).close()

    at, stopped = len(place.log()), pid_of(place, 1)
    os.kill(stopped, signal.SIGSTOP)  # beyond the session: the other one takes its partitions, and the state that lies there
    publish(place, 700, 40, shift=40.0)
    wait_until(lambda: len(taken(place, 0, at)) == 2, 30, place.log, place.processes[0])
    place.wait_until_read()
    os.kill(stopped, signal.SIGCONT)
    os.kill(pid_of(place, 0), signal.SIGKILL)
    publish(place, 740, 300)
    place.wait_until_read()
    assert place.stop() == 0
    log = place.log()
    assert "[supervisor] process 0 (pid" in log
    assert "was killed by SIGKILL; next start in 0.5 s" in log
    assert log.count("stopped in good order") == 2
    assert "earliest record" not in log[at:]
    wanted = place.expected()
    assert sum(event["type"] == "opened" for event in place.events()) >= 4
    assert place.sent() == wanted


def test_exactly_once_holds_for_each_process_and_a_killed_supervisor_takes_all_along(place: Place) -> None:
    place.options |= {
        "kafka.client": '"confluent"',
        "kafka.delivery": '"exactly_once"',
        "kafka.group_instance_id": '"here"',
        "kafka.session_timeout_seconds": "8",
        "state.backend": '"topic"',
        "state.topic": f'"state-{place.name}"',
    }
    place.create("metrics", "dead", "anomalies")
    publish(place, 0, 700)
    place.start("--processes", "2")
    wait_until(lambda: shared_out(place), START_SECONDS, place.log, place.processes[0])
    supervisor = place.processes[0].pid
    assert psutil.Process(supervisor).num_threads() == 1  # what a fork is safe with
    publish(place, 700, 20, shift=40.0)

    at = len(place.log())
    os.kill(pid_of(place, 1), signal.SIGKILL)
    publish(place, 720, 20, shift=40.0)
    place.wait_until_read()
    assert len(taken(place, 1, at)) == 2
    assert "given away" not in place.log()[at:]  # a name that comes back within its session has its partitions, and nobody else moves

    processes = [pid_of(place, number) for number in (0, 1)]
    place.kill()
    wait_until(lambda: all(map(gone, processes)), 10, place.log)
    publish(place, 740, 300)
    place.start("--processes", "2")
    place.wait_until_read()
    assert place.stop() == 0
    wanted = place.expected()
    assert place.sent() == wanted
    assert len(place.read("anomalies")) + len(place.read("dead")) == len(wanted)


def test_more_processes_than_partitions_is_said_and_an_error_of_one_ends_all(place: Place) -> None:
    place.partitions = 1
    place.create("metrics", "dead", "anomalies")
    with socket.create_server(("127.0.0.1", 0)) as taken_port:
        port = taken_port.getsockname()[1]
        place.options["http.port"] = str(port - 2)
        assert place.start("--processes", "3").wait(START_SECONDS) == 2
    log = place.log()
    assert "WARNING [supervisor] --processes 3, but the topics have 1 partition: 2 processes will have nothing to do" in log
    assert f"error: http.port = {port}: cannot listen on 127.0.0.1:{port} (Address already in use)" in log
    assert "process 2 (pid" in log
    assert "ended with code 2: to start it again would not help, so all are stopped" in log
    assert log.splitlines()[-1].endswith("[supervisor] all processes have ended")


def test_another_supervisor_on_the_same_state_is_refused(place: Place) -> None:
    place.create("metrics")
    place.start("--processes", "2")
    place.wait_for_line("process 1 started")
    assert place.start("--processes", "2").wait(60) == 2
    assert f"in use by another streamkl (process {place.processes[0].pid})" in place.log()
    assert place.processes[0].poll() is None
