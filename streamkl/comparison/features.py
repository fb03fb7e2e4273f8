"""One feature of both samples, counted over the same bins: what kind it is, its bins with their names, and how it moved in its own unit."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.comparison.columns import MICROSECONDS, Column, Kind, Labels, Numbers, as_labels, lengths_in, moments_in, numbers_in
from streamkl.comparison.report import Bin, Effect, ShareChange
from streamkl.config.compare import CompareConfig
from streamkl.core import alignment
from streamkl.core.binning import QUANTILES
from streamkl.core.comparison import Cut, cut, pieces
from streamkl.core.pairs import MOST_CODES
from streamkl.units import format_duration, format_instant

MISSING, OTHER = "missing", "other"
FEW_LEVELS = 50  # so many texts are categories, however few rows there are
REPEATED = 2.0  # rows of a text, on average, from which on more are categories too
DAY = 86_400 * MICROSECONDS
JOINT_PIECES = 4
TOP = 5


class Aligned(NamedTuple):
    """Both samples around 0, sorted, and the bins asked for."""

    reference: NDArray[np.float64]
    current: NDArray[np.float64]
    pieces: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Both samples over the same bins, the last of them for missing values where there are any."""

    kind: Kind
    bins: list[Bin]
    reference: NDArray[np.int64]
    current: NDArray[np.int64]
    missing: tuple[int, int]
    effect: Effect
    codes: NDArray[np.uint8]  # of the rows asked for, both samples' one after the other: coarse bins, for pairs
    aligned: Aligned | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of each sample that the joint figure looks at."""

    reference: NDArray[np.int64]
    current: NDArray[np.int64]


def count(reference: Column, current: Column, config: CompareConfig, rows: Rows | None, *, categorical: bool) -> Counted:
    """Count one feature. O(n log n)."""
    notes: list[str] = []
    kind, old, new = _of_one_kind(reference, current, notes, categorical=categorical)
    if isinstance(old, Labels) and isinstance(new, Labels):
        return _categories(old, new, config, rows, notes)
    assert isinstance(old, Numbers) and isinstance(new, Numbers)  # noqa: S101 - for the type checker
    return _numbers(kind, old, new, config, rows, notes)


def _of_one_kind(reference: Column, current: Column, notes: list[str], *, categorical: bool) -> tuple[Kind, Column, Column]:
    """Both as the same kind; where one sample has texts that the other has not, what they say is read."""
    if categorical:
        return "categorical", as_labels(reference), as_labels(current)
    if isinstance(reference, Labels) and isinstance(current, Labels):
        levels = len(set(reference.levels) | set(current.levels))
        held = len(reference) + len(current) - reference.missing - current.missing
        if levels > FEW_LEVELS and levels * REPEATED > held:
            return "text", lengths_in(reference), lengths_in(current)
        return "categorical", reference, current
    old = _like(reference, current, "the reference", notes)
    new = _like(current, reference, "the current sample", notes)
    if old.moments != new.moments and old.missing < len(old) and new.missing < len(new):
        times = "the reference" if old.moments else "the current sample"
        notes.append(f"only {times} has times: the other's numbers are taken for microseconds since 1970")
    return "datetime" if old.moments or new.moments else "numeric", old, new


def _like(column: Column, other: Column, name: str, notes: list[str]) -> Numbers:
    if isinstance(column, Numbers):
        return column
    assert isinstance(other, Numbers)  # noqa: S101 - two columns of labels do not come here
    read = moments_in(column) if other.moments else numbers_in(column)
    unread = read.missing - column.missing
    if unread:
        notes.append(f"{unread:,} texts of {name} are no {'times' if other.moments else 'numbers'} and count as missing")
    return read


def _categories(old: Labels, new: Labels, config: CompareConfig, rows: Rows | None, notes: list[str]) -> Counted:
    names = list(dict.fromkeys([*old.levels, *new.levels]))
    place = {name: number for number, name in enumerate(names)}
    counts = np.zeros((2, len(names)), np.int64)
    for side, column in enumerate((old, new)):
        held = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels))
        counts[side, [place[level] for level in column.levels]] += held[: len(column.levels)]
    pooled = counts.sum(axis=0)
    # The most frequent first; of equally frequent ones the order of the alphabet, which knows nothing about the samples.
    order = sorted(np.flatnonzero(pooled).tolist(), key=lambda i: (-pooled[i], names[i]))
    kept, rest = order[: config.most_categories], order[config.most_categories :]
    columns = [counts[:, i] for i in kept]
    bins = [Bin(label=names[i]) for i in kept]
    if rest:
        columns.append(counts[:, rest].sum(axis=1))
        bins.append(Bin(label=f"{len(rest):,} {OTHER}"))
    gone = np.array([old.missing, new.missing])
    if gone.any():
        columns.append(gone)
        bins.append(Bin(label=MISSING))
    table = np.array(columns).reshape(-1, 2).T
    ranks = {names[i]: rank for rank, i in enumerate(order)}
    missing, effect = (old.missing, new.missing), _changes(names, counts)
    return Counted("categorical", bins, table[0], table[1], missing, effect, _label_codes(old, new, ranks, rows), notes=notes)


def _changes(names: list[str], counts: NDArray[np.int64]) -> Effect:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    moved = shares[1] - shares[0]
    largest = sorted(range(len(names)), key=lambda i: (-abs(moved[i]), names[i]))[:TOP]
    arrived = sorted(np.flatnonzero((counts[0] == 0) & (counts[1] > 0)).tolist(), key=lambda i: (-counts[1, i], names[i]))
    left = sorted(np.flatnonzero((counts[1] == 0) & (counts[0] > 0)).tolist(), key=lambda i: (-counts[0, i], names[i]))
    return Effect(
        changes=tuple(ShareChange(category=names[i], reference=float(shares[0, i]), current=float(shares[1, i])) for i in largest),
        new_categories=tuple(names[i] for i in arrived),
        vanished_categories=tuple(names[i] for i in left),
        new_share=float(shares[1, arrived].sum()),
    )


def _label_codes(old: Labels, new: Labels, ranks: dict[str, int], rows: Rows | None) -> NDArray[np.uint8]:
    if rows is None:
        return np.zeros(0, np.uint8)
    most = MOST_CODES - 3  # room for the others and for missing values
    return np.concatenate(
        [
            np.array([*(min(ranks.get(level, most), most) for level in column.levels), most + 1], np.uint8)[column.codes[chosen]]
            for column, chosen in ((old, rows.reference), (new, rows.current))
        ]
    )


def _numbers(kind: Kind, old: Numbers, new: Numbers, config: CompareConfig, rows: Rows | None, notes: list[str]) -> Counted:
    samples = [old.values, new.values]
    if kind == "datetime" and _apart(*samples):
        notes.append("the two stretches of time do not overlap: times of the day are compared (UTC)")
        samples = [np.mod(values, DAY) for values in samples]
        named: str = "time of day"
    else:
        named = kind
    ordered = [np.sort(values)[: int((~np.isnan(values)).sum())] for values in samples]
    aligned = _aligned(ordered, config, notes)
    table = _cut(ordered, aligned, config)
    reference, current = table.reference, table.current
    names = named if aligned is None else "numeric"
    bins = [Bin(label=_bin_name(names, table, i), low=float(table.low[i]), high=float(table.high[i])) for i in range(len(table.low))]
    gone = old.missing, new.missing
    if any(gone) and aligned is None:
        bins.append(Bin(label=MISSING))
        reference, current = np.append(reference, gone[0]), np.append(current, gone[1])
    effect = _shift(named, ordered)
    return Counted(kind, bins, reference, current, gone, effect, _number_codes(samples, ordered, rows), aligned, notes)


def _aligned(ordered: list[NDArray[np.float64]], config: CompareConfig, notes: list[str]) -> Aligned | None:
    if config.align == "none" or not all(len(each) for each in ordered):
        return None
    reference, current = (_drawn(each, config, side) for side, each in enumerate(ordered))
    if not (np.isfinite(reference).all() and np.isfinite(current).all()):
        notes.append("not aligned: there are infinite values")
        return None
    if len(reference) < len(ordered[0]) or len(current) < len(ordered[1]):
        notes.append(f"aligned: {config.align_values:,} values of each sample, drawn by chance, are compared")
    scaled = config.align == "scale"
    wanted = config.bins or pieces(len(reference), len(current))
    return Aligned(alignment.align(reference, scaled), alignment.align(current, scaled), wanted)


def _cut(ordered: list[NDArray[np.float64]], aligned: Aligned | None, config: CompareConfig) -> Cut:
    if aligned is not None:
        return alignment.cut_aligned(aligned.reference, aligned.current, aligned.pieces)
    return cut(ordered[0], ordered[1], config.bins or pieces(len(ordered[0]), len(ordered[1])))


def _apart(reference: NDArray[np.float64], current: NDArray[np.float64]) -> bool:
    if np.isnan(reference).all() or np.isnan(current).all():
        return False
    return bool(np.nanmax(reference) < np.nanmin(current) or np.nanmax(current) < np.nanmin(reference))


def _drawn(ordered: NDArray[np.float64], config: CompareConfig, side: int) -> NDArray[np.float64]:
    if len(ordered) <= config.align_values:
        return ordered
    rng = np.random.default_rng((config.seed, side))  # not the same places of both, which would make them alike
    return np.sort(rng.choice(ordered, config.align_values, replace=False))


def _number_codes(samples: list[NDArray[np.float64]], ordered: list[NDArray[np.float64]], rows: Rows | None) -> NDArray[np.uint8]:
    if rows is None:
        return np.zeros(0, np.uint8)
    table = cut(ordered[0], ordered[1], JOINT_PIECES)
    values = np.concatenate([samples[0][rows.reference], samples[1][rows.current]])
    codes = np.minimum(np.searchsorted(table.low[1:], values, side="right"), MOST_CODES - 2)
    return np.where(np.isnan(values), MOST_CODES - 1, codes).astype(np.uint8)


def _shift(kind: str, ordered: list[NDArray[np.float64]]) -> Effect:
    if not all(len(each) for each in ordered):
        return Effect()
    scale = 1 / MICROSECONDS if kind in ("datetime", "time of day") else 1.0
    old, new = ((np.quantile(each, QUANTILES, method="inverted_cdf") * scale).tolist() for each in ordered)
    shift, spread = new[2] - old[2], old[3] - old[1]
    return Effect(
        unit={"datetime": "seconds", "time of day": "seconds", "text": "characters"}.get(kind),
        median_shift=shift if isfinite(shift) else None,
        relative_shift=shift / spread if isfinite(shift) and 0 < spread < inf else None,
        reference_quantiles=tuple(old),
        current_quantiles=tuple(new),
    )


def _bin_name(kind: str, table: Cut, i: int) -> str:
    """`2.5`, or `3 to 4`: the values that occur."""
    low, high = float(table.low[i]), float(table.high[i])
    return _value_name(kind, low) if low == high else f"{_value_name(kind, low)} to {_value_name(kind, high)}"


def _value_name(kind: str, value: float) -> str:
    if kind == "datetime":
        try:
            return format_instant(int(value))
        except OverflowError:  # 2**63-1, which stands for "never", and infinity have no date
            return f"{value:.5g}"
    if kind == "time of day":
        seconds = int(value / MICROSECONDS)
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{value:.5g}"


def quantities(effect: Effect) -> Iterator[str]:
    """How the feature moved, in words."""
    if effect.median_shift is not None:
        if effect.unit == "seconds":
            sign = "-" if effect.median_shift < 0 else "+"
            shift = sign + (format_duration(round(abs(effect.median_shift) * MICROSECONDS)) if effect.median_shift else "0s")
        else:
            shift = f"{effect.median_shift:+.4g}" + (f" {effect.unit}" if effect.unit else "")
        yield f"median {shift}" + (f" ({effect.relative_shift:+.2g} IQR)" if effect.relative_shift is not None else "")
    for change in effect.changes[:2]:
        if change.current != change.reference:
            yield f"{change.category} {change.reference:.1%} → {change.current:.1%}"
    if effect.new_categories:
        shown = ", ".join(effect.new_categories[:3]) + (", …" if len(effect.new_categories) > 3 else "")
        yield f"new: {shown} ({effect.new_share:.1%})"
