"""The ring of a row against a plain sorted list."""

from bisect import insort

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.core.arena import Arena, allocate
from tests.kernels import place
from tests.small import held, settings

ROOM = 21  # the longest window has 20 points

Entry = tuple[int, int, int]  # time, position, bin


def contents(arena: Arena) -> list[Entry]:
    """Oldest first."""
    return [(int(arena.time[0, i]), int(arena.position[0, i]), int(arena.code[0, i])) for i in held(arena, 0)]


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
        assert contents(arena) == expected
