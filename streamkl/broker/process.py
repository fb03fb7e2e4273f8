"""A program that cannot outlive us: our end of the conversation with the guardian process that runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from streamkl.broker import guardian
from streamkl.errors import BrokerError

GUARDIAN_SECONDS = 30.0  # for an answer that normally takes 0.03 s


class GuardedProcess:
    """Starts one program at a time under a guardian. Not thread-safe. `close()` kills the program and deletes the folder `remove`."""

    def __init__(self, remove: Path | None = None) -> None:
        self.pid: int | None = None  # of the running program, which leads a process group of its own
        self.returncode: int | None = None  # of the last program that ended; -9 is SIGKILL
        self._pending = b""
        command = [sys.executable, "-I", "-S", guardian.__file__, "--parent", str(os.getpid())]
        if remove is not None:
            command += ["--remove", str(remove)]
        self._line, theirs = socket.socketpair()
        with theirs:
            # A session of its own: Ctrl-C in a terminal is for us; the guardian notices our end, not the key.
            self._guardian = subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno(), start_new_session=True)  # noqa: S603
        self._receive(GUARDIAN_SECONDS)

    def start(self, command: list[str], output: Path) -> None:
        """Run the command, its outputs appended to a file. Raises BrokerError where it cannot be executed."""
        self.returncode = None
        self._send({"start": {"command": command, "output": str(output)}})
        answer = self._receive(GUARDIAN_SECONDS)
        if "pid" not in answer:
            raise BrokerError(f"{command[0]} cannot be executed: {answer.get('error', 'no answer from the process that guards it')}")
        self.pid = answer["pid"]

    def running(self) -> bool:
        """Whether the program has not ended yet. Does not block."""
        return not self.wait(0.0)

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for the program's end; whether it came in time."""
        if self.pid is None:
            return True
        answer = self._receive(timeout_seconds)
        if "exit" not in answer:
            return False
        self.pid, self.returncode = None, answer["exit"]
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program's process group; nothing happens if it has ended."""
        if self.running() and self.pid is not None:
            os.killpg(self.pid, number)

    def pause(self) -> None:
        """SIGSTOP to the program's process group; returns when its last thread stands. Nothing happens if it has ended."""
        if self.running():
            self._send({"pause": True})
            self.wait(GUARDIAN_SECONDS)  # for the one answer, which may be the program's end

    def close(self) -> None:
        """Kill the program, delete the folder, end the guardian. Idempotent."""
        self._line.close()
        self._guardian.wait()
        self.pid = None

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._line.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise self._lost() from error

    def _receive(self, timeout_seconds: float) -> dict[str, Any]:
        """The guardian's next message, or {} if there is none in time."""
        deadline = time.monotonic() + timeout_seconds
        while b"\n" not in self._pending:
            self._line.settimeout(max(0.0, deadline - time.monotonic()))
            try:
                data = self._line.recv(65536)
            except (TimeoutError, BlockingIOError):
                return {}
            except OSError as error:
                raise self._lost() from error
            if not data:
                raise self._lost()
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _lost(self) -> BrokerError:
        self.pid = None
        return BrokerError("The process that guards the broker was killed, and the broker with it.")
