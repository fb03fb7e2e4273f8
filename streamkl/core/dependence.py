"""How much a series' points tell that the points before them did not: autocorrelation and effective sample size of a stretch of history.

This is the one place that estimates dependence from values. Nothing here sets a threshold, they rest on what the statistics themselves did
(`core.tail`, `core.surprise`): effective sample sizes say how sure one can be, and where points are independent most of the budget goes to
the windows, whose thresholds are exact there.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LONGEST = 1 << 20  # newest values looked at: bounds time and memory
DISTINCT = 0.8  # least share of different values in continuous data
INDEPENDENT = 1.5  # longest integrated autocorrelation time of what passes for independent: a few hundred points tell no better


class Dependence(NamedTuple):
    """`lag1` is the autocorrelation of neighbours (-1..1). `turn` (>= 1) is the integrated autocorrelation time: so many points tell as
    much as one independent one. `effective` = points / turn (at most the points)."""

    lag1: float
    turn: float
    effective: float


def autocorrelation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Autocorrelations at the lags 0 .. n - 1 of finite values (n,), each sum divided by n; all 0 beyond lag 0 for a constant.

    O(n log n). Values of any finite size: they are scaled first.

    >>> autocorrelation(np.array([1.0, -1.0, 1.0, -1.0])).round(6)
    array([ 1.  , -0.75,  0.5 , -0.25])
    """
    n = len(values)
    out = np.zeros(n)
    if n == 0:
        return out
    out[0] = 1.0
    largest = float(np.abs(values).max())
    if largest == 0.0:
        return out
    centred = values / largest
    centred = centred - centred.mean()
    spread = float(np.abs(centred).max())
    if spread <= 1e-14:  # what is left of a constant is rounding
        return out
    spectrum = np.fft.rfft(centred / spread, 1 << (2 * n - 1).bit_length())
    sums = np.fft.irfft(spectrum * spectrum.conj())[:n]
    return np.asarray(sums / sums[0])


def dependence(values: NDArray[np.float64]) -> Dependence:
    """Dependence of finite values in order of time, by Geyer's initial positive sequence (1992): sums of autocorrelations at neighbouring
    lags (2k, 2k + 1) are taken while they are positive. At most the newest 2^20 values are looked at; O(n log n).

    A trend or a season counts as dependence: points of one hill tell the same. Points that swing to and fro tell more than independent ones
    would; they are counted as no more. A constant, and fewer than 4 values, tell of no dependence.

    >>> rng = np.random.default_rng(1)
    >>> noise = rng.normal(size=20_000)
    >>> walk = noise.copy()
    >>> for i in range(1, len(walk)):
    ...     walk[i] = 0.8 * walk[i - 1] + noise[i]
    >>> round(dependence(noise).effective / 20_000, 1), round(dependence(walk).effective / 20_000, 2)  # (1 - 0.8) / (1 + 0.8) = 0.11
    (1.0, 0.11)
    """
    n = len(values)
    rho = autocorrelation(values[-LONGEST:])
    pairs = rho[: len(rho) // 2 * 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    kept = pairs[: ends[0]] if len(ends) else pairs
    turn = max(1.0, 2.0 * float(kept.sum()) - 1.0) if n >= 4 else 1.0
    return Dependence(float(rho[1]) if n > 1 else 0.0, turn, n / turn)


def is_independent(values: NDArray[np.float64]) -> bool:
    """Whether values (n,) in order of time are as independent draws from a continuous law: hardly any comes twice, and they show no
    dependence, neither in themselves nor in how far they lie from their median (noise that comes in quiet and loud stretches does not
    correlate, its size does). O(n log n).

    >>> rng = np.random.default_rng(1)
    >>> is_independent(rng.normal(size=500)), is_independent(np.cumsum(rng.normal(size=500)))
    (True, False)
    >>> is_independent(rng.poisson(3.0, size=500)), is_independent(rng.normal(size=500) * np.repeat([1.0, 3.0, 1.0, 3.0, 1.0], 100))
    (False, False)
    """
    if len(np.unique(values)) < DISTINCT * len(values):
        return False
    scaled = values / (float(np.abs(values).max()) or 1.0)
    return all(dependence(each).turn <= INDEPENDENT for each in (scaled, np.abs(scaled - np.median(scaled))))
