"""How surprising single rows are beside rows that are normal, each by itself: no window, no order, nothing learned on the way."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import PAST_BINS, Tracks
from streamkl.core.past import BINS_PER_E, FIRST_BIN, refit

LARGEST = np.finfo(np.float64).max
FAR = 30.0  # nats from which the share of any of d features is d times that of one
Array = NDArray[np.float64]


class Normal(NamedTuple):
    """What was learned of d features: their medians, and the distances from them, upward and downward, as `core.past` keeps them."""

    rows: int
    medians: Array  # (d,)
    low: Array  # (2, d) ln of the lower edge of bin 0
    flat: NDArray[np.bool_]  # (2, d) nothing lies on that side
    nats: Array  # (2, d, H) at each bin's lower edge
    slope: Array  # (2, d) per bin beyond the last


def learn_rows(rows: Array) -> Normal:
    """Learn what is normal from finite rows (n, d); O(n d)."""
    n, d = rows.shape
    medians = np.median(rows, axis=0)
    away = _away(rows, medians)
    largest = away.max(axis=1)
    flat = largest == 0.0
    low = np.log(np.where(flat, 1.0, largest)) - FIRST_BIN / BINS_PER_E
    index = _bins(_positions(away, low))
    tracks = _empty(d, n)
    for side, feature in np.ndindex(2, d):
        tracks.past[feature, side] = np.bincount(index[side, :, feature], minlength=PAST_BINS)
        refit(tracks, feature, side)
    return Normal(n, medians, low, flat, tracks.past_nats.transpose(1, 0, 2).astype(np.float64), tracks.past_slope.T.copy())


def feature_nats(normal: Normal, rows: Array) -> Array:
    """(n, d): -ln of twice the share of normal rows that lie at least as far on the same side of the median; at least 0. Beyond what was
    learned a Pareto tail goes on (see `core.past`). O(n d)."""
    away = _away(rows, normal.medians)
    position = _positions(away, normal.low)
    index = _bins(position)
    side, feature = np.arange(2)[:, None, None], np.arange(rows.shape[1])[None, None, :]
    below = normal.nats[side, feature, index]
    last = index == PAST_BINS - 1
    step = np.where(last, normal.slope[:, None, :], normal.nats[side, feature, np.minimum(index + 1, PAST_BINS - 1)] - below)
    beyond = np.log((normal.rows + 0.5) / 0.5)  # what is said where no row ever was
    nats = np.where(normal.flat[:, None, :], np.where(away > 0, beyond, 0.0), below + (position - index) * step)
    return np.asarray(np.maximum(nats.max(axis=0) - np.log(2.0), 0.0))


def row_nats(normal: Normal, rows: Array) -> Array:
    """(n,): -ln of the probability that any of the features is as surprising as the row's most surprising one, were they independent
    (Šidák 1967); where they are not, it is less than that. At least 0. O(n d)."""
    most = feature_nats(normal, rows).max(axis=1)
    d = rows.shape[1]
    with np.errstate(divide="ignore"):
        near = -np.log(-np.expm1(d * np.log1p(-np.exp(-np.minimum(most, FAR)))))
    return np.asarray(np.where(most < FAR, near, most - np.log(d)))


def _away(rows: Array, medians: Array) -> Array:
    """(2, n, d) distances upward and downward, 0 on the other side."""
    with np.errstate(over="ignore"):
        apart = rows - medians
    return np.clip(np.stack([apart, -apart]), 0.0, LARGEST)


def _positions(away: Array, low: Array) -> Array:
    """(2, n, d) places among the bins, fractions between 0 and what lies far beyond the last."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum((np.log(away) - low[:, None, :]) * BINS_PER_E, 0.0))


def _bins(positions: Array) -> NDArray[np.int64]:
    return np.minimum(positions, PAST_BINS - 1).astype(np.int64)


def _empty(features: int, rows: int) -> Tracks:
    """Room for the pasts of two sides; what else a track has is not used."""
    none, shape = np.zeros((0, 2)), (features, 2)
    return Tracks(
        recent=none,
        points=np.zeros(0, np.int64),
        level=np.zeros(0),
        long_mean=none,
        nats=none,
        past=np.zeros((*shape, PAST_BINS), np.uint32),
        fresh=np.zeros((0, 2, PAST_BINS), np.uint8),
        past_nats=np.zeros((*shape, PAST_BINS), np.float32),
        past_slope=np.zeros(shape),
        past_low=np.zeros(shape),
        past_count=np.full(shape, rows, np.int64),
        past_next=np.zeros(shape, np.int64),
    )
