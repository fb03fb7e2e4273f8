"""The supervisor over real processes that do nothing: who dies comes back, who gives up ends all, and nobody is left behind."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

PROGRAM = """
import logging, os, sys, time
from contextlib import ExitStack
from streamkl.adapters.clock import MonotonicClock
from streamkl.assembly.leash import Leash
from streamkl.assembly.stopping import Stopping
from streamkl.processes.supervisor import Supervisor

def work(number, stopping):
    WORK

logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
BEFORE
leash, numbers = Leash(), []
with ExitStack() as stack:
    stopping = stack.enter_context(Stopping())
    stack.callback(leash.let_go)
    code = Supervisor(2, leash, stopping, MonotonicClock()).run(numbers.append)
if not numbers:
    sys.exit(code)
with Stopping() as stopping:
    leash.obey(lambda: stopping.request("the supervisor"))
    print(f"{numbers[0]} works", flush=True)
    sys.exit(work(numbers[0], stopping))
"""
OBEDIENT = """while not stopping.requested:
        time.sleep(0.01)
    print(f"{number} left", flush=True)
    return 0"""

UP = ("0 works", "1 works", "process 0 started", "process 1 started")

Run = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def run() -> Iterator[Run]:
    started: list[subprocess.Popen[str]] = []

    def start(work: str, before: str = "") -> subprocess.Popen[str]:
        code = PROGRAM.replace("WORK", work).replace("BEFORE", before)
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], *wanted: str) -> str:
    """Output up to the line that completes the wanted ones."""
    assert process.stdout is not None
    seen = ""
    while not all(each in seen for each in wanted):
        line = process.stdout.readline()
        assert line, seen
        seen += line
    return seen


def pids(output: str) -> list[int]:
    """Of the processes that were started, by number; the last one of each."""
    return list(dict(sorted((number, int(pid)) for number, pid in re.findall(r"process (\d) started \(pid (\d+)\)", output))).values())


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    assert process.stdout is not None
    output = process.stdout.read()  # until the last process that could write has ended
    return process.wait(20), output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("whom", ["supervisor", "group"])
def test_one_signal_stops_all_in_good_order_whether_it_reaches_one_or_all(run: Run, number: signal.Signals, whom: str) -> None:
    process = run(OBEDIENT)
    read_until(process, *UP)
    if whom == "group":
        os.killpg(process.pid, number)  # Ctrl-C in a terminal, or systemd
    else:
        process.send_signal(number)
    code, output = end(process)
    assert code == 0, output
    assert "0 left" in output
    assert "1 left" in output


def test_who_is_killed_is_started_again_and_the_other_one_does_not_notice(run: Run) -> None:
    process = run(OBEDIENT)
    before = read_until(process, *UP)
    os.kill(pids(before)[1], signal.SIGKILL)
    output = read_until(process, "was killed by SIGKILL; next start in 0.5 s", "1 works")
    assert "process 0" not in output
    process.send_signal(signal.SIGTERM)
    code, output = end(process)
    assert (code, output.count("left")) == (0, 2)


def test_who_always_dies_is_started_after_growing_pauses(run: Run) -> None:
    process = run("os.abort() if number else 0\n    " + OBEDIENT)
    output = read_until(process, "next start in 0.5 s", "next start in 1 s", "next start in 2 s")
    assert output.count("1 (pid") == 3
    process.send_signal(signal.SIGTERM)
    assert end(process)[0] == 0


def test_a_machine_that_refuses_another_process_is_asked_again(run: Run) -> None:
    process = run(OBEDIENT, "real = os.fork\ndef refuse():\n    os.fork = real\n    raise BlockingIOError(11, 'no more')\nos.fork = refuse")
    output = read_until(process, *UP)
    assert "process 0 cannot be started (no more); next start in 0.5 s" in output
    process.send_signal(signal.SIGTERM)
    assert end(process)[0] == 0


@pytest.mark.parametrize("code", [1, 2])
def test_who_gives_up_stops_all_in_good_order_and_its_code_is_that_of_all(run: Run, code: int) -> None:
    process = run(f"if number == 1: return {code}\n    " + OBEDIENT)
    returned, output = end(process)
    assert returned == code
    assert f"ended with code {code}: to start it again would not help, so all are stopped" in output
    assert "0 left" in output


def test_none_outlives_a_supervisor_that_is_killed(run: Run) -> None:
    process = run(OBEDIENT.replace("not stopping.requested", "True"))
    started = pids(read_until(process, *UP))
    assert len(started) == 2
    process.kill()
    process.wait(10)
    deadline = time.monotonic() + 10
    while not all(map(gone, started)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_second_interrupt_ends_all_at_once(run: Run) -> None:
    process = run(OBEDIENT.replace("not stopping.requested", "True"))
    started = pids(read_until(process, *UP))
    process.send_signal(signal.SIGINT)
    read_until(process, "SIGINT: finishing", "the supervisor: finishing")
    process.send_signal(signal.SIGINT)
    process.wait(10)
    assert process.returncode == -signal.SIGINT  # nobody in this program turns it into an exit code
    assert all(map(gone, started))


def test_a_stop_that_one_refuses_is_ended_by_force(run: Run) -> None:
    process = run(f"import streamkl.assembly.stopping as s\n    s.GRACE_SECONDS = 0.3\n    if number == 1: time.sleep(60)\n    {OBEDIENT}")
    read_until(process, *UP)
    process.send_signal(signal.SIGTERM)
    code, output = end(process)
    assert code == 1
    assert "0 left" in output
    assert "not finished after 0.3 s, ending by force" in output
