"""A budget for all series together: who shares it, when it is divided anew, and that nothing else decides it."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.core.run_length import RUN_LENGTHS, Table, TableKey
from streamkl.engine.engine import Engine
from streamkl.engine.fleet import Count, Fleet, on_grid
from streamkl.model import Event
from streamkl.units import parse_budget
from tests.engine.plans import HERE, engine, feed, monitor, plan, record, records, shifted, written
from tests.small import settings

TOGETHER = parse_budget("48 per day in all")  # a point a minute: 30 points of the partition's time between two
ALONE = parse_budget("48 per series per day")
WINDOWS = 3
SIZE = 60  # points learned
MINUTE_US = 60_000_000


def rising(_key: TableKey) -> Table:
    """Thresholds that grow with what is promised, so that a share can be read off them: 2 ln(run length)."""
    return tuple(2.0 * np.log(RUN_LENGTHS))


def promised(one: Engine, name: str) -> float:
    """Points between false alarms of one series, as its state has it."""
    seat = one._router.seats[one._router.index[name]]
    return float(np.exp(one._router.banks[seat.bank].arena.log_run[seat.row])) / WINDOWS


def in_force(one: Engine, name: str) -> list[float]:
    """Table thresholds of a series' windows at its newest point."""
    seat = one._router.seats[one._router.index[name]]
    return [float(limit) for limit in one._router.banks[seat.bank].arena.limit[seat.row]]


def sharing(*budgets: str, fleet: Fleet | None = None, evict_after_us: int | None = None) -> Engine:
    """An engine whose series "0...", "1...", ... have the given budgets, the rest the last one."""
    monitors = [monitor(f"{i}*", name=f"m{i}", judged=settings(budget=parse_budget(text))) for i, text in enumerate(budgets[:-1])]
    last = monitor(judged=settings(budget=parse_budget(budgets[-1])))
    made = plan(*monitors, last, table=rising, **({"evict_after_us": evict_after_us} if evict_after_us else {}))
    return Engine(HERE, replace(made, fleet=fleet or Fleet(series=0, partitions=1)))


def normal(*names: str, points: int = SIZE + 30, seed: int = 0) -> dict[str, list[float]]:
    return {name: shifted(seed + i, points, 0) for i, name in enumerate(names)}


@given(st.integers(0, 10_000_000))
def test_the_count_is_taken_up_by_less_than_a_tenth_and_one(count: int) -> None:
    taken = on_grid(count)
    assert max(count, 1) <= taken <= max(1.1 * count, 1.0)
    assert on_grid(taken) == taken


def test_a_birth_costs_a_fixed_number_of_divisions_however_many_there_are() -> None:
    """A division costs O(series), so 20,000 births may cost no more than a fixed number of them in all: the sum of 1.1^-k is 11."""
    count, cost = Count(Fleet(series=0, partitions=1)), 0
    for born in range(1, 20_001):
        count.move(TOGETHER, +1)
        if count.due:
            count.deal()
            cost += born
    assert cost <= 11 * 20_000
    assert count.of(TOGETHER) == on_grid(20_000)


def test_budgets_of_each_series_are_not_counted() -> None:
    count = Count(Fleet(series=0, partitions=4))
    count.move(ALONE, +1)
    assert (count.due, count.of(ALONE), count.series) == (False, 1, {})


def test_series_of_one_budget_have_equal_parts_of_it() -> None:
    one = sharing("48 per day in all")
    feed(one, records(normal("a", "b", "c", "d")))
    assert [promised(one, name) for name in "abcd"] == pytest.approx([30 * 4] * 4)
    assert in_force(one, "a") == pytest.approx([2 * np.log(30 * 4 * WINDOWS)] * 3)


def test_each_budget_in_all_is_shared_by_its_own_series_whatever_monitor_they_are_of() -> None:
    one = sharing("48 per day in all", "48 per series per day", "24 per day in all", "48 per 1 day in all")
    feed(one, records(normal("0a", "1a", "2a", "2b", "x", "y", "z")))
    assert promised(one, "0a") == pytest.approx(30 * 4)  # with x, y and z
    assert promised(one, "1a") == pytest.approx(30)
    assert promised(one, "2b") == pytest.approx(60 * 2)
    assert promised(one, "z") == pytest.approx(30 * 4)


def test_thresholds_follow_at_once_when_series_are_born_and_forgotten() -> None:
    one = sharing("48 per day in all", evict_after_us=120 * MINUTE_US)
    first = records(normal("a", "b"))
    feed(one, first)
    assert promised(one, "a") == pytest.approx(30 * 2)
    feed(one, [record("c", 1.0, SIZE + 30, len(first)), record("a", 100.0, SIZE + 30, len(first) + 1)])
    assert promised(one, "a") == promised(one, "b") == pytest.approx(30 * 3)
    assert in_force(one, "a") == pytest.approx([2 * np.log(30 * 3 * WINDOWS)] * 3)
    # b and c have been silent for long, and are looked for once in a while
    feed(one, [record("a", 100.0, SIZE + 30 + minute, len(first) + 1 + minute) for minute in range(1, 200)])
    assert promised(one, "a") == pytest.approx(30)
    assert in_force(one, "a") == pytest.approx([2 * np.log(30 * WINDOWS)] * 3)


def test_a_declared_number_of_series_counts_from_the_first_point_and_for_all_partitions() -> None:
    one = sharing("48 per day in all", fleet=Fleet(series=50, partitions=1))
    feed(one, records(normal("a", "b")))
    assert promised(one, "a") == pytest.approx(30 * 50)


def test_more_series_than_were_declared_are_counted() -> None:
    one = sharing("48 per day in all", fleet=Fleet(series=2, partitions=1))
    feed(one, records(normal("a", "b", "c", "d", "e")))
    assert promised(one, "a") == pytest.approx(30 * 5)


def test_each_partition_has_an_equal_part_of_what_is_counted() -> None:
    one = sharing("48 per day in all", fleet=Fleet(series=0, partitions=6))
    feed(one, records(normal("a", "b")))
    assert promised(one, "a") == pytest.approx(30 * 6 * 2)


def incident(births: int) -> dict[str, list[float | None]]:
    """One series with an incident that ends, and others that are born in the middle of it."""
    columns: dict[str, list[float | None]] = {"a": [*shifted(3, 400, 20, 60)]}
    for i in range(births):
        columns[f"b{i}"] = [*[None] * (405 + i), *shifted(10 + i, 75 - i, 0)]
    return columns


def test_an_open_episode_is_judged_to_its_end_by_the_share_it_was_opened_with() -> None:
    one = sharing("48 per day in all")
    shares: dict[str, set[float]] = {"open": set(), "quiet": set()}
    kinds: list[str] = []
    for message in records(incident(5)):
        kinds += [event.type for event in one.receive([message]).events]
        minute = json.loads(message.value or b"")["series"] == "a" and message.offset >= 400
        if minute:
            is_open = bool(kinds) and kinds[-1] != "closed"
            shares["open" if is_open else "quiet"].add(round(promised(one, "a"), 3))
    assert kinds[0] == "opened"
    assert kinds[-1] == "closed"
    assert shares == {"open": {30.0}, "quiet": {30.0, 180.0}}


def test_an_event_says_how_many_share_the_budget() -> None:
    one = sharing("48 per day in all")
    columns = normal("b", "c", points=440) | {"a": shifted(3, 400, 20, 20)}
    event = next(event for event in feed(one, records(columns)) if event.series == "a")
    assert (event.calibration.budget, event.calibration.sharers) == ("48 per day in all", 3)
    assert event.calibration.run_length_points == 90.0


def test_an_event_of_a_series_with_its_own_budget_says_that_nobody_shares_it() -> None:
    event = feed(sharing("48 per series per day"), records({"a": shifted(3, 400, 20, 20), **normal("b", points=440)}))[0]
    assert event.calibration.sharers == 1


@pytest.mark.parametrize("seed", range(2))
def test_batches_do_not_decide_who_shares(seed: int) -> None:
    """Series are born and forgotten all the time, some during an incident."""
    dice = np.random.default_rng(seed)
    columns: dict[str, list[float | None]] = {}
    for i in range(16):
        start = int(dice.integers(0, 300))
        life = shifted(100 * seed + i, int(dice.integers(100, 300)), 12, 40)
        columns[f"s{i}"] = ([*[None] * start, *life] + [None] * 500)[:500]
    messages = records(columns)
    results: list[tuple[list[Event], bytes]] = []
    for cuts in ([], sorted(dice.integers(1, len(messages), 50).tolist()), range(1, len(messages))):
        one = sharing("48 per day in all", evict_after_us=60 * MINUTE_US)
        results.append((feed(one, messages, cuts), one.snapshot()))
    assert len({event.calibration.sharers for event in results[0][0]}) > 3
    for events, state in results[1:]:
        assert written(events) == written(results[0][0])
        assert state == results[0][1]


def test_a_restored_engine_goes_on_with_the_same_shares() -> None:
    messages = records(incident(5) | normal("z", points=480))
    whole = sharing("48 per day in all")
    expected = [written(whole.receive(messages[a:b]).events) for a, b in pairwise((0, 430, 500, len(messages)))]
    parts: list[object] = []
    state = None
    for a, b in pairwise((0, 430, 500, len(messages))):
        one = Engine(HERE, sharing("48 per day in all")._plan, state)
        parts.append(written(one.receive(messages[a:b]).events))
        state = one.snapshot()
    assert parts == expected
    assert state == whole.snapshot()


def test_without_a_budget_in_all_births_change_nothing() -> None:
    columns = incident(5)
    alone = feed(engine(), records({"a": columns["a"]}))
    beside = [event for event in feed(engine(), records(columns)) if event.series == "a"]
    assert [(e.type, e.score, e.threshold_nats, e.calibration) for e in alone] == [
        (e.type, e.score, e.threshold_nats, e.calibration) for e in beside
    ]
