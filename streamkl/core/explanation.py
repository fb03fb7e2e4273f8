"""Why a window was judged as it was: its bins with their additive nats, and quantiles before and after in the metric's unit.

Or why single points were: what each track found, beside the shortest window as it stands.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import SEASONAL, Arena, Pool, Rules, calm_of
from streamkl.core.binning import QUANTILES
from streamkl.core.dependence import dependence
from streamkl.core.edges import edges_of
from streamkl.core.masses import units
from streamkl.core.ring import span
from streamkl.core.season import slot_of
from streamkl.core.surprise import limit_at
from streamkl.core.tracks import SPAN, WINDOW

NOTHING = np.zeros(0)


@dataclass(frozen=True, slots=True)
class Surprise:
    """What the tracks of `core.tracks` found at the newest point: nats of each by its own past, and the newest values, oldest first."""

    nats: NDArray[np.float64]
    values: NDArray[np.float64]

    @property
    def track(self) -> int:
        """The one with most nats."""
        return int(np.argmax(self.nats))


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
    independent: bool  # whether the points learned did not depend on one another
    drifts: bool  # whether the drift track is judged
    interval_us: int
    low: NDArray[np.float64]  # inclusive; -inf for the lower tail
    high: NDArray[np.float64]  # exclusive; inf for the upper tail
    reference_share: NDArray[np.float64]
    window_share: NDArray[np.float64]
    nats: NDArray[np.float64]
    reference_quantiles: NDArray[np.float64]  # at binning.QUANTILES, when the reference was learned
    window_quantiles: NDArray[np.float64]  # of the newest points of the window, at most RECENT or FEW_RECENT
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
    surprise: Surprise | None  # of single points; None: a window was judged


def explain(a: Arena, pool: Pool, rules: Rules, row: int, w: int) -> Explanation:
    """The window `w` of a row as it stands, or (number `len(windows)`) the points since a shift began, or (one more) its newest points;
    O(bins + the points of it)."""
    drift = len(rules.window_points)
    if w < drift:
        return _explain_window(a, rules, row, w)
    return _explain_drift(a, rules, row) if w == drift else _explain_points(a, pool, rules, row)


def explain_parting(a: Arena, pool: Pool, rules: Rules, row: int) -> tuple[int, Explanation]:
    """The test to name, and what there is still to say, when a row with an open episode is forgotten; O(bins + the window's points).

    Of what lasts from point to point alone: other rows' points have come since, and a restart may lie between. It is the window last told
    of, else the shortest that is judged; where none is, the newest points, with the score that was last told.
    """
    drift = len(rules.window_points)
    held = [w for w in np.argsort(a.length[row, :drift], kind="stable").tolist() if a.length[row, w]]
    judged = [w for w in held if a.factor[row, w] > 0 and a.limit[row, w] > 0]
    if judged:
        w = int(a.teller[row])
        w = w if w in judged else judged[0]
        return w, _explain_window(a, rules, row, w)
    around = _explain_window(a, rules, row, held[0]) if held else _explain_learning(a, pool, row)
    why = with_point_limit(a, rules, row, around)
    nothing = Surprise(np.zeros(a.nats.shape[1]), _recent(a, row, 1))
    return drift + 1, replace(why, statistic_nats=float(a.sent[row]) * why.threshold_nats, surprise=nothing)


def _explain_drift(a: Arena, rules: Rules, row: int) -> Explanation:
    """Statistic and thresholds are sums of log likelihood ratios; bins and quantiles are of the points since the sum was 0."""
    drift = len(rules.window_points)
    limit, factor = float(a.limit[row, drift]), float(a.factor[row, drift])
    statistic = float(a.drift[row].max())
    return replace(
        _explain_window(a, rules, row, drift), statistic_nats=statistic, threshold_nats=limit * factor, table_threshold_nats=limit
    )


def _explain_points(a: Arena, pool: Pool, rules: Rules, row: int) -> Explanation:
    """Statistic and thresholds are surprises; bins and quantiles are of the window that spoke loudest, else of the shortest with points, or
    of what is learned yet."""
    newest = int(a.points[row])
    surprise = Surprise(a.nats[row].copy(), _recent(a, row, newest))
    windows = [w for w in np.argsort(a.length[row, : len(rules.window_points)], kind="stable").tolist() if a.length[row, w]]
    windows = [rules.voice] if surprise.track == WINDOW else windows
    around = _explain_window(a, rules, row, windows[0]) if windows else _explain_learning(a, pool, row)
    points = around.window_points if surprise.track == WINDOW else min(SPAN[surprise.track], int(a.filled[row])) or 1
    times, positions = span(a, row, points) if windows else ([around.window_to_us], [around.first_position])
    return replace(
        with_point_limit(a, rules, row, around),
        window_points=points,
        window_from_us=int(times[0]),
        first_position=int(positions[0]),
        surprise=surprise,
    )


def with_point_limit(a: Arena, rules: Rules, row: int, why: Explanation) -> Explanation:
    """`why` with the surprise of a row's single points as its statistic, and their limit with what stands behind it. O(1)."""
    limit, table = float(a.point_limit[row]), limit_at(calm_of(a, rules), float(a.point_run[row]))
    return replace(
        why,
        statistic_nats=float(a.surprise[row]),
        threshold_nats=limit,
        table_threshold_nats=table,
        factor=limit / table,
        blocks=int(a.calm_blocks[row]),
        judged=int(a.calm_judged[row]),
        run_length=float(np.exp(a.point_run[row])),
        independent=bool(a.independent[row]),
        interval_us=int(a.interval[row]),
    )


def _explain_learning(a: Arena, pool: Pool, row: int) -> Explanation:
    """A series without a reference yet: what it has learned so far stands for it, without bins."""
    slot, n = int(a.slot[row]), int(a.learned[row])
    held = pool.value[slot, :n] if slot >= 0 else _recent(a, row, 1)
    times = pool.time[slot, :n] if slot >= 0 else np.array([a.newest[row]])
    return Explanation(
        statistic_nats=0.0,
        threshold_nats=0.0,
        table_threshold_nats=0.0,
        factor=1.0,
        blocks=0,
        judged=0,
        run_length=1.0,
        independent=False,
        drifts=False,
        interval_us=int(a.interval[row]),
        low=NOTHING,
        high=NOTHING,
        reference_share=NOTHING,
        window_share=NOTHING,
        nats=NOTHING,
        reference_quantiles=np.quantile(held, QUANTILES, method="inverted_cdf"),
        window_quantiles=_recent_quantiles(a, row, SPAN[0]),
        window_points=0,
        window_from_us=int(a.newest[row]),
        window_to_us=int(a.newest[row]),
        first_position=np.iinfo(np.int64).max,
        reference_points=len(held),
        effective_points=dependence(held).effective,
        reference_from_us=int(times.min()),
        reference_to_us=int(times.max()),
        peak=float(a.peak[row]),
        since_us=int(a.since_time[row]),
        surprise=None,
    )


def _explain_window(a: Arena, rules: Rules, row: int, w: int) -> Explanation:
    bins, n = int(a.bins[row]), int(a.length[row, w])
    places = np.arange(int(a.head[row]) - n, int(a.head[row])) % a.code.shape[1]
    counts = np.bincount(a.code[row, places], minlength=bins)
    times, positions = span(a, row, n)
    expected = units(a, rules, row) / a.total[row]
    if rules.kind == SEASONAL:
        expected = a.slot_share[row, slot_of(rules, times), :bins].mean(axis=0)
    share = counts / n
    with np.errstate(divide="ignore", invalid="ignore"):
        nats = np.where((counts > 0) & (expected > 0), share * np.log(share / expected), 0.0)
    table = float(a.limit[row, w]) / n
    factor = float(a.factor[row, w])
    edges = edges_of(a, row)
    since, until, held = _compared_with(a, rules, row, times)
    return Explanation(
        statistic_nats=float(nats.sum()),
        threshold_nats=table * factor,
        table_threshold_nats=table,
        factor=factor,
        blocks=int(a.blocks[row, w]),
        judged=int(a.judged[row, w]),
        run_length=float(np.exp(a.log_run[row])),
        independent=bool(a.independent[row]),
        drifts=bool(a.drifts[row]),
        interval_us=int(a.interval[row]),
        low=np.r_[-np.inf, edges],
        high=np.r_[edges, np.inf],
        reference_share=expected,
        window_share=share,
        nats=nats,
        reference_quantiles=_shown(a.quantiles[row]),
        window_quantiles=_recent_quantiles(a, row, n),
        window_points=n,
        window_from_us=int(times[0]),
        window_to_us=int(a.newest[row]),
        first_position=int(positions[0]),
        reference_points=held,
        effective_points=float(a.effective[row]),
        reference_from_us=since,
        reference_to_us=until,
        peak=float(a.peak[row]),
        since_us=int(a.since_time[row]),
        surprise=None,
    )


def _compared_with(a: Arena, rules: Rules, row: int, times: NDArray[np.int64]) -> tuple[int, int, int]:
    """From when to when the points of the reference are that a window with these times is compared with, and how many."""
    since, until, held = int(a.reference_from[row]), int(a.reference_to[row]), int(a.held[row])
    slots = np.unique(slot_of(rules, times)) if rules.lagged else np.zeros(0, np.int64)
    if not rules.lagged or not a.slot_points[row, slots].all():
        return since, until, held
    part = rules.period // rules.slots
    begin, end = ((int(time) - rules.period) // part * part for time in (times[0], times[-1]))
    return max(since, begin), min(until, end + part), int(a.slot_points[row, slots].sum())


def _recent_quantiles(a: Arena, row: int, n: int) -> NDArray[np.float64]:
    return np.asarray(np.quantile(_recent(a, row, n), QUANTILES, method="inverted_cdf"))


def _recent(a: Arena, row: int, n: int) -> NDArray[np.float64]:
    """So many newest values, if that many are kept, oldest first."""
    newest, room = int(a.points[row]), a.recent.shape[1]
    held = min(n, room, newest)
    return _shown(a.recent[row, np.arange(newest - held, newest) % room])


def _shown(values: NDArray[Any]) -> NDArray[np.float64]:
    """Values as they are kept; of those in four bytes the shortest decimal that means the same, as they were likely to be written."""
    return np.array([float(str(value)) for value in values])
