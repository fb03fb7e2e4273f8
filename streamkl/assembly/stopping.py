"""SIGTERM and SIGINT become one request to stop; a stop that hangs is ended by force."""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

log = logging.getLogger(__name__)

GRACE_SECONDS = 25.0  # for the last commit and leaving the group; less than the 30 s that Kubernetes waits before SIGKILL
FORCED_EXIT_CODE = 1


class Stopping(contextlib.AbstractContextManager["Stopping"]):
    """While entered, the first signal asks to stop; the second one ends the process as if nobody had listened.

    After GRACE_SECONDS the process exits with code 1: a broker that is away can block the last commit for longer than anybody waits, and
    what was not committed is repeated by the next start.
    """

    def __init__(self) -> None:
        self.requested = False
        self._tell: Callable[[], None] | None = None
        self._before: dict[signal.Signals, signal._HANDLER] = {}
        self._done = threading.Event()

    def __enter__(self) -> Self:
        self._before = {each: signal.signal(each, self._stop) for each in (signal.SIGTERM, signal.SIGINT)}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._before)  # a supervisor keeps them from a process until it can listen
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done.set()
        self._restore()

    def tell(self, stop: Callable[[], None]) -> None:
        """Who is to hear of it; at once where it was requested before."""
        self._tell = stop
        if self.requested:
            stop()

    def request(self, who: str) -> None:
        """Ask to stop, from any thread; `who` is for the log. To ask twice is not to insist: only a second signal does."""
        if self.requested:
            return
        self.requested = True
        if self._tell is not None:
            self._tell()
        threading.Thread(target=self._watch, args=(who,), name="stopping", daemon=True).start()

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._restore()
        self.request(signal.Signals(number).name)

    def _restore(self) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _watch(self, name: str) -> None:
        log.info("%s: finishing; again to end at once", name)
        if not self._done.wait(GRACE_SECONDS):
            log.error("not finished after %g s, ending by force; the next start repeats what was not committed", GRACE_SECONDS)
            os._exit(FORCED_EXIT_CODE)
