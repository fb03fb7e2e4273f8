"""A program that cannot outlive us: our end of the conversation with the guardian process that runs it."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from streamkl.broker import guardian
from streamkl.errors import BrokerError

GUARDIAN_START_SECONDS = 30.0


class GuardedProcess:
    """Starts one program at a time under a guardian. Not thread-safe. `close()` kills the program and deletes the folder `remove`."""

    def __init__(self, remove: Path | None = None) -> None:
        self.pid: int | None = None  # of the running program, which leads a process group of its own
        self.returncode: int | None = None  # of the last program that ended; -9 is SIGKILL
        self._pending = b""
        command = [sys.executable, "-I", "-S", guardian.__file__, "--parent", str(os.getpid())]
        if remove is not None:
            command += ["--remove", str(remove)]
        self._guardian = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in a terminal is for us; the guardian notices our end, not the key
            bufsize=0,
        )
        self._receive(GUARDIAN_START_SECONDS)

    def start(self, command: list[str], output: Path) -> int:
        """Run the command, outputs appended to a file. Returns its process id, or raises BrokerError where it cannot be executed."""
        assert self._guardian.stdin is not None
        self.returncode = None
        try:
            self._guardian.stdin.write(json.dumps({"command": command, "output": str(output)}).encode() + b"\n")
        except BrokenPipeError as error:
            raise BrokerError("The process that guards the broker was killed, and the broker with it.") from error
        answer = self._receive(GUARDIAN_START_SECONDS)
        if "error" in answer:
            raise BrokerError(f"{command[0]} cannot be executed: {answer['error']}")
        pid: int = answer["pid"]
        self.pid = pid
        return pid

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

    def close(self) -> None:
        """Kill the program, delete the folder, end the guardian. Idempotent."""
        assert self._guardian.stdin is not None
        assert self._guardian.stdout is not None
        self._guardian.stdin.close()
        self._guardian.wait()
        self._guardian.stdout.close()
        self.pid = None

    def _receive(self, timeout_seconds: float) -> dict[str, Any]:
        """The guardian's next line, or {} if there is none in time."""
        assert self._guardian.stdout is not None
        deadline = time.monotonic() + timeout_seconds
        while b"\n" not in self._pending:
            ready, _, _ = select.select([self._guardian.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return {}
            data = os.read(self._guardian.stdout.fileno(), 65536)
            if not data:
                self.pid = None
                raise BrokerError("The process that guards the broker was killed, and the broker with it.")
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message
