"""Windows over the ring: what is in them, sums that come back when a point goes, and when they may be judged."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.core.arena import Arena
from streamkl.core.bank import Bank
from streamkl.core.masses import units as masses_of
from streamkl.core.settings import Window
from tests.kernels import add, bin_of, count_of, remove, statistic
from tests.oracle import n_kl
from tests.small import BY_TIME, NEVER, SEASONAL, feed, settings
from tests.zoo import MINUTE_US, every_minute, stream

SIZE = 60


def ready(**changes: object) -> tuple[Bank, int]:
    bank = Bank(settings(**changes), NEVER, 1)
    row = bank.birth()
    feed(bank, row, stream("normal", SIZE).values, every_minute(SIZE))
    return bank, row


def sums(arena: Arena, row: int, w: int) -> tuple[int, list[int], float, float]:
    return int(arena.length[row, w]), arena.counts[row, w].tolist(), float(arena.self_term[row, w]), float(arena.cross_term[row, w])


def test_a_die_thrown_six_times_against_its_reference_by_hand() -> None:
    """D(1/6, ..., 1/6 || .4, .1, .1, .1, .1, .2) = 0.16425203348601807 nats, and n of them for six points."""
    bank = Bank(settings(bins=6, windows=settings().windows[1:2], reference=settings().reference), NEVER, 1)
    normal = np.repeat([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [40, 10, 10, 10, 10, 20])
    row = bank.birth(normal)
    feed(bank, row, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    # Seven gaps of half a unit lie beside the six atoms: 103.5 units in all, which adds 6 ln 1.035.
    assert statistic(bank.arena, bank.rules, row, 0) == pytest.approx(6 * (0.16425203348601807 + math.log(1.035)), abs=1e-12)


@given(st.lists(st.integers(0, 7), min_size=1, max_size=10), st.data())
def test_removing_what_was_added_gives_the_state_before(codes: list[int], data: st.DataObject) -> None:
    bank, row = ready()
    a, rules = bank.arena, bank.rules
    before = sums(a, row, 0)
    for code in codes:
        add(a, rules, row, 0, code)
    units = masses_of(a, rules, row).tolist()
    expected = n_kl(a.counts[row, 0, : a.bins[row]].tolist(), units)
    assert statistic(a, rules, row, 0) == pytest.approx(expected, abs=1e-10)
    for code in data.draw(st.permutations(codes)):
        remove(a, rules, row, 0, code)
    after = sums(a, row, 0)
    assert after[:2] == before[:2]
    assert after[2:] == pytest.approx(before[2:], abs=1e-12)


def test_a_window_is_never_below_zero() -> None:
    bank, row = ready()
    a = bank.arena
    for name in ("counts", "length", "self_term", "cross_term"):
        getattr(a, name)[row] = 0
    a.cross_term[row, 0] = 1e-9
    assert statistic(a, bank.rules, row, 0) == 0.0


def test_windows_by_count_hold_the_newest_points() -> None:
    bank, row = ready()
    feed(bank, row, [1e9] * 7, every_minute(67)[60:])
    top = int(bank.arena.bins[row]) - 1
    assert bank.arena.length[row].tolist() == [4, 10, 20]
    assert bank.arena.counts[row, :, top].tolist() == [4, 7, 7]


def test_windows_by_time_hold_what_is_newer_than_their_span() -> None:
    bank, row = ready(windows=BY_TIME)
    start = int(bank.arena.newest[row])
    assert bank.arena.length[row].tolist() == [5, 20]  # one a minute
    feed(bank, row, [0.0] * 3, [start + MINUTE_US // 2, start + MINUTE_US // 2 + 1, start + MINUTE_US])
    assert bank.arena.length[row].tolist() == [7, 22]
    feed(bank, row, [0.0], [start + 6 * MINUTE_US])
    assert bank.arena.length[row].tolist() == [1, 18]  # a point exactly as old as the span is out
    feed(bank, row, [0.0], [start + 600 * MINUTE_US])
    assert bank.arena.length[row].tolist() == [1, 1]


def test_a_window_by_time_keeps_its_newest_points_where_there_are_too_many() -> None:
    bank, row = ready(windows=BY_TIME, ring_points=30)
    start = int(bank.arena.newest[row])
    feed(bank, row, np.zeros(200), start + np.arange(200))
    assert bank.arena.length[row].tolist() == [30, 30]
    feed(bank, row, [0.0], [start - 1])  # older than all of the window, and still in the ring
    assert bank.arena.length[row].tolist() == [30, 30]
    assert bank.arena.late[row] == 1


@pytest.mark.parametrize("changes", [{}, {"windows": BY_TIME}, {"reference": SEASONAL}])
def test_sums_are_made_anew_once_a_turn(changes: dict[str, object]) -> None:
    bank, row = ready(**changes)
    bank.arena.self_term[row] += 0.25  # as if rounding had piled up
    times = every_minute(160)[60:]
    feed(bank, row, np.zeros(100), times)
    a, bins = bank.arena, int(bank.arena.bins[row])
    for w in range(len(bank.settings.windows)):
        expected = math.fsum(c * math.log(c) for c in a.counts[row, w, :bins].tolist() if c)
        assert a.self_term[row, w] == pytest.approx(expected, abs=1e-12)


def judged_after(bank: Bank, row: int, w: int, values: int, times: np.ndarray) -> int:
    before = int(bank.arena.judged[row, w])
    feed(bank, row, np.zeros(values), times)
    return int(bank.arena.judged[row, w]) - before


def test_a_window_by_time_is_judged_when_its_span_is_covered() -> None:
    """Given a reference, there is no past yet: 16 points in one minute do not cover twenty."""
    bank = Bank(settings(windows=BY_TIME[1:]), NEVER, 1)
    row = bank.birth(stream("normal", SIZE).values, every_minute(SIZE))
    start = int(every_minute(SIZE)[-1]) + MINUTE_US
    assert judged_after(bank, row, 0, 16, start + np.arange(16)) == 0
    # Nineteen minutes and one interval make twenty: from there on every point is judged.
    assert judged_after(bank, row, 0, 4, start + np.array([5, 18, 19, 20]) * MINUTE_US) == 2


def test_a_window_by_time_that_is_full_of_points_is_judged_whatever_they_cover() -> None:
    bank = Bank(settings(windows=BY_TIME[1:], ring_points=30), NEVER, 1)
    row = bank.birth(stream("normal", SIZE).values, every_minute(SIZE))
    assert judged_after(bank, row, 0, 29, int(every_minute(61)[-1]) + np.arange(29)) == 0
    assert judged_after(bank, row, 0, 3, int(every_minute(61)[-1]) + np.arange(29, 32)) == 3


@pytest.mark.parametrize("points", [300, 510, 511, 700])
def test_counts_beyond_a_byte(points: int) -> None:
    """Long runs of one bin, of the other, and of both in turn."""
    bank = Bank(settings(windows=(Window("long", points, 0),), ring_points=2_000), NEVER, 1)
    row = bank.birth(np.arange(60.0))
    values = np.r_[np.full(800, 5.0), np.full(800, 40.0), np.tile([5.0, 40.0], 600), np.full(300, 5.0)]
    a = bank.arena
    for at, value in enumerate(values):
        feed(bank, row, value, first=at)
        if at % 37 == 0 or at > len(values) - 3:
            held = values[: at + 1][-points:]
            codes = [bin_of(a, row, each) for each in held.tolist()]
            counted = [count_of(a, row, 0, k) for k in range(a.bins[row])]
            assert counted == np.bincount(codes, minlength=a.bins[row]).tolist()
