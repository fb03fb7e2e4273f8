"""What a supervisor holds its processes by: it can ask them to stop, and none outlives it, however it ends."""

import os
import signal
import threading
from collections.abc import Callable


class Leash:
    """Two pipes that nothing is ever written into: their closing is what is told, and the kernel closes them for who is killed.

    Made by the supervisor before it forks. A forked process gives back its copies of the supervisor's ends with `let_go`, or the pipes
    would never close, and listens with `obey`.

    >>> leash = Leash()
    >>> asked = threading.Event()
    >>> leash.obey(asked.set)
    >>> leash.ask()
    >>> asked.wait(10)
    True
    """

    def __init__(self) -> None:
        self._asked, ask = os.pipe()
        self._orphaned, live = os.pipe()
        self._ask, self._live = [ask], [live]

    def ask(self) -> None:
        """Ask all processes to stop in good order. Idempotent."""
        _close(self._ask)

    def let_go(self) -> None:
        """Close the supervisor's ends. Called by the supervisor, all processes that still run end at once. Idempotent."""
        _close(self._ask)
        _close(self._live)

    def obey(self, stop: Callable[[], None]) -> None:
        """From now on call `stop`, in a thread of its own, when the supervisor asks; and end at once when it is gone."""

        def listen() -> None:
            os.read(self._asked, 1)
            stop()
            os.read(self._orphaned, 1)
            os.kill(os.getpid(), signal.SIGKILL)  # as if it had hit us: what is not committed is repeated

        threading.Thread(target=listen, name="leash", daemon=True).start()


def _close(end: list[int]) -> None:
    """Forgotten first: an interrupt in between must not lead to closing a number that is somebody else's by then."""
    while end:
        os.close(end.pop())
