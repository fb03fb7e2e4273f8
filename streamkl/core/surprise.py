"""From the surprise of the newest points to a score: the limit that keeps the promised run length, for this very series.

What independent normal points reach once in so many points is simulated (`point_table`): the nominal limit. Of the series' own surprises
the largest in each block of 64 points goes into a histogram, and an exponential tail is fitted to the upper part of these maxima, between
the shares that `UPPER` and `SPARED` name: the series' own limit is where that tail is exceeded once in the promised number of points. The
few largest of all only count as "at least": they may be incidents, which the limit must not learn. Nor does it learn more alarms than it
promised, as long as they are few. What is not known yet makes it quieter: the nominal limit begins raised, and gives way to the fitted one
as blocks come. Where a bin is full its past is halved, as in `core.tail`.
"""

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import CALM_BINS, Calm
from streamkl.core.compiled import inlined, outlined
from streamkl.core.run_length import along
from streamkl.core.tail import FULL, halve

BLOCK = 64  # points
WIDTH = 0.1  # of a bin, in nats
WARM_POINTS = 100  # before the first verdict
FIRST_BLOCKS = 4
FIRST_FIT = 200  # judged points before the first fit
GROWTH = 1.15  # then whenever their number has grown by this
UPPER = 0.4  # of the maxima, the part that the tail is fitted to
FEWEST = 3.0  # maxima that the tail is fitted to, however few there are
SPARED, SPARED_FEWEST = 0.14, 1.0  # of the maxima, those that count only as "at least so large"; and so many, however few there are
PRIOR_BLOCKS, PRIOR_EXCESS = 2.0, 0.2  # maxima that stand beside the seen ones, and their mean excess in nats
UNKNOWN, UNKNOWN_BLOCKS = 0.5, 15.0  # nats by which the nominal limit begins raised; blocks after which half of that is left
KNOWN_BLOCKS, KNOWN_IF_INDEPENDENT = 20.0, 2.0  # after so many it has half given way to the fit: early maxima may be one mood's
FORGIVEN_FEWEST, FORGIVEN = 5.0, 0.03  # maxima beyond the promised alarms that are not learned: so many, and of all so much


@outlined
def limit_at(c: Calm, log_run: float) -> float:
    """Surprise that independent normal points reach once in exp(log_run); a line beyond the table's ends."""
    return max(along(c.log_runs, c.limits, log_run), 0.1)


@outlined
def weigh(c: Calm, row: int, nats: float) -> float:
    """The score of a surprise, 1 at its limit, which it then helps to set; 0.0 before the series is warm. O(1) amortised."""
    if c.points[row] <= WARM_POINTS or c.point_run[row] <= 0.0:
        return 0.0
    c.surprise[row] = nats
    score = nats / c.point_limit[row]
    if c.calm_left[row] == 0:
        c.calm_left[row] = BLOCK
        c.calm_max[row] = 0.0
    c.calm_max[row] = max(float(c.calm_max[row]), nats)
    c.calm_left[row] -= 1
    c.calm_judged[row] += 1
    if c.calm_left[row] == 0:
        _end_block(c, row)
    return float(score)


@inlined
def _end_block(c: Calm, row: int) -> None:
    if c.calm_max[row] >= c.point_limit[row]:
        promised = 1.0 + c.calm_judged[row] / np.exp(c.point_run[row])
        if c.calm_alarms[row] + 1.0 > promised and c.calm_forgiven[row] < FORGIVEN_FEWEST + FORGIVEN * c.calm_blocks[row]:
            c.calm_forgiven[row] += 1
            return
        c.calm_alarms[row] += 1
    at = min(int(float(c.calm_max[row]) / WIDTH), CALM_BINS - 1)
    if c.calm[row, at] == FULL:
        _fade(c, row)
    c.calm[row, at] += 1
    c.calm_blocks[row] += 1
    # An open episode is judged to its end by the limit it was opened with; else it would end by raising it.
    if c.calm_judged[row] >= c.calm_next[row] and not c.open[row]:
        settle(c, row)


@outlined
def _fade(c: Calm, row: int) -> None:
    """All that is counted beside the maxima is halved with them, so that shares stay what they are."""
    c.calm_blocks[row] = halve(c.calm[row])
    c.calm_judged[row] >>= 1
    c.calm_alarms[row] >>= 1
    c.calm_forgiven[row] >>= 1
    c.calm_next[row] = 0


@outlined
def settle(c: Calm, row: int) -> None:
    """Set the limit by what is promised and by the past that there is; O(bins), at geometrically growing intervals."""
    nominal = limit_at(c, c.point_run[row])
    if c.calm_blocks[row] < FIRST_BLOCKS or c.calm_judged[row] < FIRST_FIT:
        c.point_limit[row] = nominal + UNKNOWN
        c.calm_next[row] = FIRST_FIT
        return
    known = c.calm_blocks[row] / (c.calm_blocks[row] + (KNOWN_IF_INDEPENDENT if c.independent[row] else KNOWN_BLOCKS))
    own = fit(c.calm[row], c.calm_blocks[row], c.point_run[row]) - nominal
    unknown = UNKNOWN * UNKNOWN_BLOCKS / (c.calm_blocks[row] + UNKNOWN_BLOCKS)
    c.point_limit[row] = nominal + unknown + known * max(own, 0.0)
    c.calm_next[row] = int(c.calm_judged[row] * GROWTH)


@outlined
def fit(calm: NDArray[np.uint8], blocks: int, log_run: float) -> float:
    """The surprise that this past reaches once in exp(log_run) points: an exponential tail, censored from above, with its mean excess
    shrunk to the prior, as a predictive tail. O(bins)."""
    wanted = max(FEWEST, UPPER * blocks)
    low = CALM_BINS
    above = 0.0
    while low > 0 and above < wanted:
        low -= 1
        above += calm[low]
    spared = max(SPARED * blocks, SPARED_FEWEST)
    high = CALM_BINS
    beyond = 0.0
    while high > low + 1 and beyond + calm[high - 1] <= spared:
        high -= 1
        beyond += calm[high]
    seen = 0.0
    excess = beyond * (high - low) * WIDTH
    for k in range(low, high):
        seen += calm[k]
        excess += calm[k] * (k - low + 0.5) * WIDTH
    mean = (excess + PRIOR_EXCESS * PRIOR_BLOCKS) / (seen + PRIOR_BLOCKS)
    expected = max(np.exp(log_run) * above / (blocks * BLOCK), 1.0)  # times that the level is exceeded until an alarm is due
    shape = 1.0 / (seen + PRIOR_BLOCKS)
    return float(low * WIDTH + mean * (expected**shape - 1.0) / shape)
