"""Compressed batches unpacked up to a limit: the library unpacks whatever a batch says it is, and a megabyte can say that it is gigabytes.

It puts functions of ours into the library's record modules, which is why its version is pinned.
"""

import gzip
import io
import struct
from collections.abc import Callable, Iterator
from typing import Any

import lz4.frame
import snappy
import zstandard
from kafka import codec
from kafka.errors import CorruptRecordError
from kafka.record import default_records, legacy_records

LARGEST_BATCH = 256 * 2**20  # bytes; a batch that was a megabyte on the way may have grown 256 times
_HEADER = 16  # bytes of a snappy stream in blocks
_LONGEST_VARINT = 5


class UnpackedTooLargeError(CorruptRecordError):  # type: ignore[misc]
    """A batch that would become larger than LARGEST_BATCH."""


def limit_unpacking() -> None:
    """From now on a batch that would become larger than LARGEST_BATCH raises UnpackedTooLargeError before it has. Idempotent."""
    for name, unpack in {"gzip_decode": gunzip, "snappy_decode": unsnappy, "lz4_decode": unlz4, "zstd_decode": unzstd}.items():
        for module in (default_records, legacy_records):
            if hasattr(module, name):
                setattr(module, name, unpack)
    codec.lz4_decode = unlz4  # what the old format's lz4 calls


def gunzip(packed: Any) -> bytes:
    """gzip, of one member or several."""
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        return _read(file.read)


def unlz4(packed: bytes) -> bytes:
    """One lz4 frame."""
    decompressor = lz4.frame.LZ4FrameDecompressor()
    found: bytes = decompressor.decompress(packed, max_length=LARGEST_BATCH + 1)
    return _checked(found)


def unzstd(packed: bytes) -> bytes:
    """zstandard, of one frame or several."""
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed), read_across_frames=True) as reader:
        return _read(reader.read)


def unsnappy(packed: bytes) -> bytes:
    """snappy, as one block or as a stream of blocks; each block begins with the length that it unpacks to."""
    if not codec._detect_xerial_stream(packed):
        return b"".join(_unpacked([packed]))
    return b"".join(_unpacked(_blocks(packed)))


def _blocks(packed: bytes) -> Iterator[bytes]:
    at = _HEADER
    while at < len(packed):
        (size,) = struct.unpack_from("!i", packed, at)
        if size <= 0:
            raise CorruptRecordError("a block of a compressed batch has no length")
        yield packed[at + 4 : at + 4 + size]
        at += 4 + size


def _unpacked(blocks: Any) -> Iterator[bytes]:
    total = 0
    for block in blocks:
        total += _length(block)
        if total > LARGEST_BATCH:
            raise _too_large()
        yield snappy.decompress(block)


def _length(block: bytes) -> int:
    length = 0
    for number, byte in enumerate(block[:_LONGEST_VARINT]):
        length |= (byte & 0x7F) << 7 * number
        if byte < 0x80:
            return length
    raise CorruptRecordError("a block of a compressed batch has no length")


def _read(read: Callable[[int], bytes]) -> bytes:
    """Several reads: each may be short."""
    parts, room = [], LARGEST_BATCH + 1
    while room and (part := read(min(room, 2**20))):
        parts.append(part)
        room -= len(part)
    return _checked(b"".join(parts))


def _checked(unpacked: bytes) -> bytes:
    if len(unpacked) > LARGEST_BATCH:
        raise _too_large()
    return unpacked


def _too_large() -> UnpackedTooLargeError:
    return UnpackedTooLargeError(f"a compressed batch unpacks to more than {LARGEST_BATCH >> 20} MB")
