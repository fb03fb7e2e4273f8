"""What a terminal gets: one line that lives, or a bar, and log lines above it."""

import contextlib
import logging
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live
from rich.logging import RichHandler
from rich.text import Text

log = logging.getLogger("streamkl")


class LivingLine:
    """The last line of standard error, shown anew again and again. Where the terminal goes away, nothing fails."""

    def __init__(self) -> None:
        console = Console(stderr=True, highlight=False)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self.above: logging.Handler = _Above(console)

    def start(self) -> None:
        """Take the last line."""
        self._live.start()

    def show(self, line: str) -> None:
        """Show this, cut where the terminal ends."""
        with contextlib.suppress(OSError):
            self._live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True)

    def stop(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):
            self._live.stop()


class _Above(logging.Handler):
    """Prints lines above the living one."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Called by any thread."""
        try:
            self._console.print(Text(self.format(record)), soft_wrap=True)
        except OSError:
            self.handleError(record)


@contextlib.contextmanager
def logged_above(console: Console, *, shown: bool) -> Iterator[None]:
    """What is logged meanwhile from INFO on stands above the bar that this console shows; without `shown` nothing changes."""
    handler = RichHandler(console=console, show_time=False, show_level=False, show_path=False, level=logging.INFO)
    before = log.level
    if shown:
        log.addHandler(handler)
        log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
