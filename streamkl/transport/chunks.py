"""A state as records of a topic: cut into chunks, each under a checksum over header and body, and put together again. No pickle.

A chunk is: magic, version (1 byte), SHA-256 of everything after it, length of the header (4 bytes, little endian), header as JSON, body.
"""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from streamkl.errors import SnapshotError
from streamkl.model import Partition

MAGIC = b"streamkl chunk"
VERSION = 1
BODY_BYTES = 480 * 2**10  # with key and header a record stays below 512 KiB, half of what brokers take by default
_HEAD = len(MAGIC) + 1 + hashlib.sha256().digest_size + 4


class Header(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Which piece of which state this is. `number` counts from 0 to `count` - 1."""

    group: str
    topic: str
    partition: int
    next_offset: int
    number: int
    count: int


def cut(group: str, partition: Partition, next_offset: int, state: bytes) -> list[bytes]:
    """The chunks of a state, in order; at least one. O(size)."""
    bodies = [state[start : start + BODY_BYTES] for start in range(0, len(state), BODY_BYTES)] or [b""]
    return [
        _pack(Header(group, partition.topic, partition.partition, next_offset, number, len(bodies)), body)
        for number, body in enumerate(bodies)
    ]


def read(chunk: bytes) -> tuple[Header, bytes]:
    """The inverse for one chunk. Raises SnapshotError for anything that `cut` of this version did not make."""
    if chunk[: len(MAGIC)] != MAGIC or len(chunk) < _HEAD:
        raise SnapshotError("not a chunk of a streamkl state")
    version = chunk[len(MAGIC)]
    if version != VERSION:
        raise SnapshotError(f"state of chunk format {version}, this version reads {VERSION}: run the version that wrote it")
    digest, rest = chunk[len(MAGIC) + 1 : _HEAD - 4], chunk[_HEAD - 4 :]
    if hashlib.sha256(rest).digest() != digest:
        raise SnapshotError("a chunk of the state is damaged (its checksum does not fit)")
    length = int.from_bytes(rest[:4], "little")
    try:
        return msgspec.json.decode(rest[4 : 4 + length], type=Header), rest[4 + length :]
    except (msgspec.DecodeError, ValueError) as error:  # ValueError: not UTF-8
        raise SnapshotError(f"a chunk of the state cannot be read: {error}") from error


def join(chunks: Iterable[tuple[Header, bytes]]) -> bytes:
    """The state whose chunks these are, in any order, each once. Raises SnapshotError where one lacks or belongs to another state."""
    pieces: Sequence[tuple[Header, bytes]] = sorted(chunks, key=lambda chunk: chunk[0].number)
    wanted = [msgspec.structs.replace(pieces[0][0], number=number) for number in range(len(pieces))]
    if not pieces or pieces[0][0].count != len(pieces) or [header for header, _ in pieces] != wanted:
        raise SnapshotError("the state is incomplete")
    return b"".join(body for _, body in pieces)


def _pack(header: Header, body: bytes) -> bytes:
    head = msgspec.json.encode(header)
    rest = b"".join([len(head).to_bytes(4, "little"), head, body])
    return b"".join([MAGIC, bytes([VERSION]), hashlib.sha256(rest).digest(), rest])
