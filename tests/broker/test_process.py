"""Whatever is killed, the guarded program ends: tried with programs that start faster than a broker."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from streamkl.broker.process import GuardedProcess
from streamkl.errors import BrokerError

PARENT = """
import os, sys, time
from pathlib import Path
from streamkl.broker.process import GuardedProcess
process = GuardedProcess(remove=Path(sys.argv[1]))
process.start(["sleep", "100"], Path(sys.argv[1]) / "log")
child = os.fork() if sys.argv[2] == "forked" else 1
if child:
    print(process.pid, child, flush=True)
time.sleep(100)
"""


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def process(tmp_path: Path) -> Iterator[GuardedProcess]:
    guarded = GuardedProcess()
    yield guarded
    guarded.close()


def orphan(folder: Path, mode: str) -> tuple[subprocess.Popen[str], psutil.Process, psutil.Process, int]:
    """A parent, its guardian, the guarded program, and the process id of a fork of the parent (or 1)."""
    folder.mkdir()
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(folder), mode], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    program, forked = parent.stdout.readline().split()
    parent.stdout.close()
    sleep = psutil.Process(int(program))
    guardian = sleep.parent()
    assert guardian is not None
    return parent, guardian, sleep, int(forked)


@pytest.mark.parametrize("victims", [("parent",), ("guardian",), ("guardian", "parent"), ("parent", "guardian")])
def test_the_program_ends_whichever_is_killed(tmp_path: Path, victims: tuple[str, ...]) -> None:
    parent, guardian, program, _ = orphan(tmp_path / "data", "alone")
    processes = {"parent": parent, "guardian": guardian}
    try:
        for victim in victims:
            processes[victim].kill()
        assert wait_until(lambda: not program.is_running(), 5)
    finally:
        parent.kill()
        parent.wait()


@pytest.mark.parametrize("mode", ["alone", "forked"])
def test_the_folder_goes_when_the_parent_is_killed_even_while_a_fork_of_it_lives_on(tmp_path: Path, mode: str) -> None:
    folder = tmp_path / "data"
    parent, guardian, program, forked = orphan(folder, mode)
    parent.kill()
    parent.wait()
    assert wait_until(lambda: not program.is_running() and not guardian.is_running(), 5)
    assert not folder.exists()
    if mode == "forked":
        psutil.Process(forked).kill()


def test_the_guardian_outlives_the_signals_that_a_closing_terminal_sends(tmp_path: Path) -> None:
    parent, guardian, program, _ = orphan(tmp_path / "data", "alone")
    for number in (1, 2, 15):
        guardian.send_signal(number)
    time.sleep(0.2)
    assert program.is_running()
    parent.kill()
    parent.wait()
    assert wait_until(lambda: not program.is_running(), 5)


def test_the_end_of_a_program_is_told_with_its_exit_code_and_its_output_is_kept(process: GuardedProcess, tmp_path: Path) -> None:
    process.start(["sh", "-c", "echo out; echo err >&2; exit 3"], tmp_path / "log")
    assert process.wait(10)
    assert process.returncode == 3
    assert (tmp_path / "log").read_text() == "out\nerr\n"


def test_a_program_that_cannot_be_executed_is_named(process: GuardedProcess, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"^/no/such/program cannot be executed: .*No such file"):
        process.start(["/no/such/program"], tmp_path / "log")
    process.start(["true"], tmp_path / "log")
    assert process.wait(10)


def test_closing_kills_what_the_program_started_and_deletes_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    guarded = GuardedProcess(remove=folder)
    guarded.start(["sh", "-c", "sleep 100; exit 0"], folder / "log")
    shell = psutil.Process(guarded.pid)
    assert wait_until(lambda: bool(shell.children()), 5)
    (grandchild,) = shell.children()
    guarded.close()
    guarded.close()
    assert wait_until(lambda: not grandchild.is_running(), 5)
    assert not folder.exists()


def test_a_lost_guardian_is_an_error_that_says_so(process: GuardedProcess, tmp_path: Path) -> None:
    process.start(["sleep", "100"], tmp_path / "log")
    guardian = psutil.Process(process.pid).parent()
    assert guardian is not None
    guardian.kill()
    with pytest.raises(BrokerError, match="guards the broker was killed"):
        process.wait(10)
    with pytest.raises(BrokerError, match="guards the broker was killed"):
        process.start(["true"], tmp_path / "log")
