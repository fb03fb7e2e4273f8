"""What chance alone gives where values could as well belong to the other side: bins of both sides together, and drawn divergences.

Bins are cut without looking at who owns which value, so that, given how many values a bin holds, the counts of one side are multivariate
hypergeometric if both sides have one distribution (Fisher 1935). A p-value from draws is valid at any size (Dwass 1957).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.divergence import kl_divergence

Array = NDArray[np.float64]
HALF = 0.5  # pseudo-counts a bin (Jeffreys): what one side has not shown yet is not impossible


class Drift(NamedTuple):
    """The divergence of one side from another in nats, what it exceeds by chance in a share `level` of the draws, and its p-value."""

    nats: float
    threshold: float
    p_value: float


def even_bins(values: Array, bins: int) -> NDArray[np.int64]:
    """The bin of each value (n,), 0 to at most `bins` - 1, of about equally many each; equal values share one. O(n log n).

    >>> even_bins(np.array([5.0, 1.0, 1.0, 2.0, 9.0, 1.0]), 3).tolist()
    [2, 0, 0, 1, 2, 0]
    """
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins, method="inverted_cdf"))
    return np.unique(np.searchsorted(edges, values), return_inverse=True)[1].astype(np.int64)


def counted(reference: Array, current: Array, bins: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many values of each side, (n,) and (m,), lie in each of the `even_bins` of both together. O((n + m) log).

    >>> counts = counted(np.array([1.0, 1.0, 2.0]), np.array([5.0, 9.0, 1.0]), 3)
    >>> [side.tolist() for side in counts]
    [[2, 1, 0], [1, 0, 2]]
    """
    place = even_bins(np.r_[reference, current], bins)
    kinds = int(place.max()) + 1
    return np.bincount(place[: len(reference)], minlength=kinds), np.bincount(place[len(reference) :], minlength=kinds)


def drift(reference: NDArray[np.int64], current: NDArray[np.int64], *, level: float, draws: int, rng: np.random.Generator) -> Drift:
    """KL(current || reference) of counts (k,) over the same bins, both with half a pseudo-count a bin. O(draws k)."""
    pooled = reference + current
    drawn = rng.multivariate_hypergeometric(pooled, int(current.sum()), size=draws, method="marginals")
    nats = float(kl_divergence(current, reference, smoothing=HALF))
    by_chance = kl_divergence(drawn, pooled - drawn, smoothing=HALF)
    return Drift(nats, threshold(by_chance, level), p_value(by_chance, nats))


def p_value(by_chance: Array, observed: float) -> float:
    """The share of draws at least as large, the observed one among them: never 0."""
    return float((1 + (by_chance >= observed * (1 - 1e-9)).sum()) / (len(by_chance) + 1))


def threshold(by_chance: Array, level: float) -> float:
    """What only a share `level` of the draws exceeds or equals, as far as there are draws to tell."""
    return float(np.quantile(by_chance, 1 - level, method="higher"))
