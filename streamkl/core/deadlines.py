"""Deadlines of numbered seats, the earliest first: a binary heap over arrays, with one entry a seat."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.compiled import inlined, outlined

NOWHERE = -1
Longs = NDArray[np.int64]


class Deadlines(NamedTuple):
    """R seats. Bytes per seat: 24."""

    size: Longs  # (1,) entries
    seat: Longs  # (R,) the heap: `size` seats, none earlier than its parent
    place: Longs  # (R,) where a seat stands in the heap, or NOWHERE
    when: Longs  # (R,) its deadline there


def no_deadlines(seats: int) -> Deadlines:
    """Room for as many seats, none of which has a deadline."""
    return Deadlines(np.zeros(1, np.int64), np.zeros(seats, np.int64), np.full(seats, NOWHERE, np.int64), np.zeros(seats, np.int64))


def more_seats(d: Deadlines, seats: int) -> Deadlines:
    """The same with room for more."""
    fresh = no_deadlines(seats)
    return Deadlines(d.size, *(np.concatenate([old, new]) for old, new in zip(d[1:], fresh[1:], strict=True)))


@inlined
def _put(d: Deadlines, at: int, seat: int) -> None:
    d.seat[at] = seat
    d.place[seat] = at


@inlined
def _rise(d: Deadlines, at: int) -> None:
    seat = d.seat[at]
    while at > 0:
        parent = (at - 1) // 2
        above = d.seat[parent]
        if d.when[above] <= d.when[seat]:
            break
        _put(d, at, above)
        at = parent
    _put(d, at, seat)


@inlined
def _sink(d: Deadlines, at: int) -> None:
    seat, size = d.seat[at], d.size[0]
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and d.when[d.seat[child + 1]] < d.when[d.seat[child]]:
            child += 1
        below = d.seat[child]
        if d.when[seat] <= d.when[below]:
            break
        _put(d, at, below)
        at = child
    _put(d, at, seat)


@inlined
def expect(d: Deadlines, seat: int, when: int) -> None:
    """See to it that a seat comes up at `when` at the latest: a new entry, or one that moves forward. O(log entries), mostly O(1).

    An entry that would move back stays: that is cheaper, and whoever takes it looks whether it is really due.
    """
    at = d.place[seat]
    if at == NOWHERE:
        at = d.size[0]
        d.size[0] = at + 1
        d.seat[at] = seat
    elif d.when[seat] <= when:
        return
    d.when[seat] = when
    _rise(d, at)


@outlined
def forget(d: Deadlines, seat: int) -> None:
    """Take out the entry of a seat, if it has one. O(log entries)."""
    at = d.place[seat]
    if at == NOWHERE:
        return
    d.place[seat] = NOWHERE
    d.size[0] -= 1
    if at < d.size[0]:
        last = d.seat[d.size[0]]
        d.seat[at] = last
        _rise(d, at)
        _sink(d, d.place[last])
