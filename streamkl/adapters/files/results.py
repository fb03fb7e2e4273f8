"""Events and rejected lines as JSON lines, to a file or to standard output."""

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from streamkl.errors import InputError
from streamkl.model import Event, Rejected

STDOUT = "-"


def _create(path: str) -> BinaryIO:
    return Path(path).open("wb")


class JsonLinesFile:
    """A file that results are written to, replacing what was there; `-` is standard output. InputError if it cannot be opened."""

    def __init__(self, path: str) -> None:
        self._open = ExitStack()
        self._encoder = msgspec.json.Encoder()
        try:
            self._file = sys.stdout.buffer if path == STDOUT else self._open.enter_context(_create(path))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from None

    def __enter__(self) -> Self:
        """The file itself; it is complete at the end."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes everything but standard output."""
        if kind is None:
            self._file.flush()
        self._open.close()

    def write_events(self, events: Iterable[Event]) -> None:
        """One line an event."""
        self._write(events)

    def write_rejected(self, rejected: Iterable[Rejected]) -> None:
        """One line a rejected line: file, line, reason, detail and its text (bad UTF-8 shown as backslash escapes)."""
        self._write(
            {
                "file": each.message.topic,
                "line": each.message.offset,
                "reason": each.reason,
                "detail": each.detail,
                "text": (each.message.value or b"").decode("utf-8", "backslashreplace"),
            }
            for each in rejected
        )

    def _write(self, items: Iterable[object]) -> None:
        lines = self._encoder.encode_lines(items)
        if lines:
            self._file.write(lines)
            self._file.flush()
