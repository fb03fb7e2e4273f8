"""Programs of the demo, each a process under guard: none of them outlives the demo, however it ends."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from streamkl.broker.process import GuardedProcess
from streamkl.errors import DemoError

STOP_SECONDS = 5.0
TAIL_LINES = 12


class Program:
    """One program: started when entered, asked to end and then killed when left. Its output goes to a file.

    Variables of ours (STREAMKL_SECTION__OPTION) that the user has set are for the user's own service and are not passed on;
    `variables` are set instead.
    """

    def __init__(self, name: str, command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        unset = [part for key in sorted(os.environ) if key.upper().startswith("STREAMKL_") and "__" in key for part in ("-u", key)]
        assign = [f"{key}={value}" for key, value in (variables or {}).items()]
        self._command = ["env", *unset, *assign, *command]
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        self._process = GuardedProcess()
        try:
            self._process.start(self._command, self.log)
        except BaseException:
            self._process.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            try:
                self._process.signal(signal.SIGTERM)
                self._process.wait(STOP_SECONDS)
            finally:
                self._process.close()
                self._process = None

    def check(self) -> None:
        """Raise DemoError with the end of its output if the program has ended by itself."""
        if self._process is None or not self._process.running():
            code = self._process.returncode if self._process else None
            raise DemoError(f"The {self.name} ended by itself (exit code {code}). {self.last_output()}")

    def last_output(self) -> str:
        """The last lines that it printed, as a sentence's end."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return "\n  ".join([f"The end of its output ({self.log}):", *lines[-TAIL_LINES:]]) if lines else "It printed nothing."


def wait_for(what: str, seconds: float, ready: Callable[[], bool], programs: Sequence[Program]) -> None:
    """Wait until `ready()`; raise DemoError when a program ends meanwhile, or after so many seconds."""
    deadline = time.monotonic() + seconds
    while not ready():
        for program in programs:
            program.check()
        if time.monotonic() > deadline:
            raise DemoError(f"{what} did not happen within {seconds:.0f} s. " + " ".join(program.last_output() for program in programs))
        time.sleep(0.1)
