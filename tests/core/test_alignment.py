"""Shapes compared after centre and spread are adjusted: what that hides, what is still found, and that estimating is accounted for."""

import numpy as np
import pytest
from scipy import stats

from streamkl.core.alignment import align, cut_aligned, draw_aligned, frame
from streamkl.core.comparison import divergence, null_of, pieces


def verdict(reference: np.ndarray, current: np.ndarray, scaled: bool, seed: int = 0) -> float:
    """The p-value of an aligned comparison."""
    first, second = align(np.sort(reference), scaled), align(np.sort(current), scaled)
    wanted = pieces(len(first), len(second))
    table = cut_aligned(first, second, wanted)
    null = null_of(draw_aligned("kl", first, second, wanted, scaled, 0.5, 400, (seed,)))
    return null.p_value(float(divergence("kl", table.current, table.reference, 0.5)))


def test_the_frame_is_made_of_values_that_occur() -> None:
    values = np.sort(np.random.default_rng(1).normal(size=101))
    assert frame(values, True).centre == np.quantile(values, 0.5, method="inverted_cdf")
    assert frame(values, True).spread == pytest.approx(np.subtract(*np.quantile(values, [0.75, 0.25], method="inverted_cdf")))
    assert frame(values, False).spread == 1.0
    assert frame(np.full(9, 3.0), True) == (3.0, 1.0)


def test_moves_and_stretches_of_the_same_values_leave_no_divergence() -> None:
    values = np.random.default_rng(2).gamma(2, size=300)
    for scaled, other in ((False, values + 7), (True, 3 * values - 2)):
        first, second = align(np.sort(values), scaled), align(np.sort(other), scaled)
        table = cut_aligned(first, second, 9)
        assert table.reference.tolist() == table.current.tolist()


def test_counts_in_steps_of_a_tenth_still_tie_after_the_move() -> None:
    rng = np.random.default_rng(3)
    first, second = np.sort(rng.poisson(3, 400) / 10), np.sort(rng.poisson(3, 400) / 10 + 0.3)
    table = cut_aligned(align(first, False), align(second, False), 9)
    assert table.heavy.sum() >= 4
    assert (np.abs(table.reference - table.current) < 80).all()


@pytest.mark.native
def test_shape_is_found_though_centre_and_spread_agree() -> None:
    rng = np.random.default_rng(4)
    assert verdict(rng.normal(size=800), rng.exponential(size=800), scaled=True) < 0.01
    assert verdict(rng.normal(size=800), 3 + rng.normal(size=800), scaled=False) > 0.01
    assert verdict(rng.normal(size=800), 3 + 2 * rng.normal(size=800), scaled=False) < 0.01
    assert verdict(rng.normal(size=800), 3 + 2 * rng.normal(size=800), scaled=True) > 0.01


@pytest.mark.native
@pytest.mark.parametrize("scaled", [False, True])
def test_p_values_account_for_what_was_estimated(scaled: bool) -> None:
    rng = np.random.default_rng(5)
    p_values = [verdict(rng.gamma(3, size=80), 5 + rng.gamma(3, size=120), scaled, seed) for seed in range(400)]
    for level in (0.05, 0.2):
        low, high = stats.binom(400, level).ppf([0.000_5, 0.999_5]) / 400
        assert low <= (np.array(p_values) <= level).mean() <= high


@pytest.mark.native
@pytest.mark.parametrize("draw", ["exponential", "uniform"])
def test_samples_with_a_sharp_end_keep_the_promise_too(draw: str) -> None:
    rng = np.random.default_rng(6)
    p_values = [verdict(getattr(rng, draw)(size=50), getattr(rng, draw)(size=50), False, seed) for seed in range(400)]
    assert (np.array(p_values) <= 0.05).mean() <= stats.binom(400, 0.05).ppf(0.999) / 400
