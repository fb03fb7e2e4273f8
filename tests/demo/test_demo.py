"""The whole demo: it keeps its promise on this machine, and leaves nothing behind however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest
from kafka.admin import KafkaAdminClient

pytestmark = [pytest.mark.broker, pytest.mark.timeout(900)]  # the kernels may have to be compiled first

WITHOUT_TERMINAL = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}}


def started(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "streamkl", "demo", *options]
    environment = WITHOUT_TERMINAL | {"PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def read_until(demo: subprocess.Popen[str], words: str) -> list[str]:
    assert demo.stdout is not None
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError("".join(lines))


def ended(process: psutil.Process) -> bool:
    """Whether it is gone; a zombie that nobody reaps has ended too."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def soon(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_no_process_outlives_a_demo_that_is_stopped(number: signal.Signals, code: int) -> None:
    demo = started()
    try:
        read_until(demo, "Learning what is normal")
        family = psutil.Process(demo.pid).children(recursive=True)
        programs = " ".join(" ".join(each.cmdline()) for each in family)
        for program in ("kafka.Kafka", "streamkl run", "streamkl.demo.web_app", "streamkl.demo.publisher"):
            assert program in programs
        demo.send_signal(number)
        assert demo.wait(60) == code
        assert soon(lambda: all(ended(each) for each in family)), [each.cmdline() for each in family if not ended(each)]
    finally:
        demo.kill()
        demo.communicate()


def test_once_finds_the_incident_on_a_broker_of_ones_own_and_cleans_up_there(broker, admin: KafkaAdminClient) -> None:
    demo = started("--once", "--bootstrap", broker.bootstrap)
    try:
        said, _ = demo.communicate(timeout=800)
    finally:
        demo.kill()
    assert demo.returncode == 0, said
    for words in ("of 500 points, ready in", "The incident begins", "OPENED    http.response_time_ms", "CLOSED    http.status_code"):
        assert words in said
    assert said.index("The incident begins") < said.index("OPENED    http.status_code") < said.index("The incident is over")
    assert said.index("The incident is over") < said.rindex("CLOSED    http.status_code")
    assert soon(lambda: not [topic for topic in admin.list_topics() if topic.startswith("streamkl-demo-")])
    assert not [group for group in admin.list_groups() if "streamkl-demo-" in str(group)]
