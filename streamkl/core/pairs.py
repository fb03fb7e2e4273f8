"""Drift in how features depend on one another, which no feature shows by itself: the tables of all pairs, and what chance makes of them.

A pair's divergence is the sum of its two features' own divergences and a rest: `D(x, y) - D(x) - D(y)`, which is 0 where neither features
nor their dependence changed, and also where features that do not depend on one another changed each by itself. The statistic is the
largest rest of all pairs, each in standard deviations of what dealing the rows out anew makes of it. Rows stay whole, so the promise
holds whatever the features' dependence is. Mean and standard deviation come from deals of their own, apart from those that judge.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.comparison import Floats
from streamkl.core.compiled import allocating

Codes = NDArray[np.uint8]
PSEUDO = 0.5
MOST_CODES = 12
SCALING_DRAWS = 200


class Pairs(NamedTuple):
    """All pairs (P,) of features: their numbers, the rest in nats, and in standard deviations of what chance gives."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    nats: Floats
    deviations: Floats


class Dealer:
    """The rows of both samples together, which deals them out anew. `codes` (rows, d): each value's bin, below MOST_CODES; the last
    `current` rows are the current ones. A deal costs O(rows d²)."""

    def __init__(self, codes: Codes, current: int, seed: int) -> None:
        # Without gaps: every code of a feature occurs.
        self._codes = np.stack([np.unique(column, return_inverse=True)[1] for column in codes.T], axis=1).astype(np.uint8)
        self._current, self._seed = current, seed
        self._first, self._second = (np.asarray(each, np.int64) for each in np.triu_indices(codes.shape[1], 1))
        self._sizes = self._codes.max(axis=0).astype(np.int64) + 1
        self._pooled = _count(self._codes, np.arange(len(codes)), self._first, self._second)
        rng = np.random.default_rng((seed, 0))
        rests = np.stack([self._rest(self._chosen(rng)) for _ in range(SCALING_DRAWS)])
        self._mean, self._scale = rests.mean(axis=0), np.maximum(rests.std(axis=0), 1e-12)

    def observed(self) -> Pairs:
        """The samples as they are; the statistic is the largest of `deviations`."""
        rest = self._rest(np.arange(len(self._codes) - self._current, len(self._codes)))
        return Pairs(self._first, self._second, rest, (rest - self._mean) / self._scale)

    def draw(self, draws: int, batch: int) -> Floats:
        """Statistics (draws,) of rows dealt out by chance; each `batch` number from 1 gives other ones."""
        rng = np.random.default_rng((self._seed, batch))
        return np.array([((self._rest(self._chosen(rng)) - self._mean) / self._scale).max() for _ in range(draws)])

    def _chosen(self, rng: np.random.Generator) -> NDArray[np.int64]:
        return rng.permutation(len(self._codes))[: self._current]

    def _rest(self, rows: NDArray[np.int64]) -> Floats:
        tables = _count(self._codes, rows, self._first, self._second)
        return np.asarray(_rests(tables, self._pooled - tables, self._first, self._second, self._sizes))


@allocating
def _count(codes: Codes, rows: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int32]:
    tables = np.zeros((len(first), MOST_CODES * MOST_CODES), np.int32)
    for row in rows:
        for pair in range(len(first)):
            tables[pair, codes[row, first[pair]] * MOST_CODES + codes[row, second[pair]]] += 1
    return tables


@allocating
def _rests(
    current: NDArray[np.int32],
    reference: NDArray[np.int32],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> Floats:
    """`D(x, y) - D(x) - D(y)` of each pair. Both sides get PSEUDO counts a cell on average, spread as if the features were independent with
    their pooled shares: what is new in one feature says nothing about the other."""
    found = np.zeros(len(first))
    p, q = np.zeros((MOST_CODES, MOST_CODES)), np.zeros((MOST_CODES, MOST_CODES))
    for pair in range(len(first)):
        a, b = sizes[first[pair]], sizes[second[pair]]
        for x in range(a):
            for y in range(b):
                p[x, y] = current[pair, x * MOST_CODES + y]
                q[x, y] = reference[pair, x * MOST_CODES + y]
        n, m = p[:a, :b].sum(), q[:a, :b].sum()
        weight = PSEUDO * a * b
        rows = (p[:a, :b].sum(axis=1) + q[:a, :b].sum(axis=1)) / (n + m)
        columns = (p[:a, :b].sum(axis=0) + q[:a, :b].sum(axis=0)) / (n + m)
        rest = 0.0
        for x in range(a):
            for y in range(b):
                prior = weight * rows[x] * columns[y]
                p[x, y] = (p[x, y] + prior) / (n + weight)
                q[x, y] = (q[x, y] + prior) / (m + weight)
                rest += p[x, y] * np.log(p[x, y] / q[x, y])
        for x in range(a):
            mine = p[x, :b].sum()
            rest -= mine * np.log(mine / q[x, :b].sum())
        for y in range(b):
            mine = p[:a, y].sum()
            rest -= mine * np.log(mine / q[:a, y].sum())
        found[pair] = rest
    return found
