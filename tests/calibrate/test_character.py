"""What a history shows: against series whose nature is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.calibrate.character import character, interval_of, support_of, ties_of
from tests.calibrate.material import BEGIN_US, autoregressive

HOUR = 3_600_000_000


def every(step_us: int, n: int) -> np.ndarray:
    return BEGIN_US + step_us * np.arange(n, dtype=np.int64)


def test_an_autoregressive_series_shows_its_numbers() -> None:
    looks = character(5.0 + 3.0 * autoregressive(0.8, 1, 40_000), every(60_000_000, 40_000))
    assert looks.sigma == pytest.approx(3.0, rel=0.05)
    assert looks.lag1 == pytest.approx(0.8, abs=0.02)
    assert looks.turn == pytest.approx(9.0, rel=0.15)
    assert (looks.ties, looks.period, len(looks.support.known)) == (0.0, "", 0)


def test_order_of_arrival_does_not_matter() -> None:
    values, times = autoregressive(0.9, 2, 3_000), every(60_000_000, 3_000)
    mixed = np.random.default_rng(0).permutation(3_000)
    one, other = character(values, times), character(values[mixed], times[mixed])
    assert (one.lag1, one.turn, one.sigma) == (other.lag1, other.turn, other.sigma)


@pytest.mark.parametrize(("step", "n"), [(HOUR, 24 * 40), (300_000_000, 288 * 40)])
@pytest.mark.parametrize("shape", ["day", "week", "day, week", ""])
def test_days_and_weeks_are_hinted_at(shape: str, step: int, n: int) -> None:
    times = every(step, n)
    hour = (times // HOUR).astype(float)
    noise = np.random.default_rng(3).normal(size=n)
    day, weekend = np.sin(2 * np.pi * hour / 24), ((hour // 24) % 7 >= 5).astype(float)
    values = noise + 3.0 * day * ("day" in shape) + 6.0 * weekend * ("week" in shape)
    assert character(values, times).period == shape


def test_no_period_is_seen_where_none_can_be() -> None:
    slow = autoregressive(0.999, 4, 20_000)
    assert character(slow, every(60_000_000, 20_000)).period == ""
    one_day = np.sin(2 * np.pi * np.arange(1_440) / 1_440)
    assert character(one_day, every(60_000_000, 1_440)).period == ""
    assert character(np.arange(50.0), np.zeros(50, np.int64)).period == ""
    assert character(np.arange(3.0), np.array([0, 1, 4_000_000_000_000_000])).period == ""  # 127 years, three points


def test_dependence_alone_is_seldom_taken_for_a_day() -> None:
    hinted = [character(autoregressive(0.8, seed, 3_000), every(60_000_000, 3_000)).period for seed in range(200)]
    assert sum(map(bool, hinted)) <= 2


def test_the_interval_is_the_usual_step_between_times() -> None:
    assert interval_of(np.array([0, 10, 20, 30, 1_000, 1_010])) == 10
    assert interval_of(np.zeros(5, np.int64)) == 0
    assert interval_of(np.empty(0, np.int64)) == 0


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_ties_are_points_whose_value_occurs_again(numbers: list[int]) -> None:
    expected = sum(numbers.count(number) > 1 for number in numbers) / len(numbers)
    assert ties_of(np.array(numbers, float)) == pytest.approx(expected)


@given(st.lists(st.integers(-1_000, 1_000), min_size=2, max_size=30), st.integers(0, 3), st.floats(-900, 900))
def test_a_shifted_value_is_the_nearest_known_one_or_beyond_all(numbers: list[int], decimals: int, by: float) -> None:
    values = np.round(np.array(numbers * 2) / 10**decimals, decimals)
    support = support_of(values)
    moved = support.shift(values, np.array([by]))
    known = set(values.tolist())
    for before, after in zip(values.tolist(), moved.tolist(), strict=True):
        target = before + by
        if len(known) == 1:
            assert after == target
        elif min(known) <= target <= max(known):
            assert after in known
            assert abs(after - target) <= min(abs(each - target) for each in known) + 1e-9
        else:
            assert abs(after - target) <= np.median(np.diff(sorted(known))) / 2 + 10.0**-decimals


def test_a_constant_has_no_spread_and_takes_any_value() -> None:
    looks = character(np.full(1_000, 0.1), every(60_000_000, 1_000))
    assert (looks.sigma, looks.lag1, looks.turn, looks.ties, len(looks.support.known)) == (0.0, 0.0, 1.0, 1.0, 0)


def test_enormous_values_have_a_spread() -> None:
    assert character(np.array([1e308, -1e308] * 50), every(HOUR, 100)).sigma == pytest.approx(1e308)
