"""Who has fallen silent, against a slow twin that follows the definition word by word."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamkl.core.absence import HEARTBEAT, MISSING, STEP_BACK_RUN, Attendance, follow, leave, more_room, nothing_heard, recount, resume
from streamkl.core.arena import NO_TIME

IGNORED = -2
Told = list[tuple[int, str, int]]  # seat, what, microseconds


@dataclass
class Known:
    """One series of the twin."""

    newest: int
    older: int = 0
    last: int = 0
    spoke_at: int | None = None  # lived time; None: there was no clock yet
    doubted_at: int | None = None
    silent: bool = False


@dataclass
class Twin:
    """The definition: everything is looked at again at every point."""

    limits: dict[int, int]
    series: dict[int, Known] = field(default_factory=dict)
    lived: int = 0
    heart: int | None = None
    older_beats: int = 0
    now: int | None = None

    def clock(self) -> int | None:
        arrived = sorted((known.newest for known in self.series.values()), reverse=True)[1:2]
        return max([*arrived, *([] if self.heart is None else [self.heart])], default=None)

    def move_clock(self) -> None:
        before, self.now = self.now, self.clock()
        if self.now is not None and before is not None:
            self.lived += max(0, self.now - before)
        for known in self.series.values():
            if self.now is not None and known.spoke_at is None:
                known.spoke_at = self.lived + max(0, known.last - self.now)

    def point(self, seat: int, time: int) -> Told:
        told: Told = []
        if seat == HEARTBEAT:
            self.older_beats = self.older_beats + 1 if self.heart is not None and time < self.heart else 0
            if self.older_beats in (0, STEP_BACK_RUN):
                self.heart, self.older_beats = time, 0
        elif seat >= 0:
            known = self.series.setdefault(seat, Known(time))
            if known.silent:
                assert known.spoke_at is not None
                told.append((seat, "returned", self.lived - known.spoke_at))
            known.older = known.older + 1 if time < known.newest else 0
            if known.older in (0, STEP_BACK_RUN):
                known.newest, known.older = time, 0
            known.last, known.spoke_at, known.doubted_at, known.silent = time, None, None, False
        else:
            return []
        self.move_clock()
        return told + [(seat, "silent", 0) for seat in sorted(self.series) if self.falls_silent(seat)]

    def falls_silent(self, seat: int) -> bool:
        known, limit = self.series[seat], self.limits[seat]
        if limit == 0 or known.silent or known.spoke_at is None:
            return False
        if known.doubted_at is None:
            if self.lived - known.spoke_at < limit // 2:
                return False
            jump = self.lived - known.spoke_at > limit // 2 + limit // 4
            known.doubted_at = self.lived if jump else known.spoke_at + limit // 2
        known.silent = self.lived - known.doubted_at >= limit - limit // 2
        return known.silent

    def forget(self, seats: list[int]) -> None:
        for seat in seats:
            self.series.pop(seat, None)
        self.move_clock()


def watching(limits: dict[int, int], seats: int = 8) -> Attendance:
    s = nothing_heard(seats)
    for seat, limit in limits.items():
        s.span[seat] = limit
    return s


def fed(s: Attendance, points: list[tuple[int, int]], learned: dict[int, int] | None = None) -> Told:
    seats, times = (np.array(column, np.int64) for column in zip(*points, strict=True)) if points else (np.zeros(0, np.int64),) * 2
    news = np.zeros(len(points), np.int64)
    for i, interval in (learned or {}).items():
        news[i] = interval
    told: Told = []
    found, at = np.zeros(len(s.base), np.int64), 0
    while at < len(points):
        at, ended, missing = follow(s, seats, times, news, at, found)
        if ended:
            told.append((int(seats[at - 1]), "returned", ended))
        told += [(seat, "silent", 0) for seat in sorted(found[:missing].tolist())]
    return told


def told_by(twin: Twin, points: list[tuple[int, int]]) -> Told:
    return [each for point in points for each in twin.point(*point)]


# Times that mostly go on, sometimes jump, and sometimes step back; few series, so that they matter to one another.
seats_drawn = st.sampled_from([0, 1, 2, 3, 4, HEARTBEAT, IGNORED])
steps = st.one_of(st.integers(0, 3), st.integers(0, 3), st.integers(-4, 12), st.sampled_from([-500, 500, -60, 60, 2_000]))


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[int, int]]:
    now, told = 1_000_000, []
    chosen = draw(st.lists(seats_drawn, min_size=1, max_size=7, unique=True))
    for seat, step in draw(st.lists(st.tuples(st.sampled_from(chosen), steps), max_size=120)):
        told += [(seat, now + step)] * (draw(st.sampled_from([1, STEP_BACK_RUN - 1, STEP_BACK_RUN])) if step < -100 else 1)
        now += max(step, 0) if step < 100 else 1
    return told


limits_drawn = st.fixed_dictionaries(dict.fromkeys(range(5), st.sampled_from([0, 1, 4, 7, 20, 60])))


@settings(max_examples=250)
@given(stories(), limits_drawn)
def test_it_says_what_the_definition_says(points: list[tuple[int, int]], limits: dict[int, int]) -> None:
    s, twin = watching(limits), Twin(limits)
    assert fed(s, points) == told_by(twin, points)
    assert int(s.clock.lived[0]) == twin.lived
    assert int(s.clock.now[0]) == (NO_TIME if twin.now is None else twin.now)
    assert {seat for seat in range(5) if s.stage[seat] == MISSING} == {seat for seat, known in twin.series.items() if known.silent}


@given(stories(), limits_drawn, st.data())
def test_pieces_restarts_and_forgotten_series_do_not_matter(
    points: list[tuple[int, int]], limits: dict[int, int], data: st.DataObject
) -> None:
    s, twin = watching(limits), Twin(limits)
    at = 0
    while at < len(points):
        upto = data.draw(st.integers(at + 1, len(points)))
        assert fed(s, points[at:upto]) == told_by(twin, points[at:upto])
        at = upto
        what = data.draw(st.sampled_from(["go on", "restart", "forget", "grow"]))
        if what == "restart":
            s = restarted(s)
        elif what == "forget":
            gone = data.draw(st.lists(st.integers(0, 4), unique=True))
            for seat in gone:
                leave(s, seat)
                s.span[seat] = limits[seat]
            recount(s)
            twin.forget(gone)
        elif what == "grow":
            s = more_room(s, 3)


def restarted(s: Attendance) -> Attendance:
    """Built anew from what a snapshot keeps."""
    again = nothing_heard(len(s.base))
    again.clock.lived[:], again.clock.heart[:] = s.clock.lived, s.clock.heart
    for mine, theirs in zip(again[2:], s[2:], strict=True):
        mine[:] = theirs
    resume(again)
    return again


def every(step: int, start: int, end: int, *seats: int) -> list[tuple[int, int]]:
    return [(seat, time) for time in range(start, end, step) for seat in seats]


def test_silence_is_told_when_the_others_have_moved_on_by_the_limit() -> None:
    s = watching({2: 50})
    assert fed(s, every(10, 0, 101, 0, 1, 2)) == []
    assert fed(s, every(10, 110, 150, 0, 1)) == []
    assert fed(s, [(0, 150), (1, 149)]) == []
    assert fed(s, [(1, 150)]) == [(2, "silent", 0)]
    assert fed(s, every(10, 160, 501, 0, 1)) == []
    assert fed(s, [(2, 505)]) == [(2, "returned", 400)]


def test_who_is_absent_at_a_restart_is_not_told_again() -> None:
    s = watching({2: 50})
    fed(s, [*every(10, 0, 101, 0, 1, 2), *every(10, 110, 151, 0, 1)])
    s = restarted(s)
    assert int(s.deadlines.size[0]) == 0
    assert fed(s, [*every(10, 160, 501, 0, 1), (2, 505)]) == [(2, "returned", 400)]


def test_a_point_far_ahead_gives_its_series_no_more_time_once_it_is_followed_by_a_right_one() -> None:
    s = watching({2: 50})
    assert fed(s, [*every(10, 0, 91, 0, 1, 2), (2, 10**9), *every(10, 100, 201, 0, 1), (2, 200)]) == []
    assert fed(s, every(10, 210, 250, 0, 1)) == []
    assert fed(s, every(10, 250, 260, 0, 1)) == [(2, "silent", 0)]


def test_a_stale_deadline_raises_no_doubt() -> None:
    """Its first deadline passes while the series sends; a jump right after it still proves half an absence only."""
    s = watching({2: 100})
    assert fed(s, [*every(10, 0, 41, 0, 1, 2), (0, 50), (1, 50)]) == []
    assert fed(s, [(0, 1_000), (1, 1_000), (0, 1_049), (1, 1_049)]) == []
    assert fed(s, [(0, 1_050), (1, 1_050)]) == [(2, "silent", 0)]


def test_when_the_two_that_lead_step_back_the_third_is_found() -> None:
    s = watching({})
    fed(s, [*every(10, 0, 101, 0, 1, 2), (0, 1_000), (1, 900)])
    assert int(s.clock.now[0]) == 900
    fed(s, [(1, 50)] * (STEP_BACK_RUN - 1))
    assert int(s.clock.now[0]) == 900
    fed(s, [(1, 50)])
    assert int(s.clock.now[0]) == 100
    fed(s, [(0, 60)] * (STEP_BACK_RUN - 1) + [(0, 1_001)] + [(0, 60)] * (STEP_BACK_RUN - 1))
    assert int(s.clock.now[0]) == 100
    fed(s, [(0, 60)])
    assert int(s.clock.now[0]) == 60


def test_one_other_series_proves_nothing() -> None:
    assert fed(watching({0: 50, 1: 50}), every(10, 0, 101, 0, 1) + every(10, 110, 10_000, 0)) == []


def test_a_heartbeat_is_enough() -> None:
    s = watching({0: 50})
    assert fed(s, every(10, 0, 101, 0, HEARTBEAT)) == []
    assert fed(s, every(10, 110, 151, HEARTBEAT)) == [(0, "silent", 0)]


def test_one_wrong_clock_far_ahead_moves_nothing() -> None:
    s = watching(dict.fromkeys(range(4), 50))
    assert fed(s, every(10, 0, 101, 0, 1, 2, 3)) == []
    assert fed(s, [(3, 10**9)]) == []
    for time in range(110, 5_000, 10):
        assert fed(s, every(10, time, time + 1, 0, 1, 2)) == []
        assert fed(s, [(3, 10**9 + time)]) == []


def test_two_wrong_clocks_or_a_night_without_records_prove_half_a_silence() -> None:
    s = watching(dict.fromkeys(range(4), 50))
    assert fed(s, every(10, 0, 101, 0, 1, 2, 3)) == []
    for jump in (1_000, 10**6, 10**9):
        assert fed(s, every(10, jump, jump + 51, 0, 1, 2, 3)) == []
    assert fed(s, every(10, 2 * 10**9, 2 * 10**9 + 21, 0, 1)) == []
    assert fed(s, [(0, 2 * 10**9 + 25), (1, 2 * 10**9 + 25)]) == [(2, "silent", 0), (3, "silent", 0)]


def test_a_clock_that_steps_back_does_not_hide_a_silence() -> None:
    s = watching({2: 500})
    assert fed(s, every(10, 100_000, 101_001, 0, 1, 2)) == []
    told = fed(s, every(10, 50_000, 52_000, 0, 1))
    assert told == [(2, "silent", 0)]
    assert int(s.clock.now[0]) == 51_990


def test_a_series_whose_clock_is_wrong_is_not_silent_while_it_speaks() -> None:
    for wrong in (-3_600, 3_600):
        points = [(seat, time + (wrong if seat == 2 else 0)) for seat, time in every(10, 10_000, 30_000, 0, 1, 2)]
        assert fed(watching({2: 50}), points) == []


def test_series_one_after_the_other_are_not_silent_by_that() -> None:
    points = [point for seat in range(5) for point in every(10, 0, 2_000, seat)]
    assert fed(watching(dict.fromkeys(range(5), 50)), points) == []


@pytest.mark.parametrize(("span", "count", "expected"), [(0, 5, 500), (300, 3, 300), (200, 3, 300), (1_000, 3, 1_000)])
def test_limits_in_intervals_hold_from_the_point_where_the_interval_is_learned(span: int, count: int, expected: int) -> None:
    s = watching({})
    s.span[2], s.multiple[2] = span, count
    points = every(100, 0, 1_001, 0, 1, 2)
    assert fed(s, points, {len(points) - 1: 100}) == []
    told_at = next(time for time in range(1_010, 9_000, 10) if fed(s, every(10, time, time + 1, 0, 1)))
    assert told_at == 1_000 + expected


def test_without_an_interval_a_limit_in_intervals_holds_nobody() -> None:
    s = watching({})
    s.multiple[2] = 5
    assert fed(s, [*every(10, 0, 101, 0, 1, 2), *every(10, 110, 10_000, 0, 1)]) == []


def test_limits_that_no_number_holds_are_cut() -> None:
    s = watching({})
    s.multiple[2] = 10_000
    points = every(10**14, 0, 10**15, 0, 1, 2)
    assert fed(s, points, {5: 10**15}) == []
    assert fed(s, every(10**14, 10**15, 6 * 10**15, 0, 1)) == [(2, "silent", 0)]


def test_many_series_that_end_at_once_are_told_at_one_point() -> None:
    n = 500
    s = watching(dict.fromkeys(range(2, n), 50), n)
    assert fed(s, every(10, 0, 101, *range(n))) == []
    told = fed(s, every(5, 105, 151, 0, 1))
    assert told == [(seat, "silent", 0) for seat in range(2, n)]
    assert int(s.deadlines.size[0]) == 0
