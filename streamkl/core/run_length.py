"""From a promised run length to a threshold for independent points: simulated once per test, reference size and number of bins.

For continuous data the masses of the reference's bins are Dirichlet distributed, whatever the metric's distribution is (they are gaps
between order statistics), so one simulation serves every series: draw masses, draw points, slide the window, count alarms. A false alarm
is counted when the armed statistic reaches h; it is armed again after a window's length of points and once below h. Run lengths are pooled
over references: points scored / alarms. Discrete series use the table of the next larger number of bins, which is higher, so quieter.

Pooled, some references keep more than was promised and some less. On request (`certainty`) the threshold is the one that this share of
references keep each by itself: simulated reference by reference, a threshold each, and of these the quantile; never below the pooled one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import Rules
from streamkl.core.compiled import allocating, inlined
from streamkl.core.drift import HALF_WIDTH, LOG_PSI, TILT
from streamkl.core.settings import Settings

RUN_LENGTHS = (30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5)  # beyond the last, ln(run length) is continued as a line in h
FEWEST_ALARMS = 30  # behind the longest run length that is believed
LEVELS = 800  # thresholds tried per simulation
SEED = 20_240_601
CLASSES = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # numbers of inner bins that are simulated
POINTS = 10_000_000  # simulated for a pooled table
REFERENCES = 400  # simulated for the quantile of them: the share that keeps its promise is then known to about 1 %
STRETCH = 200_000  # points of each of them


class TableKey(NamedTuple):
    """What a simulated table depends on, and nothing else. `window` DRIFT: the drift track. `certainty`: share of references that keep the
    promise; 0: on average."""

    window: int
    reference: int
    bins: int
    certainty: float = 0.0


POINTS_KEY = TableKey(window=1, reference=0, bins=0)  # of single points, see `core.point_run_length`
DRIFT = 0  # in place of a window's points
REARM = 10  # points, of what has no window: the default time to close an episode, and its cooldown
Table = tuple[float, ...]  # thresholds (nats times points) at RUN_LENGTHS


def simulate(key: TableKey, points: int | None = None, seed: int = SEED) -> Table:
    """Thresholds at RUN_LENGTHS for independent continuous data; about 0.1 µs a point, and by default so many as the constants above say.

    Pooled: references are drawn anew every `32 * window + 2000` points or more, up to 2,000 of them, so that their differences average
    out. With a certainty: `REFERENCES` of them, each long enough for a threshold of its own.
    """
    points = points or (REFERENCES * (STRETCH + 32 * key.window) if key.certainty else POINTS)
    stretch = points // REFERENCES if key.certainty else max(32 * key.window + 2_000, points // 2_000)
    ranks = 1 + np.round(np.arange(key.bins + 1) * (key.reference - 1) / key.bins)
    units = np.r_[1.0, np.diff(ranks), 1.0]
    top = 4.0 * (key.bins + 2) + 60.0 + 4.0 * key.window * (key.window < 16)
    levels = np.linspace(0.0, top, LEVELS + 1)[1:]
    rng = np.random.default_rng((seed, key.window, key.reference, key.bins))
    alarms = np.zeros((max(1, points // stretch), LEVELS), np.int64)
    for of_one in alarms:
        masses = np.cumsum(rng.standard_gamma(units))
        cumulative = masses / masses[-1]
        bins = np.searchsorted(cumulative[:-1], rng.random(stretch), side="right").astype(np.int64)
        path = _drift_path(bins, units) if key.window == DRIFT else window_path(bins, units, key.window)
        of_one[:] = _count_alarms(path, levels, key.window or REARM)
    scored = len(path)
    pooled = thresholds(levels, alarms.sum(axis=0), len(alarms) * scored)
    if not key.certainty:
        return pooled
    each = np.array([thresholds(levels, of_one, scored) for of_one in alarms])
    return tuple(np.maximum(np.quantile(each, key.certainty, axis=0, method="higher"), pooled).tolist())


def thresholds(levels: NDArray[np.float64], alarms: NDArray[np.int64], scored: int) -> Table:
    """The lowest level that keeps each run length; a line in (ln run length, level) beyond what was seen often enough.

    Levels below the one with most alarms are passed over: there the statistic is seldom below, so alarms are few but endless.
    """
    first = int(np.argmax(alarms))
    alarms = np.minimum.accumulate(alarms[first:])
    believed = alarms >= FEWEST_ALARMS
    heights, seen = levels[first:][believed], np.log(scored / alarms[believed])
    if not len(heights):
        return tuple([float(levels[first])] * len(RUN_LENGTHS))
    base = int(np.flatnonzero(seen[-1] - seen >= min(2.0, seen[-1] - seen[0]))[-1])
    slope = (heights[-1] - heights[base]) / max(seen[-1] - seen[base], 1e-9)
    out = []
    for run in np.log(RUN_LENGTHS):
        reached = np.flatnonzero(seen >= run)
        out.append(float(heights[reached[0]] if len(reached) else heights[-1] + slope * (run - seen[-1])))
    return tuple(np.round(np.maximum.accumulate(out), 4).tolist())


@allocating
def window_path(bins: NDArray[np.int64], units: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """n KL of every full window."""
    cost = np.log(units / units.sum())
    xlogx = np.zeros(window + 2)
    for c in range(1, window + 2):
        xlogx[c] = c * np.log(c)
    counts = np.zeros(len(units), np.int64)
    path = np.zeros(len(bins) - window + 1)
    value = 0.0
    for i in range(len(bins)):
        code = bins[i]
        value += xlogx[counts[code] + 1] - xlogx[counts[code]] - cost[code]
        counts[code] += 1
        if i >= window:
            gone = bins[i - window]
            value += xlogx[counts[gone] - 1] - xlogx[counts[gone]] + cost[gone]
            counts[gone] -= 1
        if i >= window - 1:
            path[i - window + 1] = value - xlogx[window]
    return path


@allocating
def _drift_path(bins: NDArray[np.int64], units: NDArray[np.float64]) -> NDArray[np.float64]:
    """The larger sum of the drift track, which nothing holds back."""
    ranks = HALF_WIDTH * ((2.0 * np.cumsum(units) - units) / units.sum() - 1.0)
    path = np.zeros(len(bins))
    up = 0.0
    down = 0.0
    for i in range(len(bins)):
        step = TILT * ranks[bins[i]]
        up = max(up + step - LOG_PSI, 0.0)
        down = max(down - step - LOG_PSI, 0.0)
        path[i] = max(up, down)
    return path


@allocating
def _count_alarms(path: NDArray[np.float64], levels: NDArray[np.float64], rest: int) -> NDArray[np.int64]:
    """Alarms at every level over one stretch of one reference; a level is armed again `rest` points later and once below."""
    alarms = np.zeros(len(levels), np.int64)
    ready = np.zeros(len(levels), np.int64)  # when the level may be armed again
    armed = np.ones(len(levels), np.bool_)
    highest = -1  # highest level that is not armed
    step = levels[1] - levels[0]
    for i in range(len(path)):
        reached = min(int((path[i] - levels[0]) / step + 1e-9), len(levels) - 1) if path[i] >= levels[0] else -1
        for level in range(reached + 1):
            if armed[level]:
                armed[level] = False
                alarms[level] += 1
                ready[level] = i + rest
        for level in range(max(reached + 1, 0), highest + 1):
            if not armed[level] and i >= ready[level]:
                armed[level] = True
        highest = max(highest, reached)
        while highest > reached and highest >= 0 and armed[highest]:
            highest -= 1
    return alarms


def length_nodes(settings: Settings) -> list[list[int]]:
    """Window lengths that need a table: the window's own, or a geometric grid for a window by time."""
    nodes = []
    for window in settings.windows:
        if window.points:
            nodes.append([window.points])
        else:
            grid = np.geomspace(16, settings.ring_points, max(2, round(np.log2(settings.ring_points / 16)) + 1))
            nodes.append(sorted({round(float(n)) for n in grid}))
    return nodes


def classes(settings: Settings) -> tuple[int, ...]:
    """Numbers of inner bins that series of these settings can have, as simulated; atoms and stretches together can be twice the bins."""
    return tuple(c for c in CLASSES if c < 4 * settings.bins)


def class_of(settings: Settings, occupied: int) -> int:
    """Index into `classes`: the next one that is not smaller than the bins a reference occupies."""
    known = classes(settings)
    return next((i for i, c in enumerate(known) if c >= occupied), len(known) - 1)


def drift_key(settings: Settings, bin_class: int) -> TableKey:
    """The drift track's table for series of one class."""
    return TableKey(DRIFT, settings.reference.size, classes(settings)[bin_class], settings.certainty)


def keys(settings: Settings, bin_class: int) -> list[list[TableKey]]:
    """The tables that series of one class need: per window, per length."""
    bins = classes(settings)[bin_class]
    return [[TableKey(n, settings.reference.size, bins, settings.certainty) for n in lengths] for lengths in length_nodes(settings)]


@inlined
def limit_for(rules: Rules, bin_class: int, w: int, points: int, log_run: float) -> float:
    """Table threshold in nats times points: linear in ln(run length), and in ln(points) between the lengths simulated."""
    nodes = rules.nodes[w]
    if nodes == 1:
        return max(along(rules.log_runs, rules.limits[bin_class, w, 0], log_run), 1e-3)
    x = np.log(float(points))
    j = 0
    while j < nodes - 2 and rules.node_log_points[w, j + 1] < x:
        j += 1
    low, high = rules.node_log_points[w, j], rules.node_log_points[w, j + 1]
    part = min(max((x - low) / (high - low), 0.0), 1.0)
    below = along(rules.log_runs, rules.limits[bin_class, w, j], log_run)
    above = along(rules.log_runs, rules.limits[bin_class, w, j + 1], log_run)
    return float(max(below + part * (above - below), 1e-3))


@inlined
def drift_limit(rules: Rules, bin_class: int, log_run: float) -> float:
    """The drift track's table threshold in nats: linear in ln(run length)."""
    return max(along(rules.log_runs, rules.drift_limits[bin_class], log_run), 1e-3)


@inlined
def along(xs: NDArray[np.float64], ys: NDArray[np.float64], x: float) -> float:
    """Where the broken line through these points is at x; its first and last piece go on."""
    k = 1
    while k < len(xs) - 1 and x > xs[k]:
        k += 1
    slope = (ys[k] - ys[k - 1]) / (xs[k] - xs[k - 1])
    return float(ys[k - 1] + slope * (x - xs[k - 1]))


def longest_run(key: TableKey) -> float:
    """Longest run length (points) a window can promise: that of the most extreme window, all points in one tail.

    Each point falls into a given tail once in `reference + 1`; there are two of them. No threshold can reach a budget beyond it.
    """
    return float(np.exp(min(key.window * np.log((key.reference + 1) / 2), 690.0)))
