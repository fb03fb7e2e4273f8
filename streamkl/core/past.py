"""How far out a magnitude lies in its own past, in nats: a growing histogram of logarithms with a fitted tail, one per track.

The surprisal of a magnitude is -ln of the share of the past that was at least as large: the divergence of a window of one point in the
two-cell histogram "below | at least this". Beyond the body of the past the share is read off a Pareto tail, a straight line in
ln(magnitude), fitted to what exceeds two quantiles: one far out, that knows the past's own records, and one at the bulk's edge, that is
not taught by a few incidents. The bins are relative to the largest magnitude seen, so no scale has to be known.

Counts of two bytes hold 65,535 magnitudes in one bin; when one is full all of them are halved, rounded up, so that a very long past fades
slowly and forgets no record.
"""

from typing import Any

import numpy as np

from streamkl.core.arena import PAST_BINS, Tracks
from streamkl.core.compiled import inlined, outlined

BINS_PER_E = 3.0
FIRST_BIN = 30.0  # where the first magnitude goes: room for ten e-folds below and six above, before the bins move up
BODY_BIN = 6  # lowest bin that the middle of the past may come to lie in when they do
FIRST_PAST = 30  # magnitudes before the first surprisal
RARE, BULK = 0.005, 0.1  # shares of the past that the two tails are fitted to
FEWEST = 10.0  # magnitudes behind a tail
WEIGHT_OF_RARE = 0.3
PRIOR_WEIGHT, PRIOR_EXCESS = 10.0, 0.5  # exceedances, and their mean in e-folds, that stand beside the seen ones
JOIN_SHARE, JOIN_MOST = 32, 64  # newer magnitudes join the past when they are a 32nd of it, or so many
FULL = np.iinfo(np.uint16).max  # of one bin: then all bins are halved


@inlined
def surprisal(t: Tracks, row: int, track: int, magnitude: float) -> float:
    """Nats of a magnitude (>= 0) by the past before it, which it then joins; 0.0 while there is none. O(1) amortised."""
    position = 0.0
    if magnitude > 0.0:
        log = np.log(magnitude)
        seen = t.past_count[row, track] + t.fresh_count[row, track]
        if np.int64(t.past[row, track, 0]) + t.fresh[row, track, 0] == seen:  # nothing above the lowest bin: this magnitude sets the scale
            t.past_low[row, track] = log - FIRST_BIN / BINS_PER_E
            _join(t, row, track)
        position = (log - t.past_low[row, track]) * BINS_PER_E
        if position >= PAST_BINS:
            _move_up(t, row, track, int(position) - PAST_BINS + 1)
            position = (log - t.past_low[row, track]) * BINS_PER_E
    position = max(position, 0.0)
    index = min(int(position), PAST_BINS - 1)
    nats = 0.0
    if t.past_count[row, track] + t.fresh_count[row, track] >= FIRST_PAST:
        if t.fresh_count[row, track] >= max(1, min(t.past_count[row, track] // JOIN_SHARE, JOIN_MOST)):
            _join(t, row, track)
        low = t.past_nats[row, track, index]
        step = t.past_nats[row, track, index + 1] - low if index < PAST_BINS - 1 else t.past_slope[row, track]
        nats = max(low + (position - index) * step, 0.0)
    t.fresh[row, track, index] += 1
    t.fresh_count[row, track] += 1
    return nats


@outlined
def refit(t: Tracks, row: int, track: int) -> None:
    """Nats at every bin's lower edge, and per bin beyond the last; O(bins)."""
    n = float(t.past_count[row, track])
    at_least = 0.0
    for k in range(PAST_BINS - 1, -1, -1):
        at_least += t.past[row, track, k]
        t.past_nats[row, track, k] = -np.log((at_least + 0.5) / (n + 0.5))
    rare, rare_nats, rare_slope = _tail(t, row, track, max(RARE * n, FEWEST))
    bulk, bulk_nats, bulk_slope = _tail(t, row, track, max(BULK * n, FEWEST))
    for k in range(bulk + 1, PAST_BINS):
        own = rare_nats + rare_slope * (k - rare) if k > rare else t.past_nats[row, track, k]
        t.past_nats[row, track, k] = WEIGHT_OF_RARE * own + (1.0 - WEIGHT_OF_RARE) * (bulk_nats + bulk_slope * (k - bulk))
    t.past_slope[row, track] = WEIGHT_OF_RARE * rare_slope + (1.0 - WEIGHT_OF_RARE) * bulk_slope


@inlined
def _tail(t: Tracks, row: int, track: int, wanted: float) -> tuple[int, float, float]:
    """(bin from which at least `wanted` magnitudes lie, nats at its edge, nats per bin above it): Hill's estimate with a prior."""
    k = PAST_BINS
    edge = PAST_BINS - 1
    count = 0.0
    excess = 0.0  # in bins, summed over those above the edge
    while k > 1 and count < wanted:
        k -= 1
        if t.past[row, track, k] > 0:
            excess += count * (edge - k) + 0.5 * t.past[row, track, k]
            count += t.past[row, track, k]
            edge = k
    slope = (count + PRIOR_WEIGHT) / (excess / BINS_PER_E + PRIOR_WEIGHT * PRIOR_EXCESS)
    return edge, t.past_nats[row, track, edge], slope / BINS_PER_E


@outlined
def remake(t: Tracks) -> None:
    """The tables of all rows, which follow from their pasts. O(rows x bins)."""
    for row in range(t.past.shape[0]):
        for track in range(t.past.shape[1]):
            if t.past_count[row, track] >= FIRST_PAST:
                refit(t, row, track)


@outlined
def _move_up(t: Tracks, row: int, track: int, by: int) -> None:
    """Make room for a new record: the lowest bins become one. O(bins), seldom.

    The body of the past (the median of what lies above the lowest bin) stays among the bins: one absurd value must not blind a series. What
    lies beyond the last bin is then counted in it.
    """
    body = PAST_BINS
    above: Any = 0
    higher = np.int64(t.past_count[row, track]) + t.fresh_count[row, track] - t.past[row, track, 0] - t.fresh[row, track, 0]
    while 2 * above < higher:
        body -= 1
        above += np.int64(t.past[row, track, body]) + t.fresh[row, track, body]
    by = min(by, body - BODY_BIN)
    if by <= 0:
        return
    _join(t, row, track)
    lowest: Any = 0
    for k in range(by + 1):
        lowest += np.int64(t.past[row, track, k])
    for k in range(1, PAST_BINS):
        t.past[row, track, k] = t.past[row, track, k + by] if k + by < PAST_BINS else 0
    t.past_low[row, track] += by / BINS_PER_E
    while lowest > FULL:
        lowest = _halve(t, row, track, lowest)
    t.past[row, track, 0] = lowest
    t.past_count[row, track] = _total(t, row, track)
    if t.past_count[row, track] >= FIRST_PAST:
        refit(t, row, track)


@outlined
def _join(t: Tracks, row: int, track: int) -> None:
    """Let the newer magnitudes join the past. O(bins), once in so many points."""
    for k in range(PAST_BINS):
        if np.int64(t.past[row, track, k]) + t.fresh[row, track, k] > FULL:
            t.past[row, track, 0] = _halve(t, row, track, np.int64(t.past[row, track, 0]))
            break
    for k in range(PAST_BINS):
        t.past[row, track, k] += t.fresh[row, track, k]
        t.fresh[row, track, k] = 0
    t.fresh_count[row, track] = 0
    t.past_count[row, track] = _total(t, row, track)
    if t.past_count[row, track] >= FIRST_PAST:
        refit(t, row, track)


@inlined
def _halve(t: Tracks, row: int, track: int, lowest: Any) -> Any:
    """Fade a past, of which `lowest` magnitudes are in bin 0; returns how many are left there."""
    for k in range(1, PAST_BINS):
        t.past[row, track, k] = (np.int64(t.past[row, track, k]) + 1) >> 1
    return (lowest + 1) >> 1


@inlined
def _total(t: Tracks, row: int, track: int) -> Any:
    total: Any = 0
    for k in range(PAST_BINS):
        total += np.int64(t.past[row, track, k])
    return total
