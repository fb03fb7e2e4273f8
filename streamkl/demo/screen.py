"""What a person sees of the demo: lines that stay, and one status line below them."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from streamkl.demo.watch import told
from streamkl.model import Event

REPEAT_SECONDS = 5.0  # where output is not a terminal, the status becomes a line so often


class Screen:
    """Prints to standard output. The status line lives only on a terminal and while the screen is entered."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._status: Status | None = None
        self._printed_at = -REPEAT_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._clear()

    def say(self, text: str, style: str = "") -> None:
        """A line that stays."""
        self._console.print(text, style=style, markup=False)
        self._printed_at = -REPEAT_SECONDS  # a status after it is news

    def tell(self, event: Event) -> None:
        """An event, above the status."""
        self._console.print(told(event))

    def status(self, text: str) -> None:
        """What goes on at the moment."""
        if not self._console.is_terminal:
            if time.monotonic() - self._printed_at >= REPEAT_SECONDS:
                self._console.print(f"... {text}", markup=False)
                self._printed_at = time.monotonic()
        elif self._status is None:
            self._status = self._console.status(text, spinner="dots")
            self._status.start()
        else:
            self._status.update(text)

    def _clear(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
