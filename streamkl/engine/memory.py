"""What of an engine goes into a snapshot, and how an engine is filled from one."""

from collections.abc import Iterator
from operator import attrgetter

import msgspec
import numpy as np

from streamkl.core.arena import NO_SLOT, Arena, Pool, tracks_of
from streamkl.core.bank import Bank
from streamkl.core.layout import FEWEST_ROWS, allocate, passing
from streamkl.core.past import histograms, of_histograms, remake
from streamkl.core.settings import Settings
from streamkl.core.steps import packed, unpacked
from streamkl.engine.absence_watch import AbsenceWatch, WatchKept
from streamkl.engine.limiter import LimitsKept
from streamkl.engine.router import Router, Seat
from streamkl.engine.snapshot import Arrays, pack, unpack
from streamkl.errors import SnapshotError

DERIVED = frozenset({"past_edge", "nats", "surprise"})  # found anew: where the tails of the pasts begin, what the next point says
RINGS = frozenset({"code", "time", "time_step"})
HEARD = "heard"  # (seats,) whether a series was heard since silent ones were looked for


class _SeatKept(msgspec.Struct, array_like=True):
    name: str
    bank: int
    row: int
    categories: list[str]


class Kept(msgspec.Struct, kw_only=True):
    """An engine beside its banks. Rows of series are those within their bank's arrays."""

    partition: tuple[str, int]
    config_hash: str
    next_offset: int | None = None
    newest_us: int | None = None
    next_sweep_us: int | None = None
    shedding: bool = False
    episodes: dict[str, tuple[str, int, int]] = {}
    seats: list[_SeatKept] = []
    absence: WatchKept | None = None
    limits: LimitsKept = LimitsKept()


def keep(kept: Kept, router: Router, watch: AbsenceWatch | None) -> bytes:
    """Pack an engine; series by name and rows numbered anew, so that equal states are equal bytes, however they came about."""
    arrays: Arrays = {}
    rows: dict[int, list[int]] = {}
    for seat in sorted(router.seats.values(), key=attrgetter("name")):
        used = rows.setdefault(seat.bank, [])
        kept.seats.append(_SeatKept(seat.name, seat.bank, len(used), list(seat.categories)))
        used.append(seat.row)
    kept.next_sweep_us = router.next_sweep_us
    for number, used in sorted(rows.items()):
        arrays |= dict(bank_arrays(router.banks[number], np.array(used, np.int64), f"{number}."))
    order = [router.index[seat.name] for seat in kept.seats]
    arrays[HEARD] = router.seat_heard[order]
    if watch is not None:
        kept.absence, columns = watch.keep(order)
        arrays |= columns
    return pack(kept, arrays)


def bank_arrays(bank: Bank, rows: np.ndarray, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """What is kept of these rows of a bank, their numbers left out. O(rows)."""
    arena = bank.arena
    slots = arena.slot[rows]
    in_use = slots[slots != NO_SLOT]
    size = arena.code.shape[1]
    filled = arena.filled[rows].astype(np.int64)
    order = _oldest_first(arena.head[rows].astype(np.int64), filled, size)
    for name in _kept(bank.settings):
        array = getattr(arena, name)[rows]
        if name == "past":
            array = histograms(array)
        elif name == "position_step":
            array = packed(np.take_along_axis(unpacked(array, size), order, axis=1))
        elif name in RINGS and array.shape[1]:
            array = np.take_along_axis(array, order, axis=1)
        yield prefix + name, array
    yield prefix + "head", (filled % size).astype(arena.head.dtype)
    yield prefix + "slot", np.where(slots == NO_SLOT, NO_SLOT, np.cumsum(slots != NO_SLOT) - 1).astype(np.int32)
    for name in Pool._fields:
        yield f"{prefix}pool.{name}", getattr(bank.pool, name)[in_use]


def _kept(settings: Settings) -> list[str]:
    """The arrays that go into a snapshot."""
    left_out = DERIVED.union(passing(settings))
    return [name for name in Arena._fields if name not in left_out]


def _oldest_first(head: np.ndarray, filled: np.ndarray, size: int) -> np.ndarray:
    """Where the points of each ring lie, the oldest first; a place that is not filled yet repeats the newest."""
    order: np.ndarray = (np.minimum(np.arange(size), np.maximum(filled, 1)[:, None] - 1) + (head - filled)[:, None]) % size
    return order


def restore(state: bytes, expected: Kept, router: Router, watch: AbsenceWatch | None) -> Kept:
    """Fill an empty router and watch from a packed engine; SnapshotError if it belongs to another partition or configuration."""
    kept, arrays = unpack(state, Kept)
    if kept.partition != expected.partition:
        raise SnapshotError(f"state of {kept.partition[0]}/{kept.partition[1]}, not of this partition")
    if kept.config_hash != expected.config_hash:
        raise SnapshotError(
            f"state was made with another configuration ({kept.config_hash}, now {expected.config_hash}): go back to that one, or give"
            " this one its own state.directory and kafka.group_id, to learn again"
        )
    for number in sorted({seat.bank for seat in kept.seats}):
        fill(router.bank(number), arrays, f"{number}.")
    for seat in kept.seats:
        categories = {name: i for i, name in enumerate(seat.categories)}
        router.seat(Seat(seat.name, seat.bank, seat.row, categories, bool(seat.bank % 2)))
    router.deal()
    router.next_sweep_us = kept.next_sweep_us
    heard = arrays.get(HEARD)
    if heard is not None:  # older states have none, then all were
        router.seat_heard[: len(kept.seats)] = heard
    if watch is not None:
        watch.restore(kept.absence, arrays)
    return kept


def fill(bank: Bank, arrays: Arrays, prefix: str = "") -> None:
    """Give a bank the rows that `bank_arrays` kept, as its rows 0, 1, ... Raises SnapshotError for those of other settings."""
    try:
        kept = {name: arrays[prefix + name] for name in _kept(bank.settings)}
        pool = Pool(**{name: arrays[f"{prefix}pool.{name}"] for name in Pool._fields})
    except KeyError as missing:
        raise SnapshotError(f"state lacks {missing}") from missing
    rows = len(kept["phase"])
    arena = allocate(bank.settings, max(rows, FEWEST_ROWS))
    arena.slot[:] = NO_SLOT
    for name, theirs in kept.items():
        mine = getattr(arena, name)
        if mine.dtype != theirs.dtype or mine.shape[1:] != theirs.shape[1:] or len(theirs) != rows:
            raise SnapshotError("state has other shapes than this configuration's")
        mine[:rows] = of_histograms(theirs) if name == "past" else theirs
    remake(tracks_of(arena, bank.rules))
    bank.adopt(arena, pool)
