"""How features depend on one another: the rest of a pair's divergence, found where only the dependence changed, and rarely by chance."""

import numpy as np
import pytest
from scipy import stats

from streamkl.core.comparison import null_of
from streamkl.core.pairs import PSEUDO, Dealer


def codes(*columns: np.ndarray) -> np.ndarray:
    return np.stack(columns, axis=1).astype(np.uint8)


def test_the_rest_is_what_two_features_diverge_beyond_each_by_itself() -> None:
    rng = np.random.default_rng(1)
    rows = codes(rng.integers(0, 3, 500), rng.integers(0, 4, 500))
    rows[300:, 1] = (rows[300:, 0] + rng.integers(0, 2, 200)) % 4
    (nats,) = Dealer(rows, 200, 0).observed().nats
    tables = [np.histogram2d(*part.T, bins=(range(4), range(5)))[0] for part in (rows[300:], rows[:300])]
    pooled = sum(tables)
    prior = PSEUDO * 12 * np.outer(pooled.sum(axis=1), pooled.sum(axis=0)) / 500**2
    p, q = ((table + prior) / (table + prior).sum() for table in tables)
    expected = (
        stats.entropy(p.ravel(), q.ravel()) - stats.entropy(p.sum(axis=1), q.sum(axis=1)) - stats.entropy(p.sum(axis=0), q.sum(axis=0))
    )
    assert nats == pytest.approx(expected, abs=1e-12)


@pytest.mark.native
def test_dependence_of_one_pair_of_ten_features_is_found_and_named() -> None:
    rng = np.random.default_rng(2)
    rows = rng.integers(0, 4, (1_200, 10))
    rows[600:, 7] = np.where(rng.random(600) < 0.4, 3 - rows[600:, 3], rows[600:, 7])  # still uniform by itself
    dealer = Dealer(rows.astype(np.uint8), 600, 0)
    pairs, null = dealer.observed(), null_of(dealer.draw(200, 1))
    largest = int(np.argmax(pairs.deviations))
    assert (pairs.first[largest], pairs.second[largest]) == (3, 7)
    assert null.p_value(float(pairs.deviations.max())) < 0.01


def test_a_new_category_says_nothing_about_other_features() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 4, 2_000), rng.integers(0, 4, 2_000)
    first[1_000:][rng.random(1_000) < 0.2] = 4
    dealer = Dealer(codes(first, second), 1_000, 0)
    assert null_of(dealer.draw(200, 1)).p_value(float(dealer.observed().deviations.max())) > 0.01


@pytest.mark.native
def test_p_values_without_drift_are_spread_evenly_however_features_depend() -> None:
    p_values = []
    for seed in range(300):
        rng = np.random.default_rng((4, seed))
        shared = rng.integers(0, 3, 160)
        rows = codes(shared, (shared + rng.integers(0, 2, 160)) % 3, rng.integers(0, 5, 160), np.minimum(rng.poisson(1, 160), 4))
        dealer = Dealer(rows, 60, seed)
        p_values.append(null_of(dealer.draw(99, 1)).p_value(float(dealer.observed().deviations.max())))
    for level in (0.05, 0.2):
        low, high = stats.binom(300, level).ppf([0.000_5, 0.999_5]) / 300
        assert low <= (np.array(p_values) <= level).mean() <= high
