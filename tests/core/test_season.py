"""Seasonal references: slots by the clock, thin ones shrunk to the pooled one, in force from one slot to the next."""

from dataclasses import replace

import numpy as np
import pytest

from streamkl.core.bank import Bank
from streamkl.core.explanation import explain
from tests.kernels import slot_of, statistic
from tests.oracle import n_kl
from tests.small import DAY_US, HOUR_US, LAGGED, NEVER, SEASONAL, feed, settings
from tests.zoo import MINUTE_US

MONDAY = 4 * DAY_US  # 1970-01-05
HALF_HOUR = 30 * MINUTE_US


@pytest.mark.parametrize(
    ("slots", "period", "phase", "time", "slot"),
    [
        (24, DAY_US, 0, 0, 0),
        (24, DAY_US, 0, HOUR_US - 1, 0),
        (24, DAY_US, 0, HOUR_US, 1),
        (24, DAY_US, 0, 5 * DAY_US + 23 * HOUR_US, 23),
        (24, DAY_US, 0, -1, 23),
        (168, 7 * DAY_US, MONDAY, MONDAY, 0),
        (168, 7 * DAY_US, MONDAY, 0, 3 * 24),  # 1970 began on a Thursday
        (168, 7 * DAY_US, MONDAY, 1_700_000_000_000_000, 24 + 22),  # Tuesday, 2023-11-14T22:13:20Z
    ],
)
def test_times_lie_in_slots_of_the_day_or_the_week(slots: int, period: int, phase: int, time: int, slot: int) -> None:
    rules = Bank(settings(reference=replace(SEASONAL, slots=slots, period_us=period, phase_us=phase)), NEVER, 0).rules
    assert slot_of(rules, time) == slot


def by_day_and_night() -> tuple[Bank, int]:
    """Two slots a day of 12 hours; a point each half hour: 1 by day and 0 by night, learned from 0:00 to 6:00 of the third day."""
    reference = replace(SEASONAL, slots=2, shrinkage=10.0, gap=4)
    bank = Bank(settings(reference=reference, windows=settings().windows[:2], bins=2), NEVER, 1)
    row = bank.birth()
    times = HALF_HOUR * np.arange(60)
    feed(bank, row, (times // (12 * HOUR_US) % 2).astype(float), times)
    return bank, row


def test_a_slot_expects_its_own_points_and_some_of_the_pooled_ones() -> None:
    bank, row = by_day_and_night()
    # 24 + 12 points by night (slot 0), 24 by day. Bins: gap, 0, gap, 1, gap with .5, 36, .5, 24, .5 of 61.5 units.
    pooled = np.array([0.5, 36.0, 0.5, 24.0, 0.5]) / 61.5
    night, day = np.array([0, 36.0, 0, 0, 0]), np.array([0, 0, 0, 24.0, 0])
    assert bank.arena.slot_share[row, 0, :5] == pytest.approx((night + 10 * pooled) / 46)
    assert bank.arena.slot_share[row, 1, :5] == pytest.approx((day + 10 * pooled) / 34)


def test_a_window_is_compared_with_the_mixture_of_the_slots_it_lies_in() -> None:
    bank, row = by_day_and_night()
    a = bank.arena
    times = HALF_HOUR * np.arange(60, 74)  # the last two lie in the next day slot
    feed(bank, row, np.zeros(14), times)
    night, day = a.slot_share[row, 0, :5], a.slot_share[row, 1, :5]
    assert a.mixture[row, 0, :5] == pytest.approx(2 * night + 2 * day)
    assert a.mixture[row, 1, :5] == pytest.approx(8 * night + 2 * day)
    assert statistic(a, bank.rules, row, 1) == pytest.approx(n_kl([0, 10, 0, 0, 0], (8 * night + 2 * day).tolist()))


def test_what_was_learned_comes_into_force_with_the_next_slot() -> None:
    bank, row = by_day_and_night()
    a = bank.arena
    before = a.slot_share[row].copy()
    feed(bank, row, np.ones(12), HALF_HOUR * np.arange(60, 72))  # ones by night: 6:00 to 11:30
    assert a.slot_count[row, 0, :5].tolist() == [0, 36, 0, 8, 0]  # all but the newest four, which lie before the gap
    assert a.slot_share[row].tolist() == before.tolist()
    feed(bank, row, [1.0], [HALF_HOUR * 72])
    pooled = np.array([0.5, 36.0, 0.5, 24.0, 0.5]) / 61.5
    assert a.slot_share[row, 0, :5] == pytest.approx((np.array([0, 36.0, 0, 8, 0]) + 10 * pooled) / 54)


def test_a_night_like_every_night_is_normal_and_a_day_like_a_night_is_not() -> None:
    bank, row = by_day_and_night()
    feed(bank, row, np.zeros(12), HALF_HOUR * np.arange(60, 72))
    night = statistic(bank.arena, bank.rules, row, 1)
    feed(bank, row, np.zeros(12), HALF_HOUR * np.arange(72, 84))
    assert night < 1.0
    assert statistic(bank.arena, bank.rules, row, 1) > 10.0


def lagged() -> tuple[Bank, int]:
    """The same day two days ago, in parts of 12 hours; a point each half hour, learned over 30 hours: 0 by night and 1 by day."""
    reference = replace(LAGGED, slots=4, period_us=2 * DAY_US, shrinkage=10.0, gap=10)
    bank = Bank(settings(reference=reference, windows=settings().windows[:2], bins=2), NEVER, 1)
    row = bank.birth()
    times = HALF_HOUR * np.arange(60)
    feed(bank, row, (times // (12 * HOUR_US) % 2).astype(float), times)
    return bank, row


POOLED = np.array([0.5, 36.0, 0.5, 24.0, 0.5]) / 61.5  # as above: gap, 0, gap, 1, gap


def test_before_a_lag_has_passed_nothing_is_judged() -> None:
    bank, row = lagged()
    found = feed(bank, row, np.r_[np.ones(36), np.zeros(30)], HALF_HOUR * np.arange(60, 126))
    assert not found.ratio[:36].any()
    assert statistic(bank.arena, bank.rules, row, 1) > 0.0
    assert bank.arena.judged[row, :2].tolist() == [30 - 3, 30 - 9]  # windows of 4 and 10 points, full of points from the third night on


def test_a_day_is_compared_with_the_one_a_lag_ago_and_no_earlier_one() -> None:
    bank, row = lagged()
    a = bank.arena
    feed(bank, row, np.ones(36), HALF_HOUR * np.arange(60, 96))  # until the end of the second day: ones
    feed(bank, row, np.zeros(24), HALF_HOUR * np.arange(96, 120))  # the third night, to be compared with the first: 24 zeros
    first_night = (np.array([0, 24.0, 0, 0, 0]) + 10 * POOLED) / 34
    assert a.slot_share[row, 0, :5] == pytest.approx(first_night)
    assert statistic(a, bank.rules, row, 1) == pytest.approx(n_kl([0, 10, 0, 0, 0], (10 * first_night).tolist()))
    feed(bank, row, np.ones(73), HALF_HOUR * np.arange(120, 193))  # until 0:30 of the fifth day, to be compared with the third alone
    assert a.slot_share[row, 0, :5] == pytest.approx(first_night)
    assert a.slot_share[row, 1, :5] == pytest.approx((np.array([0, 0, 0, 24.0, 0]) + 10 * POOLED) / 34)
    why = explain(a, bank.pool, bank.rules, row, 0)
    # The window holds points of two parts: what is compared are the ones of the second day and zeros of the third night.
    assert (why.reference_from_us, why.reference_to_us, why.reference_points) == (HALF_HOUR * 72, HALF_HOUR * 120, 24 + 24)
    feed(bank, row, np.ones(4), HALF_HOUR * np.arange(193, 197))
    why = explain(a, bank.pool, bank.rules, row, 0)
    assert (why.reference_from_us, why.reference_to_us) == (HALF_HOUR * 96, HALF_HOUR * 120)


def test_a_day_without_points_leaves_the_one_before_it() -> None:
    bank, row = lagged()
    feed(bank, row, np.zeros(100), HALF_HOUR * np.r_[np.arange(60, 120), np.arange(192, 232)])  # the first two nights; four days later
    known = bank.arena.slot_share[row, 0].copy()
    feed(bank, row, [0.0], [HALF_HOUR * 480])  # the tenth day's night comes after days without anything
    assert bank.arena.slot_share[row, 0, 1] > known[1]
    known = bank.arena.slot_share[row, 0].copy()
    feed(bank, row, [0.0], [HALF_HOUR * 504])
    feed(bank, row, [0.0], [HALF_HOUR * 576])
    assert bank.arena.slot_share[row, 0].tolist() == known.tolist()
