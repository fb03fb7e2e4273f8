"""Small lasting shifts, up or down: the log likelihood ratio of a shifted reference against the reference, summed while it is positive.

This is Page's CUSUM (1954) on ranks. A point's rank in the reference, scaled to mean 0 and variance 1, is r in ±sqrt(3). A shift up by TILT
multiplies the density of r by exp(TILT r) / psi with psi = sinh(sqrt(3) TILT) / (sqrt(3) TILT), so a point adds ±TILT r - ln psi nats to
the sum of its direction, which never falls below 0. Ranks need no scale and no distribution, and no single value weighs much: far values
are the business of single points. Series that wander by themselves drift all the time: where points depend strongly on one another
the track is not judged. Points that tie have the middle of their ranks, which only makes the sum smaller.

How many points ago the sum last was 0 estimates when the shift began. Points count in order of arrival.
"""

from math import log, sinh, sqrt

from streamkl.core.arena import SEASONAL, Arena, Rules
from streamkl.core.compiled import inlined
from streamkl.core.masses import below, unit
from streamkl.core.season import slot_of

TILT = 0.75  # standard deviations: small shifts are found late by windows; twice this one they are found by windows first
HALF_WIDTH = sqrt(3.0)  # of ranks with variance 1
LOG_PSI = log(sinh(HALF_WIDTH * TILT) / (HALF_WIDTH * TILT))
BLOCK = 60  # points of which the tail guard takes the maximum: about as long as an excursion of independent points
HIGHEST = 1.25  # times the threshold: a sum climbs no further, so that it is down again soon after the shift is over
MOST_TURN = 4.0  # integrated autocorrelation time of the reference, points, up to which it is worth its share of the budget
UP, DOWN = 0, 1


@inlined
def rank(a: Arena, rules: Rules, row: int, code: int, time: int) -> float:
    """Where the middle of a bin lies in the reference as it is now, in ±sqrt(3). O(bins)."""
    if rules.kind == SEASONAL:
        slot = slot_of(rules, time)
        lower = 0.0
        for k in range(code):
            lower += a.slot_share[row, slot, k]
        return float(HALF_WIDTH * (2.0 * lower + a.slot_share[row, slot, code] - 1.0))
    return float(HALF_WIDTH * ((2.0 * below(a, rules, row, code) + unit(a, rules, row, code)) / a.total[row] - 1.0))


@inlined
def climb(a: Arena, rules: Rules, row: int, code: int, time: int, highest: float) -> float:
    """Let one point move both sums, which end at `highest`; returns the larger in nats. O(bins)."""
    step = TILT * rank(a, rules, row, code, time)
    larger = UP
    for way in range(2):
        a.drift[row, way] = min(max(a.drift[row, way] + (step if way == UP else -step) - LOG_PSI, 0.0), highest)
        a.drift_points[row, way] = min(a.drift_points[row, way] + 1, a.code.shape[1]) if a.drift[row, way] > 0.0 else 0
        if a.drift[row, way] > a.drift[row, larger]:
            larger = way
    a.length[row, len(rules.window_points)] = max(1, min(a.drift_points[row, larger], a.filled[row]))
    return float(a.drift[row, larger])


@inlined
def forget(a: Arena, row: int) -> None:
    """Begin both sums anew."""
    for way in range(2):
        a.drift[row, way] = 0.0
        a.drift_points[row, way] = 0
