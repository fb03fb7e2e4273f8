"""Which series have fallen silent while others went on: a clock made of their event times, and a compiled loop that asks it at every point.

The partition's clock stands where at least two series have arrived (the second newest event time), or a heartbeat. *Lived* time is how far
it has moved forward, all told: it never falls, so a clock that steps back only stands still in it. A series is doubted when lived time has
moved on by half its limit since its last point, and silent when it has moved on by all of it. A record that takes the clock past three
quarters at once is a jump (a night without records, two wrong clocks) and proves half a silence: the other half is counted from there.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import NO_TIME
from streamkl.core.compiled import inlined, outlined
from streamkl.core.deadlines import Deadlines, expect, forget, more_seats, no_deadlines

NO_SEAT, HEARTBEAT = -1, -4  # a heartbeat is no seat: it only moves the clock
HOPEFUL, DOUBTFUL, MISSING = 0, 1, 2
STEP_BACK_RUN = 64  # older points in a row after which a series' clock is taken to have stepped back
LONGEST = 36_500 * 86_400_000_000  # microseconds: longer limits are as good as none

Longs = NDArray[np.int64]


class Clock(NamedTuple):
    """One of each. Times in microseconds; NO_TIME where there is none."""

    lived: Longs  # (1,) how far the clock has moved forward in all
    now: Longs  # (1,) the partition's clock
    seat: Longs  # (2,) the series that have come furthest, or NO_SEAT
    reached: Longs  # (2,) their newest event times, the later one first
    heart: Longs  # (2,) newest event time of the heartbeats, and older heartbeats in a row


class Attendance(NamedTuple):
    """R seats. Bytes per seat: 90, with its deadline."""

    clock: Clock
    deadlines: Deadlines  # in lived time
    span: Longs  # (R,) the limit as a time, 0: none
    multiple: Longs  # (R,) and in intervals, of which the longer holds; both 0: never judged
    interval: Longs  # (R,) learned microseconds between points, 0: not known
    last: Longs  # (R,) event time of the point read last
    reached: Longs  # (R,) newest event time, NO_TIME: no point yet
    older: Longs  # (R,) points in a row older than that
    base: Longs  # (R,) lived time that the series' own points have reached, NO_TIME: not known before there is a clock
    due: Longs  # (R,) lived time at which the next stage begins
    stage: NDArray[np.int8]  # (R,)


def nothing_heard(seats: int) -> Attendance:
    """Room for so many series, none of which has been heard of."""
    clock = Clock(
        np.zeros(1, np.int64), np.array([NO_TIME]), np.full(2, NO_SEAT, np.int64), np.array([NO_TIME, NO_TIME]), np.array([NO_TIME, 0])
    )
    columns = {name: np.zeros(seats, np.int64) for name in Attendance._fields[2:-1]}
    fresh = Attendance(clock, no_deadlines(seats), **columns, stage=np.zeros(seats, np.int8))
    fresh.reached[:] = fresh.base[:] = NO_TIME
    return fresh


def more_room(s: Attendance, seats: int) -> Attendance:
    """The same with room for more; O(seats)."""
    fresh = nothing_heard(seats)
    columns = (np.concatenate([old, new]) for old, new in zip(s[2:], fresh[2:], strict=True))
    return Attendance(s.clock, more_seats(s.deadlines, seats), *columns)


@inlined
def limit_of(s: Attendance, seat: int) -> int:
    """Microseconds of silence that are too long, 0: none are."""
    interval, multiple = s.interval[seat], s.multiple[seat]
    if multiple > 0 and interval > LONGEST // multiple:
        return LONGEST
    return int(max(s.span[seat], multiple * interval))


@outlined
def limit(s: Attendance, seat: int) -> int:
    """`limit_of` for Python."""
    return limit_of(s, seat)


@outlined
def follow(s: Attendance, seats: Longs, times: Longs, learned: Longs, start: int, found: Longs) -> tuple[int, int, int]:
    """Take in points in record order, from `start` to the first that tells something. O(1) amortised a point, but for the heap's depth.

    `seats` below 0 are passed over, but for heartbeats; `learned` is the interval that holds from a point on, 0 where nothing changed.
    Returns (next index, silence in microseconds that the point's own series ended or 0, number of seats in `found` that fell silent at it).
    """
    for i in range(start, len(seats)):
        seat, ended = seats[i], 0
        if seat == HEARTBEAT:
            _beat(s, times[i])
        elif seat >= 0:
            if learned[i] > 0:
                s.interval[seat] = learned[i]
            ended = _hear(s, seat, times[i])
        else:
            continue
        missing = _miss(s, found)
        if ended > 0 or missing > 0:
            return i + 1, ended, missing
    return len(seats), 0, 0


@inlined
def _beat(s: Attendance, time: int) -> None:
    heart = s.clock.heart
    heart[1] = heart[1] + 1 if time < heart[0] else 0
    if time >= heart[0] or heart[1] >= STEP_BACK_RUN:
        heart[0], heart[1] = time, 0
        _advance(s)


@inlined
def _hear(s: Attendance, seat: int, time: int) -> int:
    """A series has spoken: its deadline moves on, and it may move the clock. Returns how long it was silent, 0 if it was not."""
    clock = s.clock
    ended = clock.lived[0] - s.base[seat] if s.stage[seat] == MISSING else 0
    s.last[seat] = time
    s.older[seat] = s.older[seat] + 1 if time < s.reached[seat] else 0
    if time > s.reached[seat]:
        s.reached[seat] = time
        _lead(clock, seat, time)
        _advance(s)
    elif s.older[seat] >= STEP_BACK_RUN:
        s.reached[seat] = time
        s.older[seat] = 0
        if seat in (clock.seat[0], clock.seat[1]):
            recount(s)
    s.stage[seat] = HOPEFUL
    s.base[seat] = NO_TIME
    if clock.now[0] != NO_TIME:
        _settle(s, seat)
    return int(ended)


@inlined
def _lead(clock: Clock, seat: int, time: int) -> None:
    """Keep the two that have come furthest; `time` is newer than all before of this seat."""
    if seat == clock.seat[0]:
        clock.reached[0] = time
    elif seat == clock.seat[1] or time > clock.reached[1]:
        clock.seat[1], clock.reached[1] = seat, time
    if clock.reached[1] > clock.reached[0]:
        clock.seat[0], clock.seat[1] = clock.seat[1], clock.seat[0]
        clock.reached[0], clock.reached[1] = clock.reached[1], clock.reached[0]


@outlined
def recount(s: Attendance) -> None:
    """Find the two that have come furthest among all; O(seats). Needed where one of them steps back or is forgotten."""
    clock = s.clock
    clock.seat[:] = NO_SEAT
    clock.reached[:] = NO_TIME
    for seat in range(len(s.reached)):
        if s.reached[seat] != NO_TIME:
            _lead(clock, seat, s.reached[seat])
    _advance(s)


@inlined
def _advance(s: Attendance) -> None:
    """Set the clock by those who move it; where it is the first time, all series that have spoken before learn where they stand."""
    clock = s.clock
    before, now = clock.now[0], max(clock.reached[1], clock.heart[0])
    clock.now[0] = now
    if now == NO_TIME:
        return
    if before == NO_TIME:
        for seat in range(len(s.base)):
            if s.base[seat] == NO_TIME and s.reached[seat] != NO_TIME:
                _settle(s, seat)
    elif now > before:
        clock.lived[0] += now - before


@inlined
def _settle(s: Attendance, seat: int) -> None:
    """Where a series stands in lived time: here, or as far ahead as its last point is ahead of the clock."""
    clock = s.clock
    s.base[seat] = clock.lived[0] + max(0, s.last[seat] - clock.now[0])
    limit = limit_of(s, seat)
    if limit > 0:
        s.due[seat] = s.base[seat] + limit // 2
        expect(s.deadlines, seat, s.due[seat])


@inlined
def _miss(s: Attendance, found: Longs) -> int:
    """Move all whose time has come to their next stage; those that are silent now go into `found`."""
    d, lived, missing = s.deadlines, s.clock.lived[0], 0
    while d.size[0] > 0 and d.when[d.seat[0]] <= lived:
        seat = d.seat[0]
        forget(d, seat)
        limit = limit_of(s, seat)
        if limit == 0 or s.base[seat] == NO_TIME:
            continue
        if s.due[seat] > lived:
            expect(d, seat, s.due[seat])
        elif s.stage[seat] == HOPEFUL:
            s.stage[seat] = DOUBTFUL
            jumped = lived - s.due[seat] > limit // 4
            s.due[seat] = lived + limit - limit // 2 if jumped else s.base[seat] + limit
            expect(d, seat, s.due[seat])
        else:
            s.stage[seat] = MISSING
            found[missing] = seat
            missing += 1
    return missing


@outlined
def excuse(s: Attendance, seat: int) -> None:
    """A series that has just fallen silent is allowed to: its time begins anew, now."""
    limit = limit_of(s, seat)
    s.stage[seat] = HOPEFUL
    s.base[seat] = s.clock.lived[0]
    s.due[seat] = s.base[seat] + limit // 2
    expect(s.deadlines, seat, s.due[seat])


@outlined
def resume(s: Attendance) -> None:
    """Build the clock and the deadlines anew from what is known of the seats; `lived` and `heart` are given. O(seats)."""
    recount(s)
    for seat in range(len(s.base)):
        if s.base[seat] != NO_TIME and s.stage[seat] != MISSING and limit_of(s, seat) > 0:
            expect(s.deadlines, seat, s.due[seat])


def leave(s: Attendance, seat: int) -> None:
    """Forget a series; whoever forgets some calls `recount` after the last."""
    forget(s.deadlines, seat)
    for column in s[2:]:
        column[seat] = 0
    s.reached[seat] = s.base[seat] = NO_TIME
