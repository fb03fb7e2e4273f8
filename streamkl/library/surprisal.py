"""How surprising single rows are beside rows that are normal, each by itself: no window, no order, nothing learned on the way."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LARGEST = np.finfo(np.float64).max
TAIL_ROWS = 20  # furthest out on each side, from which on a fitted tail says how rare a distance is
PRIOR_WEIGHT, PRIOR_EXCESS = 5.0, 1 / 3  # distances beyond them, and their mean in e-folds, that stand beside those seen: a heavy tail
FAR = 30.0  # nats from which the share of any of d features is d times that of one
Array = NDArray[np.float64]


class Normal(NamedTuple):
    """What was learned of d features from n rows: their medians, and the distances from them, upward and downward."""

    medians: Array  # (d,)
    away: Array  # (2, d, n) distances, ascending; 0 for rows on the other side
    edge: Array  # (2, d) distance from which on the tail holds; infinite where there is too little for one
    slope: Array  # (2, d) nats per e-fold beyond the edge


def learn_rows(rows: Array) -> Normal:
    """Learn what is normal from finite rows (n, d); O(d n log n)."""
    medians = np.median(rows, axis=0)
    away = np.sort(_away(rows, medians), axis=2)
    count = min(TAIL_ROWS, max(rows.shape[0] // 4, 1))
    edge = away[:, :, -count]
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = (np.log(away[:, :, -count:]) - np.log(edge)[:, :, None]).sum(axis=2)
    slope = (count + PRIOR_WEIGHT) / (excess + PRIOR_WEIGHT * PRIOR_EXCESS)
    return Normal(medians, away, np.where(edge > 0, edge, np.inf), np.where(edge > 0, slope, 0.0))


def feature_nats(normal: Normal, rows: Array) -> Array:
    """(n, d): -ln of twice the share of normal rows that lie at least as far on the same side of the median; at least 0.

    The share is that of the rows learned, and beyond the outermost of them a Pareto tail (Hill 1975). O(n d log of the rows learned).
    """
    sides = [_side_nats(normal, side, away) for side, away in enumerate(_away(rows, normal.medians))]
    return np.asarray(np.maximum(np.max(sides, axis=0).T - np.log(2.0), 0.0))


def row_nats(normal: Normal, rows: Array) -> Array:
    """(n,): -ln of the probability that any of the features is as surprising as the row's most surprising one, were they independent
    (Šidák 1967); where they are not, it is less than that. At least 0. Cost as `feature_nats`."""
    most = feature_nats(normal, rows).max(axis=1)
    d = rows.shape[1]
    with np.errstate(divide="ignore"):
        near = -np.log(-np.expm1(d * np.log1p(-np.exp(-np.minimum(most, FAR)))))
    return np.asarray(np.where(most < FAR, near, most - np.log(d)))


def _side_nats(normal: Normal, side: int, away: Array) -> Array:
    """(d, n) nats of distances (d, n) on one side, 0 where there is none."""
    nats = np.zeros_like(away)
    n = normal.away.shape[2]
    for feature, distances in enumerate(away):
        edge = normal.edge[side, feature]
        at_least = n - np.searchsorted(normal.away[side, feature], np.minimum(distances, edge), side="left")
        beyond = normal.slope[side, feature] * (np.log(np.maximum(distances, edge)) - np.log(edge)) if np.isfinite(edge) else 0.0
        nats[feature] = np.where(distances > 0, -np.log((at_least + 0.5) / (n + 0.5)) + beyond, 0.0)
    return nats


def _away(rows: Array, medians: Array) -> Array:
    """(2, d, n) distances upward and downward, 0 on the other side."""
    with np.errstate(over="ignore"):
        apart = (rows - medians).T
    return np.clip(np.stack([apart, -apart]), 0.0, LARGEST)
