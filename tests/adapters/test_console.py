"""What an operator sees: whole lines, whatever the input holds, and figures that read well."""

import io
import logging
import os
import pty
import re
import subprocess
import sys

import pytest
from rich.console import Console

from streamkl.adapters.console import LONGEST_LINE, ConsoleLog, OneLine, status_line, steps
from streamkl.model import Partition
from tests.statuses import HandClock, a_status


def line_of(message: str, *arguments: object) -> str:
    return OneLine().format(logging.LogRecord("streamkl", logging.INFO, "", 0, message, arguments, None))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cpu\n2030-01-01T00:00:00.000Z ERROR   forged", r"cpu\n2030-01-01T00:00:00.000Z ERROR   forged"),
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
        ("\x85\u2028\u2029", r"\x85\u2028\u2029"),
        ("\ud800", r"\ud800"),
        ("Größe µs · 100 %", "Größe µs · 100 %"),
    ],
)
def test_a_name_of_the_input_can_neither_break_a_line_nor_steer_a_terminal(name: str, shown: str) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    new series: (.*)", line_of("new series: %s", name))[1] == shown  # type: ignore[index]


def test_a_line_says_which_of_several_processes_it_is_from() -> None:
    line = OneLine("1").format(logging.LogRecord("streamkl", logging.INFO, "", 0, "records of %s", ("{cpu}",), None))
    assert line.split(" ", 1)[1] == "INFO    [1] records of {cpu}"


def test_a_long_line_is_cut() -> None:
    assert len(line_of("%s", "x" * 1_000_000)) == LONGEST_LINE


def test_a_traceback_is_one_line_too() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        record = logging.LogRecord("streamkl", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    line = OneLine().format(record)
    assert "\n" not in line
    assert r"ValueError: first\nsecond" in line


def test_the_time_is_utc() -> None:
    record = logging.LogRecord("streamkl", logging.INFO, "", 0, "x", (), None)
    record.created, record.msecs = 1_700_000_000.25, 250.0
    assert OneLine().format(record).startswith("2023-11-14T22:13:20.250Z ")


def test_the_status_says_what_matters_and_leaves_out_what_is_not_there() -> None:
    quiet = a_status(rejected={}, lag={Partition("m", 0): 0}, records_per_second=1234.6, points_per_second=12.2, series=8)
    assert status_line(quiet) == "1,235 records/s · 12 points/s · lag 0 · 8 series · 0 open"
    busy = a_status(
        rejected={"not_finite": 1, "invalid_json": 1200},
        lag={Partition("m", 0): 1000, Partition("m", 1): 500},
        series=8,
        learning=2,
        learned_points=340,
        wanted_points=500,
        ready_seconds=8.2,
        open_episodes=1,
        late=4,
        shed=5,
        sink_failures=1,
        fenced=2,
    )
    assert status_line(busy) == (
        "0 records/s · 0 points/s · lag 1,500 · 8 series (2 learning: 340 of 500 points, ready in 8 s) · 1 open"
        " · rejected 1,201 (invalid_json 1,200, not_finite 1) · late 4 · shed 5 · failed commits 1 · fenced 2"
    )
    assert "· 3 open (2 without data)" in status_line(a_status(open_episodes=3, absent=2))
    assert status_line(a_status(partitions=0)) == "no partitions are ours yet"


@pytest.mark.parametrize(("seconds", "shown"), [(None, "points)"), (119.0, "119 s)"), (600.0, "10 min)"), (36_000.0, "10 h)")])
def test_the_time_until_ready_has_a_fitting_unit(seconds: float | None, shown: str) -> None:
    assert f"{shown} ·" in status_line(a_status(learning=1, ready_seconds=seconds))


def test_plain_status_lines_come_every_few_seconds_and_seldom_when_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    clock = HandClock()
    with ConsoleLog(clock) as console:
        for second in range(20):
            clock.time += 1
            console.observe(a_status(series=second))
        assert len(output.getvalue().splitlines()) == 4
        for _ in range(180):
            clock.time += 1
            console.observe(a_status(series=19))
    assert len(output.getvalue().splitlines()) == pytest.approx(4 + 3, abs=1)
    logging.getLogger("streamkl").info("after the end")
    assert "after the end" not in output.getvalue()


def test_on_a_terminal_one_line_lives_and_log_lines_stand_above_it() -> None:
    code = (
        "import logging\n"
        "from tests.statuses import HandClock, a_status\n"
        "from streamkl.adapters.console import ConsoleLog\n"
        "with ConsoleLog(HandClock()) as console:\n"
        "    for count in range(1, 6):\n"
        "        console.observe(a_status(series=count))\n"
        "        logging.getLogger('streamkl').info('event %s', [count])\n"
    )
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    subprocess.run([sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, check=True)
    os.close(theirs)
    seen = b""
    while chunk := _read(ours):
        seen += chunk
    os.close(ours)
    screen = seen.decode()
    for count in range(1, 6):
        assert f"event [{count}]\r\n" in screen
        assert f"{count} series · 0 open" in screen
    assert "INFO    0 records/s" not in screen  # the status is the living line, not log lines
    assert "\x1b[2K" in screen  # which is wiped and written again


def test_a_name_beside_a_bar_is_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(steps, "Console", lambda **_: Console(file=screen, force_terminal=True, width=120))
    with steps.progress(shown=True) as step:
        step("[red]measuring", 1, 2, "GET [/api]")
    assert "[red]measuring" in screen.getvalue()
    assert "GET [/api]" in screen.getvalue()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other side is closed
        return b""
