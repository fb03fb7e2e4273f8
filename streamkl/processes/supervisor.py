"""The loop over forked processes: start, watch, start again, stop. What they do is not its business."""

import contextlib
import gc
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from streamkl.assembly.leash import Leash
from streamkl.assembly.stopping import Stopping
from streamkl.ports import Clock
from streamkl.processes import decisions

log = logging.getLogger(__name__)

NAP_SECONDS = 0.05  # between two looks at the processes
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class Process:
    """One place among the processes, and who has it at the moment."""

    number: int
    due_at: float  # when it is started, while it does not run
    pid: int | None = None
    started_at: float = 0.0
    ends: int = 0  # in a row


class Supervisor:
    """Keeps `count` processes running until one says that it is no use, or until it is asked to stop. Called from a thread without others:
    a fork takes only the thread that calls it along."""

    def __init__(self, count: int, leash: Leash, stopping: Stopping, clock: Clock) -> None:
        now = clock.now()
        self._processes = [Process(number, due_at=now) for number in range(count)]
        self._leash = leash
        self._stopping = stopping
        self._clock = clock
        self._code = 0

    def run(self, born: Callable[[int], None]) -> int | None:
        """The exit code, in the supervisor. In each process that is started: None, after `born` was called with its number."""
        try:
            while not (self._stopping.requested and not any(each.pid for each in self._processes)):
                for each in self._processes:
                    self._reap(each)
                    if each.pid is None and self._is_due(each) and self._fork(each):
                        self._processes = []  # they are the supervisor's
                        born(each.number)
                        return None
                if self._stopping.requested:
                    self._leash.ask()
                self._clock.sleep(NAP_SECONDS)
        finally:
            self._kill()
        return self._code

    def _is_due(self, process: Process) -> bool:
        return not self._stopping.requested and self._clock.now() >= process.due_at

    def _fork(self, process: Process) -> bool:
        """Whether we are the new process. Signals wait in it until it has handlers of its own (`Stopping`)."""
        gc.freeze()  # a collection in one of them would write to, and so copy, everything that they share
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        pid = -1
        try:
            pid = os.fork()
        except OSError as error:
            self._postpone(process, 0.0, f"process {process.number} cannot be started ({error.strerror})")
        finally:
            if pid != 0:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if pid > 0:
            process.pid, process.started_at = pid, self._clock.now()
            log.info("process %d started (pid %d)", process.number, pid)
        return pid == 0

    def _reap(self, process: Process) -> None:
        if process.pid is None:
            return
        pid, waited = os.waitpid(process.pid, os.WNOHANG)
        if pid == 0:
            return
        process.pid = None
        self._ended(process, pid, os.waitstatus_to_exitcode(waited))

    def _ended(self, process: Process, pid: int, status: int) -> None:
        how = f"process {process.number} (pid {pid}) {decisions.in_words(status)}"
        code = decisions.verdict(status)
        if self._stopping.requested:
            if status != 0:
                log.warning("%s", how)
                self._code = self._code or code or 1
        elif code is not None:
            log.error("%s: to start it again would not help, so all are stopped", how)
            self._code = code
            self._stopping.request(f"process {process.number}")
        else:
            self._postpone(process, self._clock.now() - process.started_at, how)

    def _postpone(self, process: Process, lived_seconds: float, why: str) -> None:
        process.ends = decisions.ends_in_a_row(process.ends, lived_seconds)
        pause = decisions.pause_seconds(process.ends)
        process.due_at = self._clock.now() + pause
        log.error("%s; next start in %g s", why, pause)

    def _kill(self) -> None:
        """Nobody is left behind, should the loop itself have ended."""
        left = [each.pid for each in self._processes if each.pid is not None]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
