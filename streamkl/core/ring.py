"""A ring of the newest points of a row, sorted by event time: where late and out-of-order points find their place.

Where no window and no reference goes by time, what is kept of times are steps from point to point, two bytes each, in a unit of the row's
own; of record offsets, which order nothing, steps of two bits. A unit grows as far as the longest step in the ring needs (ten times a
microsecond, and again; twice a record, and again) and shrinks when that step has left (that of offsets by one half at a time). Times and
offsets that are read back are therefore rounded down to a multiple of the unit: they are exact where they are multiples of it themselves,
and else times are within a 6,000th of the longest step, and offsets, once steps have been alike for a while, within the longest of them.
The newest point's are exact.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import Arena
from streamkl.core.compiled import aside, inlined
from streamkl.core.steps import LEAST_QUARTER, MOST_QUARTER, QUARTERS, WHOLE, put_step, step_at, unpacked

TIME_MOST, TIME_BY = np.iinfo(np.uint16).max, 10  # longest step, and what a unit grows by
POSITION_BY = 2
TIME_UNITS = TIME_BY ** np.arange(19)  # a row keeps which one: the power
POSITION_UNITS = POSITION_BY ** np.arange(63)
TURN = 1_024  # points after which units may shrink; in a longer ring, which has to be gone through, once for all of its points


@inlined
def place(a: Arena, row: int, code: int, time: int, position: int) -> int:
    """Put a point into the ring by its time, behind equal times. Returns its depth (0: newest). O(points newer than it).

    The ring is one longer than the longest window, so what is overwritten is in no window. A point older than a full ring is the
    caller's to refuse.
    """
    if a.time.shape[1] > 0:
        depth = _place_time(a, row, time)
    else:
        depth = _place_step(a, row, time)
    size = a.code.shape[1]
    at = a.head[row]
    for _ in range(depth):
        before = at - 1 if at > 0 else size - 1
        a.code[row, at] = a.code[row, before]
        at = before
    a.code[row, at] = code
    _place_position(a, row, position, depth)
    a.head[row] = a.head[row] + 1 if a.head[row] + 1 < size else 0
    a.filled[row] = min(a.filled[row] + 1, size)
    if a.points[row] % TURN == 0 and (a.time_power[row] > 0 or a.position_power[row] > 0) and a.points[row] % size < TURN:
        _shrink(a, row)
    return depth


@inlined
def at_depth(a: Arena, row: int, depth: int) -> int:
    """Ring index of the point with so many newer ones."""
    index = np.int64(a.head[row]) - 1 - depth
    return int(index) if index >= 0 else int(index + a.code.shape[1])


@aside
def oldest_time(a: Arena, row: int) -> int:
    """Of a ring that holds points; O(ring) where steps are kept."""
    if a.time.shape[1] > 0:
        return int(a.time[row, at_depth(a, row, a.filled[row] - 1)])
    unit = TIME_UNITS[a.time_power[row]]
    ticks = a.time_head[row] // unit
    for depth in range(a.filled[row] - 1):
        ticks -= a.time_step[row, at_depth(a, row, depth)]
    return int(ticks * unit)


def span(a: Arena, row: int, points: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Times and record offsets of so many newest points of a ring that holds them, the oldest first; O(points)."""
    places = np.arange(int(a.head[row]) - points, int(a.head[row])) % a.code.shape[1]
    steps = unpacked(a.position_step[row : row + 1], a.code.shape[1])[0, places]
    positions = _read(steps, int(a.position_head[row]), int(POSITION_UNITS[a.position_power[row]]))
    if a.time.shape[1] > 0:
        return a.time[row, places], positions
    return _read(a.time_step[row, places], int(a.time_head[row]), int(TIME_UNITS[a.time_power[row]])), positions


def _read(steps: NDArray[Any], newest: int, unit: int) -> NDArray[np.int64]:
    since = steps.astype(np.int64)
    back = since[1:][::-1].cumsum()[::-1]
    return np.append((newest // unit - back) * unit, newest)[-len(steps) :]


@inlined
def _place_time(a: Arena, row: int, time: int) -> int:
    size = a.code.shape[1]
    depth = 0
    at = a.head[row]
    while depth < _neighbours(a, row):
        before = at - 1 if at > 0 else size - 1
        if a.time[row, before] <= time:
            break
        a.time[row, at] = a.time[row, before]
        at = before
        depth += 1
    a.time[row, at] = time
    return depth


@inlined
def _neighbours(a: Arena, row: int) -> int:
    """Points that stay beside a new one: the last one of a full ring is overwritten."""
    return int(min(a.filled[row], a.code.shape[1] - 1))


@inlined
def _place_step(a: Arena, row: int, time: int) -> int:
    if a.filled[row] == 0:
        a.time_power[row] = 0
        a.time_head[row] = time
    if time < a.time_head[row]:
        return _place_late(a, row, time)
    step: Any = time - a.time_head[row]
    if a.time_power[row] > 0:
        unit = TIME_UNITS[a.time_power[row]]
        step = time // unit - a.time_head[row] // unit
    if step > TIME_MOST:
        return _place_late(a, row, time)
    a.time_step[row, a.head[row]] = step
    a.time_head[row] = time
    return 0


@aside
def _place_late(a: Arena, row: int, time: int) -> int:
    """The same for a point that is older than another, or further from it than the unit can tell."""
    neighbours = _neighbours(a, row)
    while True:
        unit = TIME_UNITS[a.time_power[row]]
        ticks = _ticks(time, unit)
        older: Any = _ticks(a.time_head[row], unit)
        newer = older
        depth = 0
        while depth < neighbours and (time < a.time_head[row] if depth == 0 else ticks < older):
            newer = older
            older -= np.int64(a.time_step[row, at_depth(a, row, depth)])
            depth += 1
        before = ticks - older if depth < neighbours else 0
        after = newer - ticks if depth > 0 else 0
        if max(before, after) <= TIME_MOST:
            break
        _rescale(a, row, a.time_step, WHOLE, a.time_head[row], unit, unit * TIME_BY)
        a.time_power[row] += 1
    _insert(a, row, a.time_step, WHOLE, depth, before, after)
    if depth == 0:
        a.time_head[row] = time
    return depth


@inlined
def _place_position(a: Arena, row: int, position: int, depth: int) -> None:
    if a.filled[row] == 0:
        a.position_power[row] = 0
        a.position_head[row] = position
    power = np.int64(a.position_power[row])
    step = (position >> power) - (a.position_head[row] >> power)
    if depth > 0 or not _fits(step):
        _place_behind(a, row, position, depth)
        return
    put_step(a.position_step, QUARTERS, row, a.head[row], step)
    a.position_head[row] = position


@aside
def _place_behind(a: Arena, row: int, position: int, depth: int) -> None:
    """The same for a point that is not the newest, or further from it than the unit can tell."""
    while True:
        unit = POSITION_UNITS[a.position_power[row]]
        ticks = _ticks(position, unit)
        older: Any = _ticks(a.position_head[row], unit)
        newer = older
        for d in range(depth):
            newer = older
            older -= step_at(a.position_step, QUARTERS, row, at_depth(a, row, d))
        before = ticks - older if depth < _neighbours(a, row) else 0
        after = newer - ticks if depth > 0 else 0
        if _fits(before) and _fits(after):
            break
        _rescale(a, row, a.position_step, QUARTERS, a.position_head[row], unit, unit * POSITION_BY)
        a.position_power[row] += 1
    _insert(a, row, a.position_step, QUARTERS, depth, before, after)
    if depth == 0:
        a.position_head[row] = position


@inlined
def _fits(step: int) -> bool:
    """Whether a quarter tells it."""
    return LEAST_QUARTER <= step <= MOST_QUARTER


@inlined
def _ticks(value: int, unit: int) -> int:
    return value if unit == 1 else value // unit


@inlined
def _insert(a: Arena, row: int, steps: NDArray[Any], quarters: bool, depth: int, before: int, after: int) -> None:
    """Put a step in at this depth, `before` from the older point and `after` to the newer one; newer steps move by one place."""
    size = a.code.shape[1]
    at = a.head[row]
    for d in range(depth):
        older = at - 1 if at > 0 else size - 1
        put_step(steps, quarters, row, at, step_at(steps, quarters, row, older) if d < depth - 1 else after)
        at = older
    put_step(steps, quarters, row, at, before)


@inlined
def _rescale(a: Arena, row: int, steps: NDArray[Any], quarters: bool, head: int, old: int, new: int) -> None:
    """Write all steps of a row in another unit; O(ring)."""
    ticks: Any = _ticks(head, old)
    upper = _ticks(head, new)
    for depth in range(a.filled[row]):
        at = at_depth(a, row, depth)
        ticks -= step_at(steps, quarters, row, at)
        lower = _ticks(ticks * old, new)
        put_step(steps, quarters, row, at, upper - lower if depth < a.filled[row] - 1 else 0)
        upper = lower


@aside
def _shrink(a: Arena, row: int) -> None:
    """Go back to finer units where the longest step allows it; O(ring)."""
    if a.time.shape[1] == 0:
        while a.time_power[row] > 0 and (_longest(a, row) + 1) * TIME_BY <= TIME_MOST:
            unit = TIME_UNITS[a.time_power[row]]
            _rescale(a, row, a.time_step, WHOLE, a.time_head[row], unit, unit // TIME_BY)
            a.time_power[row] -= 1
    if a.position_power[row] > 0 and _can_halve(a, row):
        unit = POSITION_UNITS[a.position_power[row]]
        _rescale(a, row, a.position_step, QUARTERS, a.position_head[row], unit, unit // POSITION_BY)
        a.position_power[row] -= 1


@inlined
def _longest(a: Arena, row: int) -> int:
    longest: Any = 0
    for depth in range(a.filled[row] - 1):
        longest = max(longest, np.int64(a.time_step[row, at_depth(a, row, depth)]))
    return int(longest)


@inlined
def _can_halve(a: Arena, row: int) -> bool:
    """Whether quarters can tell all steps of offsets in half their unit: those between older points are twice as many then, for these are
    multiples of the unit as they stand; that to the newest may be one more."""
    half = POSITION_UNITS[a.position_power[row]] // POSITION_BY
    odd: Any = _ticks(a.position_head[row], half) & 1
    for depth in range(a.filled[row] - 1):
        if not _fits(2 * step_at(a.position_step, QUARTERS, row, at_depth(a, row, depth)) + (odd if depth == 0 else 0)):
            return False
    return True
