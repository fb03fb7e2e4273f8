"""What a committed offset carries in its metadata: where the state that belongs to it lies in the state topic."""

import msgspec

from streamkl.errors import SnapshotError

VERSION = 1
END = "\0"  # confluent-kafka reads a string of C and sends the byte that ends it, so it is there whoever writes
_PREFIX = "streamkl"


class Saved(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A state in the state topic: its chunks lie in one partition, between two offsets (both included), under keys of `slot` 0 or 1.

    `next_offset` is the first record of the input that the state does not contain.
    """

    next_offset: int
    partition: int
    first: int
    last: int
    chunks: int
    slot: int


class Bookmark(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """`saved` is None as long as nothing was learned. `partitions`: how many the input topic had."""

    partitions: int
    saved: Saved | None = None


def write(bookmark: Bookmark) -> str:
    r"""The metadata of an offset; brokers take 4 KiB.

    >>> write(Bookmark(4, Saved(120, 0, 7, 9, 2, 1)))
    'streamkl 1 [4,[120,0,7,9,2,1]]\x00'
    """
    return f"{_PREFIX} {VERSION} {msgspec.json.encode(bookmark).decode()}{END}"


def read(metadata: str) -> Bookmark | None:
    """The inverse; None where somebody else committed the offset. Raises SnapshotError for a newer or damaged bookmark."""
    prefix, _, rest = metadata.removesuffix(END).partition(" ")
    if prefix != _PREFIX:
        return None
    version, _, body = rest.partition(" ")
    if version != str(VERSION):
        raise SnapshotError(
            f"the group's offset points to a state of format {version[:20]!r}, this version reads {VERSION}: run the one that wrote it"
        )
    try:
        return msgspec.json.decode(body, type=Bookmark)
    except (msgspec.DecodeError, ValueError) as error:  # ValueError: not UTF-8
        raise SnapshotError(f"the group's offset points to no state ({error})") from error
