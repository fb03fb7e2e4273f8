"""The router: names to places, within the limits."""

import numpy as np
import pytest

from streamkl.engine.router import FIRST_ROWS, IGNORED, MOST_CATEGORIES, OTHER, SHED, UNKNOWN, Router, Seat
from tests.engine.plans import monitor, plan

HOUR = 3_600_000_000


def test_a_name_keeps_its_seat() -> None:
    router = Router(plan())
    assert [router.find(name, False) for name in ("a", "b", "a", "b")] == [0, 1, 0, 1]
    assert (router.seats[1].name, router.seats[1].bank, router.seats[1].row) == ("b", 0, 1)


def test_the_first_monitor_that_matches_takes_a_series() -> None:
    router = Router(plan(monitor("a*", name="first"), monitor("ab*", name="second"), monitor(name="rest")))
    assert [router.seats[router.find(name, False)].bank // 2 for name in ("abc", "b", "a")] == [0, 2, 0]


def test_patterns_tell_upper_from_lower_case() -> None:
    router = Router(plan(monitor("web*"), monitor()))
    assert [router.seats[router.find(name, False)].bank // 2 for name in ("web", "WEB")] == [0, 1]


@pytest.mark.parametrize(
    ("kind", "text", "categorical"),
    [
        ("auto", False, False),
        ("auto", True, True),
        ("numeric", True, False),
        ("numeric", False, False),
        ("categorical", False, True),
        ("categorical", True, True),
    ],
)
def test_the_first_value_decides_what_an_auto_series_is(kind: str, text: bool, categorical: bool) -> None:
    router = Router(plan(monitor(kind=kind)))  # type: ignore[arg-type]
    seat = router.seats[router.find("a", text)]
    assert (seat.categorical, seat.bank % 2 == 1, router.bank(seat.bank).settings.categorical) == (categorical,) * 3


def test_ignored_names_are_ignored_and_only_so_many_of_them_remembered() -> None:
    router = Router(plan(monitor("x*", "ignore"), monitor(), max_series=3))
    assert {router.find(f"x{i}", False) for i in range(10)} == {IGNORED}
    assert len(router.index) == 3
    assert router.find("a", False) == 0


def test_names_beyond_the_limit_are_shed_and_not_remembered() -> None:
    router = Router(plan(max_series=2))
    assert [router.find(f"s{i}", False) for i in range(5)] == [0, 1, SHED, SHED, SHED]
    assert set(router.index) == {"s0", "s1"}
    assert router.find("s1", False) == 1


def test_seats_grow_with_the_series() -> None:
    router = Router(plan(max_series=10_000))
    assert [router.find(f"s{i}", False) for i in range(3 * FIRST_ROWS)] == list(range(3 * FIRST_ROWS))
    assert router.seat_row[: 3 * FIRST_ROWS].tolist() == list(range(3 * FIRST_ROWS))


def test_a_sweep_is_due_once_a_quarter_of_the_silence() -> None:
    router = Router(plan(evict_after_us=4 * HOUR))
    assert [router.sweep_due(t * HOUR) for t in (0, 1, 4)] == [4 * HOUR, 4 * HOUR, 4 * HOUR]
    assert router.silent(4 * HOUR) == []
    assert router.sweep_due(4 * HOUR) == 5 * HOUR


def test_a_sweep_forgets_who_was_silent_and_gives_the_seat_away() -> None:
    router = Router(plan(evict_after_us=HOUR))
    for name, newest in (("old", 0), ("fresh", 2 * HOUR), ("edge", HOUR)):
        seat = router.seats[router.find(name, False)]
        router.banks[0].arena.newest[seat.row] = newest
    assert router.silent(2 * HOUR) == []
    router.hear(np.array([1, 1]))
    assert router.silent(2 * HOUR) == [0]
    router.forget([0])
    assert set(router.index) == {"fresh", "edge"}
    assert router.banks[0].living().tolist() == [1, 2]
    assert router.find("new", False) == 0
    assert router.seats[0].row == 0


def test_how_late_it_is_half_of_the_series_say_that_were_heard() -> None:
    router = Router(plan(evict_after_us=HOUR))
    for name, newest in (("wrong", 999 * HOUR), ("a", 5 * HOUR), ("b", 5 * HOUR), ("slow", 5 * HOUR - 1), ("gone", 4 * HOUR - 1)):
        seat = router.seats[router.find(name, False)]
        router.banks[0].arena.newest[seat.row] = newest
    assert router.silent(999 * HOUR) == []  # all have just been born
    router.hear(np.array([0, 1, 2]))
    assert router.silent(999 * HOUR) == [4]
    router.hear(np.array([0, 1, 2, 4]))
    assert router.silent(999 * HOUR) == []  # late, but present
    assert router.silent(999 * HOUR) == [1, 2, 3, 4]  # by those that have no seat


def test_each_bank_takes_its_own_points_and_nobody_those_without_a_seat() -> None:
    router = Router(plan())
    assert router.seats == {}
    assert list(router.shares(np.array([IGNORED, SHED]))) == []
    number, word, other = router.find("number", False), router.find("word", True), router.find("other", False)
    seats = np.array([word, IGNORED, number, UNKNOWN, other, word, SHED])
    assert [(bank, share.tolist()) for bank, share in router.shares(seats)] == [(0, [2, 4]), (1, [0, 5])]
    assert [(bank, share.tolist()) for bank, share in router.shares(np.array([word, SHED]))] == [(1, [0])]
    alone = Router(plan())
    alone.find("number", False)
    assert [(bank, share.tolist()) for bank, share in alone.shares(np.array([SHED, 0, 0]))] == [(0, [1, 2])]


def test_without_silences_there_are_no_marks() -> None:
    router = Router(plan())
    router.find("a", False)
    assert len(router.hushed(np.zeros(3, np.int64), np.zeros(3, np.int64))) == 0


def test_categories_are_numbered_as_they_come_and_the_rest_share_one() -> None:
    seat = Seat("a", 1, 0, {}, True)
    assert [seat.category(value) for value in ("OK", "404", "OK")] == [0, 1, 0]
    assert [seat.category(f"c{i}") for i in range(MOST_CATEGORIES)][-3:] == [MOST_CATEGORIES - 1, MOST_CATEGORIES, MOST_CATEGORIES]
    assert (seat.category("OK"), len(seat.categories)) == (0, MOST_CATEGORIES)
    assert [seat.category_name(number) for number in (0.0, 1.0, float(MOST_CATEGORIES))] == ["OK", "404", OTHER]
