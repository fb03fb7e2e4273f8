"""What comes back at equal steps is expected: a backup every night, a disk that is cleared every five hours.

The last four onsets are kept, told or expected. An onset at t is expected when, for one of them at distance d, there are onsets near t - d,
t - 2 d and t - 3 d: three by equal steps, and this one a step later. "Near" is within a twentieth of d. Then nothing is told, as long as
the score stays below `escalate` times what those three have reached, and it takes no more than twice as long as they did.

Steps are counted in event time where the series has a clock, else in points.
"""

import numpy as np

from streamkl.core.arena import RETURNS, Arena, Rules
from streamkl.core.compiled import inlined, outlined

STEPS = 3  # earlier onsets that have to lie at equal steps
NEAR = 0.05  # of a step
NEAR_POINTS = 5  # a step may always be off by so many
MOST_POINTS = np.iinfo(np.uint16).max  # that what comes back is known to last
SHORTEST = 16  # points of a step: shorter ones are one incident


@inlined
def moment(a: Arena, row: int, time: int) -> int:
    """What steps are counted in."""
    return time if a.interval[row] > 0 else int(a.points[row])


@outlined
def is_expected(a: Arena, rules: Rules, row: int, time: int, score: float) -> bool:
    """Note that something begins, and whether it does so by equal steps and is no larger than before. O(1): 4 x 3 x 4 comparisons."""
    now = moment(a, row, time)
    point = max(a.interval[row], 1)
    found = False
    for first in range(RETURNS):
        step = now - a.onset[row, first]
        if found or a.onset_peak[row, first] == 0.0 or step < SHORTEST * point:
            continue
        near = max(NEAR * step, NEAR_POINTS * point)
        steps, peak, points = 0, 0.0, 0
        for back in range(1, STEPS + 1):
            for other in range(RETURNS):
                if a.onset_peak[row, other] > 0.0 and abs(now - a.onset[row, other] - back * step) <= near:
                    steps += 1
                    peak = max(peak, a.onset_peak[row, other])
                    points = max(points, int(a.onset_points[row, other]))
                    break
        if steps == STEPS and score < rules.escalate * peak:
            found = True
            a.bound[row] = rules.escalate * peak
            a.bound_points[row] = 2 * points + rules.close_after
    _note(a, row, now, score)
    return found and rules.returns


@inlined
def _note(a: Arena, row: int, now: int, score: float) -> None:
    for k in range(RETURNS - 1, 0, -1):
        a.onset[row, k] = a.onset[row, k - 1]
        a.onset_peak[row, k] = a.onset_peak[row, k - 1]
        a.onset_points[row, k] = a.onset_points[row, k - 1]
    a.onset[row, 0] = now
    a.onset_peak[row, 0] = score
    a.onset_points[row, 0] = 0


@inlined
def last(a: Arena, row: int, score: float) -> None:
    """One more judged point of what began last."""
    a.onset_peak[row, 0] = max(a.onset_peak[row, 0], score)
    a.onset_points[row, 0] = min(a.onset_points[row, 0] + np.int64(1), MOST_POINTS)
