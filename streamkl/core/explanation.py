"""Why a window was judged as it was: its bins with their additive nats, and quantiles before and after in the metric's unit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import RECENT, Arena, Rules
from streamkl.core.binning import QUANTILES
from streamkl.core.season import SEASONAL


@dataclass(frozen=True, slots=True)
class Explanation:
    """One window beside its reference at one moment. Shares sum to 1, `nats` to `statistic_nats`; arrays have one entry a bin."""

    statistic_nats: float  # KL per point
    threshold_nats: float  # per point, tail factor included
    table_threshold_nats: float
    factor: float
    blocks: int
    judged: int  # points this window was judged on, those of the learned reference included
    run_length: float  # promised to this window, points
    interval_us: int
    low: NDArray[np.float64]  # inclusive; -inf for the lower tail
    high: NDArray[np.float64]  # exclusive; inf for the upper tail
    reference_share: NDArray[np.float64]
    window_share: NDArray[np.float64]
    nats: NDArray[np.float64]
    reference_quantiles: NDArray[np.float64]  # at binning.QUANTILES, when the reference was learned
    window_quantiles: NDArray[np.float64]  # of the newest points of the window, at most RECENT
    window_points: int
    window_from_us: int
    window_to_us: int
    first_position: int
    reference_points: int
    effective_points: float  # independent points that the reference is worth, as it was learned
    reference_from_us: int
    reference_to_us: int
    peak: float
    since_us: int


def explain(a: Arena, rules: Rules, row: int, w: int) -> Explanation:
    """The window `w` of a row as it stands; O(bins + RECENT)."""
    bins, n = int(a.bins[row]), int(a.length[row, w])
    counts = a.counts[row, w, :bins].astype(np.float64)
    expected = a.mixture[row, w, :bins] / n if rules.kind == SEASONAL else a.units[row, :bins] / a.total[row]
    share = counts / n
    with np.errstate(divide="ignore", invalid="ignore"):
        nats = np.where(counts > 0, share * np.log(share / expected), 0.0)
    oldest = (int(a.head[row]) - n) % a.code.shape[1]
    table = float(a.limit[row, w]) / n
    factor = float(a.factor[row, w])
    edges = a.edges[row, : bins - 1]
    return Explanation(
        statistic_nats=float(nats.sum()),
        threshold_nats=table * factor,
        table_threshold_nats=table,
        factor=factor,
        blocks=int(a.blocks[row, w]),
        judged=int(a.judged[row, w]),
        run_length=float(np.exp(a.log_run[row])),
        interval_us=int(a.interval[row]),
        low=np.r_[-np.inf, edges],
        high=np.r_[edges, np.inf],
        reference_share=expected,
        window_share=share,
        nats=nats,
        reference_quantiles=a.quantiles[row].copy(),
        window_quantiles=_recent_quantiles(a, row, n),
        window_points=n,
        window_from_us=int(a.time[row, oldest]),
        window_to_us=int(a.newest[row]),
        first_position=int(a.position[row, oldest]),
        reference_points=int(a.held[row]),
        effective_points=float(a.effective[row]),
        reference_from_us=int(a.reference_from[row]),
        reference_to_us=int(a.reference_to[row]),
        peak=float(a.peak[row]),
        since_us=int(a.since_time[row]),
    )


def _recent_quantiles(a: Arena, row: int, n: int) -> NDArray[np.float64]:
    newest = int(a.points[row])
    held = min(n, RECENT, newest)
    values = a.recent[row, np.arange(newest - held, newest) % RECENT]
    return np.asarray(np.quantile(values, QUANTILES, method="inverted_cdf"))
