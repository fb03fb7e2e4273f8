"""Generated samples beside real ones, and latent codes beside the standard normal: closed forms, integrals, rate of false alarms."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from streamkl import compare_samples, gaussian_kl, latent_kl
from streamkl.errors import InputError

DICE = np.random.default_rng(1)
REAL, GENERATED = DICE.normal(size=(2_000, 3)), DICE.normal((0, 0.5, 0), (1, 1, 0.5), size=(1_500, 3))


def test_the_figures_of_two_bins_by_hand() -> None:
    found = compare_samples(np.r_[np.zeros(30), np.ones(10)], np.r_[np.zeros(10), np.ones(30)], bins=2)
    p, q = np.array([10.5, 30.5]) / 41, np.array([30.5, 10.5]) / 41
    assert found.kl == pytest.approx([stats.entropy(p, q)])
    assert found.reverse_kl == pytest.approx([stats.entropy(q, p)])
    middle = [0.5, 0.5]
    assert found.jensen_shannon == pytest.approx([(stats.entropy([0.25, 0.75], middle) + stats.entropy([0.75, 0.25], middle)) / 2])


def test_dimensions_that_differ_are_found_and_those_that_do_not_are_not() -> None:
    found = compare_samples(REAL, GENERATED)
    assert (found.p_value <= 0.01).tolist() == [False, True, True]
    assert (found.kl > found.threshold).tolist() == [False, True, True]
    assert found.reverse_kl[2] > 1.5 * found.kl[2]  # what is generated is too narrow: the tails of reality are missing
    assert found.kl[1] == pytest.approx(0.125, abs=0.03)  # KL of normal distributions half a deviation apart
    moments = [(side.mean(axis=0), np.cov(side, rowvar=False)) for side in (GENERATED, REAL)]
    assert found.gaussian_kl == pytest.approx(gaussian_kl(*moments[0], *moments[1]))
    assert found.gaussian_reverse_kl == pytest.approx(gaussian_kl(*moments[1], *moments[0]))
    assert found.gaussian_kl == pytest.approx(0.125 + (math.log(2) - 0.375), abs=0.06)


def test_equal_samples_are_told_apart_at_the_promised_rate() -> None:
    rng = np.random.default_rng(2)
    values = [compare_samples(*rng.exponential(size=(2, 80)), draws=99, level=0.05, seed=i).p_value[0] for i in range(200)]
    assert 3 <= sum(value <= 0.05 for value in values) <= 19


def test_a_sample_in_a_plane_has_no_gaussian_divergence() -> None:
    flat = np.c_[REAL[:, 0], 2 * REAL[:, 0]]
    found = compare_samples(REAL[:, :2], flat)
    assert (found.gaussian_kl, found.gaussian_reverse_kl) == (math.inf, math.inf)
    assert compare_samples([1.0, 1.0], [1.0, 2.0]).gaussian_kl == math.inf


@pytest.mark.parametrize(("mean", "spread"), [(0.0, 1.0), (1.5, 0.3), (-2.0, 4.0), (1e-9, 1 + 1e-9)])
def test_latents_cost_what_the_integral_says(mean: float, spread: float) -> None:
    code, prior = stats.norm(mean, spread), stats.norm()
    reach = mean - 12 * spread, mean + 12 * spread
    expected, _ = integrate.quad(lambda x: code.pdf(x) * (code.logpdf(x) - prior.logpdf(x)), *reach, limit=200)
    by_dimension, total = latent_kl([mean], [spread])
    assert by_dimension == pytest.approx([expected], abs=1e-9)
    assert total == pytest.approx(gaussian_kl(mean, spread, 0, 1), abs=1e-15)
    assert latent_kl([mean], [spread], base="bits").total == pytest.approx(float(total) / math.log(2))


def test_dimensions_add_up_to_the_joint_divergence() -> None:
    mean, spread = DICE.normal(size=(5, 4)), DICE.uniform(0.1, 2, size=(5, 4))
    by_dimension, total = latent_kl(mean, spread)
    assert by_dimension.shape == (5, 4)
    assert total == pytest.approx([gaussian_kl(m, s, np.zeros(4), np.ones(4)) for m, s in zip(mean, spread, strict=True)])
    assert total == pytest.approx(by_dimension.sum(axis=1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: compare_samples([1.0], [1.0, 2.0]),
            r"^real must hold at least two samples, as \(n,\) or \(n, d\), but has the shape \(1,\)",
        ),
        (lambda: compare_samples([[1, 2], [3, 4]], [1, 2]), r"^real and generated must have the same dimensions, but have 2 and 1"),
        (lambda: compare_samples([1, math.nan], [1, 2]), r"^real must be finite"),
        (lambda: latent_kl([0, 0], [1]), r"^mean and spread must have one shape, \(d,\) or \(n, d\), but have \(2,\) and \(1,\)"),
        (lambda: latent_kl(0, 1), r"^mean and spread must have one shape"),
        (lambda: latent_kl([0], [0]), r"^spread must be above zero, but spread\[0\] is 0.0: give standard deviations"),
        (lambda: latent_kl([0], [1], base="bit"), r"^base must be"),
    ],
)
def test_a_mistake_is_named(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
