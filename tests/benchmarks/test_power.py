"""Changes do what their names say, the omniscient test is exact, and delays are counted from the first changed point."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks import cusum, delays, kept, power_tables
from benchmarks.changes import CHANGES, SLOPE, Change
from benchmarks.contenders import CONTENDERS, KSWIN_ARMED, Contender, kswin_alarms
from benchmarks.delays import BASES, CUSUM, HORIZON, Delays, Plan, Trial, Tuned
from benchmarks.zoo import series

NORMAL = np.random.default_rng(1).standard_normal(200_000)
BY_NAME = {change.name: change for change in CHANGES}
STEADY = [change for change in CHANGES if not change.slope]
UP = BY_NAME["mean + 2 σ"]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FOLDER", tmp_path)


@pytest.mark.parametrize(
    ("name", "mean", "variance"),
    [
        ("mean + 0.5 σ", 0.5, 1.0),
        ("mean + 2 σ", 2.0, 1.0),
        ("variance × 2", 0.0, 2.0),
        ("variance × ½", 0.0, 0.5),
        ("two modes, same mean and variance", 0.0, 1.0),
        ("rare tail: 1 % at 5 σ", 0.05, 0.99 + 0.01 * (25 + 0.0625) - 0.05**2),
    ],
)
def test_a_changed_series_has_the_moments_of_its_name(name: str, mean: float, variance: float) -> None:
    changed = BY_NAME[name].apply(NORMAL)
    assert changed.mean() == pytest.approx(mean, abs=0.015)
    assert changed.var() == pytest.approx(variance, rel=0.03)


def test_the_rare_tail_is_one_point_in_a_hundred() -> None:
    assert (BY_NAME["rare tail: 1 % at 5 σ"].apply(NORMAL) > 4).mean() == pytest.approx(0.01, rel=0.1)


def test_two_modes_leave_a_valley() -> None:
    changed = BY_NAME["two modes, same mean and variance"].apply(NORMAL)
    assert (abs(changed) < 0.1).mean() < 0.5 * (abs(NORMAL) < 0.1).mean()


def test_a_ramp_grows_by_its_slope_from_the_first_point() -> None:
    ramp = next(change for change in CHANGES if change.slope)
    np.testing.assert_allclose(ramp.apply(np.zeros(3)), [SLOPE, 2 * SLOPE, 3 * SLOPE], atol=1e-9)


@pytest.mark.parametrize("change", STEADY, ids=lambda change: str(change.name))
def test_a_changed_value_can_be_traced_back(change: Change) -> None:
    np.testing.assert_allclose(change.original(change.apply(NORMAL[:1_000])), NORMAL[:1_000], atol=0.02)


def test_the_likelihood_ratio_of_independent_points_is_that_of_their_laws() -> None:
    x = NORMAL[:500]
    np.testing.assert_allclose(UP.log_likelihood_ratio(x, 0.0), stats.norm(2).logpdf(x) - stats.norm.logpdf(x), atol=1e-9)


def test_the_likelihood_ratio_of_dependent_points_is_that_of_the_whole_stretch() -> None:
    x, phi = series("ar_0.5", 6, seed=3), 0.5
    covariance = phi ** abs(np.subtract.outer(np.arange(6), np.arange(6)))
    wide = BY_NAME["variance × 2"]
    expected = stats.multivariate_normal(cov=2 * covariance).logpdf(x) - stats.multivariate_normal(cov=covariance).logpdf(x)
    assert wide.log_likelihood_ratio(x, phi).sum() == pytest.approx(expected)
    shifted = stats.multivariate_normal(np.full(6, 2.0), covariance).logpdf(x) - stats.multivariate_normal(cov=covariance).logpdf(x)
    assert UP.log_likelihood_ratio(x, phi).sum() == pytest.approx(shifted)


def test_a_likelihood_ratio_averages_to_one_where_nothing_changed() -> None:
    for change in STEADY:
        if change.name != "variance × 2":  # whose ratio has no variance
            assert np.exp(change.log_likelihood_ratio(NORMAL, 0.0)).mean() == pytest.approx(1.0, abs=0.15)


def test_the_omniscient_test_keeps_its_run_length_and_needs_what_theory_says() -> None:
    threshold = cusum.tuned(UP, NORMAL, 0.0, 2_000)
    assert len(cusum.alarms(UP, NORMAL, 0.0, threshold)) == pytest.approx(100, abs=1)
    found = cusum.alarms(UP, UP.apply(NORMAL), 0.0, threshold)
    # It starts over after each alarm: the sum climbs by KL = 2 nats a point, plus an overshoot of about a step.
    assert threshold / 2 < len(NORMAL) / len(found) < threshold / 2 + 2


def test_a_drift_is_tested_against_every_beginning() -> None:
    values = np.random.default_rng(4).standard_normal(60) + 0.3 * np.clip(np.arange(60) - 40, 0, None)
    phi, slope, threshold = 0.5, 0.3, 6.0
    best = np.full(60, -np.inf)
    for end in range(1, 60):
        for begin in range(1, end + 1):
            age = np.arange(1, end - begin + 2)
            shift = slope * (age - phi * (age - 1))
            shock = values[begin : end + 1] - phi * values[begin - 1 : end]
            best[end] = max(best[end], float(np.sum(shift * (shock - shift / 2)) / (1 - phi**2)))
    drift = Change("drift", BY_NAME["mean + 1 σ"].parts, slope=slope)
    assert cusum.alarms(drift, values, phi, threshold)[0] == np.flatnonzero(best >= threshold)[0]


def test_alarms_of_kswin_are_apart_and_grow_with_its_level() -> None:
    values = np.r_[np.zeros(300), np.full(300, 5.0)] + NORMAL[:600]
    never, seldom, often = kswin_alarms(values, [0.0, 1e-6, 0.05])
    assert never == 0
    assert 1 <= seldom <= often <= 600 / KSWIN_ARMED


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: str(contender.name))
def test_every_contender_finds_a_large_shift_soon_after_it(contender: Contender) -> None:
    values = np.r_[NORMAL[:3_000], NORMAL[3_000:3_300] + 6.0]
    rows = contender.watch(values, 1_000.0 if contender.high > 1_000 else 30.0, 3_000)
    assert rows is not None
    assert 3_000 <= next(rows) < 3_100


def test_a_knob_is_turned_to_the_promised_rate_and_kept() -> None:
    plan = Plan("PageHinkley", "normal", 2_000, 20)
    tuned = delays.tune(plan)
    assert tuned.points == 40_000
    assert tuned.points / tuned.alarms == pytest.approx(2_000, rel=0.15)
    assert delays.tune(plan) == tuned


def test_delays_count_the_first_changed_point() -> None:
    trial = Trial(Plan("PageHinkley", "normal", 10_000, 20), 40.0, "mean + 2 σ")
    found = delays.measure(trial)
    assert len(found.delays) == 10
    # The sum climbs by 2 - 0.25 a point.
    assert found.median == pytest.approx(40 / 1.75, abs=6)
    assert delays.measure(trial) == found


def test_missed_changes_are_infinitely_late() -> None:
    assert Delays([None, 3, None], 0).median == np.inf
    assert Delays([5, 3, None], 0).median == 5


def test_goals_compare_with_the_fastest_rival_of_each_change() -> None:
    def found(contender: str, delay: int | None) -> dict[Trial, Delays]:
        plans = [Plan(contender, base, 10_000, 1) for base in BASES]
        return {Trial(plan, 1.0, change.name): Delays([delay], 0) for plan in plans for change in CHANGES}

    every = found("streamkl", 30) | found("ADWIN", 28) | found("KSWIN", None) | found(CUSUM, 10)
    goal = next(power_tables.goals(every))
    assert goal.startswith("normal: first on 0 of 8 changes (goal 6); within 1.3 times the best rival on 8; against the CUSUM")
    assert "mean + 1 σ 3.00" in goal
    tuned = {Plan("streamkl", "normal", 10_000, 1): Tuned(5_000.0, 100, 1_000_000)}
    first, _, settings = power_tables.sections(every, tuned)
    assert [first.rows[0][column] for column in ("streamkl", "ADWIN", "KSWIN", "÷ best rival")] == ["30", "28", f"> {HORIZON:,}", "1.07"]
    assert settings.rows[0]["points per alarm"] == 10_000
