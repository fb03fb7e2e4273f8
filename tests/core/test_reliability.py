"""Calibration by hand and by its law: alarms at the promised rate while nothing is wrong, and found when something is."""

from typing import Any

import numpy as np
import pytest

from streamkl import calibration_drift, calibration_error
from streamkl.errors import InputError


def test_the_error_of_two_bins_by_hand() -> None:
    p = np.r_[np.full(10, 0.2), np.full(10, 0.7)]
    happened = np.r_[np.ones(4), np.zeros(6), np.ones(6), np.zeros(4)]
    found = calibration_error(p, happened, bins=2)
    assert found.points.tolist() == [10, 10]
    assert found.confidence.tolist() == pytest.approx([0.2, 0.7])
    assert found.frequency.tolist() == pytest.approx([0.4, 0.6])
    assert found.error == pytest.approx((10 * 0.2 + 10 * 0.1) / 20)
    # By chance: mean absolute deviations of Binomial(10, 0.2) and Binomial(10, 0.7), from their laws.
    assert found.by_chance == pytest.approx((1.00663 + 1.12058) / 20, rel=0.05)


def test_of_several_classes_the_predicted_one_is_checked_or_the_one_asked_for() -> None:
    p = [[0.6, 0.3, 0.1]] * 6 + [[0.2, 0.3, 0.5]] * 4
    labels = [0, 0, 0, 1, 2, 1, 2, 2, 0, 1]
    top = calibration_error(p, labels, bins=1)
    assert (top.confidence.tolist(), top.frequency.tolist()) == ([pytest.approx(0.56)], [0.5])
    second = calibration_error(p, labels, of=1, bins=1)
    assert (second.confidence.tolist(), second.frequency.tolist()) == ([pytest.approx(0.3)], [pytest.approx(0.3)])
    assert second.p_value > 0.5


@pytest.mark.parametrize("n", [60, 400])
def test_true_probabilities_are_called_wrong_at_the_promised_rate(n: int) -> None:
    rng = np.random.default_rng(n)
    values = []
    for seed in range(200):
        p = rng.beta(1, 3, n)
        values.append(calibration_error(p, rng.random(n) < p, draws=99, level=0.05, seed=seed).p_value)
    # 200 independent verdicts at 5 %: 4 to 18 in 99 % of the cases.
    assert 3 <= sum(value <= 0.05 for value in values) <= 19
    assert np.mean(values) == pytest.approx(0.5, abs=0.07)


def test_unchanged_calibration_is_called_changed_at_the_promised_rate_also_where_confidences_move() -> None:
    rng = np.random.default_rng(5)
    values = []
    for seed in range(150):
        before, now = rng.beta(2, 2, 200), rng.beta(3, 2, 150)
        outcomes = [rng.random(len(p)) < p**1.5 for p in (before, now)]
        values.append(calibration_drift(before, outcomes[0], now, outcomes[1], draws=99, level=0.05, seed=seed).p_value)
    assert 1 <= sum(value <= 0.05 for value in values) <= 17
    assert np.mean(values) == pytest.approx(0.5, abs=0.1)


def test_a_change_is_found_where_it_is() -> None:
    rng = np.random.default_rng(6)
    before, now = rng.uniform(size=(2, 3_000))
    bent = np.where(now > 0.7, 0.7, now)
    found = calibration_drift(before, rng.random(3_000) < before, now, rng.random(3_000) < bent)
    assert found.p_value == 0.001
    assert found.change > found.threshold
    drop = found.gap - found.reference_gap
    assert drop[:7] == pytest.approx(0, abs=0.08)
    assert drop[-1] == pytest.approx(-0.25, abs=0.06)
    assert found.points.sum() == 6_000
    assert calibration_drift(before, before < 0.5, now, now < 0.5, seed=3) is not None


def test_bins_of_one_period_alone_are_no_drift() -> None:
    rng = np.random.default_rng(7)
    before, now = np.r_[np.full(200, 0.1), np.full(200, 0.5)], np.r_[np.full(200, 0.5), np.full(200, 0.9)]
    found = calibration_drift(before, rng.random(400) < before, now, rng.random(400) < now, bins=4)
    assert np.isnan(found.gap).tolist() == [True, False, False]
    assert np.isnan(found.reference_gap).tolist() == [False, False, True]
    assert found.p_value > 0.01
    with pytest.raises(InputError, match=r"^probabilities share no bin with reference_probabilities"):
        calibration_drift(before[:200], before[:200] > 0.3, now[200:], now[200:] > 0.3, bins=2)


def test_the_same_seed_gives_the_same_figures() -> None:
    p = np.random.default_rng(8).uniform(size=100)
    one, same, other = (calibration_error(p, p > 0.5, seed=seed) for seed in (1, 1, 2))
    assert (one.by_chance, one.threshold) == (same.by_chance, same.threshold)
    assert one.by_chance != other.by_chance


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0.5], [0, 1]), {}, r"^labels must be one for each"),
        (([0.5], [[0.5, 0.5]]), {}, r"^labels must be one for each of the 1 rows of probabilities, but have the shape \(1, 2\)"),
        (([0.5], [0]), {"of": 2}, r"^of must be a class from 0 to 1, not 2"),
        (([0.5], [0]), {"draws": 9}, r"^draws must be"),
    ],
)
def test_a_mistake_is_named(arguments: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        calibration_error(*arguments, **options)
    with pytest.raises(InputError, match=message.replace(r"^labels", "^reference_labels")):
        calibration_drift(*arguments, [0.5], [0], **options)


def test_a_hundred_true_probabilities_mostly_have_an_error_above_one_twentieth() -> None:
    rng, errors = np.random.default_rng(9), []
    for _ in range(300):
        p = rng.beta(0.6, 3, 100)
        errors.append(calibration_error(p, rng.random(100) < p, draws=99).error)
    assert np.mean(np.array(errors) > 0.05) == pytest.approx(0.9, abs=0.05)  # docs/models.md: nine times in ten
