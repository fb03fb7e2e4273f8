"""From a promised run length to a surprise of single points, for independent normal points: simulated once, for all series alike.

The tracks' surprisals are shares of a past, so neither scale nor level matters, nor do the window's length and bins: one table serves all.
An alarm is counted when an armed level is reached; it is armed again a cooldown later and once below. Each series is long, so that the
first points, whose past is thin, weigh as in practice.
"""

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import FRESH, PAST_BINS, RECENT, TRACKS, Tracks
from streamkl.core.binning import learn
from streamkl.core.compiled import allocating, outlined
from streamkl.core.past import LOG_COUNTS
from streamkl.core.run_length import POINTS_KEY, REARM, SEED, Table, thresholds, window_path
from streamkl.core.surprise import WARM_POINTS
from streamkl.core.tracks import NONE, surprise

SERIES, POINTS = 100, 100_000
HIGHEST, LEVELS = 20.0, 800  # nats
REFERENCE, BINS, WINDOW = 500, 16, 64  # of the window that speaks too


def simulate_points(series: int = SERIES, points: int = POINTS, seed: int = SEED) -> Table:
    """Surprises at RUN_LENGTHS; about 0.2 µs a point and as much for counting."""
    levels = np.linspace(0.0, HIGHEST, LEVELS + 1)[1:]
    alarms = np.zeros(LEVELS, np.int64)
    tracks = fresh(series)
    dice = np.random.default_rng((seed, *POINTS_KEY[:3]))
    nats = np.zeros(points)
    for row in range(series):
        values = dice.standard_normal(points)
        _surprises(tracks, row, values, _heard(values), nats)
        alarms += _count_alarms(nats[WARM_POINTS:], levels)
    return thresholds(levels, alarms, series * (points - WARM_POINTS))


def _heard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The window's statistic at each point, once the first points are learned and it is full of those behind them."""
    learned = learn(values[:REFERENCE], BINS)
    codes = np.searchsorted(learned.edges, values[REFERENCE:], side="right").astype(np.int64)
    path = window_path(codes, learned.units, WINDOW)
    return np.concatenate([np.full(len(values) - len(path), NONE), np.maximum(path, 0.0)])


@outlined
def _surprises(t: Tracks, row: int, values: NDArray[np.float64], heard: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    for i in range(len(values)):
        t.recent[row, t.points[row] % RECENT] = values[i]
        t.points[row] += 1
        out[i] = surprise(t, row, values[i], heard[i])


@allocating
def _count_alarms(nats: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.int64]:
    alarms = np.zeros(len(levels), np.int64)
    for level in range(len(levels)):
        ready = 0
        below = True
        for i in range(len(nats)):
            if nats[i] < levels[level]:
                below = True
            elif below and i >= ready:
                alarms[level] += 1
                below = False
                ready = i + REARM
    return alarms


def fresh(rows: int) -> Tracks:
    """The tracks of so many series that have not begun."""
    return Tracks(
        recent=np.zeros((rows, RECENT)),
        points=np.zeros(rows, np.int64),
        level=np.zeros(rows),
        long_mean=np.zeros((rows, 2)),
        nats=np.zeros((rows, TRACKS)),
        past=np.zeros((rows, TRACKS, PAST_BINS), np.uint16),
        fresh=np.zeros((rows, TRACKS, FRESH), np.uint8),
        fresh_count=np.zeros((rows, TRACKS), np.uint8),
        past_low=np.zeros((rows, TRACKS)),
        past_edge=np.zeros((rows, TRACKS, 2), np.uint8),
        log_counts=LOG_COUNTS,
    )
