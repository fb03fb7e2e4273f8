"""The benchmark of fits counts what it says it counts."""

import numpy as np
import pytest
from scipy import stats

from benchmarks import fitting
from benchmarks.fitting import DISCRETE, TRUTHS, Cell


def test_a_clear_truth_is_chosen_and_errors_are_those_of_the_named_parameter() -> None:
    counted = fitting.measure(Cell("exponential", 400, 3))
    assert (counted.description, counted.without_mixture, counted.likely) == (3, 3, 3)
    raw = [stats.expon.fit(TRUTHS["exponential"](np.random.default_rng(seed), 400), floc=0)[1] for seed in range(3)]
    assert counted.likely_error == pytest.approx(sum((mean - 3) ** 2 for mean in raw))
    assert 0 < counted.error < 4 * counted.likely_error


def test_kl_alone_prefers_the_larger_model() -> None:
    counted = fitting.measure(Cell("poisson", 300, 3))
    assert counted.kl <= 1
    assert counted.description == 3


@pytest.mark.parametrize("truth", TRUTHS)
def test_discrete_truths_are_whole_numbers_that_repeat(truth: str) -> None:
    values = TRUTHS[truth](np.random.default_rng(1), 100)
    assert len(values) == 100
    assert (len(set(values.tolist())) < 50) == (truth in DISCRETE)
