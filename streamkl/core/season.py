"""A reference by the hour or day: each point is expected to fall as the points of its own slot of the day or week did, or those a lag ago.

A window is then compared with the mixture of the distributions of the slots its points lie in, so a night that looks like a night is
normal. What a slot has learned comes into force when the event time enters another slot; between, masses are constant and add and remove
are exact inverses.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import Arena, Rules
from streamkl.core.batch import State
from streamkl.core.compiled import both, inlined, outlined
from streamkl.core.counts import count_of
from streamkl.core.masses import unit
from streamkl.core.native import Memory, held
from streamkl.core.ring import at_depth


@both
def slot_of(rules: Rules, time: Any) -> Any:
    """Seasonal slot of an event time (or of each of an array): equal parts of the period, in UTC."""
    return ((time - rules.phase) % rules.period) * rules.slots // rules.period


@outlined
def refresh(a: Arena, rules: Rules, row: int) -> None:
    """Bring what the slots have learned into force: each slot's own points, mixed with `shrinkage` points of the pooled reference.

    Runs when the event time enters another slot, so that masses are constant between; O(slots * bins + ring). Of a lagged reference only
    the slot that is entered comes into force, with the points that it was given since it was entered before, and then it begins anew; one
    that was given none keeps the masses that it has.
    """
    now = slot_of(rules, a.newest[row])
    if rules.lagged:
        points = _put_in_force(a, rules, row, now)
        if points > 0.0:
            a.slot_points[row, now] = points
            a.slot_count[row, now] = 0.0
    else:
        for s in range(rules.slots):
            _put_in_force(a, rules, row, s)
    for w in range(a.counts.shape[1]):
        mix_again(a, rules, row, w)
    a.season[row] = now


@inlined
def _put_in_force(a: Arena, rules: Rules, row: int, slot: int) -> float:
    """One slot's masses from its points, of which the number is returned. O(bins)."""
    own = 0.0
    for k in range(a.bins[row]):
        own += a.slot_count[row, slot, k]
    if own > 0.0 or not rules.lagged:
        for k in range(a.bins[row]):
            pooled = unit(a, rules, row, k) / a.total[row]
            a.slot_share[row, slot, k] = (a.slot_count[row, slot, k] + rules.shrinkage * pooled) / (own + rules.shrinkage)
    return own


@outlined
def mix_again(a: Arena, rules: Rules, row: int, w: int) -> None:
    """Recompute the masses that a window's points should have had, each in its own slot; O(window * bins)."""
    for k in range(a.bins[row]):
        a.mixture[row, w, k] = 0.0
    for depth in range(a.length[row, w]):
        mix(a, rules, row, w, a.time[row, at_depth(a, row, depth)], 1.0)


@inlined
def mix(a: Arena, rules: Rules, row: int, w: int, time: int, sign: float) -> None:
    """Add or take away one point's expected masses; O(bins)."""
    slot = slot_of(rules, time)
    for k in range(a.bins[row]):
        a.mixture[row, w, k] += sign * a.slot_share[row, slot, k]


@inlined
def mixed_cross_term(a: Arena, row: int, w: int) -> float:
    """Sum over the bins of c ln(expected share), the shares being those of the window's own slots; O(bins)."""
    n = a.length[row, w]
    value = 0.0
    for k in range(a.bins[row]):
        count = count_of(a, row, w, k)
        if count > 0:
            value += count * np.log(a.mixture[row, w, k] / n)
    return value


@outlined
def learn_slots(state: Memory[State], number: int, codes: NDArray[np.int64], times: NDArray[np.int64]) -> None:
    """Count a row's just learned reference's points in their slots and bring them into force; O(points + slots * bins).

    Nothing that is learned now lies a lag back, so of a lagged reference no slot is in force.
    """
    a, _, rules = held(state)
    row: Any = np.uint64(number)  # as in `core.kernel`
    for i in range(len(codes)):
        a.slot_count[row, slot_of(rules, times[i]), codes[i]] += 1.0
    if not rules.lagged:
        refresh(a, rules, row)
        return
    a.season[row] = slot_of(rules, a.newest[row])
    a.slot_share[row] = 0.0


@inlined
def in_force(a: Arena, rules: Rules, row: int, time: int) -> bool:
    """Whether it is known what is expected at this time; of a lagged reference not before its slot has come again."""
    return bool(not rules.lagged or a.slot_share[row, slot_of(rules, time), 0] > 0.0)


@inlined
def all_in_force(a: Arena, rules: Rules, row: int, w: int) -> bool:
    """Whether that holds for every point of a window, each of which brings a mass of 1 then. O(1); O(bins) for a lagged reference."""
    if not rules.lagged:
        return True
    mass = 0.0
    for k in range(a.bins[row]):
        mass += a.mixture[row, w, k]
    return bool(mass > a.length[row, w] - 0.5)
