"""Signals, in processes of their own: one asks, two insist, and a stop that hangs is ended."""

import signal
import subprocess
import sys
import time

import pytest

PROLOGUE = """
import logging, sys, time
from streamkl.assembly import stopping
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
asked = []
"""
POLITE = """
with stopping.Stopping() as signals:
    signals.tell(lambda: asked.append(1))
    print("ready", flush=True)
    while not asked:
        time.sleep(0.01)
sys.stdout.write(f"left in good order, asked {'once' if asked == [1] and signals.requested else asked}\\n")
"""
DEAF = """
stopping.GRACE_SECONDS = 0.3
with stopping.Stopping() as signals:
    try:
        print("ready", flush=True)
        while True:
            time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        raise SystemExit(130) from None
"""


def start(code: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", PROLOGUE + code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=20)
    return process.returncode, output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_asks_for_an_end_in_good_order(number: signal.Signals) -> None:
    process = start(POLITE)
    process.send_signal(number)
    code, output = end(process)
    assert code == 0
    assert f"{number.name}: finishing" in output
    assert "left in good order, asked once" in output


def test_a_stop_that_hangs_is_ended_by_force_and_says_so() -> None:
    process = start(DEAF)
    process.send_signal(signal.SIGTERM)
    code, output = end(process)
    assert code == 1
    assert "not finished after 0.3 s, ending by force" in output


def test_a_second_interrupt_ends_it_at_once() -> None:
    process = start(DEAF.replace("0.3", "30"))
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert "again to end at once" in process.stdout.readline()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    code, output = end(process)
    assert (code, output) == (130, "interrupted\n")
    assert time.monotonic() - began < 10


def test_a_second_termination_ends_it_at_once() -> None:
    process = start(DEAF.replace("0.3", "30"))
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    assert "again to end at once" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert end(process)[0] == -signal.SIGTERM


def test_to_be_asked_twice_is_not_to_be_pressed_but_a_second_signal_is() -> None:
    code = """
with stopping.Stopping() as signals:
    signals.tell(lambda: asked.append(1))
    print("ready", flush=True)
    signals.request("supervisor")
    signals.request("supervisor")
    while True:
        time.sleep(0.01)
"""
    process = start(code)
    assert process.stdout is not None
    assert process.stdout.readline() == "supervisor: finishing; again to end at once\n"
    process.send_signal(signal.SIGTERM)  # what systemd sends to every process, beside what the supervisor says
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert end(process) == (-signal.SIGTERM, "")


def test_who_comes_late_hears_at_once_that_a_stop_was_requested() -> None:
    code = """
with stopping.Stopping() as signals:
    print("ready", flush=True)
    while not signals.requested:
        time.sleep(0.01)
    signals.tell(lambda: print("told"))
"""
    process = start(code)
    process.send_signal(signal.SIGTERM)
    returned, output = end(process)
    assert returned == 0
    assert "told" in output
