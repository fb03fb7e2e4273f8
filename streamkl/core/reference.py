"""What normal looked like after it was learned: trailing behind a gap, fading, or split by the hour. Frozen while an episode is open.

A point reaches a moving reference when it is `gap` points deep in the ring. Points that were that deep while an episode was open, and those
seen before it closed, never do: the reference does not learn an incident.
"""

import numpy as np

from streamkl.core.arena import DECAYED, TRAILING, Arena, Rules
from streamkl.core.binning import HALF
from streamkl.core.compiled import inlined
from streamkl.core.counts import count_of
from streamkl.core.masses import log_unit, unit
from streamkl.core.ring import at_depth
from streamkl.core.season import slot_of

HEAVIEST = 2.0  # weight of a decayed point at which all weights are scaled back: once per half-life


@inlined
def set_units(a: Arena, rules: Rules, row: int, code: int, units: float) -> None:
    """Change one bin's mass and the running sums of every window that holds points of it; O(windows)."""
    before = log_unit(a, rules, row, code)
    a.total[row] += units - unit(a, rules, row, code)
    if rules.kind == DECAYED:
        a.units[row, code], a.log_units[row, code] = units, np.log(units)
    else:
        a.halves[row, code] = int(2.0 * units)
    change = log_unit(a, rules, row, code) - before
    for w in range(a.counts.shape[1]):
        a.cross_term[row, w] += count_of(a, row, w, code) * change


@inlined
def advance(a: Arena, rules: Rules, row: int, depth: int) -> None:
    """After a point was placed at `depth`: hand the point that is now `gap` deep to the reference; O(1)."""
    if rules.kind == 0 or a.open[row]:
        return
    deep = max(depth, rules.gap)
    if deep >= a.filled[row] or a.points[row] - deep <= a.resume[row]:
        return
    index = at_depth(a, row, deep)
    code = a.code[row, index]
    a.reference_to[row] = max(a.reference_to[row], a.time[row, index])
    if rules.kind == TRAILING:
        _replace_oldest(a, rules, row, code, a.time[row, index])
        return
    a.held[row] += 1
    if rules.kind == DECAYED:
        _fade(a, rules, row, code)
    else:
        slot = slot_of(rules, a.time[row, index])
        a.slot_count[row, slot, code] += 1.0


@inlined
def _replace_oldest(a: Arena, rules: Rules, row: int, code: int, time: int) -> None:
    """Trailing: the newest point in, the oldest out. A bin never falls below half a unit, so no divergence is infinite."""
    head = a.ref_head[row]
    gone = a.ref_code[row, head]
    a.ref_code[row, head] = code
    a.ref_time[row, head] = time
    a.ref_head[row] = head + 1 if head + 1 < a.ref_code.shape[1] else 0
    a.reference_from[row] = a.ref_time[row, a.ref_head[row]]
    if gone != code:
        a.prior[row, gone] -= 1.0
        a.prior[row, code] += 1.0
        set_units(a, rules, row, gone, max(a.prior[row, gone], HALF))
        set_units(a, rules, row, code, max(a.prior[row, code], HALF))


@inlined
def _fade(a: Arena, rules: Rules, row: int, code: int) -> None:
    """Decayed: instead of shrinking every bin, each new point weighs more; masses are shares of the total, so it is the same."""
    a.weight[row] *= np.exp(rules.log_growth)
    set_units(a, rules, row, code, a.units[row, code] + a.weight[row])
    if a.weight[row] > HEAVIEST:
        scale = 1.0 / a.weight[row]
        a.weight[row] = 1.0
        for k in range(a.bins[row]):  # what has faded away keeps half a unit, so no divergence is infinite
            set_units(a, rules, row, k, max(a.units[row, k] * scale, HALF))
        total = 0.0
        for k in range(a.bins[row]):
            total += a.units[row, k]
        a.total[row] = total
