"""How far out a magnitude lies in its own past, in nats: a growing histogram of logarithms with a fitted tail, one per track.

The surprisal of a magnitude is -ln of the share of the past that was at least as large: the divergence of a window of one point in the
two-cell histogram "below | at least this". Beyond the body of the past the share is read off a Pareto tail, a straight line in
ln(magnitude), fitted to what exceeds two quantiles: one far out, that knows the past's own records, and one at the bulk's edge, that is
not taught by a few incidents. The bins are relative to the largest magnitude seen, so no scale has to be known.

What is kept is how many magnitudes lie at or above each bin's lower edge, two bytes a bin, so that a share is read off with two logarithms
from a table. When there are 65,535 all are halved, rounded up, so that a very long past fades slowly and forgets no record. Of the newest
magnitudes, at most 64, half a byte a bin counts those that join the past next; every sixteenth of a bin is a byte behind the bins.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import FRESH, FRESH_MOST, PAST_BINS, Tracks
from streamkl.core.compiled import inlined, outlined

BINS_PER_E = 3.0
FIRST_BIN = 30.0  # where the first magnitude goes: room for ten e-folds below and six above, before the bins move up
BODY_BIN = 6  # lowest bin that the middle of the past may come to lie in when they do
FIRST_PAST = 30  # magnitudes before the first surprisal
RARE, BULK = 0.005, 0.1  # shares of the past that the two tails are fitted to
FEWEST = 10.0  # magnitudes behind a tail
WEIGHT_OF_RARE = 0.3
PRIOR_WEIGHT, PRIOR_EXCESS = 10.0, 0.5  # exceedances, and their mean in e-folds, that stand beside the seen ones
JOIN_SHARE = 32  # newer magnitudes join the past when they are a 32nd of it, or FRESH_MOST
FULL = np.iinfo(np.uint16).max  # magnitudes: then all counts are halved
LOG_COUNTS = np.log(np.arange(FULL + 1) + 0.5).astype(np.float32)


@inlined
def surprisal(t: Tracks, row: int, track: int, magnitude: float) -> float:
    """Nats of a magnitude (>= 0) by the past before it, which it then joins; 0.0 while there is none. O(1) amortised."""
    position = 0.0
    if magnitude > 0.0:
        log = np.log(magnitude)
        if t.past[row, track, 1] == 0 and _fresh(t, row, track, 0) == t.fresh_count[row, track]:
            # Nothing above the lowest bin: this magnitude sets the scale.
            t.past_low[row, track] = log - FIRST_BIN / BINS_PER_E
            _join(t, row, track)
        position = (log - t.past_low[row, track]) * BINS_PER_E
        if position >= PAST_BINS:
            _move_up(t, row, track, int(position) - PAST_BINS + 1)
            position = (log - t.past_low[row, track]) * BINS_PER_E
    position = max(position, 0.0)
    index = min(int(position), PAST_BINS - 1)
    nats = 0.0
    if t.past[row, track, 0] + t.fresh_count[row, track] >= FIRST_PAST:
        if t.fresh_count[row, track] >= max(1, min(t.past[row, track, 0] // JOIN_SHARE, FRESH_MOST)):
            _join(t, row, track)
        in_body = position <= t.past_edge[row, track, 0]
        nats = max(_by_share(t, row, track, position) if in_body else _by_tails(t, row, track, position), 0.0)
    _note(t, row, track, index)
    return nats


@inlined
def _note(t: Tracks, row: int, track: int, index: int) -> None:
    """One more of the newer magnitudes."""
    pair, shift = int(t.fresh[row, track, index >> 1]), 4 * (index & 1)
    if (pair >> shift) & 15 < 15:
        t.fresh[row, track, index >> 1] = pair + (1 << shift)
    else:
        t.fresh[row, track, index >> 1] = pair - (15 << shift)
        at = PAST_BINS // 2
        while t.fresh[row, track, at] > 0:
            at += 1
        t.fresh[row, track, at] = index + 1
    t.fresh_count[row, track] += 1


@inlined
def _fresh(t: Tracks, row: int, track: int, index: int) -> int:
    """The newer magnitudes in a bin."""
    count = (int(t.fresh[row, track, index >> 1]) >> (4 * (index & 1))) & 15
    at = PAST_BINS // 2
    while at < FRESH and t.fresh[row, track, at] > 0:
        count += 16 if t.fresh[row, track, at] == index + 1 else 0
        at += 1
    return count


@inlined
def _by_share(t: Tracks, row: int, track: int, position: float) -> float:
    """-ln of the share at or above a position; between two edges of bins a straight line."""
    past, logs = t.past[row, track], t.log_counts
    k = min(int(position), PAST_BINS - 2)
    low = logs[past[k]]
    return float(logs[past[0]] - low - (position - k) * (logs[past[k + 1]] - low))


@inlined
def _by_tails(t: Tracks, row: int, track: int, position: float) -> float:
    """The same beyond the body, where the shares of bins give way to two lines."""
    own = _along(t, row, track, 1, position) if position > t.past_edge[row, track, 1] else _by_share(t, row, track, position)
    return WEIGHT_OF_RARE * own + (1.0 - WEIGHT_OF_RARE) * _along(t, row, track, 0, position)


@inlined
def _along(t: Tracks, row: int, track: int, which: int, position: float) -> float:
    """Nats on the line that a tail is: Hill's estimate with a prior. O(bins of the tail)."""
    past, edge = t.past[row, track], t.past_edge[row, track, which]
    count = float(past[edge])
    excess = 0.5 * count  # in bins, of all from the edge on; each bin stands for its middle
    for k in range(edge + 1, PAST_BINS):
        excess += past[k]
    slope = np.float32((count + PRIOR_WEIGHT) / (excess / BINS_PER_E + PRIOR_WEIGHT * PRIOR_EXCESS) / BINS_PER_E)  # nats per bin
    return float(t.log_counts[past[0]] - t.log_counts[past[edge]] + slope * (position - edge))


@outlined
def refit(t: Tracks, row: int, track: int) -> None:
    """Where the two tails begin. O(bins)."""
    for which in range(2):
        wanted = max((RARE if which else BULK) * t.past[row, track, 0], FEWEST)
        t.past_edge[row, track, which] = _edge(t, row, track, wanted)


@inlined
def _edge(t: Tracks, row: int, track: int, wanted: float) -> int:
    """The highest bin from which at least `wanted` magnitudes lie, or all that are above the lowest bin."""
    past = t.past[row, track]
    edge = PAST_BINS - 1
    while edge > 1 and past[edge] < wanted:
        edge -= 1
    while edge < PAST_BINS - 1 and past[edge + 1] == past[edge]:
        edge += 1
    return edge


def histograms(past: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """What lies in each bin of pasts (..., bins): from one edge to the next. A saved state holds these, which take fewer bytes."""
    counts = past.copy()
    counts[..., :-1] -= past[..., 1:]
    return counts


def newer_histograms(fresh: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The newer magnitudes in each bin, of their bytes (..., FRESH): half a byte a bin, and after those the number of a bin, counted from
    1, for each 16 of it that did not fit."""
    pairs, more = fresh[..., : PAST_BINS // 2].astype(np.int64), fresh[..., PAST_BINS // 2 :]
    halves = np.stack([pairs & 15, pairs >> 4], axis=-1).reshape(*fresh.shape[:-1], PAST_BINS)
    sixteens = (more[..., None] == np.arange(1, PAST_BINS + 1)).sum(axis=-2)
    counts: NDArray[np.int64] = halves + 16 * sixteens
    return counts


def of_histograms(counts: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The inverse of `histograms`."""
    return np.cumsum(counts[..., ::-1], axis=-1, dtype=np.uint16)[..., ::-1]


@outlined
def remake(t: Tracks) -> None:
    """The tails of all rows, which follow from their pasts. O(rows x bins)."""
    for row in range(t.past.shape[0]):
        for track in range(t.past.shape[1]):
            if t.past[row, track, 0] >= FIRST_PAST:
                refit(t, row, track)


@outlined
def _move_up(t: Tracks, row: int, track: int, by: int) -> None:
    """Make room for a new record: the lowest bins become one. O(bins), seldom.

    The body of the past (the median of what lies above the lowest bin) stays among the bins: one absurd value must not blind a series. What
    lies beyond the last bin is then counted in it.
    """
    past = t.past[row, track]
    higher = np.int64(past[1]) + t.fresh_count[row, track] - _fresh(t, row, track, 0)
    body = PAST_BINS - 1
    newer: Any = _fresh(t, row, track, body)
    while 2 * (past[body] + newer) < higher:
        body -= 1
        newer += _fresh(t, row, track, body)
    by = min(by, body - BODY_BIN)
    if by <= 0:
        return
    _join(t, row, track)
    for k in range(1, PAST_BINS):
        past[k] = past[k + by] if k + by < PAST_BINS else 0
    t.past_low[row, track] += by / BINS_PER_E
    if past[0] >= FIRST_PAST:
        refit(t, row, track)


@outlined
def _join(t: Tracks, row: int, track: int) -> None:
    """Let the newer magnitudes join the past. O(bins), once in so many points."""
    past = t.past[row, track]
    if np.int64(past[0]) + t.fresh_count[row, track] > FULL:
        for k in range(PAST_BINS):
            past[k] = (np.int64(past[k]) + 1) >> 1
    newer: Any = np.int64(0)
    for k in range(PAST_BINS - 1, -1, -1):
        newer += _fresh(t, row, track, k)
        past[k] += newer
    for at in range(FRESH):
        t.fresh[row, track, at] = 0
    t.fresh_count[row, track] = 0
    if past[0] >= FIRST_PAST:
        refit(t, row, track)
