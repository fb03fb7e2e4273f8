"""Many series judged alike: rows and buffers given and taken back, budgets, tables, and what is told of a transition."""

import tracemalloc
from dataclasses import replace

import numpy as np
import psutil
import pytest

from streamkl.config.detector import DetectorConfig
from streamkl.core.arena import FREE, JUDGING, LEARNING, NO_SLOT, Arena, Pool
from streamkl.core.bank import Bank
from streamkl.core.episode import ACCEPTED, OPENED, RECOVERED
from streamkl.core.layout import allocate, buffer_bytes, parts, passing, row_bytes
from streamkl.core.masses import units
from streamkl.core.run_length import RUN_LENGTHS, Table, TableKey
from streamkl.library.settings import settings_of
from streamkl.units import parse_budget
from tests.small import BY_COUNT, BY_TIME, DECAYED, FIXED, NEVER, SEASONAL, TRAILING, feed, flat, settings
from tests.zoo import MINUTE_US, every_minute, stream

SIZE = 60


def slots_in_use(bank: Bank) -> list[int]:
    return sorted(int(slot) for slot in bank.arena.slot if slot != NO_SLOT)


def test_rows_are_given_in_order_and_grow_when_they_are_used_up() -> None:
    bank = Bank(settings(), NEVER, 2)
    assert [bank.birth() for _ in range(20)] == list(range(20))
    assert bank.living().tolist() == list(range(20))
    assert len(set(slots_in_use(bank))) == 20


def test_a_row_that_is_given_back_is_as_new() -> None:
    bank = Bank(settings(reference=SEASONAL), NEVER, 2)
    row = bank.birth()
    feed(bank, row, stream("normal", 100).values, every_minute(100))
    bank.death(row)
    assert bank.living().tolist() == []
    assert bank.birth() == row
    fresh = Bank(settings(reference=SEASONAL), NEVER, 2)
    fresh.birth()
    for name in bank.arena._fields:
        assert getattr(bank.arena, name)[row].tobytes() == getattr(fresh.arena, name)[row].tobytes(), name
    assert [array.tobytes() for array in bank.pool] == [array.tobytes() for array in fresh.pool]


def test_growing_keeps_what_there_is() -> None:
    bank = Bank(settings(), NEVER, 1)
    row = bank.birth()
    feed(bank, row, stream("normal", 100).values, every_minute(100))
    lasting = [name for name in bank.arena._fields if name not in passing(settings())]
    before = {name: getattr(bank.arena, name)[row].tobytes() for name in lasting}
    for _ in range(40):
        bank.birth()
    assert {name: getattr(bank.arena, name)[row].tobytes() for name in lasting} == before
    assert (bank.arena.phase == LEARNING).sum() == 40
    assert (bank.arena.phase == FREE).sum() == len(bank.arena.phase) - 41


def test_growing_holds_no_more_than_one_array_twice() -> None:
    tracemalloc.start()
    bank = Bank(settings(), NEVER, 1_100)
    for _ in range(1_100):
        bank.birth()  # the next one doubles the rows
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    bank.birth()
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after > before + 1_000_000
    assert peak < after + max(array.nbytes for array in (*bank.arena, *bank.pool))


def test_a_buffer_is_held_while_learning_and_while_an_episode_is_open() -> None:
    bank = Bank(settings(windows=BY_COUNT[2:]), flat(6.0), 1)
    row = bank.birth()
    values = np.r_[stream("normal", 500).values, np.full(30, 50.0), stream("normal", 100, seed=1).values]
    held = []
    happened = []
    for at, value in enumerate(values):
        happened += [(at, t.happened) for t in feed(bank, row, value, every_minute(at + 1)[-1]).transitions]
        held.append(bank.arena.slot[row] != NO_SLOT)
    assert held[: SIZE - 1] == [True] * (SIZE - 1)
    opened, closed = next(at for at, what in happened if what == OPENED), happened[-1][0]
    assert happened[-1][1] == RECOVERED
    assert [at for at, one in enumerate(held) if one][SIZE - 1 :] == list(range(opened, closed))
    assert len(bank.pool.value) == 4  # one of the first four buffers served both times


def test_a_given_reference_is_judged_by_at_once() -> None:
    bank = Bank(settings(), NEVER, 1)
    normal = stream("normal", 80).values
    row = bank.birth(normal, every_minute(80))
    a = bank.arena
    assert (a.phase[row], a.slot[row], a.reference_to[row] - a.reference_from[row]) == (JUDGING, NO_SLOT, 79 * MINUTE_US)
    assert units(a, bank.rules, row).sum() == 81
    assert bank.birth(normal) == 1
    assert (bank.arena.reference_from[1], bank.arena.interval[1]) == (0, 0)


@pytest.mark.parametrize("reference", [TRAILING, DECAYED, SEASONAL])
def test_a_given_reference_can_move(reference: object) -> None:
    bank = Bank(settings(reference=reference), NEVER, 1)
    row = bank.birth(stream("normal", SIZE).values, every_minute(SIZE))
    feed(bank, row, stream("normal", 100, seed=1).values, every_minute(SIZE + 100)[SIZE:])
    assert bank.arena.reference_to[row] == every_minute(SIZE + 80)[-1]


@pytest.mark.parametrize(
    ("step_us", "points"),
    [(MINUTE_US, 10_080.0), (1_000_000, 604_800.0), (0, 500.0)],
)
def test_the_promise_follows_from_the_learned_interval_and_is_split_among_the_windows(step_us: int, points: float) -> None:
    budgets = {"budget": parse_budget("1 per series per week"), "budget_without_clock": parse_budget("1 per 500 points")}
    bank = Bank(settings(**budgets, features=2), NEVER, 1)
    row = bank.birth()
    feed(bank, row, stream("normal", SIZE).values, step_us * np.arange(SIZE))
    assert bank.arena.interval[row] == step_us
    assert np.exp(bank.arena.log_run[row]) == pytest.approx(points * 3 * 2)
    assert bank.promises.run_length(step_us) == points
    assert str(bank.promises.budget(step_us)) == ("1 per series per week" if step_us else "1 per 500 points")


def test_the_learned_interval_is_the_median_of_those_that_are_not_zero() -> None:
    bank = Bank(settings(), NEVER, 1)
    row = bank.birth()
    feed(bank, row, stream("normal", SIZE).values, np.repeat(np.arange(30), 2) * MINUTE_US + (np.arange(SIZE) >= 40) * 600 * MINUTE_US)
    assert bank.arena.interval[row] == MINUTE_US


def test_each_table_is_asked_for_once_and_only_when_a_series_needs_it() -> None:
    asked: list[TableKey] = []

    def table(key: TableKey) -> Table:
        asked.append(key)
        return (1e9,) * len(RUN_LENGTHS)

    bank = Bank(settings(), table, 1)
    rows = [bank.birth() for _ in range(3)]
    assert asked == []
    feed(bank, rows[0], stream("normal", SIZE).values)
    assert asked == [TableKey(4, 60, 8), TableKey(10, 60, 8), TableKey(20, 60, 8)]  # six bins: the next table has eight
    feed(bank, rows[1], stream("heavy_tail", SIZE).values)
    assert len(asked) == 3
    feed(bank, rows[2], stream("constant", SIZE).values)
    assert [key.bins for key in asked[3:]] == [1, 1, 1]


def test_the_threshold_in_force_is_that_of_the_table_at_the_promised_run_length() -> None:
    table = tuple(3.0 * np.log(run) for run in RUN_LENGTHS)
    bank = Bank(settings(budget_without_clock=parse_budget("1 per 700 points")), lambda _key: table, 1)
    row = bank.birth()
    feed(bank, row, stream("normal", 61).values)
    assert bank.arena.limit[row, :-1] == pytest.approx(3.0 * np.log(700 * 3))


def test_a_transition_tells_of_the_window_with_the_highest_score_and_a_closing_of_the_one_that_told() -> None:
    bank = Bank(settings(), flat(6.0), 1)
    row = bank.birth()
    values = np.r_[stream("normal", 500).values, np.full(40, 50.0), stream("normal", 200, seed=1).values]
    out = feed(bank, row, values, every_minute(740))
    told_by = None
    for transition in out.transitions:
        if transition.happened == RECOVERED:
            assert transition.window == told_by
            assert transition.score < 0.8
        else:
            told_by = transition.window
            assert transition.window == out.window[transition.index]
            assert transition.score == out.ratio[transition.index] >= 1.0
        assert transition.explanation.window_points == (4, 10, 20)[transition.window]
        assert transition.row == row
    assert {OPENED, RECOVERED} <= {t.happened for t in out.transitions}


def test_what_is_accepted_is_learned_from_the_newest_points() -> None:
    episodes = replace(settings().episodes, accept_after=100)
    bank = Bank(settings(windows=BY_COUNT[2:], episodes=episodes), flat(6.0), 1)
    row = bank.birth()
    lasting = np.random.default_rng(1).uniform(40.0, 60.0, 150)
    values = np.r_[stream("normal", 500).values, lasting]
    out = feed(bank, row, values, every_minute(650))
    accepted = next(t for t in out.transitions if t.happened == ACCEPTED)
    opened = next(t for t in out.transitions if t.happened == OPENED)
    assert accepted.index - opened.index == 100
    learned = np.sort(values[accepted.index - SIZE + 1 : accepted.index + 1])
    assert bank.arena.edges[row, 0] == learned[0]
    assert bank.arena.reference_from[row] == every_minute(650)[accepted.index - SIZE + 1]
    assert bank.arena.slot[row] == NO_SLOT


def test_memory_is_as_the_arena_says() -> None:
    """Bytes a row: 3.25 for each point of the ring, 4 for each newest value that is only shown, the tables of the windows, a byte a bin
    of each, 8 for each edge and 2 for each mass, and some more; what goes by time needs 6 more a point, and a moving reference adds its
    own."""
    made = settings(bins=16, windows=BY_COUNT)
    windows, bins, ring, tail = 3, 2 * 16 + 3, 21, 3 * 120
    more = {FIXED: 0, TRAILING: 9 * SIZE + 8 * bins, DECAYED: 14 * bins, SEASONAL: 16 * 24 * bins + 8 * windows * bins}
    for reference, own in more.items():
        chosen = replace(made, reference=reference)
        arena = allocate(chosen, 2)
        said = (3 if reference is FIXED else 9) * ring + 6 + windows * bins + tail + 8 * (16 + 2) + 3 + 2 * bins + 4 * 32 + own
        assert said + 300 < row_bytes(chosen) < said + 500
        assert sum(array.nbytes for array in parts(arena, chosen)) == 2 * row_bytes(chosen)


def test_buffers_of_series_that_have_learned_are_given_back_and_others_keep_theirs() -> None:
    many = settings(reference=replace(FIXED, size=SIZE * 50))
    bank, before = Bank(many, NEVER, 2_000), psutil.Process().memory_info().rss
    rows = np.array([bank.birth() for _ in range(2_000)])
    bank.pool.value[:] = bank.pool.time[:] = bank.pool.position[:] = 1
    held = psutil.Process().memory_info().rss - before
    assert held > 2_000 * buffer_bytes(many)
    for row in rows[100:].tolist():
        bank.arena.learned[row] = SIZE * 50
        bank.death(row)
    left = psutil.Process().memory_info().rss - before
    assert left < held / 4
    assert not bank.pool.value[bank.arena.slot[rows[100]] :].any()


def test_a_buffer_is_given_empty_and_others_keep_theirs() -> None:
    bank = Bank(settings(), NEVER, 2_000)
    rows = np.array([bank.birth() for _ in range(2_000)])
    some = rows[::100]
    values = np.random.default_rng(0).normal(size=(SIZE, 2_000))
    for i in range(SIZE):
        taking = np.setdiff1d(rows, some) if i > 20 else rows
        bank.run(taking, np.full(len(taking), every_minute(SIZE)[i]), values[i, : len(taking)], np.arange(len(taking)))
    slots = bank.arena.slot[some]
    assert len(set(slots.tolist())) == len(some)
    assert (bank.pool.value[slots, :21] == values[:21, ::100].T).all()
    last = int(bank.birth())
    assert bank.arena.slot[last] not in slots
    assert not bank.pool.value[bank.arena.slot[last]].any()


def test_a_series_of_the_shipped_settings_takes_less_than_four_kilobytes() -> None:
    assert row_bytes(settings_of(DetectorConfig())) <= 4_000
    one_window = DetectorConfig.model_validate({"windows": ["256 points"], "bins": 32, "point_share": 0.0, "drift": False})
    assert row_bytes(settings_of(one_window)) <= 2_600


def test_fields_that_the_settings_leave_alone_share_their_bytes_and_stay_zero() -> None:
    bank = Bank(settings(), flat(6.0), 1)
    row = bank.birth()
    feed(bank, row, np.r_[stream("normal", 500).values, np.full(200, 50.0)], every_minute(700))
    a = bank.arena
    for name in ("surprise", "calm_max", "nats", "past_low", "calm_blocks", "drift", "weight", "resume", "season"):
        array = getattr(a, name)
        assert array.ctypes.data == a.level.ctypes.data, name
        assert not array.any(), name
    assert a.age[row] > 0


def test_adopted_rows_have_their_tables_before_any_series_learns() -> None:
    """A window by time looks its threshold up again whenever its number of points changes."""
    values, times = stream("normal", 700).values, every_minute(700).copy()
    times[600:] -= np.arange(100) * 15_000_000  # faster: more points in each window
    whole = Bank(settings(windows=BY_TIME), flat(6.0), 1)
    row = whole.birth()
    feed(whole, row, values[:600], times[:600])
    copy = Bank(settings(windows=BY_TIME), flat(6.0), 1)
    copy.adopt(Arena(*(array.copy() for array in whole.arena)), Pool(*(array.copy() for array in whole.pool)))
    expected = feed(whole, row, values[600:], times[600:], 600).ratio
    assert (expected > 0).sum() > 50
    assert feed(copy, row, values[600:], times[600:], 600).ratio.tolist() == expected.tolist()
