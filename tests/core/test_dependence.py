"""Effective sample sizes against closed forms, and autocorrelations against their definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from streamkl.core import dependence as room
from streamkl.core.dependence import autocorrelation, dependence

POINTS = 50_000


def autoregressive(phi: float, seed: int, n: int = POINTS) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=n)
    out = noise / np.sqrt(1.0 - phi * phi)
    for i in range(1, n):
        out[i] = phi * out[i - 1] + noise[i]
    return out


@pytest.mark.parametrize("draw", ["normal", "exponential", "standard_cauchy"])
def test_independent_points_count_in_full(draw: str) -> None:
    found = dependence(getattr(np.random.default_rng(3), draw)(size=POINTS))
    assert abs(found.lag1) < 0.02
    assert 0.95 * POINTS < found.effective <= POINTS


@pytest.mark.parametrize("phi", [0.3, 0.5, 0.8, 0.9, 0.97])
def test_an_autoregressive_series_has_its_known_effective_size(phi: float) -> None:
    found = [dependence(autoregressive(phi, seed)) for seed in range(5)]
    assert np.mean([each.lag1 for each in found]) == pytest.approx(phi, abs=0.01)
    assert np.mean([each.effective for each in found]) == pytest.approx(POINTS * (1 - phi) / (1 + phi), rel=0.1)


def test_a_moving_average_has_its_known_effective_size() -> None:
    noise = np.random.default_rng(5).normal(size=POINTS + 4)
    means = np.convolve(noise, np.ones(5) / 5, mode="valid")  # autocorrelations 4/5, 3/5, 2/5, 1/5: they sum to 2
    assert dependence(means).turn == pytest.approx(5.0, rel=0.1)


def test_points_that_swing_to_and_fro_count_as_no_more_than_points() -> None:
    assert dependence(autoregressive(-0.9, 1)).effective == POINTS


def test_a_trend_tells_little_and_a_constant_no_dependence() -> None:
    assert dependence(np.arange(1_000.0)).effective < 5
    assert dependence(np.full(1_000, 0.1)) == (0.0, 1.0, 1_000.0)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_few_values_are_taken_as_they_are(n: int) -> None:
    assert dependence(np.arange(float(n)))[1:] == (1.0, float(n))


@given(arrays(np.float64, st.integers(2, 40), elements=st.floats(-1e3, 1e3).map(lambda value: round(value, 3))))
def test_autocorrelations_are_those_of_the_definition(values: np.ndarray) -> None:
    n, centred = len(values), values - values.mean()
    expected = np.zeros(n)
    expected[0] = 1.0
    if len(set(values.tolist())) > 1:
        total = (centred**2).sum()
        expected = np.array([(centred[lag:] * centred[: n - lag]).sum() / total for lag in range(n)])
    np.testing.assert_allclose(autocorrelation(values), expected, atol=1e-7)


def test_scale_and_place_do_not_matter() -> None:
    values = autoregressive(0.7, 2, 2_000)
    for factor, shift in ((1e300, 0.0), (1e-300, 0.0), (2.0, -1e6)):
        assert dependence(values * factor + shift).turn == pytest.approx(dependence(values).turn, rel=1e-6)


def test_only_the_newest_values_of_a_long_history_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LONGEST", 5_000)
    values = np.r_[np.arange(20_000.0), autoregressive(0.5, 4, 5_000)]
    assert dependence(values).effective == pytest.approx(25_000 / 3, rel=0.2)
