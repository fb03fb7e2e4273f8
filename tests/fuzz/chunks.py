"""Stored states that somebody or something has changed: each change is found, and nothing but SnapshotError is raised."""

import hashlib
import random
from collections.abc import Callable, Sequence

from streamkl.engine import snapshot
from streamkl.engine.memory import Kept
from streamkl.errors import SnapshotError
from streamkl.model import Partition
from streamkl.transport import bookmark, chunks
from streamkl.transport.bookmark import Bookmark, Saved
from tests.engine.plans import engine, records, shifted
from tests.fuzz.mutations import flip, mutate

HERE = Partition("metrics", 3)


def state() -> bytes:
    """Of an engine with two series, one of them in an episode."""
    one = engine()
    one.receive(records({"a": shifted(1, 100, 20), "b": shifted(2, 120, 0), "status": ["OK"] * 120}))
    return one.snapshot()


def corpus() -> Sequence[bytes]:
    """Chunks of states of several sizes."""
    whole = state()
    return [piece for body in (whole, whole[:100], b"", bytes(3_000)) for piece in chunks.cut("group", HERE, 7, body)]


def flips(piece: bytes) -> int:
    """Every bit of a chunk, one after the other; how many there were. AssertionError for one that is not found."""
    for bit in range(8 * len(piece)):
        _refused(chunks.read, flip(piece, bit), f"bit {bit}")
    return 8 * len(piece)


def fuzz(seed: int, count: int) -> dict[str, int]:
    """So many changed chunks, states and bookmarks, with wrong checksums and with right ones. How many of each were refused and read."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    pieces, whole = corpus(), state()
    known = {*pieces}
    done = {"refused": 0, "equal": 0, "resealed and refused": 0, "resealed and read": 0}
    for number in range(count):
        where = f"seed {seed}, number {number}"
        kind = number % 4
        if kind < 2:
            changed = mutate(dice.choice(pieces), dice, pieces)
            if changed in known:
                done["equal"] += 1
                continue
            _refused(chunks.read, changed, where)
            done["refused"] += 1
        elif kind == 2:
            done["resealed and read" if _resealed(dice, pieces, where) else "resealed and refused"] += 1
        else:
            changed = mutate(whole, dice)
            if changed == whole:
                done["equal"] += 1
                continue
            _refused(lambda raw: snapshot.unpack(raw, Kept), changed, where)
            mark = bookmark.write(Bookmark(4, Saved(120, 0, 7, 9, 2, 1)))
            _read_or_refused(bookmark.read, mutate(mark.encode(), dice).decode("utf-8", "replace"), where)
            done["refused"] += 1
    return done


def _resealed(dice: random.Random, pieces: Sequence[bytes], where: str) -> bool:
    """A changed body under a right checksum, as whoever may write to the topic could make it."""
    head = len(chunks.MAGIC) + 1
    rest = mutate(dice.choice(pieces)[head + 32 :], dice, pieces)
    piece = chunks.MAGIC + bytes([chunks.VERSION]) + hashlib.sha256(rest).digest() + rest
    try:
        header, body = chunks.read(piece)
        chunks.join([(header, body)])
    except SnapshotError:
        return False
    except Exception as error:
        raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
    return True


def _refused(read: Callable[[bytes], object], raw: bytes, where: str) -> None:
    try:
        read(raw)
    except SnapshotError:
        return
    except Exception as error:
        raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
    raise AssertionError(f"{where}: a change was not found")


def _read_or_refused(read: Callable[[str], object], text: str, where: str) -> None:
    try:
        read(text)
    except SnapshotError:
        return
    except Exception as error:
        raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
