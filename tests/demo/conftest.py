"""The demo's web server as a real process, for every test that asks for one."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamkl.broker.loopback import free_port
from streamkl.demo.programs import Program, wait_for
from streamkl.demo.stage import answers


@pytest.fixture
def web_url(tmp_path: Path) -> Iterator[str]:
    """The address of a running, healthy web server."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with Program("web server", [sys.executable, "-m", "streamkl.demo.web_app", "--port", str(port)], tmp_path) as program:
        wait_for("An answer", 30, lambda: answers(url), [program])
        yield url


@pytest.fixture
def unused_port() -> int:
    """A loopback port on which nothing listens."""
    return free_port()
