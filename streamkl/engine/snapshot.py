"""The shape in which a partition's state leaves and returns: a described set of arrays, compressed, under a checksum. No pickle.

Layout: magic, version (1 byte), SHA-256 of the rest, then one zstandard frame of: length of the header (4 bytes, little endian), the header
as JSON, and the arrays one after the other as the header lists them (see `engine.shrinking`). Only rows in use are written.
"""

import hashlib
from typing import Any, TypeVar

import msgspec
import zstandard
from numpy.typing import NDArray

from streamkl.engine.shrinking import MOST_BYTES, Shape, grow, shrink
from streamkl.errors import SnapshotError

MAGIC = b"streamkl"
VERSION = 8
_ALLOWED = {"|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<f4", "<f8"}

T = TypeVar("T")
Arrays = dict[str, NDArray[Any]]


class _Header(msgspec.Struct):
    meta: msgspec.Raw
    arrays: list[Shape]


def pack(meta: object, arrays: Arrays) -> bytes:
    """`meta` (anything msgspec encodes) and arrays as one piece of bytes; O(size)."""
    shapes, parts = [], []
    for name, array in arrays.items():
        shape, bodies = shrink(name, array)
        shapes.append(shape)
        parts += bodies
    header = msgspec.json.encode(_Header(msgspec.Raw(msgspec.json.encode(meta)), shapes))
    body = b"".join([len(header).to_bytes(4, "little"), header, *parts])
    packed = zstandard.ZstdCompressor(level=1).compress(body)
    return b"".join([MAGIC, bytes([VERSION]), hashlib.sha256(packed).digest(), packed])


def unpack(state: bytes, meta: type[T]) -> tuple[T, Arrays]:
    """The inverse of `pack`. Raises SnapshotError for anything that `pack` of this version did not make."""
    head = len(MAGIC) + 1
    if state[: len(MAGIC)] != MAGIC or len(state) < head + 32:
        raise SnapshotError("not a streamkl state")
    if state[len(MAGIC)] != VERSION:
        raise SnapshotError(f"state of format {state[len(MAGIC)]}, this version reads format {VERSION}: run the version that wrote it")
    packed = state[head + 32 :]
    if hashlib.sha256(packed).digest() != state[head : head + 32]:
        raise SnapshotError("state is damaged (its checksum does not match)")
    try:
        body = zstandard.ZstdDecompressor().decompress(packed, max_output_size=MOST_BYTES)
        length = int.from_bytes(body[:4], "little")
        header = msgspec.json.decode(body[4 : 4 + length], type=_Header)
        return msgspec.json.decode(header.meta, type=meta), _arrays(body, 4 + length, header.arrays)
    except (msgspec.MsgspecError, zstandard.ZstdError, ValueError) as error:
        raise SnapshotError(f"state cannot be read: {error}") from error


def _arrays(body: bytes, at: int, shapes: list[Shape]) -> Arrays:
    out: Arrays = {}
    view = memoryview(body)
    for shape in shapes:
        if shape.dtype not in _ALLOWED:
            raise ValueError(f"array {shape.name} of type {shape.dtype}")
        out[shape.name], at = grow(shape, view, at)
    if at != len(body):
        raise ValueError("arrays and header do not agree")
    return out
