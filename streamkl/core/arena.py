"""The state of all series as a set of arrays: one row a series, no Python object per series. Nothing here moves the state."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.compiled import both

FREE, LEARNING, JUDGING, JOINT = 0, 1, 2, 3
TRAILING, DECAYED, SEASONAL = 1, 2, 3  # kinds of reference that move
TAIL_BINS = 120  # of the histogram of block maxima
TRACKS = 6  # of single points, see core.tracks
PAST_BINS = 48  # of a track's own past
FRESH_MOST = 64  # newer magnitudes that are still to join it
FRESH = PAST_BINS // 2 + FRESH_MOST // 16  # bytes of their histogram, see core.past
CALM_BINS = 128  # of the histogram of the largest surprises
RECENT = 64  # newest values kept as they came, where single points or gates ask for them
FEW_RECENT = 32  # and of four bytes each, where quantiles in the metric's unit are only shown
RETURNS = 4  # onsets kept, see core.returns
HOURS = 24  # of the day, see core.hours
NO_SLOT = -1
NO_TIME = np.iinfo(np.int64).min

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Values = NDArray[np.float64]  # in the metric's unit; float32 where they are only shown
Ints = NDArray[np.int32]
Shorts = NDArray[np.uint16]
Lengths = NDArray[np.uint16]  # points of windows; uint32 where two of the longest window are more than those count


class Arena(NamedTuple):
    """R rows, W windows, V tests (the windows, and last the drift track where it is judged), at most K bins, a ring of L points, S seasonal
    slots (0 when unused), G tail bins. An array that the settings do not need has rows of no length.

    Bytes per row by default: 3.25 L + (W + 2) K + V G + 8 (B + 2) + 8 RECENT + T (2 H + F) + about 900; see `layout.row_bytes`.
    """

    # life of the row
    phase: NDArray[np.int8]  # (R,) FREE, LEARNING or JUDGING
    slot: Ints  # (R,) its buffer in the pool, or NO_SLOT
    learned: Ints  # (R,) points in that buffer since it was given
    points: Longs  # (R,) points taken in
    newest: Longs  # (R,) newest event time, microseconds
    late_run: NDArray[np.uint8]  # (R,) late points in a row
    late: Ints  # (R,) late points dropped in all
    # ring of the newest points, sorted by event time, see core.ring
    code: NDArray[np.uint8]  # (R, L) bin; uint16 where there are more than 256
    time: Longs  # (R, L) microseconds, where windows or the reference go by time
    time_step: NDArray[np.uint16]  # (R, L) else: time units since the point before
    time_power: NDArray[np.uint8]  # (R,) the unit is ten to it, microseconds
    time_head: Longs  # (R,) time of the newest point
    position_step: NDArray[np.uint8]  # (R, L / 4) position units since the point before, see core.steps
    position_power: NDArray[np.uint8]  # (R,) the unit is two to it, records
    position_head: Longs  # (R,) offset of the record of the newest point
    head: Lengths  # (R,) where the next point goes
    filled: Lengths  # (R,)
    recent: Values  # (R, RECENT or FEW_RECENT) newest values in order of arrival
    # windows: suffixes of the ring
    length: Lengths  # (R, V) points; of the drift track: since its sum was 0
    counts: NDArray[np.uint8]  # (R, W, K) see core.counts
    counts_high: Shorts  # (R, W, K) where a window is long
    crowded: NDArray[np.uint8]  # (R, W) where none is: the bin that has more than a byte counts, plus one; 0: none has
    self_term: Floats  # (R, W) sum of c ln c
    cross_term: Floats  # (R, W) sum of c ln(reference units)
    since_sync: Lengths  # (R, W)
    # reference
    bins: NDArray[np.uint8]  # (R,) bins in use
    edges: Floats  # (R, B + 2) see core.edges
    atoms: NDArray[np.uint8]  # (R, (B + 2) / 8) a bit for each of them
    cuts: NDArray[np.uint8]  # (R,) edges in use
    halves: Lengths  # (R, K) masses of the bins, of which each is a whole number of halves
    units: Floats  # (R, K) decayed: masses
    log_units: Floats  # (R, K) decayed: their logarithms
    prior: Floats  # (R, K) trailing: points in each bin, of which a unit is at least half
    total: Floats  # (R,) sum of units
    weight: Floats  # (R,) decayed: weight of the next point
    resume: Longs  # (R,) a moving reference learns no point before this number
    ref_code: NDArray[np.uint8]  # (R, size) trailing: bins of the reference's points, oldest at ref_head
    ref_time: Longs  # (R, size) and their times
    ref_head: Ints  # (R,)
    slot_count: Floats  # (R, S, K) seasonal: points learned
    slot_share: Floats  # (R, S, K) seasonal: masses in force
    slot_points: Ints  # (R, S) lagged: points that the masses in force come from, the pooled ones not counted
    mixture: Floats  # (R, W, K) seasonal: sum of the masses of the window's points
    season: Ints  # (R,) seasonal: slot of the newest refresh
    quantiles: Values  # (R, Q) of the reference when it was learned
    effective: Floats  # (R,) independent points that the learned reference is worth
    held: NDArray[np.uint32]  # (R,) points in the reference; decayed: all that it has taken in, however faded
    reference_from: Longs  # (R,) first and last time of the reference's points
    reference_to: Longs
    interval: Longs  # (R,) learned microseconds between points; 0: no clock
    # threshold
    bin_class: NDArray[np.uint8]  # (R,) which table of limits
    log_run: Floats  # (R,) ln of the run length promised to each window
    limit: Floats  # (R, V) table threshold in force, in nats times points
    limit_points: Lengths  # (R, V) window length it holds for
    tail: NDArray[np.uint8]  # (R, V, G) histogram of the block maxima of statistic / limit
    blocks: Shorts  # (R, V)
    block_max: NDArray[np.float32]  # (R, V)
    block_left: Lengths  # (R, V)
    judged: NDArray[np.uint32]  # (R, V) points judged; int64 with longer windows
    next_fit: NDArray[np.uint32]  # (R, V) the same
    factor: Floats  # (R, V) what the limit is multiplied by; 0: not known yet, the window is silent
    flagged: NDArray[np.bool_]  # (R, V) whether the last block was at or above the factor
    # drift track, see core.drift
    drift: Floats  # (R, 2) sum in nats, up and down
    drift_points: Lengths  # (R, 2) points since it was 0
    # single points: tracks, their pasts, and what is promised of them
    level: Floats  # (R,) exponential mean
    long_mean: Floats  # (R, 2) of about 100 points that end before the newest two, and four
    nats: Floats  # (R, T) newest surprisal of each track; until the next point of any row, but for rows that are judged together
    past: NDArray[np.uint16]  # (R, T, H) of a track's magnitudes those at or above each bin's lower edge
    fresh: NDArray[np.uint8]  # (R, T, F) newer ones in each bin, which are still to join it
    fresh_count: NDArray[np.uint8]  # (R, T)
    past_low: Floats  # (R, T) ln of the lower edge of bin 0
    past_edge: NDArray[np.uint8]  # (R, T, 2) bins from which its two tails are fitted
    surprise: Floats  # (R,) newest, of all tracks together; kept as `nats`
    strength: NDArray[np.float32]  # (R,) how strange the newest points are, fading: the order of rows that are no alarms
    hourly: NDArray[np.float32]  # (R, HOURS) mean value at each hour, less `origin`; 0: not known yet; see core.hours
    origin: NDArray[np.float32]  # (R,) about the first value of the series
    departure: NDArray[np.float32]  # (R,) how far the newest points lie from the mean of their hour
    departures: NDArray[np.float32]  # (R,) fading sum of such distances, and
    departed: NDArray[np.float32]  # (R,) of points that it comes from
    independent: NDArray[np.bool_]  # (R,) whether the points learned did not depend on one another
    drifts: NDArray[np.bool_]  # (R,) whether the drift track is judged
    point_run: Floats  # (R,) ln of the run length promised; 0: not known yet
    point_limit: Floats  # (R,) surprise that opens an episode
    calm: NDArray[np.uint8]  # (R, C) histogram of the largest surprise of each block
    calm_max: NDArray[np.float32]  # (R,)
    calm_left: NDArray[np.uint8]  # (R,)
    calm_blocks: Shorts  # (R,)
    calm_judged: Ints  # (R,)
    calm_next: Ints  # (R,)
    calm_alarms: Shorts  # (R,) blocks that reached the limit, and were learned
    calm_forgiven: Shorts  # (R,) and that were not
    # episode
    open: NDArray[np.bool_]  # (R,)
    ratio: (
        Floats  # (R, W + 2) newest statistic / threshold of each window, the drift track and single points; 0 where it is not ready; kept
    )
    # as `nats`
    muted: Lengths  # (R, W) points for which a window that still holds an episode that has ended is not heard
    teller: NDArray[np.int8]  # (R,) the test that the last event of the open episode was about; V: single points
    above: Ints  # (R,) points in a row at or above the threshold
    below: Ints  # (R,) points in a row that count as recovered
    calmed: Ints  # (R,) points for which single points have been below, kept once they are enough; 0 again with the next at the limit
    expected: NDArray[np.bool_]  # (R,) what comes back at equal steps is there again, and nothing is told of it
    bound: Floats  # (R,) score up to which, and
    bound_points: NDArray[np.uint32]  # (R,) judged points for which it is expected
    onset: Longs  # (R, RETURNS) when what was told or expected began, newest first: microseconds, or points where there is no clock
    onset_peak: NDArray[np.float32]  # (R, RETURNS) the highest score since, until it was over
    onset_points: Shorts  # (R, RETURNS) judged points until it was over
    cooling: Ints  # (R,)
    age: NDArray[np.uint32]  # (R,) judged points since it opened
    sent: Floats  # (R,) score of the last event sent
    peak: Floats  # (R,)
    since_time: Longs  # (R,) first point of the run above the threshold
    since_position: Longs  # (R,)


class Tracks(NamedTuple):
    """The arrays of an arena that `core.tracks` and `core.past` use: a short argument, where a whole arena costs more than the call."""

    recent: Values
    points: Longs
    level: Floats
    long_mean: Floats
    nats: Floats
    past: NDArray[np.uint16]
    fresh: NDArray[np.uint8]
    fresh_count: NDArray[np.uint8]
    past_low: Floats
    past_edge: NDArray[np.uint8]
    log_counts: NDArray[np.float32]


class Calm(NamedTuple):
    """The arrays of an arena that `core.surprise` uses, and what the rules say of single points."""

    log_runs: Floats
    limits: Floats
    points: Longs
    open: NDArray[np.bool_]
    independent: NDArray[np.bool_]
    surprise: Floats
    point_run: Floats
    point_limit: Floats
    calm: NDArray[np.uint8]
    calm_max: NDArray[np.float32]
    calm_left: NDArray[np.uint8]
    calm_blocks: Shorts
    calm_judged: Ints
    calm_next: Ints
    calm_alarms: Shorts
    calm_forgiven: Shorts


class Pool(NamedTuple):
    """Buffers of `size` points for rows that learn: while young, and while an episode is open. Given out and taken back by the bank."""

    value: Floats  # (P, size)
    time: Longs  # (P, size)
    position: Longs  # (P, size)


class Rules(NamedTuple):
    """The settings as arrays and numbers that compiled code reads; one per bank."""

    window_points: Ints  # (W,) 0: by time
    window_span: Longs  # (W,) microseconds; 0: by count
    xlogx: Floats  # (L + 2,) i ln i
    log_halves: Floats  # (2 size + 3,) ln(i / 2)
    log_counts: NDArray[np.float32]  # (65,536,) ln(i + 1/2)
    log_growth: float  # decayed: ln of the weight's growth per point
    grace: int
    kind: int
    size: int
    gap: int
    slots: int
    period: int
    phase: int
    shrinkage: float
    lagged: bool  # a slot is put in force when its time comes again, and begins anew
    nodes: Ints  # (W,) nodes of the length grid in use
    node_log_points: Floats  # (W, N) ln of the lengths
    log_runs: Floats  # (A,) ln of the run lengths
    limits: Floats  # (C, W, N, A) threshold in nats times points
    drift_limits: Floats  # (C, A) threshold in nats
    pointwise: bool  # single points are judged too
    voice: int  # the window that is a track of single points beside being judged itself; -1: none
    point_limits: Floats  # (A,) surprise of independent normal points at those run lengths
    min_points: int
    close_below: float
    close_after: int
    cooldown: int
    escalate: float
    returns: bool  # whether what comes back at equal steps is expected
    accept_after: int
    first_after: int
    min_duration: int
    gated: bool
    min_effect: float
    min_relative_effect: float
    direction: int


@both
def tracks_of(a: Arena, rules: Rules) -> Tracks:
    """The tracks' part of an arena, not copied."""
    return Tracks(
        a.recent,
        a.points,
        a.level,
        a.long_mean,
        a.nats,
        a.past,
        a.fresh,
        a.fresh_count,
        a.past_low,
        a.past_edge,
        rules.log_counts,
    )


@both
def calm_of(a: Arena, rules: Rules) -> Calm:
    """What sets the limit of single points, not copied."""
    return Calm(
        rules.log_runs,
        rules.point_limits,
        a.points,
        a.open,
        a.independent,
        a.surprise,
        a.point_run,
        a.point_limit,
        a.calm,
        a.calm_max,
        a.calm_left,
        a.calm_blocks,
        a.calm_judged,
        a.calm_next,
        a.calm_alarms,
        a.calm_forgiven,
    )
