"""State on disk: one file per partition, replaced atomically, never going backwards. It does not know what is in a state.

A file is three lines of text and the state: the format, where it belongs, the SHA-256 of everything else, then the bytes as handed over.

    streamkl state 1
    {"topic":"metrics","partition":0,"next_offset":1234}
    9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from streamkl.errors import ConfigError, InputError, SinkError, SnapshotError
from streamkl.model import Partition

MAGIC = b"streamkl state "
VERSION = b"1"
LOCK_NAME = ".lock"
READABLE_CHARACTERS = 80  # of the topic's name in a file's name; the hash behind it is what tells files apart


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    topic: str
    partition: int
    next_offset: int


class _Saved(NamedTuple):
    next_offset: int
    state: bytes


class FileStateStore:
    """The states of one process, or of several that were forked with it, in a directory of its own.

    The directory is made where it is missing (mode 0700) and locked until `close` (of the last process), so that any other process is
    refused. Files have mode 0600. Raises ConfigError where the directory cannot be used.
    """

    learn_again = "remove this partition's file from state.directory to learn again"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._next_offsets: dict[Partition, int] = {}
        self._temporary = ".tmp"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise ConfigError([f"state.directory = {str(directory)!r}: cannot be written ({error.strerror}); choose another"]) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(self._lock, 32).decode("ascii", "replace").strip()
            self.close()
            raise ConfigError(
                [f"state.directory = {str(directory)!r}: in use by another streamkl (process {owner or '?'}); give each its own directory"]
            ) from error
        os.ftruncate(self._lock, 0)
        os.write(self._lock, f"{os.getpid()}\n".encode())

    def path(self, partition: Partition) -> Path:
        """The file of a partition. Its name is safe whatever the topic is called.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     store = FileStateStore(Path(directory))
        ...     store.path(Partition("../etc", 3)).name
        ...     store.close()
        '___etc-3-f7f9121fdb53d8de.state'
        """
        readable = re.sub(r"[^A-Za-z0-9_-]", "_", partition.topic)[:READABLE_CHARACTERS]
        digest = hashlib.sha256(partition.topic.encode()).hexdigest()[:16]
        return self._directory / f"{readable}-{partition.partition}-{digest}.state"

    def soonest_first(self, partitions: Collection[Partition]) -> Sequence[Partition]:
        """By name: how far the group has got beyond a state is not kept here."""
        return sorted(partitions)

    def load(self, partition: Partition) -> bytes | None:
        """The state last saved, or None. Raises SnapshotError, naming the file and the fix, where it is damaged or not ours."""
        saved = self._read(partition)
        self._next_offsets[partition] = 0 if saved is None else saved.next_offset
        return None if saved is None else saved.state

    def rest(self) -> None:
        """Nothing is open between two calls."""

    def save(self, partition: Partition, next_offset: int, state: bytes) -> None:
        """Replace the partition's file; the new one is on disk when this returns.

        Raises SnapshotError where the file holds a later state than this one, SinkError where the disk refuses.
        """
        if partition not in self._next_offsets and (saved := self._read(partition)) is not None:
            self._next_offsets[partition] = saved.next_offset
        held = self._next_offsets.get(partition)
        path = self.path(partition)
        if held is not None and next_offset < held:
            raise SnapshotError(f"{path}: holds the state at offset {held}, refusing to go back to {next_offset}")
        header = msgspec.json.encode(_Header(partition.topic, partition.partition, next_offset))
        head = MAGIC + VERSION + b"\n" + header + b"\n"
        try:
            self._replace(path, (head, _digest(head, state), b"\n", state))
        except OSError as error:
            raise SinkError(f"{path}: the state cannot be saved ({error.strerror})") from error
        self._next_offsets[partition] = next_offset

    def be_process(self, number: int) -> None:
        """Called in each of several processes that were forked with this store. Each file is written by the partition's owner alone; should
        one that has lost it without knowing write once more, the two must not write into the same temporary file."""
        self._temporary = f".{number}.tmp"

    def close(self) -> None:
        """Give the directory free. Idempotent."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _replace(self, path: Path, parts: tuple[bytes, ...]) -> None:
        temporary = path.with_suffix(self._temporary)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)  # the new name itself
        finally:
            os.close(directory)

    def _read(self, partition: Partition) -> _Saved | None:
        path = self.path(partition)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SnapshotError(f"{path}: cannot be read ({error.strerror})") from error
        with os.fdopen(descriptor, "rb") as file:
            content = file.read()
        try:
            return _unpack(content, partition)
        except (ValueError, msgspec.DecodeError) as error:
            raise SnapshotError(f"{path}: {error}; move the file away to learn again from the group's committed offset") from error


def read_state(path: Path, partition: Partition) -> bytes:
    """The state of a partition in a file that a store wrote (or in a copy of it), without a store. Raises InputError."""
    try:
        return _unpack(path.read_bytes(), partition).state
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, msgspec.DecodeError) as error:
        raise InputError(f"{path}: {error}") from None


def _unpack(content: bytes, partition: Partition) -> _Saved:
    """The state in a file's content. Raises ValueError."""
    magic, _, rest = content.partition(b"\n")
    if not magic.startswith(MAGIC):
        raise ValueError("not a saved state")
    if magic != MAGIC + VERSION:
        raise ValueError("written by another version of streamkl")
    line, _, rest = rest.partition(b"\n")
    digest, _, state = rest.partition(b"\n")
    if digest != _digest(magic + b"\n" + line + b"\n", state):
        raise ValueError("damaged (its checksum does not fit)")
    header = msgspec.json.decode(line, type=_Header)
    if (header.topic, header.partition) != partition:
        raise ValueError(f"belongs to {header.topic}/{header.partition}")
    return _Saved(header.next_offset, state)


def _digest(head: bytes, state: bytes) -> bytes:
    digest = hashlib.sha256(head)
    digest.update(state)
    return digest.hexdigest().encode()
