"""The ring of a row against a plain sorted list."""

from bisect import insort

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.core.arena import Arena
from streamkl.core.layout import allocate
from streamkl.core.ring import span
from tests.kernels import place
from tests.small import DAY_US, held, settings

ROOM = 21  # the longest window has 20 points

Entry = tuple[int, int, int]  # time, position, bin


def contents(arena: Arena) -> list[Entry]:
    """Oldest first."""
    places = held(arena, 0)
    return list(zip(*(array.tolist() for array in span(arena, 0, len(places))), arena.code[0, places].tolist(), strict=True))


def test_a_ring_is_one_longer_than_the_longest_window() -> None:
    assert allocate(settings(), 1).code.shape == (1, ROOM)


def test_points_in_order_push_the_oldest_out() -> None:
    arena = allocate(settings(), 1)
    depths = [place(arena, 0, t % 7, t, 100 + t) for t in range(50)]
    assert depths == [0] * 50
    assert contents(arena) == [(t, 100 + t, t % 7) for t in range(50 - ROOM, 50)]


def test_equal_times_keep_the_order_of_arrival() -> None:
    arena = allocate(settings(), 1)
    for position in range(5):
        place(arena, 0, 0, 7, position)
    assert [position for _, position, _ in contents(arena)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("time", "depth"), [(95, 0), (85, 1), (5, 9), (-5, 10)])
def test_a_late_point_goes_where_its_time_says(time: int, depth: int) -> None:
    arena = allocate(settings(), 1)
    for t in range(0, 100, 10):
        place(arena, 0, 0, t, t)
    assert place(arena, 0, 1, time, time) == depth
    assert [t for t, _, _ in contents(arena)] == sorted([*range(0, 100, 10), time])


def test_the_oldest_place_of_a_full_ring_can_be_taken() -> None:
    arena = allocate(settings(), 1)
    for t in range(0, 10 * ROOM, 10):
        place(arena, 0, 0, t, t)
    assert place(arena, 0, 1, 5, 5) == ROOM - 1
    assert [t for t, _, _ in contents(arena)] == [5, *range(10, 10 * ROOM, 10)]


@given(st.lists(st.integers(0, 60), max_size=120))
def test_a_ring_holds_the_newest_points_by_time_whatever_order_they_come_in(times: list[int]) -> None:
    arena = allocate(settings(), 1)
    expected: list[Entry] = []
    for position, time in enumerate(times):
        if len(expected) == ROOM and time < expected[0][0]:
            continue  # older than all that is held: refused before it comes here
        entry = (time, position, position % 5)
        insort(expected, entry)
        depth = place(arena, 0, position % 5, time, position)
        assert depth == len(expected) - 1 - expected.index(entry)
        expected = expected[-ROOM:]
        times_and_bins = [(entry[0], entry[2]) for entry in contents(arena)]
        assert times_and_bins == [(entry[0], entry[2]) for entry in expected]
        # Offsets of points that came late are rounded down, never up.
        assert all(0 <= ours[1] - read[1] < 256 for ours, read in zip(expected, contents(arena), strict=True))


def read(steps: list[int], positions: list[int]) -> tuple[Arena, list[int], list[int]]:
    arena = allocate(settings(), 2)
    for number, (time, position) in enumerate(zip(np.cumsum(steps).tolist(), positions, strict=True)):
        arena.points[1] = number + 1
        place(arena, 1, 0, time, position)
    times, offsets = span(arena, 1, int(arena.filled[1]))
    return arena, times.tolist(), offsets.tolist()


def test_times_are_exact_where_they_are_multiples_of_the_unit_that_the_longest_step_needs() -> None:
    """A minute needs a unit of 1,000 microseconds (60,000 of them), an hour 100,000, a day 10 seconds."""
    for step, unit in ((50_000, 1), (60_000_000, 1_000), (3_600_000_000, 100_000), (86_400_000_000, 10_000_000)):
        arena, times, _ = read([step] * 40, list(range(40)))
        assert 10 ** int(arena.time_power[1]) == unit
        assert times == [step * i for i in range(20, 41)]


def test_a_long_step_makes_others_coarser_until_it_has_left() -> None:
    steps = [60_001_000] * 10 + [7 * DAY_US] + [60_001_000] * 10
    _, times, _ = read(steps, list(range(21)))
    exact = np.cumsum(steps)
    unit = 10_000_000  # 604,800 s in 65,535 steps
    assert times == [*(exact[:-1] // unit * unit).tolist(), exact[-1]]
    arena, times, _ = read([*steps, *[60_001_000] * 1_100], list(range(1_121)))
    assert 10 ** int(arena.time_power[1]) == 1_000
    assert times == np.cumsum([*steps, *[60_001_000] * 1_100])[-ROOM:].tolist()


def test_offsets_far_apart_are_rounded_down_to_a_power_of_two() -> None:
    positions = [100_003 * i for i in range(30)]
    arena, _, offsets = read([1] * 30, positions)
    assert 2 ** int(arena.position_power[1]) == 65_536  # 100,003 records in steps of at most two
    assert offsets == [*(position // 65_536 * 65_536 for position in positions[-ROOM:-1]), positions[-1]]


def test_offsets_are_within_a_step_again_some_time_after_a_long_one() -> None:
    positions = (400 * np.arange(20) + 1_000_000 * (np.arange(20) > 9)).tolist()
    arena, _, offsets = read([1] * 20, positions)
    assert 2 ** int(arena.position_power[1]) == 524_288
    assert max(np.array(positions) - offsets) > 1_000
    longer = [*positions, *range(positions[-1] + 400, positions[-1] + 400 * 30_000, 400)]
    arena, _, offsets = read([1] * len(longer), longer)
    assert 2 ** int(arena.position_power[1]) == 256
    assert 0 <= min(np.array(longer[-ROOM:]) - offsets) <= max(np.array(longer[-ROOM:]) - offsets) < 256


@given(st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(0, 10**9)), min_size=1, max_size=60))
def test_what_is_read_back_is_rounded_down_to_the_unit_and_the_newest_is_exact(points: list[Entry]) -> None:
    arena = allocate(settings(), 2)
    expected: list[Entry] = []
    for number, (time, position) in enumerate(points):
        if len(expected) == ROOM and time < span(arena, 1, ROOM)[0][0]:
            continue
        arena.points[1] = number + 1
        depth = place(arena, 1, 0, time, position)
        expected.insert(len(expected) - depth, (time, position, 0))
        expected = expected[-ROOM:]
        times, offsets = span(arena, 1, len(expected))
        # A unit may have shrunk since a value was rounded: it is then still a multiple of a larger one, and never above the value.
        assert (times[-1], offsets[-1]) == expected[-1][:2]
        assert (np.diff(times) >= 0).all()
        late = np.array([entry[0] for entry in expected]) - times
        assert (late >= 0).all() and (late < 10**9).all()
        behind = np.array([entry[1] for entry in expected]) - offsets
        assert (behind >= 0).all() and (behind < 2**31).all()
