"""Bytes of a file, of a compressed file or of standard input, in chunks of whole lines."""

import gzip
import select
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from streamkl.errors import InputError, SourceError

STDIN = "-"
CHUNK_BYTES = 1_000_000
LONGEST_LINE_BYTES = 64_000_000
LOOK_SECONDS = 0.5  # longest wait for input before signals are looked at


class LineFile:
    """A file read once, front to back. `.gz` is unpacked, `-` is standard input. InputError if it cannot be opened.

    `name` is the file's name without its folder; `size` is its length on disk in bytes (None: unknown), of which `position` have been read;
    `lines` counts the lines handed out.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = "stdin" if path == STDIN else Path(path).name
        self._raw = _open(path)
        self.size = Path(path).stat().st_size if path != STDIN and Path(path).is_file() else None
        self.position = 0
        self.lines = 0
        self._data = cast(BinaryIO, gzip.GzipFile(fileobj=self._raw)) if path.endswith(".gz") else self._raw
        self._waits = self.size is None and self._data is self._raw  # as a pipe or a terminal does; what is unpacked has its own buffer

    def __enter__(self) -> Self:
        """The file itself; it is closed at the end."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes everything but standard input."""
        if self.path != STDIN:
            with closing(self._raw), closing(self._data):
                pass

    def chunks(self) -> Iterator[bytes]:
        """All bytes, each chunk ending with the end of a line (which the file's last line may lack).

        Raises SourceError where the compressed data are damaged, a line is longer than 64 MB, or reading fails.
        """
        parts: list[bytes] = []
        waiting = 0
        while data := self._read():
            end = data.rfind(b"\n") + 1
            if end:
                self.lines += data.count(b"\n")
                yield b"".join((*parts, data[:end]))
                parts, waiting = [], 0
            if end < len(data):
                parts.append(data[end:])
                waiting += len(data) - end
            if waiting > LONGEST_LINE_BYTES:
                raise SourceError(f"{self.path}: a line is longer than {LONGEST_LINE_BYTES} bytes; is this a text file?")
        if parts:
            self.lines += 1
            yield b"".join(parts)

    def _read(self) -> bytes:
        try:
            self._await_data()
            data = cast(bytes, self._data.read1(CHUNK_BYTES))  # type: ignore[attr-defined]  # all three kinds of files have it
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceError(f"{self.path}: the compressed data are damaged: {error}") from None
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read: {error.strerror or error}") from None
        self.position = self._raw.tell() if self.size is not None else self.position + len(data)
        return data

    def _await_data(self) -> None:
        """Return when a read would not wait: a Ctrl-C in the moment before one that does would be noticed only after it."""
        while self._waits and not select.select([self._raw], [], [], LOOK_SECONDS)[0]:
            pass


def _open(path: str) -> BinaryIO:
    if path == STDIN:
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a directory; name the files in it") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be opened: {getattr(error, 'strerror', None) or error}") from None
