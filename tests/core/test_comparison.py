"""Two samples over the same bins: what the bins are, what they add up to, and that chance is what the null says."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

import streamkl
from streamkl.core.comparison import (
    FIRST_DRAWS,
    Measure,
    cut,
    divergence,
    draw,
    draws_for,
    null_of,
    parts,
    pieces,
)

SAMPLES = st.lists(st.integers(-5, 60).map(float) | st.floats(-10, 10), min_size=1, max_size=80).map(np.sort)
TABLES = hnp.arrays(np.int64, st.tuples(st.just(2), st.integers(2, 9)), elements=st.integers(0, 50)).filter(
    lambda t: t.sum(axis=1).min() > 0
)


@given(SAMPLES, SAMPLES, st.integers(1, 12))
def test_every_value_is_in_one_bin_and_bins_look_at_the_pooled_sample_only(first: np.ndarray, second: np.ndarray, wanted: int) -> None:
    made = cut(first, second, wanted)
    assert (made.low <= made.high).all()
    assert (made.high[:-1] < made.low[1:]).all()
    for sample, counts in ((first, made.reference), (second, made.current)):
        assert counts.tolist() == [((sample >= low) & (sample <= high)).sum() for low, high in zip(made.low, made.high, strict=True)]
        assert counts.sum() == len(sample)
    turned = cut(second, first, wanted)
    assert (turned.low.tolist(), turned.current.tolist()) == (made.low.tolist(), made.reference.tolist())
    pooled = made.reference + made.current
    assert len(pooled) <= 2 * wanted + 1
    values, often = np.unique(np.concatenate([first, second]), return_counts=True)
    for value, count in zip(values, often, strict=True):
        if count * wanted >= pooled.sum():  # as much as a bin: it has one to itself
            assert made.heavy[(made.low == value) & (made.high == value)].tolist() == [True]


def test_bins_of_continuous_samples_are_equally_full() -> None:
    rng = np.random.default_rng(3)
    made = cut(np.sort(rng.normal(size=900)), np.sort(rng.normal(size=300)), 12)
    assert (made.reference + made.current).tolist() == [100] * 12


def test_more_values_are_worth_more_bins() -> None:
    made = [pieces(n, n) for n in (1, 50, 500, 5_000, 50_000, 10**6, 10**9)]
    assert made == sorted(made)
    assert (made[0], made[-1]) == (4, 32)


@given(TABLES, st.sampled_from([0.1, 0.5, 1.0]))
def test_parts_add_up_to_the_public_divergences_and_to_scipy(table: np.ndarray, smoothing: float) -> None:
    current, reference = table
    p, q = (side + smoothing for side in table)
    expected = {
        "kl": streamkl.kl_divergence(current, reference, smoothing=smoothing),
        "reverse_kl": streamkl.reverse_kl(current, reference, smoothing=smoothing),
        "jeffreys": streamkl.jeffreys(current, reference, smoothing=smoothing),
        "psi": streamkl.psi(current, reference, smoothing=smoothing),
        "jensen_shannon": streamkl.jensen_shannon(p, q),
        "total_variation": streamkl.total_variation(p, q),
        "hellinger": streamkl.hellinger(p, q),
        "chi_squared": streamkl.chi_squared(current, reference, smoothing=smoothing),
    }
    assert set(expected) == set(get_args(Measure))
    for measure, value in expected.items():
        assert parts(measure, current, reference, smoothing).sum() == pytest.approx(value, abs=1e-12), measure
        assert divergence(measure, current, reference, smoothing) >= 0
    p, q = p / p.sum(), q / q.sum()
    assert divergence("kl", current, reference, smoothing) == pytest.approx(stats.entropy(p, q), abs=1e-12)
    assert divergence("chi_squared", current, reference, smoothing) == pytest.approx(stats.chisquare(p, q).statistic, abs=1e-12)


def test_two_bins_give_the_mid_p_of_the_hypergeometric_law() -> None:
    """Every table of these margins, weighed by scipy, instead of drawn ones."""
    pooled, current = np.array([30, 50]), 32
    null = null_of(draw("kl", pooled, current, 0.5, 200_000, (1,)))
    tables = np.array([[k, current - k] for k in range(max(0, current - 50), min(30, current) + 1)])
    weights = stats.hypergeom(80, 30, current).pmf(tables[:, 0])
    values = divergence("kl", tables, pooled - tables, 0.5)
    for value in values[::4]:
        more = weights[values > value * (1 + 1e-9)].sum()
        same = weights[np.isclose(values, value, rtol=1e-9, atol=0)].sum()
        assert null.p_value(float(value)) == pytest.approx(more + same / 2, abs=0.004)


STATISTICS = st.lists(st.integers(0, 12).map(float) | st.floats(0, 12), min_size=19, max_size=300).map(np.array)


@given(STATISTICS, st.floats(0.01, 0.5), st.floats(0, 13))
def test_at_the_threshold_and_above_the_p_value_is_small_enough_and_nowhere_else(drawn: np.ndarray, level: float, statistic: float) -> None:
    null = null_of(drawn)
    threshold, level = null.threshold(level), level * (1 + 1e-9)  # shares of draws are compared with that much tolerance
    beyond_all = statistic > drawn.max() and np.isinf(threshold)  # then what was drawn most often is taken for the most there can be
    if abs(statistic - threshold) > 1e-6 and np.abs(drawn - statistic).min() > 1e-6 and not beyond_all:
        assert (null.p_value(statistic) <= level) == (statistic >= threshold)
    if np.isfinite(threshold):
        assert null.p_value(threshold) <= level


@given(STATISTICS, st.floats(0, 13))
def test_a_p_value_counts_those_beyond_it_and_half_of_its_equals(drawn: np.ndarray, statistic: float) -> None:
    apart, same = np.abs(drawn - statistic), 1e-9 * max(statistic, 1e-9)
    assume(not ((apart > same / 2) & (apart < same * 2)).any())
    near = apart < same
    expected = ((drawn > statistic) & ~near).sum() + near.sum() / 2
    assert null_of(drawn).p_value(statistic) == pytest.approx((expected + 1) / (len(drawn) + 1))


def test_thresholds_beyond_what_can_be_counted_follow_the_law_of_the_statistic() -> None:
    """Large samples, where the chi-squared law holds: 2 n KL with n half the harmonic mean."""
    pooled, current = np.full(10, 20_000), 100_000
    null = null_of(draw("kl", pooled, current, 0.5, FIRST_DRAWS, (4,)))
    for level in (0.005, 0.001, 0.000_1):
        exact = stats.chi2(9).isf(level) / (2 * 50_000)
        assert null.extrapolated(level) == pytest.approx(exact, rel=0.08)


@pytest.mark.native
@pytest.mark.parametrize(("kind", "size"), [("continuous", 50), ("continuous", 1_000), ("counts", 200), ("mostly zero", 100)])
def test_p_values_without_drift_are_spread_evenly(kind: str, size: int) -> None:
    rng = np.random.default_rng((len(kind), size))
    p_values = []
    for pair in range(1_000):
        draws = {
            "continuous": rng.standard_cauchy,
            "counts": lambda n: rng.poisson(3, n).astype(float),
            "mostly zero": lambda n: np.where(rng.random(n) < 0.7, 0.0, rng.exponential(size=n)),
        }
        table = cut(np.sort(draws[kind](size)), np.sort(draws[kind](2 * size)), pieces(size, 2 * size))
        null = null_of(draw("kl", table.reference + table.current, 2 * size, 0.5, 999, (pair,)))
        p_values.append(null.p_value(float(divergence("kl", table.current, table.reference, 0.5))))
    for level in (0.01, 0.05, 0.2):
        # Five standard deviations of a binomial of 1,000.
        assert abs((np.array(p_values) <= level).mean() - level) < 5 * np.sqrt(level * (1 - level) / 1_000)


def test_stricter_levels_take_more_draws_up_to_a_limit() -> None:
    assert draws_for(0.05) == FIRST_DRAWS
    assert draws_for(0.05 / 30) == 12_000
    assert draws_for(1e-9) == 200_000
