"""The demo's programs: what ends early is told with its last words, and nothing outlives whoever started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from streamkl.demo.programs import Program, wait_for
from streamkl.errors import DemoError

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def gone(pid: int, seconds: float = 10.0) -> bool:
    """Whether a process ends within so many seconds; a zombie that nobody reaps has ended too."""
    try:
        process = psutil.Process(pid)
        deadline = time.monotonic() + seconds
        while process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.05)
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_program_that_ends_by_itself_is_told_with_its_exit_code_and_last_words(tmp_path: Path) -> None:
    with (
        Program("thing", [sys.executable, "-c", "print('out of luck'); raise SystemExit(7)"], tmp_path) as program,
        pytest.raises(DemoError, match=r"(?s)The thing ended by itself \(exit code 7\).*out of luck"),
    ):
        wait_for("Something", 20, lambda: False, [program])


def test_waiting_has_an_end(tmp_path: Path) -> None:
    with (
        Program("thing", SLEEP, tmp_path) as program,
        pytest.raises(DemoError, match=r"Something did not happen within 0 s\. It printed nothing\."),
    ):
        wait_for("Something", 0.3, lambda: False, [program])


def test_a_program_is_asked_to_end_before_it_is_killed(tmp_path: Path) -> None:
    patient = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('goodbye')))\n"
        "print('ready', flush=True); time.sleep(600)"
    )
    with Program("thing", [sys.executable, "-c", patient], tmp_path) as program:
        wait_for("Its start", 20, lambda: "ready" in program.last_output(), [program])
    assert program.log.read_text() == "ready\ngoodbye\n"


def test_a_users_own_settings_do_not_reach_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMKL_KAFKA__GROUP_ID", "precious")
    monkeypatch.setenv("STREAMKL_CACHE", str(tmp_path))
    shown = "import os; print({k: v for k, v in os.environ.items() if k.startswith('STREAMKL')}, flush=True); import time; time.sleep(600)"
    with Program("thing", [sys.executable, "-c", shown], tmp_path, {"STREAMKL_HTTP__PORT": "1234"}) as program:
        wait_for("Its output", 20, lambda: "}" in program.last_output(), [program])
    assert program.log.read_text() == f"{{'STREAMKL_CACHE': '{tmp_path}', 'STREAMKL_HTTP__PORT': '1234'}}\n"


def test_programs_end_with_a_demo_that_is_killed(tmp_path: Path) -> None:
    starter = (
        "import sys, time; from pathlib import Path; from streamkl.demo.programs import Program\n"
        "with Program('burning', [sys.executable, '-m', 'streamkl.demo.burn'], Path(sys.argv[1])) as program:\n"
        "    print('started', flush=True); time.sleep(600)"
    )
    demo = subprocess.Popen([sys.executable, "-c", starter, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert demo.stdout is not None
        assert demo.stdout.readline() == b"started\n"
        cores = os.cpu_count() or 1
        deadline = time.monotonic() + 20
        while len(family := psutil.Process(demo.pid).children(recursive=True)) < 1 + cores:  # the guardian, and a process for each core
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        demo.send_signal(signal.SIGKILL)
        demo.communicate()
    assert all(gone(each.pid) for each in family)
