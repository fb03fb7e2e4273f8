"""Losses of a classifier by hand and beside scipy; drift of its predictions beside the whole permutation law."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from streamkl import classifier_losses, prediction_drift
from streamkl.core.shuffling import drift, even_bins, p_value, threshold
from streamkl.errors import InputError

P = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5], [0.5, 0.5, 0.0]]


def test_the_losses_of_four_points_by_hand() -> None:
    losses = classifier_losses(P, [0, 1, 0, 1])
    expected = [-math.log(0.7), -math.log(0.8), -math.log(0.25), -math.log(0.5)]
    assert losses.points == 4
    assert losses.cross_entropy == pytest.approx(sum(expected) / 4)
    assert (losses.entropy, losses.impossible) == (0.0, 0)
    assert losses.kl == pytest.approx(losses.cross_entropy)
    assert losses.class_cross_entropy[:2].tolist() == pytest.approx([(expected[0] + expected[2]) / 2, (expected[1] + expected[3]) / 2])
    assert math.isnan(losses.class_cross_entropy[2])
    assert losses.share.tolist() == [0.5, 0.5, 0.0]
    assert losses.predicted.tolist() == pytest.approx([1.55 / 4, 1.75 / 4, 0.7 / 4])
    parts = [0.5 * math.log(0.5 / 0.3875), 0.5 * math.log(0.5 / 0.4375), 0.0]
    assert losses.class_kl.tolist() == pytest.approx(parts)
    assert losses.marginal_kl == pytest.approx(sum(parts))


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(2, 5))
def test_cross_entropy_is_entropy_plus_kl_and_the_sum_over_classes(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    targets, predicted = rng.dirichlet(np.ones(k), (2, n))
    losses = classifier_losses(predicted, targets)
    assert losses.kl == pytest.approx(stats.entropy(targets, predicted, axis=1).mean(), rel=1e-9, abs=1e-12)
    assert losses.entropy == pytest.approx(stats.entropy(targets, axis=1).mean())
    assert losses.cross_entropy == pytest.approx(losses.entropy + losses.kl)
    assert losses.share @ losses.class_cross_entropy == pytest.approx(losses.cross_entropy)
    assert losses.class_kl.sum() == pytest.approx(losses.marginal_kl, abs=1e-12)


def test_the_probability_of_class_1_is_enough() -> None:
    one, both = classifier_losses([0.2, 0.9], [0, 1]), classifier_losses([[0.8, 0.2], [0.1, 0.9]], [False, True])
    assert one.cross_entropy == pytest.approx(both.cross_entropy)
    assert one.predicted.tolist() == pytest.approx(both.predicted.tolist())


def test_what_was_given_no_chance_and_happened_costs_infinitely_much_and_is_counted() -> None:
    losses = classifier_losses(P, [2, 1, 2, 2])
    assert (losses.cross_entropy, losses.kl, losses.impossible) == (math.inf, math.inf, 1)
    assert losses.class_cross_entropy[1] == pytest.approx(-math.log(0.8))


def test_drift_of_predictions_is_the_permutation_test_of_all_divisions() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.35, 0.6, 0.7, 0.8, 0.9])
    place = even_bins(values, 4)
    assert place.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]

    def kl(chosen: tuple[int, ...]) -> float:
        now = np.bincount(place[list(chosen)], minlength=4) + 0.5
        old = np.bincount(np.delete(place, chosen), minlength=4) + 0.5
        return float(stats.entropy(now, old))

    observed = kl((4, 5, 6, 7))
    every = [kl(each) for each in combinations(range(8), 4)]
    exact = np.mean(np.array(every) >= observed - 1e-12)
    found = drift(
        np.bincount(place[:4], minlength=4), np.bincount(place[4:], minlength=4), level=0.1, draws=20_000, rng=np.random.default_rng(1)
    )
    assert found.nats == pytest.approx(observed)
    assert found.p_value == pytest.approx(exact, abs=0.006)


def test_a_p_value_is_small_exactly_above_the_threshold() -> None:
    rng = np.random.default_rng(2)
    for level in (0.01, 0.05, 0.2):
        drawn = rng.integers(0, 300, 999) / 7.0
        limit = threshold(drawn, level)
        for observed in np.unique(drawn):
            assert (p_value(drawn, float(observed)) <= level) == (observed > limit)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 10))
def test_bins_are_in_order_and_equal_values_share_one(values: list[float], bins: int) -> None:
    place = even_bins(np.array(values), bins)
    assert set(place.tolist()) == set(range(int(place.max()) + 1))
    assert place.max() < bins
    order = np.argsort(values, kind="stable")
    assert (np.diff(place[order]) >= 0).all()
    for value in set(values):
        assert len(set(place[np.array(values) == value].tolist())) == 1


def test_predictions_drift_at_the_promised_rate_and_changes_are_found() -> None:
    rng = np.random.default_rng(3)
    quiet = [prediction_drift(*rng.dirichlet((2, 3, 4), (2, 150)), draws=199, level=0.05, seed=i).p_value for i in range(150)]
    assert np.mean(np.array(quiet) <= 0.05) <= 0.09  # 0.05, and Bonferroni is a little timid
    before, after = rng.dirichlet((2, 3, 4), 500), rng.dirichlet((4, 3, 4), 400)
    found = prediction_drift(before, after)
    assert found.p_value == pytest.approx(0.003)
    assert all(each.nats > each.threshold for each in found.classes[:1])
    assert found.share.tolist() == pytest.approx(after.mean(axis=0).tolist())
    assert found.share_kl == pytest.approx(stats.entropy(after.mean(axis=0), before.mean(axis=0)))
    assert found.share_parts.sum() == pytest.approx(found.share_kl)
    assert found.share_parts[0] > 0
    assert found.classes == prediction_drift(before, after).classes
    assert found.classes != prediction_drift(before, after, seed=1).classes


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        ([[0.5, 0.6]], [0], r"^the sum of probabilities must be 1 in each row, but the sum of probabilities\[0\] is 1.1"),
        ([[1.5, -0.5]], [0], r"^probabilities must be 0 or more, but probabilities\[0\]\[1\] is -0.5: give probabilities, not logits"),
        ([1.5], [0], r"^probabilities must be between 0 and 1, but probabilities\[0\] is 1.5"),
        ([[1.0]], [0], r"^probabilities must be \(n, k\) for k classes, or \(n,\)"),
        ([], [], r"^probabilities must be \(n, k\)"),
        ([[0.5, math.nan]], [0], r"^probabilities must be finite"),
        ([[0.5, 0.5]], [2], r"^labels must be whole numbers from 0 to 1, but labels\[0\] is 2.0: number the classes"),
        ([[0.5, 0.5]], [0.5], r"^labels must be whole numbers from 0 to 1"),
        ([[0.5, 0.5]], [0, 1], r"^labels must be one for each of the 1 rows"),
        ([[0.5, 0.5]], [[0.2, 0.2, 0.6]], r"^labels must have the shape of probabilities, \(1, 2\), but have \(1, 3\)"),
        ([[0.5, 0.5]], ["cat"], r"^labels must hold plain numbers"),
    ],
)
def test_a_mistake_is_named(probabilities: Any, labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        classifier_losses(probabilities, labels)


def test_a_mistake_in_a_comparison_is_named() -> None:
    with pytest.raises(InputError, match=r"^reference and current must have the same classes, but have 2 and 3"):
        prediction_drift([0.5, 0.5], P)
    for options, message in (
        ({"bins": 0}, r"^bins must be a whole number of at least 1, not 0"),
        ({"level": 0}, r"^level must be between 0 and 1, not 0"),
        ({"draws": 50}, r"^draws must be a whole number of at least 99 for level 0.01, not 50"),
    ):
        with pytest.raises(InputError, match=message):
            prediction_drift([0.5, 0.5], [0.5], **options)
