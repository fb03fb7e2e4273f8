"""The batch divergences against textbook values, scipy, 60-digit decimals and the laws that define them."""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr

from streamkl.core import divergence as dv
from streamkl.errors import InputError

LN2 = math.log(2)
FAIR_DIE = [1 / 6] * 6
LOADED_DIE = [0.4, 0.1, 0.1, 0.1, 0.1, 0.2]
TWO_SIDED: list[Callable[..., Any]] = [
    dv.kl_divergence,
    dv.reverse_kl,
    dv.jeffreys,
    dv.psi,
    dv.jensen_shannon,
    dv.hellinger,
    dv.total_variation,
]
SYMMETRIC = [dv.jeffreys, dv.psi, dv.jensen_shannon, dv.hellinger, dv.total_variation]


def decimal_kl(p: Sequence[float], q: Sequence[float]) -> float:
    """KL of the exact binary values, at 60 digits: an oracle that shares no arithmetic with numpy."""
    with localcontext() as context:
        context.prec = 60
        a, b = [Decimal(x) for x in p], [Decimal(x) for x in q]
        total_a, total_b = sum(a), sum(b)
        return float(sum((x / total_a) * ((x / total_a) / (y / total_b)).ln() for x, y in zip(a, b, strict=True) if x > 0))


@st.composite
def pairs(draw: st.DrawFn, *, positive: bool = False, sizes: tuple[int, int] = (1, 12)) -> tuple[list[int], list[int]]:
    """Two histograms of counts over the same bins, neither of them empty."""
    k = draw(st.integers(*sizes))
    histogram = st.lists(st.integers(1 if positive else 0, 10_000), min_size=k, max_size=k).filter(any)
    return draw(histogram), draw(histogram)


# --- known values ---------------------------------------------------------------------------------------------------


def test_a_fair_die_against_a_loaded_one() -> None:
    assert dv.kl_divergence(FAIR_DIE, LOADED_DIE) == pytest.approx(0.1642520334860181, abs=1e-15)


def test_a_certain_outcome_costs_minus_the_log_of_its_probability() -> None:
    assert dv.kl_divergence([1, 0], [0.8, 0.2]) == pytest.approx(-math.log(0.8), abs=1e-15)
    assert dv.reverse_kl([0.8, 0.2], [1, 0]) == pytest.approx(-math.log(0.8), abs=1e-15)


def test_textbook_example_of_kullback_and_leiblers_divergence_in_both_directions() -> None:
    # Binomial(2, 0.4) against the uniform law on {0, 1, 2}: (32 ln 2 + 55 ln 3 - 50 ln 5)/25 and (-4 ln 2 - 6 ln 3 + 6 ln 5)/3.
    p, q = [9, 12, 4], [1, 1, 1]
    assert dv.kl_divergence(p, q) == pytest.approx((32 * LN2 + 55 * math.log(3) - 50 * math.log(5)) / 25, abs=1e-14)
    assert dv.reverse_kl(p, q) == pytest.approx((-4 * LN2 - 6 * math.log(3) + 6 * math.log(5)) / 3, abs=1e-14)


def test_disjoint_distributions_reach_the_upper_bounds_exactly() -> None:
    p, q = [3, 5, 0, 0], [0, 0, 1, 6]
    assert dv.jensen_shannon(p, q) == pytest.approx(LN2, abs=1e-15)
    assert dv.jensen_shannon(p, q, base="bits") == pytest.approx(1.0, abs=1e-15)
    assert dv.hellinger(p, q) == dv.total_variation(p, q) == 1.0


def test_the_zero_rule() -> None:
    assert dv.kl_divergence([1, 0], [1, 1]) == pytest.approx(LN2)
    assert dv.kl_divergence([1, 1], [1, 0]) == math.inf
    assert dv.kl_divergence([1, 1, 0], [1, 1, 0]) == 0.0
    assert dv.reverse_kl([1, 0], [1, 1]) == math.inf
    assert dv.jeffreys([1, 0], [1, 1]) == dv.jeffreys([1, 1], [1, 0]) == dv.psi([1, 1], [1, 0]) == math.inf
    assert dv.cross_entropy([1, 1], [1, 0]) == math.inf
    assert dv.contributions([1, 1], [1, 0]).tolist() == [pytest.approx(-LN2 / 2), math.inf]


def test_smoothing_adds_its_pseudo_count_to_every_bin_of_both_sides() -> None:
    # (3, 1) and (4, 0) with 1/2 a bin: (3.5, 1.5)/5 and (4.5, 0.5)/5.
    expected = 0.7 * math.log(0.7 / 0.9) + 0.3 * math.log(0.3 / 0.1)
    assert dv.kl_divergence([3, 1], [4, 0], smoothing=0.5) == pytest.approx(expected, abs=1e-15)
    assert dv.reverse_kl([4, 0], [3, 1], smoothing=0.5) == pytest.approx(expected, abs=1e-15)
    assert dv.contributions([3, 1], [4, 0], smoothing=0.5).sum() == pytest.approx(expected, abs=1e-15)
    for measure in (dv.jeffreys, dv.psi):
        assert measure([3, 1], [4, 0], smoothing=0.5) == pytest.approx(0.2 * math.log(27 / 7), abs=1e-15)
    assert dv.cross_entropy([3, 1], [4, 0], smoothing=0.5) == pytest.approx(-0.7 * math.log(0.9) - 0.3 * math.log(0.1), abs=1e-15)


def test_entropy_of_a_certain_and_of_a_uniform_distribution() -> None:
    assert dv.entropy([0, 7, 0]) == 0.0
    assert dv.entropy([2] * 8, base="bits") == pytest.approx(3.0, abs=1e-15)


def test_tiny_differences_keep_their_digits() -> None:
    # 1/2 ± 1e-9 against 1/2: KL = 2e-18 to leading order, far below what summing p ln(p/q) can resolve.
    assert dv.kl_divergence([0.5 + 1e-9, 0.5 - 1e-9], [0.5, 0.5]) == pytest.approx(2e-18, rel=1e-6, abs=0)


def test_extreme_shares_neither_overflow_nor_vanish() -> None:
    assert dv.kl_divergence([1, 1], [1e-300, 1.0]) == pytest.approx(decimal_kl([1, 1], [1e-300, 1.0]), rel=1e-14)
    assert dv.jensen_shannon([5e-324, 1.0], [0.0, 1.0]) == pytest.approx(0.0, abs=1e-300)
    assert dv.total_variation([10**15, 1], [1, 10**15]) == pytest.approx(1 - 2 / (10**15 + 1), abs=1e-15)


# --- against scipy --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bins", [2, 18, 1_000])
@pytest.mark.parametrize("concentration", [0.05, 1.0, 100.0])
def test_random_vectors_agree_with_scipy(bins: int, concentration: float) -> None:
    dice = np.random.default_rng(bins)
    p, q = (dice.dirichlet(np.full(bins, concentration), size=50) + 1e-12 for _ in range(2))
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(dv.kl_divergence(p, q), stats.entropy(p, q, axis=1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dv.kl_divergence(p, q), rel_entr(p, q).sum(axis=1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dv.reverse_kl(p, q), rel_entr(q, p).sum(axis=1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dv.jeffreys(p, q), (rel_entr(p, q) + rel_entr(q, p)).sum(axis=1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dv.jensen_shannon(p, q), jensenshannon(p, q, axis=1) ** 2, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dv.jensen_shannon(p, q, base="bits"), jensenshannon(p, q, base=2, axis=1) ** 2, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dv.entropy(p), stats.entropy(p, axis=1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dv.contributions(p, q), rel_entr(p, q), rtol=1e-12, atol=1e-12)


@given(pairs(positive=True))
def test_counts_agree_with_sixty_digit_arithmetic(histograms: tuple[list[int], list[int]]) -> None:
    p, q = histograms
    assert dv.kl_divergence(p, q) == pytest.approx(decimal_kl(p, q), rel=1e-10, abs=1e-25)


# --- laws -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", TWO_SIDED)
@given(pairs())
def test_a_divergence_is_never_negative(measure: Callable[..., Any], histograms: tuple[list[int], list[int]]) -> None:
    assert measure(*histograms) >= 0.0


@pytest.mark.parametrize("measure", TWO_SIDED)
@given(pairs(), st.integers(1, 100))
def test_a_divergence_is_zero_exactly_for_equal_distributions(
    measure: Callable[..., Any], histograms: tuple[list[int], list[int]], scale: int
) -> None:
    p, q = histograms
    assert measure(p, [scale * c for c in p]) == 0.0
    equal = all(a * sum(q) == b * sum(p) for a, b in zip(p, q, strict=True))
    assert (measure(p, q) == 0.0) == equal


@pytest.mark.parametrize("measure", SYMMETRIC)
@given(pairs())
def test_symmetric_measures_do_not_care_who_comes_first(measure: Callable[..., Any], histograms: tuple[list[int], list[int]]) -> None:
    p, q = histograms
    assert measure(p, q) == pytest.approx(measure(q, p), rel=1e-14)


def test_kl_is_not_symmetric() -> None:
    assert dv.kl_divergence(FAIR_DIE, LOADED_DIE) != pytest.approx(dv.kl_divergence(LOADED_DIE, FAIR_DIE), rel=0.01)


def test_kl_breaks_the_triangle_inequality() -> None:
    # 0.5 -> 0.25 -> 0.1 in two steps is cheaper than at once.
    p, q, r = [0.5, 0.5], [0.25, 0.75], [0.1, 0.9]
    assert dv.kl_divergence(p, r) > dv.kl_divergence(p, q) + dv.kl_divergence(q, r) + 0.1


@given(pairs(sizes=(4, 4)), pairs(sizes=(4, 4)))
def test_the_distances_obey_the_triangle_inequality(one: tuple[list[int], list[int]], two: tuple[list[int], list[int]]) -> None:
    p, q, r = one[0], one[1], two[0]
    for distance in (dv.hellinger, dv.total_variation, lambda a, b: math.sqrt(dv.jensen_shannon(a, b))):
        assert distance(p, r) <= distance(p, q) + distance(q, r) + 1e-12


@given(pairs())
def test_bounded_measures_stay_within_their_bounds(histograms: tuple[list[int], list[int]]) -> None:
    p, q = histograms
    assert dv.jensen_shannon(p, q) <= LN2
    assert dv.hellinger(p, q) <= 1.0
    assert dv.total_variation(p, q) <= 1.0
    assert 0.0 <= dv.entropy(p) <= math.log(len(p)) + 1e-14


@given(pairs())
def test_pinsker_and_the_other_orderings_between_measures_hold(histograms: tuple[list[int], list[int]]) -> None:
    p, q = histograms
    kl, tv, hellinger = dv.kl_divergence(p, q), dv.total_variation(p, q), dv.hellinger(p, q)
    assert tv <= math.sqrt(kl / 2) + 1e-12
    assert hellinger**2 <= tv + 1e-12
    assert tv <= math.sqrt(2) * hellinger + 1e-12
    assert 2 * hellinger**2 <= kl + 1e-12
    assert dv.jensen_shannon(p, q) <= LN2 * tv + 1e-12


@given(pairs(), st.floats(0.01, 10))
def test_cross_entropy_is_entropy_plus_kl(histograms: tuple[list[int], list[int]], smoothing: float) -> None:
    p, q = histograms
    assert dv.cross_entropy(p, q) == pytest.approx(dv.entropy(p) + dv.kl_divergence(p, q), rel=1e-12)
    smoothed = [c + smoothing for c in p]
    expected = dv.entropy(smoothed) + dv.kl_divergence(p, q, smoothing=smoothing)
    assert dv.cross_entropy(p, q, smoothing=smoothing) == pytest.approx(expected, rel=1e-12)


@given(pairs(positive=True, sizes=(4, 4)), pairs(positive=True, sizes=(4, 4)), st.integers(1, 99))
def test_kl_of_a_joint_law_is_that_of_the_first_part_plus_the_mean_of_the_rest(
    one: tuple[list[int], list[int]], two: tuple[list[int], list[int]], weight: int
) -> None:
    w = weight / 100
    p_rows, q_rows = np.array([one[0], two[0]]), np.array([one[1], two[1]])
    joint_p = np.concatenate([w * p_rows[0] / p_rows[0].sum(), (1 - w) * p_rows[1] / p_rows[1].sum()])
    joint_q = np.concatenate([0.5 * q_rows[0] / q_rows[0].sum(), 0.5 * q_rows[1] / q_rows[1].sum()])
    rows = dv.kl_divergence(p_rows, q_rows)
    expected = dv.kl_divergence([w, 1 - w], [0.5, 0.5]) + w * rows[0] + (1 - w) * rows[1]
    assert dv.kl_divergence(joint_p, joint_q) == pytest.approx(expected, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("measure", TWO_SIDED)
@given(histograms=pairs(sizes=(2, 12)), order=st.randoms(use_true_random=False))
def test_the_order_of_the_bins_does_not_matter(measure: Callable[..., Any], histograms: tuple[list[int], list[int]], order: Any) -> None:
    p, q = histograms
    shuffled = order.sample(range(len(p)), len(p))
    assert measure([p[i] for i in shuffled], [q[i] for i in shuffled]) == pytest.approx(measure(p, q), rel=1e-12)


@pytest.mark.parametrize("measure", TWO_SIDED)
@given(histograms=pairs(sizes=(2, 12)), cuts=st.sets(st.integers(1, 11)))
def test_merging_bins_never_raises_a_divergence(
    measure: Callable[..., Any], histograms: tuple[list[int], list[int]], cuts: set[int]
) -> None:
    p, q = histograms
    edges = [0, *sorted(c for c in cuts if c < len(p)), len(p)]
    merged = [[sum(side[a:b]) for a, b in pairwise(edges)] for side in (p, q)]
    fine = measure(p, q)
    assert measure(*merged) <= fine + 1e-12 * (1 + fine if math.isfinite(fine) else 1)


@given(pairs())
def test_contributions_add_up_to_the_divergence(histograms: tuple[list[int], list[int]]) -> None:
    p, q = histograms
    parts = dv.contributions(p, q)
    assert math.fsum(parts) == pytest.approx(dv.kl_divergence(p, q), rel=1e-12, abs=1e-14)
    assert all(part == 0 for part, count in zip(parts, p, strict=True) if count == 0)
    assert dv.contributions(p, q, base="bits").sum() == pytest.approx(dv.kl_divergence(p, q, base="bits"), rel=1e-12, abs=1e-14)


@given(pairs(positive=True))
def test_bits_are_nats_divided_by_ln_2(histograms: tuple[list[int], list[int]]) -> None:
    p, q = histograms
    for measure in (dv.kl_divergence, dv.reverse_kl, dv.jeffreys, dv.jensen_shannon, dv.cross_entropy):
        assert measure(p, q, base="bits") * LN2 == pytest.approx(measure(p, q), rel=1e-15)


# --- shapes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", [*TWO_SIDED, dv.cross_entropy])
def test_a_table_gives_the_values_of_its_rows(measure: Callable[..., Any]) -> None:
    dice = np.random.default_rng(7)
    p, q = dice.integers(1, 50, size=(2, 5, 9))
    np.testing.assert_allclose(measure(p, q), [measure(a, b) for a, b in zip(p, q, strict=True)], rtol=1e-14)
    np.testing.assert_allclose(measure(p, q[0]), [measure(a, q[0]) for a in p], rtol=1e-14)
    np.testing.assert_allclose(measure(p[0], q), [measure(p[0], b) for b in q], rtol=1e-14)
    assert isinstance(measure(p[0], q[0]), float)


def test_entropy_and_contributions_of_a_table_keep_its_rows() -> None:
    table = np.array([[1, 1], [4, 0]])
    assert dv.entropy(table, base="bits").tolist() == [1.0, 0.0]
    assert dv.contributions(table, [1, 1], base="bits").tolist() == [[0.0, 0.0], [1.0, 0.0]]


def test_the_arguments_are_left_as_they_were() -> None:
    p, q = np.array([1.0, 3.0]), np.array([2.0, 2.0])
    dv.kl_divergence(p, q, smoothing=1)
    assert p.tolist() == [1.0, 3.0]
    assert q.tolist() == [2.0, 2.0]


# --- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        ([-1, 2], [1, 1], r"^p must be zero or more, but p\[0\] is -1.0: give counts"),
        ([1, 1], [2, -3], r"^q must be zero or more, but q\[1\] is -3.0"),
        ([1, math.nan], [1, 1], r"^p must be finite, but p\[1\] is nan: drop"),
        ([1, 1], [math.inf, 1], r"^q must be finite, but q\[0\] is inf"),
        ([[1, 1], [1, None]], [1, 1], r"^p must be finite, but p\[1\]\[1\] is nan"),
        ([], [1, 1], r"^p must hold at least one bin"),
        (3.0, [1, 1], r"^p must hold at least one bin, as \(k,\) or \(n, k\), but has shape \(\)"),
        ([[[1, 1]]], [1, 1], r"^p must hold at least one bin"),
        ([0, 0], [1, 1], r"^the sum of p must be above zero, but the sum of p is 0.0: a histogram"),
        ([1, 1], [[1, 1], [0, 0]], r"^the sum of q must be above zero, but the sum of q\[1\] is 0.0"),
        ([1e308, 1e308], [1, 1], r"^the sum of p must be finite"),
        ([1, 1, 1], [1, 1], r"^p and q must have the same number of bins: p has 3, q has 2; count both"),
        ([[1, 1]] * 3, [[1, 1]] * 2, r"^p and q must have the same number of rows: p has 3, q has 2; give"),
        ([10**400, 1], [1, 1], r"^p must hold plain numbers in rows of equal length: int too large"),
        (["1", "2"], [1, 1], r"^p must hold plain numbers in rows of equal length: got <U1"),
        ([1j, 2], [1, 1], r"^p must hold plain numbers"),
        ([[1, 2], [3]], [1, 1], r"^p must hold plain numbers in rows of equal length"),
        ([object(), 1], [1, 1], r"^p must hold plain numbers"),
    ],
)
def test_a_mistake_is_named_with_its_argument(p: Any, q: Any, message: str) -> None:
    for measure in (dv.kl_divergence, dv.jensen_shannon, dv.hellinger, dv.contributions):
        with pytest.raises(InputError, match=message):
            measure(p, q)


@pytest.mark.parametrize("smoothing", [-0.1, math.nan, math.inf, "1", None, [0.5]])
def test_smoothing_must_be_a_pseudo_count(smoothing: Any) -> None:
    with pytest.raises(InputError, match=r"^smoothing must be a finite pseudo-count of 0 or more"):
        dv.kl_divergence([1, 1], [1, 2], smoothing=smoothing)


def test_smoothing_does_not_invent_a_distribution_for_an_empty_histogram() -> None:
    with pytest.raises(InputError, match="the sum of p must be above zero"):
        dv.kl_divergence([0, 0], [1, 1], smoothing=1.0)


def test_an_unknown_base_is_named() -> None:
    with pytest.raises(InputError, match=r"""^base must be "nats" or "bits", not 'hartleys'"""):
        dv.entropy([1, 1], base="hartleys")  # type: ignore[arg-type]


# --- normal distributions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mean_p", "std_p", "mean_q", "std_q"), [(0.0, 1.0, 0.0, 1.0), (1.5, 0.7, -0.2, 2.0), (100.0, 5.0, 90.0, 3.0)])
def test_the_scalar_gaussian_form_is_the_integral(mean_p: float, std_p: float, mean_q: float, std_q: float) -> None:
    p, q = stats.norm(mean_p, std_p), stats.norm(mean_q, std_q)
    expected, _ = integrate.quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), mean_p - 12 * std_p, mean_p + 12 * std_p)
    assert dv.gaussian_kl(mean_p, std_p, mean_q, std_q) == pytest.approx(expected, abs=1e-8)
    assert dv.gaussian_kl(mean_p, std_p, mean_q, std_q, base="bits") == pytest.approx(expected / LN2, abs=1e-8)


def test_the_multivariate_form_is_the_trace_and_determinant_formula() -> None:
    dice = np.random.default_rng(3)
    for d in (1, 2, 5):
        a, b = dice.normal(size=(2, d, 2 * d))
        cov_p, cov_q, shift = a @ a.T, b @ b.T, dice.normal(size=d)
        inverse = np.linalg.inv(cov_q)
        log_determinants = np.linalg.slogdet(cov_q)[1] - np.linalg.slogdet(cov_p)[1]
        expected = (np.trace(inverse @ cov_p) + shift @ inverse @ shift - d + log_determinants) / 2
        assert dv.gaussian_kl(shift, cov_p, np.zeros(d), cov_q) == pytest.approx(expected, rel=1e-10)
        assert dv.gaussian_kl(shift, cov_p, shift, cov_p) == pytest.approx(0.0, abs=1e-20)


def test_independent_components_add_up() -> None:
    parts = dv.gaussian_kl(1, 2, 3, 4) + dv.gaussian_kl(-1, 0.5, 0, 1)
    assert dv.gaussian_kl([1, -1], [2, 0.5], [3, 0], [4, 1]) == pytest.approx(parts, rel=1e-14)
    assert dv.gaussian_kl([1, -1], [[4.0, 0.0], [0.0, 0.25]], [3, 0], [4, 1]) == pytest.approx(parts, rel=1e-14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0, 0, 1), r"^spread_p must be above zero, but spread_p is 0.0: a standard deviation"),
        ((0, 1, 0, -1), r"^spread_q must be above zero"),
        ((math.nan, 1, 0, 1), r"^mean_p must be finite"),
        (([0, 0], [1, 1], [0, 0, 0], [1, 1, 1]), r"^mean_p and mean_q must have the same length: 2 and 3"),
        (([0, 0], 1, [0, 0], [1, 1]), r"^spread_p must be 2 standard deviation\(s\) or a 2x2 covariance matrix, but has shape \(\)"),
        ((0, [[1]], 0, 1), r"^mean_p must be a number, or"),
        (([[0]], [1], [0], [1]), r"^mean_p must be a number, or"),
        (([0, 0], [[1, 0.5], [0, 1]], [0, 0], [1, 1]), r"^spread_p must be a symmetric 2x2"),
        (([0, 0], [[1, 2], [2, 1]], [0, 0], [1, 1]), r"^spread_p must be positive definite: remove"),
    ],
)
def test_a_mistake_in_a_gaussian_is_named(arguments: tuple[Any, Any, Any, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        dv.gaussian_kl(*arguments)
