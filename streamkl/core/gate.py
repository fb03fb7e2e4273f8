"""Whether a change is large enough, and in the asked direction, to be told of: in the metric's own unit, by quantiles.

A score says how surely a window differs, not by how much: with enough points a change of a thousandth is certain. Level and ends of the
window's newest points are therefore held against those of the reference, at the quantiles that events show (p05, p50, p95).

| direction | passes when, by the least effect or more, |
|---|---|
| either | p05, p50 or p95 moved |
| up | p50 or p95 rose |
| down | p50 or p05 fell |

A distribution that only narrowed went neither up nor down. A single point rose where it lies above p95, and fell where it lies below p05.
Names have no unit: categorical series pass.
"""

from streamkl.core.arena import JOINT, JUDGING, RECENT, SEASONAL, Arena, Rules
from streamkl.core.binning import QUANTILES
from streamkl.core.compiled import inlined, outlined
from streamkl.core.edges import edge
from streamkl.core.masses import unit
from streamkl.core.season import all_in_force

EITHER, UP, DOWN = 0, 1, -1
LOWER, MIDDLE, UPPER = 0, 2, 4  # of QUANTILES
_PERCENT = (5, 25, 50, 75, 95)  # QUANTILES, for ranks without rounding


@outlined
def passes(a: Arena, rules: Rules, row: int, w: int) -> bool:
    """Whether the newest points of the window, at most RECENT of them in order of arrival, lie far enough from the reference.

    The least effect is the larger of `min_effect` and `min_relative_effect` times the reference's median; without either, any move counts.
    O(RECENT + bins).
    """
    if a.phase[row] == JOINT:
        return True  # its strongest feature was asked
    if a.phase[row] != JUDGING:
        return False  # single points of a series that has no reference yet
    least = max(rules.min_effect, rules.min_relative_effect * abs(normal_quantile(a, rules, row, w, MIDDLE)))
    single = w > len(rules.window_points)
    n = 1 if single else min(a.length[row, w], RECENT, a.points[row])
    for q in (LOWER, MIDDLE, UPPER):
        normal = normal_quantile(a, rules, row, w, q)
        higher = 0
        lower = 0
        for back in range(n):
            value = a.recent[row, (a.points[row] - 1 - back) % RECENT]
            if value > normal and value - normal >= least:
                higher += 1
            elif value < normal and normal - value >= least:
                lower += 1
        rank = (n * _PERCENT[q] + 99) // 100  # the quantile is the value of this rank
        rose = higher > n - rank and not (single and q != UPPER)
        fell = lower >= rank and not (single and q != LOWER)
        if rules.direction == EITHER and (rose or fell):
            return True
        if rules.direction == UP and rose and q != LOWER:
            return True
        if rules.direction == DOWN and fell and q != UPPER:
            return True
    return False


@inlined
def normal_quantile(a: Arena, rules: Rules, row: int, w: int, q: int) -> float:
    """A quantile of the reference as it is now: exact where it stands still, else read off the masses of its bins (of the window's own
    hours, where it is seasonal), and no further out than the outermost edges."""
    w = min(w, len(rules.window_points) - 1)  # single points: by the last window
    if rules.kind == 0 or not all_in_force(a, rules, row, w):
        return float(a.quantiles[row, q])
    bins = a.bins[row]
    total = float(a.length[row, w]) if rules.kind == SEASONAL else a.total[row]
    wanted = QUANTILES[q] * total
    below = 0.0
    for k in range(bins - 1):
        mass = a.mixture[row, w, k] if rules.kind == SEASONAL else unit(a, rules, row, k)
        if below + mass >= wanted:
            if k == 0:
                return edge(a, row, 0)
            part = (wanted - below) / mass
            return float(edge(a, row, k - 1) * (1.0 - part) + edge(a, row, k) * part)
        below += mass
    return edge(a, row, bins - 2)
