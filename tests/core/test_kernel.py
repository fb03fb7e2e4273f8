"""The loop: what is not judged, what is late, what is learned, and in which order."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from streamkl.core.arena import JUDGING, LEARNING, RECENT
from streamkl.core.bank import Bank
from streamkl.core.edges import edges_of
from streamkl.core.kernel import JUDGED, LATE, LATE_RUN, UNJUDGED
from streamkl.core.masses import units
from streamkl.core.ring import span
from streamkl.core.settings import Gates
from tests.kernels import statistic
from tests.oracle import cell_of, cells, n_kl
from tests.small import BY_COUNT, BY_TIME, DECAYED, EPISODES, FIXED, HOUR_US, NEVER, SEASONAL, TRAILING, feed, flat, settings
from tests.zoo import MINUTE_US, START_US, every_minute, stream

SIZE = 60


def ready(**changes: object) -> tuple[Bank, int]:
    """A series that has just learned 60 normal points, one a minute."""
    bank = Bank(settings(**changes), NEVER, 1)
    row = bank.birth()
    feed(bank, row, stream("normal", SIZE).values, every_minute(SIZE))
    return bank, row


def held_times(bank: Bank, row: int) -> list[int]:
    """Event times in the ring, newest first."""
    return [int(each) for each in reversed(span(bank.arena, row, int(bank.arena.filled[row]))[0])]


def statistics(bank: Bank, row: int) -> list[float]:
    return [statistic(bank.arena, bank.rules, row, w) for w in range(len(bank.settings.windows))]


def images(bank: Bank, row: int) -> dict[str, bytes]:
    return {name: getattr(bank.arena, name)[row].tobytes() for name in bank.arena._fields}


def test_a_series_learns_its_first_points_and_judges_the_next() -> None:
    bank = Bank(settings(), NEVER, 1)
    row = bank.birth()
    learning = feed(bank, row, np.arange(SIZE - 1.0))
    assert bank.arena.phase[row] == LEARNING
    assert learning.fate.tolist() == [UNJUDGED] * (SIZE - 1)
    last = feed(bank, row, [3.5])
    assert (bank.arena.phase[row], last.fate.tolist(), last.window.tolist()) == (JUDGING, [UNJUDGED], [-1])


def test_a_window_is_judged_once_its_threshold_is_known() -> None:
    bank, row = ready()
    # The rehearsal gives the window of 4 points 57 statistics: 7 blocks of 8, one less than a first fit takes.
    verdicts = feed(bank, row, np.zeros(20), every_minute(80)[60:])
    first = int(np.flatnonzero(verdicts.fate == JUDGED)[0])
    assert first == 8 * 8 - 57  # the point after the one that closed the eighth block
    assert set(verdicts.window[first:].tolist()) == {0}


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_leaves_everything_as_it_was(hole: float) -> None:
    bank, row = ready()
    before = images(bank, row)
    verdicts = feed(bank, row, [hole], [START_US + 10**9])
    assert images(bank, row) == before
    assert (verdicts.fate[0], verdicts.output[0], verdicts.ratio[0], verdicts.window[0]) == (UNJUDGED, 0.0, 0.0, -1)


def test_late_points_move_counters_only() -> None:
    bank, row = ready()
    before = images(bank, row)
    verdicts = feed(bank, row, [1.0, 2.0], [int(bank.arena.newest[row]) - HOUR_US - 1] * 2)
    assert verdicts.fate.tolist() == [LATE, LATE]
    assert verdicts.late == 2
    assert bank.arena.late[row] == 2
    after = images(bank, row)
    assert {name for name in before if before[name] != after[name]} == {"late", "late_run"}


def test_a_point_as_old_as_the_grace_is_not_late() -> None:
    bank, row = ready(windows=BY_TIME, ring_points=200)
    assert feed(bank, row, [1.0], [int(bank.arena.newest[row]) - HOUR_US]).late == 0


def test_a_point_within_the_grace_but_older_than_all_that_is_held_is_late() -> None:
    bank, row = ready()
    oldest = held_times(bank, row)[-1]
    assert feed(bank, row, [1.0, 1.0], [oldest - 1, oldest]).fate.tolist() == [LATE, UNJUDGED]


def test_after_64_late_points_in_a_row_the_clock_has_stepped_back() -> None:
    bank, row = ready()
    before = held_times(bank, row)
    back = START_US - 10 * HOUR_US
    verdicts = feed(bank, row, np.zeros(LATE_RUN), [back] * LATE_RUN)
    assert verdicts.late == LATE_RUN - 1
    assert held_times(bank, row) == [back, *(back - (before[0] - t) for t in before[: len(before) - 1])]
    assert bank.arena.newest[row] == back
    assert feed(bank, row, [0.0], [back + 1]).late == 0


def test_one_point_in_time_ends_a_run_of_late_ones() -> None:
    bank, row = ready()
    late, now = int(bank.arena.newest[row]) - 2 * HOUR_US, int(bank.arena.newest[row])
    times = ([late] * (LATE_RUN - 1) + [now]) * 3
    assert feed(bank, row, np.zeros(len(times)), times).late == 3 * (LATE_RUN - 1)


def test_a_clock_that_steps_back_while_learning_keeps_the_order_of_arrival() -> None:
    bank = Bank(settings(windows=BY_TIME), NEVER, 1)
    row = bank.birth()
    back = 24 * HOUR_US
    feed(bank, row, np.arange(30.0), every_minute(30))
    feed(bank, row, np.arange(LATE_RUN + 40.0), every_minute(LATE_RUN + 70)[30:] - back)
    times = held_times(bank, row)
    assert times == sorted(times, reverse=True)
    assert times[0] == bank.arena.newest[row] == START_US + (LATE_RUN + 69) * MINUTE_US - back


@pytest.mark.parametrize("reference", [TRAILING, DECAYED, SEASONAL])
def test_points_out_of_order_while_learning_end_as_if_they_had_come_in_order(reference: object) -> None:
    values, times = stream("normal", 100)
    order = np.r_[np.random.default_rng(5).permutation(SIZE), np.arange(SIZE, 100)]
    wild = settings(reference=reference, windows=BY_TIME, grace_us=24 * HOUR_US)
    results = []
    for how in (np.arange(100), order):
        bank = Bank(wild, NEVER, 1)
        row = bank.birth()
        feed(bank, row, values[how], times[how])
        results.append((held_times(bank, row), statistics(bank, row), units(bank.arena, bank.rules, row).tolist()))
    assert results[0] == results[1]


def test_a_window_by_time_has_a_past_as_soon_as_its_reference_is_learned() -> None:
    bank = Bank(settings(windows=BY_TIME[1:], reference=replace(FIXED, size=400)), NEVER, 1)
    row = bank.birth()
    feed(bank, row, stream("normal", 400).values, every_minute(400))
    # 400 points a minute apart, windows of 20 minutes: filled after 20 points, then 381 statistics in blocks of 40.
    assert bank.arena.blocks[row, 0] == 9
    assert bank.arena.factor[row, 0] >= 1.0
    assert bank.arena.newest[row] == every_minute(400)[-1]


def test_a_window_by_time_needs_16_points_to_be_judged() -> None:
    bank, row = ready(windows=BY_TIME)
    feed(bank, row, np.zeros(200), every_minute(260)[60:])
    assert bank.arena.judged[row].tolist()[0] == 0  # five minutes hold five points
    assert bank.arena.judged[row].tolist()[1] > 200


def test_the_newest_values_are_kept_as_they_came() -> None:
    bank, row = ready(gates=Gates(0.1, 0.0, 0))
    values = [1e308, -1e308, 5e-324, 16_777_217.0]
    feed(bank, row, values, every_minute(64)[60:])
    kept: NDArray[np.float64] = bank.arena.recent[row, np.arange(60, 64) % RECENT]
    assert kept.tolist() == values


def test_a_row_that_closes_an_episode_learns_what_came_while_it_was_open() -> None:
    bank = Bank(settings(windows=BY_COUNT[2:]), flat(5.0), 1)
    row = bank.birth()
    values = np.r_[stream("normal", 400).values, stream("normal", 200, seed=1).values + 50.0]
    feed(bank, row, values, every_minute(600))
    inner = edges_of(bank.arena, row)
    assert inner.min() > 40.0


def test_the_rehearsal_gives_the_tail_guard_the_references_own_maxima_a_little_enlarged() -> None:
    """A window of 4 points inside the 60 it is compared with lies closer to them, by (1 - x) / (1 + x) with x = 4 / 60."""
    limit, x = 3.0, 4 / SIZE
    bank = Bank(settings(), flat(limit), 1)
    row = bank.birth()
    values = stream("normal", SIZE).values.tolist()
    feed(bank, row, values, every_minute(SIZE))
    found = cells(values, 6)
    codes = [cell_of(found, value) for value in values]
    units = [cell.units for cell in found]
    counted = [[codes[i : i + 4].count(k) for k in range(len(units))] for i in range(SIZE - 3)]
    ratios = [n_kl(counts, units) / limit * (1 + x) / (1 - x) for counts in counted]
    maxima = [max(ratios[at : at + 8]) for at in range(0, 56, 8)]  # seven whole blocks of 57
    expected = [math.floor(20 * (math.log(maximum) + 2)) for maximum in maxima]
    assert np.flatnonzero(bank.arena.tail[row, 0]).tolist() == sorted(set(expected))
    assert bank.arena.tail[row, 0].sum() == bank.arena.blocks[row, 0] == 7


def test_a_muted_window_has_no_say_in_the_score_until_it_is_heard_again() -> None:
    bank = Bank(settings(episodes=replace(EPISODES, escalate_factor=1_000.0)), flat(6.0), 1)  # the shortest window tells to the end
    row = bank.birth()
    values = np.r_[stream("normal", 500).values, np.full(10, 50.0), stream("normal", 60, seed=1).values]
    muted_ones_up = 0
    for at, (value, time) in enumerate(zip(values.tolist(), every_minute(570).tolist(), strict=True)):
        silent = bank.arena.muted[row] > 0
        was_open = bool(bank.arena.open[row])
        out = feed(bank, row, value, time, at)
        if out.fate[0] == JUDGED and not was_open:
            ratios = bank.arena.ratio[row, :-2]
            muted_ones_up += bool((silent & (ratios >= 1.0)).any())
            assert out.ratio[0] == ratios[~silent].max()
    assert muted_ones_up > 0
    assert not bank.arena.muted[row].any()
