"""Two samples of one feature: bins made for both together, every divergence with its additive parts, and what chance alone gives.

Under the null all values come from one distribution, so which of them are the current ones is a draw without replacement. Bins are cut in
the pooled sample, without looking at who owns which value; therefore, given the pooled count of each bin, the current counts are
multivariate hypergeometric, whatever the distribution, its ties or the sizes. Tables drawn from that law are exactly as likely as the one
observed (Fisher 1935; Monte Carlo as in Dwass 1957 and Besag & Clifford 1991), and drawing one costs O(bins), however many values there
are. No asymptotics: at 50 values and many bins the chi-squared law of the likelihood ratio is far off.
"""

from collections.abc import Callable
from math import ceil, inf, sqrt
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.compiled import allocating

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Measure = Literal["kl", "reverse_kl", "jeffreys", "psi", "jensen_shannon", "total_variation", "hellinger", "chi_squared"]

MOST_VALUES = 999_999_999  # of both samples together: the generator of hypergeometric numbers takes no more
FIRST_DRAWS = 2_000
SETTLED = 40  # tables at least as far apart as the observed one among the first, above which no more are drawn
FEWEST_BEYOND = 20  # tables expected beyond a threshold at the strictest level
MOST_DRAWS = 200_000
_SAME = 1e-9  # relative: statistics of one table, summed in another order
_IN_LOGARITHMS = frozenset(("kl", "reverse_kl", "jeffreys", "psi", "jensen_shannon"))


class Cut(NamedTuple):
    """Bins of two samples, (k,) each: bin i holds the values from `low[i]` to `high[i]`, both of which occur. `heavy`: one value alone."""

    low: Floats
    high: Floats
    heavy: NDArray[np.bool_]
    reference: Counts
    current: Counts


def pieces(reference: int, current: int) -> int:
    """How many bins of equal mass two samples are worth: 3.6 n^(1/6), n being half their harmonic mean; 4 to 32.

    Few bins find a shift of the mean best, many a rare tail, which takes many values to be seen at all (measured: decision 0026).

    >>> pieces(50, 50), pieces(500, 500), pieces(5_000, 5_000), pieces(1_000_000, 1_000_000)
    (6, 9, 13, 32)
    """
    n = reference * current / max(1, reference + current)
    return int(min(max(round(3.6 * n ** (1 / 6)), 4), 32))


def cut(reference: Floats, current: Floats, pieces: int, tolerance: float = 0.0) -> Cut:
    """Cut two sorted samples (without nan) into about `pieces` bins of equal pooled mass; O(values).

    A value with the mass of a bin or more is a bin of its own. Values that differ by `tolerance` or less count as one.

    >>> cut(np.array([1.0, 1, 1, 2, 3]), np.array([1.0, 4, 5, 6, 7]), 3)[:2]
    (array([1., 2., 6.]), array([1., 5., 7.]))
    """
    return Cut(*_cut(reference, current, pieces, tolerance))


@allocating
def _cut(
    reference: Floats, current: Floats, pieces: int, tolerance: float
) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    n, m = len(reference), len(current)
    total = n + m
    low, high = np.empty(2 * pieces + 2), np.empty(2 * pieces + 2)
    heavy = np.zeros(2 * pieces + 2, np.bool_)
    counts = np.zeros((2, 2 * pieces + 2), np.int64)
    i, j, k, held = 0, 0, 0, 0
    while i < n or j < m:
        value = reference[i] if j >= m or (i < n and reference[i] <= current[j]) else current[j]
        old, new = i, j
        while i < n and reference[i] <= value + tolerance:
            i += 1
        while j < m and current[j] <= value + tolerance:
            j += 1
        here = i - old + j - new
        alone = here * pieces >= total
        if alone and held > 0:
            k, held = k + 1, 0
        if held == 0:
            low[k] = value
        high[k] = max(reference[i - 1] if i > old else value, current[j - 1] if j > new else value)
        counts[0, k] += i - old
        counts[1, k] += j - new
        held += here
        if held * pieces >= total:
            heavy[k] = alone
            k, held = k + 1, 0
    if held > 0 and k > 0 and not heavy[k - 1] and 2 * held * pieces < total:  # a remnant is not worth a bin
        high[k - 1] = high[k]
        counts[:, k - 1] += counts[:, k]
    elif held > 0:
        k += 1
    return low[:k].copy(), high[:k].copy(), heavy[:k].copy(), counts[0, :k].copy(), counts[1, :k].copy()


def parts(measure: Measure, current: Counts, reference: Counts, smoothing: float) -> Floats:
    """What each bin adds to the divergence of `current` from `reference`: counts (..., k) to parts (..., k), in nats where there are any.

    `smoothing` pseudo-counts are added to every bin of both sides, as in `core.divergence`, whose figures these parts add up to. Those of
    the Hellinger distance, a root, are in proportion to what is under it.

    >>> parts("kl", np.array([3, 1]), np.array([1, 3]), 0.5).round(3)
    array([ 0.593, -0.254])
    """
    p, q = _shares(current, smoothing), _shares(reference, smoothing)
    return _PARTS[measure](p, q)


def divergence(measure: Measure, current: Counts, reference: Counts, smoothing: float) -> Floats:
    """The sum of the parts: (..., k) to (...)."""
    return np.asarray(np.maximum(parts(measure, current, reference, smoothing).sum(axis=-1), 0.0))


def is_logarithmic(measure: Measure) -> bool:
    """Whether it is counted in nats or bits."""
    return measure in _IN_LOGARITHMS


def _shares(counts: Counts, smoothing: float) -> Floats:
    smoothed = counts + smoothing
    return np.asarray(smoothed / smoothed.sum(axis=-1, keepdims=True))


def _kl(p: Floats, q: Floats) -> Floats:
    return np.asarray(p * np.log(p / q))


def _hellinger(p: Floats, q: Floats) -> Floats:
    squared = (np.sqrt(p) - np.sqrt(q)) ** 2 / 2
    return np.asarray(squared / np.maximum(np.sqrt(squared.sum(axis=-1, keepdims=True)), 1e-300))


_PARTS: dict[Measure, Callable[[Floats, Floats], Floats]] = {
    "kl": _kl,
    "reverse_kl": lambda p, q: _kl(q, p),
    "jeffreys": lambda p, q: _kl(p, q) + _kl(q, p),
    "psi": lambda p, q: _kl(p, q) + _kl(q, p),
    "jensen_shannon": lambda p, q: (_kl(p, (p + q) / 2) + _kl(q, (p + q) / 2)) / 2,
    "total_variation": lambda p, q: np.asarray(np.abs(p - q) / 2),
    "hellinger": _hellinger,
    "chi_squared": lambda p, q: np.asarray((p - q) ** 2 / q),
}


class Null(NamedTuple):
    """What chance alone gives: `draws` statistics, the largest first."""

    draws: int
    falling: Floats
    mean: float
    variance: float

    def p_value(self, statistic: float) -> float:
        """Share of draws at least as far apart, in (0, 1]; of equal ones half counts (Lancaster's mid-p 1961, so that few attainable values
        do not make the test timid). Never below 1 / (draws + 1)."""
        margin = _SAME * max(statistic, _SAME)
        beyond = int(np.searchsorted(-self.falling, -(statistic + margin)))
        reached = int(np.searchsorted(-self.falling, -(statistic - margin), side="right"))
        return min(1.0, (beyond + (reached - beyond) / 2 + 1) / (self.draws + 1))

    def threshold(self, level: float) -> float:
        """The smallest statistic with a p-value of at most `level` (below 1); `inf` where so few draws, or values, give none."""
        place = self._place(level)
        if place < 0:
            return inf
        at = float(self.falling[place])
        if self.p_value(at) <= level:
            return at
        above = at + 3 * _SAME * max(at, _SAME)
        return above if at < float(self.falling[0]) * (1 - _SAME) else inf

    def extrapolated(self, level: float) -> float:
        """`threshold`, also where fewer than FEWEST_BEYOND draws lie beyond it: the last that can be counted, raised as quantiles of the
        gamma law of the same mean and variance rise (Wilson & Hilferty 1931)."""
        counted = FEWEST_BEYOND / (self.draws + 1)
        if level >= counted or self.variance <= 0:
            return self.threshold(level)
        return max(self.threshold(counted), self.threshold(counted) * self._gamma(level) / self._gamma(counted))

    def _place(self, level: float) -> int:
        return int(level * (self.draws + 1) * (1 + 1e-12)) - 1

    def _gamma(self, level: float) -> float:
        ninth = self.variance / (9 * self.mean**2)
        return float((1 - ninth + NormalDist().inv_cdf(1 - level) * sqrt(ninth)) ** 3)


def draws_for(level: float) -> int:
    """Tables to draw for a verdict at `level`; at most MOST_DRAWS, with which the strictest possible level is 1 / (MOST_DRAWS + 1)."""
    return min(max(FIRST_DRAWS, ceil(FEWEST_BEYOND / level)), MOST_DRAWS)


def draw(measure: Measure, pooled: Counts, current: int, smoothing: float, draws: int, seed: tuple[int, ...]) -> Floats:
    """Statistics (draws,) of tables with the pooled counts (k,) of which `current` values are current, by chance. O(draws k)."""
    rng = np.random.default_rng(seed)
    kept = pooled[pooled > 0]
    empty = len(pooled) - len(kept)  # bins that nobody is in still get pseudo-counts
    tables = rng.multivariate_hypergeometric(kept, current, size=draws, method="marginals")
    tables = np.pad(tables, ((0, 0), (0, empty)))
    return divergence(measure, tables, np.pad(kept, (0, empty)) - tables, smoothing)


def null_of(statistics: Floats) -> Null:
    """The null that these draws make."""
    return Null(len(statistics), -np.sort(-statistics), float(statistics.mean()), float(statistics.var()))
