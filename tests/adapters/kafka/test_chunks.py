"""A state in pieces comes back as it was, or not at all."""

import hashlib
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.errors import SnapshotError
from streamkl.model import Partition
from streamkl.transport import bookmark, chunks
from streamkl.transport.bookmark import Bookmark, Saved
from streamkl.transport.chunks import BODY_BYTES, cut, join, read

PARTITION = Partition("metrics", 3)
SIZES = [0, 1, BODY_BYTES - 1, BODY_BYTES, BODY_BYTES + 1, 3 * BODY_BYTES + 17]


def state(size: int) -> bytes:
    return random.Random(size).randbytes(size)  # noqa: S311 - no secret


@pytest.mark.parametrize("size", SIZES)
def test_any_size_comes_back_whatever_the_order_of_its_pieces(size: int) -> None:
    pieces = cut("group", PARTITION, 7, state(size))
    assert max(map(len, pieces)) <= 500 * 2**10
    random.Random(1).shuffle(pieces)  # noqa: S311 - no secret
    assert join(read(piece) for piece in pieces) == state(size)


@given(st.data())
def test_every_flipped_bit_is_noticed(data: st.DataObject) -> None:
    (piece,) = cut("group", PARTITION, 7, state(200))
    bit = data.draw(st.integers(0, 8 * len(piece) - 1))
    damaged = bytearray(piece)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SnapshotError):
        read(bytes(damaged))


@given(st.integers(0, 260))
def test_a_cut_off_piece_is_noticed(length: int) -> None:
    (piece,) = cut("group", PARTITION, 7, state(200))
    with pytest.raises(SnapshotError):
        read(piece[: min(length, len(piece) - 1)])


@given(st.binary(max_size=300))
def test_no_bytes_at_all_are_more_than_an_error(noise: bytes) -> None:
    for made in (noise, chunks.MAGIC + noise, chunks.MAGIC + bytes([chunks.VERSION]) + hashlib.sha256(noise).digest() + noise):
        with pytest.raises(SnapshotError):
            read(made)


def test_a_newer_format_is_refused_by_name() -> None:
    (piece,) = cut("group", PARTITION, 7, b"state")
    at = len(chunks.MAGIC)
    with pytest.raises(SnapshotError, match="format 2, this version reads 1: run the version that wrote it"):
        read(piece[:at] + bytes([2]) + piece[at + 1 :])


@pytest.mark.parametrize("lacking", range(4))
def test_a_missing_piece_is_noticed(lacking: int) -> None:
    pieces = [read(piece) for piece in cut("group", PARTITION, 7, state(3 * BODY_BYTES + 17))]
    with pytest.raises(SnapshotError, match="incomplete"):
        join(pieces[:lacking] + pieces[lacking + 1 :])


@pytest.mark.parametrize(
    "other",
    [("other", PARTITION, 7), ("group", Partition("other", 3), 7), ("group", Partition("metrics", 4), 7), ("group", PARTITION, 8)],
)
def test_a_piece_of_another_state_is_noticed(other: tuple[str, Partition, int]) -> None:
    mine = cut("group", PARTITION, 7, state(2 * BODY_BYTES))
    theirs = cut(*other, state(2 * BODY_BYTES))
    with pytest.raises(SnapshotError, match="incomplete"):
        join([read(mine[0]), read(theirs[1])])


def test_no_pieces_are_no_state() -> None:
    with pytest.raises(SnapshotError, match="incomplete"):
        join([])


NUMBERS = st.integers(0, 2**63 - 1)


@given(st.builds(Bookmark, NUMBERS, st.none() | st.builds(Saved, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(0, 1))))
def test_a_bookmark_comes_back_and_fits_into_what_a_broker_takes(mark: Bookmark) -> None:
    written = bookmark.write(mark)
    assert len(written) < 4096
    assert bookmark.read(written) == mark


@pytest.mark.parametrize("metadata", ["", "somebody else's", "streamklx 1 [1,null]"])
def test_what_others_commit_is_no_bookmark(metadata: str) -> None:
    assert bookmark.read(metadata) is None


@pytest.mark.parametrize("metadata", ["streamkl", "streamkl 2 [1,null]", "streamkl 1 {}", "streamkl 1 [1,[1]]", "streamkl 1 [1,null,2]"])
def test_a_bookmark_that_cannot_be_followed_is_an_error(metadata: str) -> None:
    with pytest.raises(SnapshotError, match="the group's offset points to"):
        bookmark.read(metadata)


def test_a_header_that_is_not_utf_8_is_refused_though_its_checksum_fits() -> None:
    head = b'["group\x98","metrics",3,7,0,1]'
    rest = len(head).to_bytes(4, "little") + head
    with pytest.raises(SnapshotError, match="a chunk of the state cannot be read"):
        read(chunks.MAGIC + bytes([chunks.VERSION]) + hashlib.sha256(rest).digest() + rest)
    with pytest.raises(SnapshotError, match="points to no state"):
        bookmark.read('streamkl 1 [4,"\udc98"]')


def test_a_chunk_that_claims_to_be_one_of_very_many_costs_nothing() -> None:
    (piece,) = cut("group", PARTITION, 7, b"state")
    header, body = read(piece)
    with pytest.raises(SnapshotError, match="incomplete"):
        join([(msgspec.structs.replace(header, count=2**62), body)])
