"""Which points are still present: windows that are suffixes of the ring, with n KL kept running.

With window counts c (n = sum c) and reference units u (U = sum u), n KL = sum c ln c - n ln n - sum c ln u + n ln U. A point that comes or
goes moves the two sums by one term each, looked up in a table, so the cost does not depend on the window. Once per window turn the sums are
recomputed, which keeps rounding from piling up.
"""

import numpy as np

from streamkl.core.arena import SEASONAL, Arena, Rules
from streamkl.core.compiled import inlined, outlined
from streamkl.core.counts import count_of, put_count
from streamkl.core.masses import log_unit
from streamkl.core.ring import at_depth
from streamkl.core.season import all_in_force, mix, mixed_cross_term

SHORTEST_TURN = 64  # points between two resynchronisations, however short the window is


@inlined
def add(a: Arena, rules: Rules, row: int, w: int, code: int) -> None:
    """One more point of this bin in the window; O(1)."""
    count = count_of(a, row, w, code)
    put_count(a, row, w, code, count + 1, count)
    a.self_term[row, w] += rules.xlogx[count + 1] - rules.xlogx[count]
    a.cross_term[row, w] += log_unit(a, rules, row, code)
    a.length[row, w] += 1


@inlined
def remove(a: Arena, rules: Rules, row: int, w: int, code: int) -> None:
    """One point of this bin fewer; the inverse of `add`."""
    count = count_of(a, row, w, code)
    put_count(a, row, w, code, count - 1, count)
    a.self_term[row, w] += rules.xlogx[count - 1] - rules.xlogx[count]
    a.cross_term[row, w] -= log_unit(a, rules, row, code)
    a.length[row, w] -= 1


@outlined
def resync(a: Arena, rules: Rules, row: int, w: int) -> None:
    """Recompute the running sums from the counts; O(bins), once per window turn."""
    self_term = 0.0
    cross_term = 0.0
    for k in range(a.bins[row]):
        count = count_of(a, row, w, k)
        if count > 0:
            self_term += rules.xlogx[count]
            cross_term += count * log_unit(a, rules, row, k)
    a.self_term[row, w] = self_term
    a.cross_term[row, w] = cross_term
    a.since_sync[row, w] = 0


@inlined
def statistic(a: Arena, rules: Rules, row: int, w: int) -> float:
    """n KL(window || reference) in nats times points; never below 0, and 0 where the reference is not known for all of the window's points.
    O(1); O(bins) where the reference is seasonal."""
    n = a.length[row, w]
    if rules.kind == SEASONAL:
        if not all_in_force(a, rules, row, w):
            return 0.0
        return float(max(a.self_term[row, w] - rules.xlogx[n] - mixed_cross_term(a, row, w), 0.0))
    return float(max(a.self_term[row, w] - rules.xlogx[n] - a.cross_term[row, w] + n * np.log(a.total[row]), 0.0))


@inlined
def slide(a: Arena, rules: Rules, row: int, code: int, time: int, depth: int) -> None:
    """Let a placed point into each window that reaches it, and let go what is no longer in reach; O(1) amortised a window."""
    for w in range(len(rules.window_points)):
        points = rules.window_points[w]
        length = a.length[row, w]
        if points > 0:
            inside = length < points or depth < points
        else:
            inside = depth <= length and time > a.newest[row] - rules.window_span[w]
        if inside:
            add(a, rules, row, w, code)
            if rules.kind == SEASONAL:
                mix(a, rules, row, w, time, 1.0)
        while a.length[row, w] > 0:
            oldest = at_depth(a, row, a.length[row, w] - 1)
            if points > 0:
                leaves = a.length[row, w] > points
            else:
                leaves = a.time[row, oldest] <= a.newest[row] - rules.window_span[w] or a.length[row, w] > a.code.shape[1] - 1
            if not leaves:
                break
            remove(a, rules, row, w, a.code[row, oldest])
            if rules.kind == SEASONAL:
                mix(a, rules, row, w, a.time[row, oldest], -1.0)
        a.since_sync[row, w] += 1
        if a.since_sync[row, w] > max(a.length[row, w], SHORTEST_TURN):
            resync(a, rules, row, w)


@inlined
def is_full(a: Arena, rules: Rules, row: int, w: int, shortest: int) -> bool:
    """Whether the window may be judged: all its points there, or (by time) its span covered by at least `shortest` points, and a reference
    for each."""
    points = rules.window_points[w]
    length = a.length[row, w]
    if not all_in_force(a, rules, row, w):
        return False
    if points > 0:
        return bool(length == points)
    if length < shortest:
        return False
    if length < a.filled[row]:
        return True  # older points were let go, so the span is covered
    oldest = a.time[row, at_depth(a, row, length - 1)]  # kept, as there is a window by time
    return bool(a.newest[row] - oldest >= rules.window_span[w] - a.interval[row] or length == a.code.shape[1] - 1)
