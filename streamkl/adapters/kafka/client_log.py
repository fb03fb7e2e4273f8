"""Keeps the client library's logging down to one line for each kind of trouble; its DEBUG lines would show keys, values and requests."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

REPEAT_SECONDS = 60.0  # the same kind of line comes at most once in this time
MAX_CHARACTERS = 300

_STOPWATCH = "kafka.net.selector"  # warns of every task over 0.1 s: a busy machine, not a broker in trouble

_log = logging.getLogger(__name__)
_LIBRARY = logging.getLogger("kafka")


class _OneLine(logging.Handler):
    """Passes warnings on as single lines, or, while it is overheard, collects the errors they carry instead."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: dict[tuple[str, int], float] = {}
        self.listeners: list[list[BaseException]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Called by the library's threads too; the handler's own lock is held."""
        if self.listeners:
            errors = [each for each in record.args if isinstance(each, BaseException)] if isinstance(record.args, tuple) else []
            for heard in self.listeners:
                heard.extend(errors)
            return
        if record.name == _STOPWATCH and record.levelno < logging.ERROR:
            return
        now = time.monotonic()
        kind = (record.name, record.lineno)
        if now - self._said.get(kind, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return
        self._said[kind] = now
        _log.warning("kafka client: %s", " ".join(record.getMessage().split())[:MAX_CHARACTERS])


_handler = _OneLine()


def quiet_library() -> None:
    """Route the library's warnings through one-line form and switch everything below off. Idempotent."""
    if _handler not in _LIBRARY.handlers:
        _LIBRARY.addHandler(_handler)
    _LIBRARY.setLevel(logging.WARNING)
    _LIBRARY.propagate = False


@contextmanager
def overheard() -> Iterator[list[BaseException]]:
    """While a client is being opened: nothing is logged, because its failure is raised; the list holds the errors on the way there."""
    quiet_library()
    heard: list[BaseException] = []
    _handler.listeners.append(heard)
    try:
        yield heard
    finally:
        _handler.listeners[:] = [each for each in _handler.listeners if each is not heard]
