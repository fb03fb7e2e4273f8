"""How the state of many series lies in memory: shapes and types by the settings, room for more rows, a row made free again."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import CALM_BINS, FEW_RECENT, FRESH, HOURS, NO_SLOT, PAST_BINS, RECENT, RETURNS, TAIL_BINS, TRACKS, Arena, Pool
from streamkl.core.binning import QUANTILES, bin_capacity
from streamkl.core.counts import MOST_CROWDED
from streamkl.core.edges import BESIDE
from streamkl.core.settings import ReferenceKind, Settings
from streamkl.core.steps import bytes_of_quarters

FEWEST_ROWS = 2  # of one row a strided array looks contiguous, and the loop would be compiled for that once more
FEW_BINS = np.iinfo(np.uint8).max  # whose numbers, from 0 or from 1, take one byte
NARROW = np.iinfo(np.uint16).max  # points of two windows, and halves of a reference, whose counts take two bytes

OF_POINTS = """
    level surprise strength point_run point_limit long_mean nats past_low past_edge fresh_count
    calm_max calm_judged calm_next calm_left calm_blocks calm_alarms calm_forgiven origin departure departures departed
"""  # short fields that single points alone need

Shapes = dict[str, tuple[tuple[int, ...], Any]]


def ring_length(settings: Settings) -> int:
    """Points a ring must hold: the longest window, the gap behind it, and the one that leaves."""
    longest = max(w.points or settings.ring_points for w in settings.windows)
    moving = settings.reference.kind != ReferenceKind.FIXED
    return max(longest, settings.reference.gap if moving else 0) + 1


def by_time(settings: Settings) -> bool:
    """Whether any old point may be asked for its time: then the ring keeps times, else steps."""
    return settings.reference.kind != ReferenceKind.FIXED or not all(window.points for window in settings.windows)


def is_narrow(settings: Settings) -> bool:
    """Whether points of windows are counted in two bytes, else four: one type for all, so that the loop is compiled once."""
    return 2 * max(ring_length(settings), settings.reference.size + 1) <= NARROW


def _decides(settings: Settings) -> bool:
    """Whether anything is decided by the newest values as such: else they are only shown, and seven digits will do."""
    return settings.pointwise or settings.gated


def _number_of_value(settings: Settings) -> Any:
    return np.float64 if _decides(settings) else np.float32


def _number_of_bin(settings: Settings) -> Any:
    return np.uint8 if bin_capacity(settings.bins) <= FEW_BINS else np.uint16


def _long_fields(settings: Settings) -> Shapes:
    """Those of which a point touches a small part: each is an array of its own."""
    w, k, ring, ref = len(settings.windows), bin_capacity(settings.bins), ring_length(settings), settings.reference
    trailing = ref.size if ref.kind == ReferenceKind.TRAILING else 0
    slots = ref.slots if ref.kind == ReferenceKind.SEASONAL else 0
    timed, pointwise, decayed = by_time(settings), settings.pointwise, ref.kind == ReferenceKind.DECAYED
    count = np.uint16 if is_narrow(settings) else np.uint32
    code = _number_of_bin(settings)
    return {
        "recent": ((RECENT if _decides(settings) else FEW_RECENT,), _number_of_value(settings)),
        "code": ((ring,), code),
        "time": ((ring if timed else 0,), np.int64),
        "time_step": ((0 if timed else ring,), np.uint16),
        "position_step": ((bytes_of_quarters(ring),), np.uint8),
        "counts": ((w, k), np.uint8),
        "counts_high": ((w if ring > MOST_CROWDED else 0, k), np.uint16),
        "edges": ((settings.bins + BESIDE,), np.float64),
        "atoms": ((-(-(settings.bins + BESIDE) // 8),), np.uint8),
        "halves": ((0 if decayed else k,), count),
        "units": ((k if decayed else 0,), np.float64),
        "log_units": ((k if decayed else 0,), np.float64),
        "prior": ((k if trailing else 0,), np.float64),
        "ref_code": ((trailing,), code),
        "ref_time": ((trailing,), np.int64),
        "slot_count": ((slots, k), np.float64),
        "slot_share": ((slots, k), np.float64),
        "slot_points": ((slots if ref.lagged else 0,), np.int32),
        "mixture": ((w if slots else 0, k), np.float64),
        "tail": ((w + settings.drifting, TAIL_BINS), np.uint8),
        "past": ((TRACKS * pointwise, PAST_BINS), np.uint16),
        "fresh": ((TRACKS * pointwise, FRESH), np.uint8),
        "calm": ((CALM_BINS * pointwise,), np.uint8),
        "hourly": ((HOURS * pointwise,), np.float32),
    }


def _short_fields(settings: Settings) -> Shapes:
    """Those that lie side by side in one block, the widest numbers first. None is empty: that would be another type to the compiler."""
    w = len(settings.windows)
    v, tracks = w + settings.drifting, TRACKS if settings.pointwise else 1
    code, short = _number_of_bin(settings), is_narrow(settings)
    length, points = (np.uint16, np.uint32) if short else (np.uint32, np.int64)
    shapes: Shapes = {}
    for names, shape, dtype in (
        ("total weight effective log_run level surprise bound point_run point_limit sent peak", (), np.float64),
        ("drift long_mean", (2,), np.float64),
        ("self_term cross_term", (w,), np.float64),
        ("limit factor", (v,), np.float64),
        ("ratio", (w + 2,), np.float64),
        ("nats past_low", (tracks,), np.float64),
        ("quantiles", (len(QUANTILES),), _number_of_value(settings)),
        ("points newest time_head position_head resume", (), np.int64),
        ("reference_from reference_to interval since_time since_position", (), np.int64),
        ("onset", (RETURNS,), np.int64),
        ("judged next_fit", (v,), points),
        ("slot learned late ref_head season above below calmed cooling calm_judged calm_next", (), np.int32),
        ("age bound_points held", (), np.uint32),
        ("block_max", (v,), np.float32),
        ("strength calm_max origin departure departures departed", (), np.float32),
        ("onset_peak", (RETURNS,), np.float32),
        ("head filled", (), length),
        ("since_sync muted", (w,), length),
        ("length limit_points block_left", (v,), length),
        ("drift_points", (2,), length),
        ("onset_points", (RETURNS,), np.uint16),
        ("blocks", (v,), np.uint16),
        ("calm_blocks calm_alarms calm_forgiven", (), np.uint16),
        ("crowded", (w,), code),
        ("bins cuts", (), code),
        ("past_edge", (tracks, 2), np.uint8),
        ("fresh_count", (tracks,), np.uint8),
        ("bin_class late_run calm_left time_power position_power", (), np.uint8),
        ("phase teller", (), np.int8),
        ("flagged", (v,), np.bool_),
        ("independent drifts open expected", (), np.bool_),
    ):
        shapes |= dict.fromkeys(names.split(), (shape, dtype))
    return dict(sorted(shapes.items(), key=lambda field: -np.dtype(field[1][1]).itemsize))


def _spare(settings: Settings) -> list[str]:
    """Short fields that stay zero under these settings."""
    kind = settings.reference.kind
    spare: list[str] = [] if settings.pointwise else OF_POINTS.split()
    spare += () if settings.drifting else ("drift", "drift_points")
    movers = {"weight": ReferenceKind.DECAYED, "ref_head": ReferenceKind.TRAILING, "season": ReferenceKind.SEASONAL}
    spare += [name for name, user in movers.items() if kind != user]
    spare += ("resume",) if kind == ReferenceKind.FIXED else ()
    return spare


def passing(settings: Settings) -> tuple[str, ...]:
    """Short fields that are only asked for until the next point comes, whichever row's."""
    return () if settings.together else ("nats", "surprise", "ratio")


def _bytes(shape: tuple[int, ...], dtype: Any) -> int:
    return math.prod(shape) * int(np.dtype(dtype).itemsize)


def _places(settings: Settings) -> tuple[dict[str, int], dict[str, int]]:
    """Where each short field lies in the block of a row, or else in the few bytes that all rows share: there those lie that stay zero, one
    upon the other, and what is only asked for until the next point comes, whichever row's."""
    fields, spare = _short_fields(settings), _spare(settings)
    shared = dict.fromkeys(spare, 0)
    _put(
        shared,
        {name: fields[name] for name in passing(settings) if name not in spare},
        _whole(max((_bytes(*fields[name]) for name in spare), default=0)),
    )
    own: dict[str, int] = {}
    _put(own, {name: field for name, field in fields.items() if name not in shared}, 0)
    return own, shared


def _put(places: dict[str, int], fields: Shapes, at: int) -> None:
    for name, field in fields.items():
        places[name] = at
        at += _bytes(*field)


def _whole(size: int) -> int:
    """The next multiple of 8, where numbers of any width may lie."""
    return -(-size // 8) * 8


def _span(settings: Settings, places: dict[str, int]) -> int:
    """Bytes in which these short fields lie, in whole numbers of 8."""
    fields = _short_fields(settings)
    return _whole(max((at + _bytes(*fields[name]) for name, at in places.items()), default=0))


def field_bytes(settings: Settings) -> dict[str, int]:
    """Bytes a series of each long array by its name, and of the `block` of all that is short."""
    return {"block": _span(settings, _places(settings)[0])} | {name: _bytes(*field) for name, field in _long_fields(settings).items()}


def row_bytes(settings: Settings) -> int:
    """Bytes that a series takes in an arena. While it learns, and while an episode is open, it has a buffer beside: `buffer_bytes`."""
    return sum(field_bytes(settings).values())


def buffer_bytes(settings: Settings) -> int:
    """Bytes of a buffer in the pool, which is given back."""
    return 24 * settings.reference.size


def allocate(settings: Settings, rows: int) -> Arena:
    """A zeroed arena of `rows` free rows; O(rows)."""
    shapes = [((field_bytes(settings)["block"],), np.uint8), *_long_fields(settings).values()]
    return assemble(settings, [np.zeros((rows, *shape), dtype) for shape, dtype in shapes])


def parts(arena: Arena, settings: Settings) -> list[NDArray[Any]]:
    """The arrays that an arena is made of: the block, and the long ones. The other fields are views of the block."""
    block: Any = arena.phase.base
    return [block.reshape(len(arena.phase), field_bytes(settings)["block"]), *(getattr(arena, name) for name in _long_fields(settings))]


def assemble(settings: Settings, arrays: list[NDArray[Any]]) -> Arena:
    """The inverse of `parts`; nothing is copied."""
    block, *long = arrays
    fields, (own, shared) = dict(zip(_long_fields(settings), long, strict=True)), _places(settings)
    common = np.zeros(_span(settings, shared), np.uint8)
    for name, (shape, dtype) in _short_fields(settings).items():
        if name in shared:
            one = np.ndarray(shape, dtype, common, shared[name])
            fields[name] = np.ndarray((len(block), *shape), dtype, common, shared[name], (0, *one.strides))
        else:
            view = block[:, own[name] : own[name] + _bytes(shape, dtype)].view(dtype)
            fields[name] = view.reshape(len(block), *shape) if shape else view[:, 0]
    return Arena(**fields)


def grow(arrays: list[NDArray[Any]], more: int, zeros: Callable[..., NDArray[Any]] = np.zeros) -> None:
    """Put so many rows of zeros behind each, one array after the other: if nobody else holds them, no more than one is there twice. Rows
    that nobody uses take no memory."""
    for index, array in enumerate(arrays):
        arrays[index] = zeros((len(array) + more, *array.shape[1:]), array.dtype)
        arrays[index][: len(array)] = array


def empty_pool(size: int) -> Pool:
    """No buffers of so many points."""
    return Pool(np.zeros((0, size)), np.zeros((0, size), np.int64), np.zeros((0, size), np.int64))


def clear(arena: Arena, row: int) -> None:
    """Make a row free again, as `allocate` made it."""
    for array in arena:
        array[row] = 0
    arena.slot[row] = NO_SLOT
