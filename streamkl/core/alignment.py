"""Two samples compared in shape alone: each is moved to its own median, or scaled by its own quartiles too, and so is every drawn pair.

The adjustment is estimated from the very values that are compared, which makes two samples look more alike than they are. So what chance
gives is drawn by dealing the adjusted values out anew and adjusting each hand again. Medians and quartiles are values that occur: what
counts in steps still does so after the move, and its ties stay ties.

Before they are dealt out, continuous samples are brought to where they are least apart. By their medians alone two samples with a sharp
end (waiting times, shares) miss one another by the error of both, and every hand would hold two ends where a sample has one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.comparison import Cut, Floats, Measure, _cut, cut, divergence
from streamkl.core.compiled import allocating, both

STEPS, FARTHEST = 21, 1.5  # places where two samples may be closest, and how many standard errors of their frames away
_STEP = 1e-9  # of the spread: what rounding leaves between values that tied before they were moved


class Frame(NamedTuple):
    """Where a sample lies and how wide it is."""

    centre: float
    spread: float


@both
def _quantile(ordered: Floats, share: float) -> float:
    return ordered[int(np.ceil(len(ordered) * share)) - 1]  # type: ignore[no-any-return]


@allocating
def _frame(ordered: Floats, scaled: bool) -> tuple[float, float]:
    centre = _quantile(ordered, 0.5)
    spread = _quantile(ordered, 0.75) - _quantile(ordered, 0.25)
    if spread <= 0:  # half of the values are one
        spread = np.abs(ordered - centre).mean()
    return centre, spread if scaled and spread > 0 else 1.0


def frame(ordered: Floats, scaled: bool) -> Frame:
    """Median and, if `scaled`, interquartile range of sorted values (where it is 0: mean distance from the median, else 1).

    >>> frame(np.array([1.0, 2, 3, 4, 9]), True)
    Frame(centre=3.0, spread=2.0)
    """
    centre, spread = _frame(ordered, scaled)
    return Frame(float(centre), float(spread))


def align(ordered: Floats, scaled: bool) -> Floats:
    """Sorted values around 0, divided by their spread if `scaled`; O(n)."""
    centre, spread = frame(ordered, scaled)
    return np.asarray((ordered - centre) / spread)


def tolerance(reference: Floats, current: Floats) -> float:
    """Differences of aligned values that are only rounding."""
    return _STEP * max(1e-300, float(_frame(reference, True)[1]), float(_frame(current, True)[1]))


def cut_aligned(reference: Floats, current: Floats, pieces: int) -> Cut:
    """`cut` of aligned samples."""
    return cut(reference, current, pieces, tolerance(reference, current))


def draw_aligned(
    measure: Measure, reference: Floats, current: Floats, pieces: int, scaled: bool, smoothing: float, draws: int, seed: tuple[int, ...]
) -> Floats:
    """Statistics (draws,) of aligned samples (sorted) dealt out anew and aligned again. O(draws n).

    >>> sample = align(np.arange(20.0), False)
    >>> draw_aligned("kl", sample, sample, 4, False, 0.5, 3, (0,)).shape
    (3,)
    """
    pooled = np.sort(np.concatenate([reference, _closest(measure, reference, current, pieces, scaled, smoothing)]), kind="stable")
    near = tolerance(reference, current)
    rng = np.random.default_rng(seed)
    tables, bins = _deal(pooled, len(current), pieces, scaled, near, draws, rng)
    statistics = np.zeros(draws)
    for k in np.unique(bins):
        chosen = bins == k
        statistics[chosen] = divergence(measure, tables[chosen, 1, :k], tables[chosen, 0, :k], smoothing)
    return statistics


def _closest(measure: Measure, reference: Floats, current: Floats, pieces: int, scaled: bool, smoothing: float) -> Floats:
    """`current`, moved (and stretched) within the errors of both frames to where it is least apart from `reference`."""
    if min(np.diff(reference).min(initial=1.0), np.diff(current).min(initial=1.0)) <= 0.0:
        return current  # ties: values that occur are not moved to where none does
    width = 1.0 if scaled else max(frame(reference, True).spread, frame(current, True).spread)
    error = np.sqrt(1.0 / len(reference) + 1.0 / len(current))  # of a median of normal numbers about 0.93 quartile ranges, of a range 1.2
    moves = FARTHEST * error * width * np.linspace(-1.0, 1.0, STEPS)
    stretches = np.exp(FARTHEST * error * np.linspace(-1.0, 1.0, STEPS)) if scaled else np.ones(1)
    best, found = np.inf, current
    for stretch in stretches:
        for move in moves:
            moved = current * stretch + move
            table = cut(reference, moved, pieces)
            apart = float(divergence(measure, table.current, table.reference, smoothing))
            if apart < best:
                best, found = apart, moved
    return found


@allocating
def _deal(
    pooled: Floats, current: int, pieces: int, scaled: bool, near: float, draws: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    total = len(pooled)
    tables, bins = np.zeros((draws, 2, 2 * pieces + 2), np.int64), np.zeros(draws, np.int64)
    first, second = np.empty(total - current), np.empty(current)
    for number in range(draws):
        i, j = 0, 0
        for place in range(total):
            if rng.random() * (total - place) < current - j:
                second[j] = pooled[place]
                j += 1
            else:
                first[i] = pooled[place]
                i += 1
        centre, spread = _frame(first, scaled)
        other, width = _frame(second, scaled)
        _, _, _, left, right = _cut((first - centre) / spread, (second - other) / width, pieces, near)
        bins[number] = len(left)
        tables[number, 0, : len(left)] = left
        tables[number, 1, : len(left)] = right
    return tables, bins
