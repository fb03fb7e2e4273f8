"""The benchmark's series have the moments and the memory that their names promise."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from benchmarks.held_out import SAWTOOTH
from benchmarks.processes import DAY, MINUTES
from benchmarks.zoo import EVERY, series

N = 100_000
Array = NDArray[np.float64]


def autocorrelation(x: Array, lag: int) -> float:
    return float(np.corrcoef(x[:-lag], x[lag:])[0, 1])


@pytest.mark.parametrize("name", EVERY)
def test_a_series_is_finite_and_a_function_of_name_and_seed(name: str) -> None:
    first = series(name, N, seed=3)
    assert first.dtype == np.float64
    assert first.shape == (N,)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, series(name, N, seed=3))
    assert np.array_equal(first, series(name, N, seed=5)) == (name == "constant")
    assert series(name, 0, seed=0).shape == (0,)


def test_two_processes_do_not_share_their_dice() -> None:
    assert abs(np.corrcoef(series("normal", N, seed=0), series("ar_0.5", N, seed=0))[0, 1]) < 0.02


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("normal", stats.norm()),
        ("uniform", stats.uniform()),
        ("exponential", stats.expon()),
        ("lognormal", stats.lognorm(1.0)),
        ("student_t3", stats.t(3)),
    ],
)
def test_independent_continuous_series_follow_their_law(name: str, law: stats.rv_continuous) -> None:
    x = series(name, N, seed=1)
    assert stats.kstest(x, law.cdf).pvalue > 0.001
    assert abs(autocorrelation(stats.rankdata(x), 1)) < 4 / math.sqrt(N)


@pytest.mark.parametrize("rate", [0.3, 3.0, 300.0])
def test_poisson_counts_have_mean_and_variance_of_their_rate(rate: float) -> None:
    x = series(f"poisson_{rate:g}", N, seed=1)
    assert np.array_equal(x, np.rint(x))
    assert x.mean() == pytest.approx(rate, abs=4 * math.sqrt(rate / N))
    assert x.var() == pytest.approx(rate, abs=4 * math.sqrt((rate + 2 * rate**2) / N))


@pytest.mark.parametrize("phi", [0.5, 0.9, 0.99])
def test_autoregressive_series_have_variance_one_and_forget_geometrically(phi: float) -> None:
    x = series(f"ar_{phi:g}", N, seed=1)
    slack = 4 * math.sqrt((1 + phi) / (1 - phi) / N)  # standard error of the mean of AR(1) with variance 1
    assert x.mean() == pytest.approx(0.0, abs=slack)
    assert x.var() == pytest.approx(1.0, abs=math.sqrt(2) * slack)
    for lag in (1, 2, 5):
        assert autocorrelation(x, lag) == pytest.approx(phi**lag, abs=slack)


def test_autoregressive_series_are_stationary_from_the_first_point() -> None:
    first = np.array([series("ar_0.99", 1, seed=i)[0] for i in range(2_000)])
    assert stats.kstest(first, stats.norm().cdf).pvalue > 0.001


def test_the_arma_series_has_the_autocorrelation_of_its_infinite_moving_average() -> None:
    weights = [1.0, 0.6 + 0.4]
    while len(weights) < 400:
        weights.append(0.6 * weights[-1] + 0.25 * weights[-2])
    psi = np.array(weights)
    x = series("arma", 4 * N, seed=1)
    assert x.var() == pytest.approx(psi @ psi, rel=0.05)
    for lag in (1, 3, 10):
        assert autocorrelation(x, lag) == pytest.approx(psi[:-lag] @ psi[lag:] / (psi @ psi), abs=0.02)


def test_garch_has_no_memory_in_its_values_but_in_their_squares() -> None:
    x = series("garch", 4 * N, seed=1)
    assert x.var() == pytest.approx(1.0, rel=0.05)
    assert abs(autocorrelation(x, 1)) < 0.02
    # alpha (1 - ab - b²) / (1 - 2ab - b²) with a = 0.10, b = 0.85.
    assert autocorrelation(x**2, 1) == pytest.approx(0.1 * (1 - 0.085 - 0.7225) / (1 - 0.17 - 0.7225), abs=0.05)


@pytest.mark.parametrize(("name", "period"), [("daily_sine", DAY), ("daily_sine_minutes", MINUTES)])
def test_the_daily_sine_repeats_after_a_day_under_its_noise(name: str, period: int) -> None:
    x = series(name, 100 * period, seed=1)
    day = x.reshape(100, period).mean(axis=0)
    assert np.ptp(day) == pytest.approx(2.0, abs=0.2)
    assert (x.reshape(100, period) - day).std() == pytest.approx(0.3, rel=0.02)


def test_two_days_of_the_week_are_half_as_high_as_the_others() -> None:
    weeks = series("weekdays", 50 * 7 * DAY, seed=1).reshape(50, 7 * DAY)
    assert weeks.mean() == pytest.approx(100 * 6 / 7 * math.exp(0.1**2 / 2), rel=0.005)
    week = weeks.mean(axis=0)
    since_yesterday = np.rint(np.log2(week / np.roll(week, DAY)))
    assert [int((since_yesterday == step).sum()) for step in (-1, 0, 1)] == [DAY, 5 * DAY, DAY]


def test_bursts_are_rare_short_and_exponential() -> None:
    x = series("bursts", 4 * N, seed=1)
    busy = x > 0
    starts = int((busy[1:] & ~busy[:-1]).sum())
    assert busy.mean() == pytest.approx(5 / 205, rel=0.1)  # 200 points off, 5 on
    assert busy.sum() / starts == pytest.approx(5.0, rel=0.1)
    assert stats.kstest(x[busy], stats.expon(scale=10).cdf).pvalue > 0.001


def test_one_point_in_five_thousand_jumps() -> None:
    values, counts = np.unique(series("rare_jumps", 10 * N, seed=1), return_counts=True)
    assert values.tolist() == [42.0, 43.0]
    assert counts[1] == pytest.approx(200, abs=4 * math.sqrt(200))


def test_rounded_values_are_integers_with_the_moments_of_the_unrounded() -> None:
    x = series("rounded", N, seed=1)
    assert np.array_equal(x, np.rint(x))
    assert x.mean() == pytest.approx(10.0, abs=0.03)
    assert x.var() == pytest.approx(4 + 1 / 12, rel=0.02)  # Sheppard's correction


def test_response_times_have_their_two_medians() -> None:
    x = series("response_time", N, seed=1)
    assert np.quantile(x, 0.4) == pytest.approx(20.0, rel=0.02)
    assert np.quantile(x, 0.9) == pytest.approx(200.0, rel=0.03)
    assert ((x > 50) & (x < 80)).mean() < 0.01


def test_held_out_series_have_the_moments_and_the_memory_of_their_laws() -> None:
    counts = series("inar", 4 * N, seed=1)
    assert counts.mean() == pytest.approx(5.0, rel=0.01)
    assert counts.var() == pytest.approx(5.0, rel=0.03)  # Poisson
    assert autocorrelation(counts, 2) == pytest.approx(0.7**2, abs=0.02)
    assert autocorrelation(series("ar_0.95_t3", 4 * N, seed=1), 1) == pytest.approx(0.95, abs=0.01)
    assert autocorrelation(series("ar_0.999", 4 * N, seed=1), 10) == pytest.approx(0.999**10, abs=0.01)


def test_long_memory_falls_like_a_power_of_the_lag() -> None:
    x = series("long_memory", 10 * N, seed=1)
    assert x.var() == pytest.approx(1.0, rel=0.1)
    # Fractional noise: rho(1) = d / (1 - d), and rho(2) / rho(1) = (1 + d) / (2 - d), with d = 0.3.
    assert autocorrelation(x, 1) == pytest.approx(0.3 / 0.7, abs=0.03)
    assert autocorrelation(x, 2) == pytest.approx(0.3 / 0.7 * 1.3 / 1.7, abs=0.03)


def test_stochastic_volatility_is_white_with_fat_tails_and_remembers_its_squares() -> None:
    x = series("stochastic_volatility", 4 * N, seed=1)
    assert abs(autocorrelation(x, 1)) < 0.02
    # E x^4 / (E x^2)^2 = 3 exp(var h), var h = 0.64.
    assert np.mean(x**4) / np.mean(x**2) ** 2 == pytest.approx(3 * math.exp(0.64), rel=0.2)
    assert autocorrelation(np.log(x**2), 1) > 0.08


def test_the_threshold_autoregression_follows_the_line_of_its_side() -> None:
    x = series("setar", 4 * N, seed=1)
    before, after = x[:-1], x[1:]
    for side, line in ((before <= 0, (0.9, 0.1)), (before > 0, (0.3, -0.5))):
        assert np.polyfit(before[side], after[side], 1) == pytest.approx(line, abs=0.03)


def test_a_tooth_rises_evenly_and_falls_at_once() -> None:
    teeth = series("sawtooth", 100 * SAWTOOTH, seed=1).reshape(100, SAWTOOTH).mean(axis=0)
    steps = np.diff(teeth)
    assert (steps < -0.9).sum() == 1
    assert np.median(steps) == pytest.approx(1 / SAWTOOTH, abs=0.001)
