"""The smallest shift found: against published delays of the same windows, fresh data, and what must hold whatever the data are."""

import numpy as np
import pytest

from streamkl import score
from streamkl.calibrate.character import Support, character
from streamkl.calibrate.judging import FEWEST_STRETCHES, MOST_STRETCHES, Trials, judge
from streamkl.calibrate.power import LARGEST, Power, measure_power
from streamkl.core.bank import Bank
from streamkl.core.episode import OPENED
from tests.calibrate.material import TABLE, autoregressive, monitor, past

EVERY = "1 per 10000 points"


def power_of(values: np.ndarray, within: int = 100, sharers: int = 1, **options: object) -> Power:
    history = past(values)
    looks = character(history.values, history.times)
    options = {"false_alarms": EVERY, **options}
    found = measure_power(judge(history, monitor(**options), TABLE, sharers, within), looks.sigma, looks.support)
    assert found is not None
    return found


@pytest.mark.parametrize(("within", "sigmas"), [(142, 0.5), (39, 1.0), (11, 2.0)])
def test_on_independent_points_it_is_the_shift_whose_delay_is_known(within: int, sigmas: float) -> None:
    """Windows of 16, 64 and 256 at one alarm in 10,000 points need 142, 39 and 11 points for 0.5, 1 and 2 standard deviations."""
    values = np.random.default_rng(0).normal(100.0, 7.0, 20_000)
    found = power_of(values, within, drift=False)
    for shift in (found.up, found.down):
        assert shift is not None
        assert shift.half / 7.0 == pytest.approx(sigmas, rel=0.15)
        assert shift.half < shift.most < 1.6 * shift.half


def test_what_comes_next_is_found_as_often_as_it_says() -> None:
    """After each of four histories; one alone says it to within .2."""
    hits = np.zeros(2)
    for number in range(4):
        history = np.random.default_rng(number).normal(size=16_000)
        found = power_of(history, 60).up
        assert found is not None
        for which, size in enumerate((found.half, found.most)):
            for seed in range(20):
                after = np.random.default_rng((7, seed)).normal(size=360)
                after[300:] += size
                hits[which] += bool((score(np.r_[history, after])[16_300:] >= 1).any())
    assert hits / 80 == pytest.approx([0.5, 0.9], abs=0.13)


def test_dependence_more_points_and_a_larger_budget_move_it_as_they_must() -> None:
    values = np.random.default_rng(2).normal(size=15_000)
    plain = power_of(values).worse.half
    assert power_of(autoregressive(0.9, 2, 15_000)).worse.half > 1.5 * plain
    assert power_of(values, 400).worse.half < 0.8 * plain
    assert power_of(values, false_alarms="1 per 200 points").worse.half < 0.9 * plain
    assert (
        power_of(values, false_alarms="1 per day in all", sharers=1_000).worse.half
        > 1.1 * power_of(values, false_alarms="1 per day in all").worse.half
    )


def test_it_is_in_the_units_of_the_metric() -> None:
    values = np.random.default_rng(3).normal(size=8_000)
    one, scaled = power_of(values), power_of(1_000.0 * values + 5.0)
    assert scaled.worse.half == pytest.approx(1_000.0 * one.worse.half, rel=1e-6)


def test_the_gates_are_heard() -> None:
    values = np.random.default_rng(14).normal(size=8_000)
    both, up = power_of(values), power_of(values, gates={"direction": "up"})
    assert up.down is None
    assert up.up is not None
    assert up.worse == up.up
    assert up.up.half == pytest.approx(both.up.half if both.up else 0.0, rel=0.3)
    assert power_of(values, gates={"min_effect": 2.0}).worse.half > 1.5 * both.worse.half


def test_it_repeats_itself_to_the_bit() -> None:
    values = np.random.default_rng(4).exponential(size=6_000)
    assert power_of(values) == power_of(values)


def test_a_season_that_was_not_declared_blinds_windows() -> None:
    minutes = np.arange(20_000)
    values = 10 * np.sin(2 * np.pi * minutes / 1_440) + np.random.default_rng(5).normal(size=20_000)
    assert power_of(values, point_share=0.0).worse.half == np.inf


def test_a_constant_finds_any_change() -> None:
    found = power_of(np.full(4_000, 250.0))
    assert 0 < found.worse.most < 1e-3


def test_shifts_go_to_values_that_the_series_knows() -> None:
    """Two modes at 0 and 100: a shift that would end between them is none, so the first one is by a whole mode."""
    values = np.random.default_rng(6).choice([0.0, 100.0], 8_000)
    assert power_of(values).worse.half == 100.0
    whole = np.random.default_rng(6).poisson(20, 8_000).astype(float)
    assert power_of(whole).worse.half in (2.0, 3.0, 4.0)  # of continuous data: 0.6 standard deviations, 2.7


def test_a_shift_keeps_decimals_beyond_the_known_values() -> None:
    support = Support(np.array([1.1, 1.2, 1.3]), 1)
    assert support.shift(np.array([1.1, 1.2, 1.3]), np.array([0.14])).tolist() == [1.2, 1.3, 1.4]


def test_enormous_values_do_not_break_it() -> None:
    values = np.random.default_rng(8).choice([-1.0, 1.0], 3_000) * 10.0 ** np.random.default_rng(9).uniform(300, 308, 3_000)
    found = power_of(values)
    assert found.worse.half > 0


@pytest.mark.parametrize("points", [0, 1, 499, 500, 600, 500 + 100 * FEWEST_STRETCHES - 1])
def test_a_short_history_says_nothing_about_shifts(points: int) -> None:
    history = past(np.random.default_rng(10).normal(size=points))
    judged = judge(history, monitor(), TABLE, 1, 100)
    assert len(judged.stretches) < FEWEST_STRETCHES
    assert measure_power(judged, 1.0, Support(np.empty(0), None)) is None


def test_stretches_are_bounded_lie_behind_the_learning_and_do_not_overlap() -> None:
    for points, within in ((20_000, 100), (2_000, 50), (100_000, 10), (5_000, 700)):
        history = past(np.random.default_rng(11).normal(size=points))
        judged = judge(history, monitor(), TABLE, 1, within)
        assert len(judged.stretches) <= MOST_STRETCHES
        begins = [int(each.times[0] - history.times[0]) // 60_000_000 for each in judged.stretches]
        assert begins[0] >= 500
        assert (np.diff(begins) >= within).all()
        assert begins[-1] + within <= points
        assert {len(each.values) for each in judged.stretches} == {within}


def test_a_trial_is_what_a_detector_would_have_done() -> None:
    values = np.random.default_rng(15).normal(size=4_000)
    history = past(values)
    judged = judge(history, monitor(), TABLE, 1, 80)
    moved = np.stack([each.values for each in judged.stretches]) + np.linspace(0.3, 1.5, len(judged.stretches))[:, None]
    found = Trials(judged.bank, judged.stretches).opens(moved)
    assert 0 < found.sum() < len(found)
    for stretch, numbers, expected in zip(judged.stretches, moved, found.tolist(), strict=True):
        start = int(np.searchsorted(history.times, stretch.times[0]))
        bank = Bank(monitor().settings, TABLE, 1)
        row = bank.birth()
        verdicts = bank.run(np.full(start + 80, row), history.times[: start + 80], np.r_[values[:start], numbers], np.arange(start + 80))
        assert any(each.happened == OPENED and each.index >= start for each in verdicts.transitions) is expected


def test_an_incident_in_the_history_is_no_stretch() -> None:
    values = np.random.default_rng(12).normal(size=8_000)
    values[5_000:5_300] += 4.0
    judged = judge(past(values), monitor(), TABLE, 1, 100)
    assert judged.opened >= 1
    begins = [int(each.times[0] - judged.stretches[0].times[0]) // 60_000_000 for each in judged.stretches]
    first = int(judged.stretches[0].times[0] - past(values).times[0]) // 60_000_000
    assert not any(4_901 <= first + begin < 5_300 for begin in begins)


def test_nothing_is_found_is_told_from_the_largest_shift_tried() -> None:
    values = np.random.default_rng(13).normal(size=6_000)
    found = power_of(values, 2, point_share=0.0)  # no window turns in two points
    assert found.worse.half == np.inf or found.worse.half > 0.5 * LARGEST
