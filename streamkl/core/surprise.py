"""From the surprise of the newest points to a score: the limit that keeps the promised run length, for this very series.

What independent normal points reach once in so many points is simulated (`point_table`), and turns a surprise into the logarithm of a run
length. Of these the largest in each block of 64 points goes into a histogram. On independent normal data they have an exponential tail of
rate one; a series' own level and rate are fitted to the upper part of its maxima, between the shares that `UPPER` and `SPARED` name. The
few largest of all only count as "at least": they may be incidents, which the limit must not learn. Nor does it learn more alarms than it
promised, as long as they are few. What is not known yet makes it quieter: a past of few maxima is taken to have a heavier tail than normal
data (`PRIOR_RATE`), and a past with a heavier tail has its limit raised by more than the fit says.
"""

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import CALM_BINS, Calm
from streamkl.core.compiled import inlined, outlined
from streamkl.core.run_length import along

BLOCK = 64  # points
WIDTH = 0.25  # of a bin, in ln(points)
WARM_POINTS = 100  # before the first verdict
FIRST_BLOCKS = 4
FIRST_FIT = 200  # judged points before the first fit
GROWTH = 1.3  # then whenever their number has grown by this
UPPER = 0.3  # of the maxima, the part that the tail is fitted to
SPARED, SPARED_FEWEST = 0.1, 3.0  # of the maxima, those that count only as "at least so large"; and so many, however few there are
PRIOR_BLOCKS, PRIOR_RATE = 5.0, 1.8  # maxima that a tail 1.8 times as heavy as that of independent normal points weighs
FIRST_LEVEL = np.log(BLOCK / UPPER)  # ln(run length) that so many maxima of independent normal points exceed
CURVATURE = 0.42  # of the extrapolation, per unit of rate beyond one
MARGIN = 2.0  # a limit is lowered only by what the fit goes below it in excess of this, in ln(points)
FORGIVEN = 0.05  # of the maxima, those beyond the promised number of alarms that are not learned


@outlined
def limit_at(c: Calm, log_run: float) -> float:
    """Surprise that independent normal points reach once in exp(log_run); a line beyond the table's ends."""
    return max(along(c.log_runs, c.limits, log_run), 0.1)


@inlined
def log_run_at(c: Calm, nats: float) -> float:
    """The inverse of `limit_at`."""
    return along(c.limits, c.log_runs, nats)


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
    c.calm_max[row] = max(c.calm_max[row], nats)
    c.calm_left[row] -= 1
    c.calm_judged[row] += 1
    if c.calm_left[row] == 0:
        _end_block(c, row)
    return float(score)


@inlined
def _end_block(c: Calm, row: int) -> None:
    if c.calm_max[row] >= c.point_limit[row]:
        promised = 1.0 + c.calm_judged[row] / np.exp(c.point_run[row])
        if c.calm_alarms[row] + 1.0 > promised and c.calm_forgiven[row] < FORGIVEN * (c.calm_blocks[row] + 1.0):
            c.calm_forgiven[row] += 1
            return
        c.calm_alarms[row] += 1
    index = int(log_run_at(c, c.calm_max[row]) / WIDTH)
    c.calm[row, min(max(index, 0), CALM_BINS - 1)] += 1
    c.calm_blocks[row] += 1
    # An open episode is judged to its end by the limit it was opened with; else it would end by raising it.
    if c.calm_judged[row] >= c.calm_next[row] and not c.open[row]:
        settle(c, row)


@outlined
def settle(c: Calm, row: int) -> None:
    """Set the limit by what is promised and by the past that there is; O(bins), at geometrically growing intervals."""
    log_run = c.point_run[row]
    if c.calm_blocks[row] < FIRST_BLOCKS or c.calm_judged[row] < FIRST_FIT:
        c.point_limit[row] = limit_at(c, extrapolated(FIRST_LEVEL, PRIOR_RATE, 0.0, np.exp(log_run - FIRST_LEVEL)))
        c.calm_next[row] = FIRST_FIT
        return
    fitted = fit(c.calm[row], c.calm_blocks[row], log_run)
    if fitted < log_run:
        fitted = min(fitted + MARGIN, log_run)
    c.point_limit[row] = limit_at(c, fitted)
    c.calm_next[row] = int(c.calm_judged[row] * GROWTH)


@outlined
def fit(calm: NDArray[np.uint32], blocks: int, log_run: float) -> float:
    """The nominal ln(run length) whose surprise this past reaches once in exp(log_run) points: an exponential tail, censored from above,
    with its rate shrunk to the prior, as a predictive tail. O(bins)."""
    wanted = max(3.0, UPPER * blocks)
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
    rate = (excess + PRIOR_RATE * PRIOR_BLOCKS) / (seen + PRIOR_BLOCKS)
    return extrapolated(low * WIDTH, rate, seen, np.exp(log_run) * above / (blocks * BLOCK))


@inlined
def extrapolated(level: float, rate: float, seen: float, expected: float) -> float:
    """What is exceeded once where `level` is `expected` times, under an exponential tail whose rate was estimated from `seen` excesses."""
    shape = 1.0 / (seen + PRIOR_BLOCKS) + CURVATURE * max(0.0, rate - 1.0)
    return float(level + rate * (max(expected, 1.0) ** shape - 1.0) / shape)
