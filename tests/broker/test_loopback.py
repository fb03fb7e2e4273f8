"""Ports that are given out are given out once."""

import subprocess
import sys

import pytest

from streamkl.broker import loopback
from streamkl.errors import BrokerError

ANOTHER = "from streamkl.broker import loopback; loopback.PORTS = range({0}, {0} + 1); loopback.free_port()"


def test_a_port_that_was_given_out_and_is_not_used_yet_is_given_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    port = loopback.free_port()

    monkeypatch.setattr(loopback, "PORTS", range(port, port + 1))
    with pytest.raises(BrokerError, match=f"No free loopback port between {port} and {port + 1}"):
        loopback.free_port()

    other = subprocess.run([sys.executable, "-c", ANOTHER.format(port)], check=False, capture_output=True, text=True)
    assert other.returncode == 1
    assert "No free loopback port" in other.stderr
