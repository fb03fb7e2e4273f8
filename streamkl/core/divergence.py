"""Exact divergences between two batches of counts or probabilities; nothing here is incremental or knows about windows.

Inputs: array-likes of counts or probabilities, one number per bin, `(k,)` for one distribution or `(n, k)` for a table of them; a single
row is compared with every row of a table. Each row is divided by its sum. Vectors give a float, tables an array `(n,)`. Cost: O(n k) time
and memory.

Zero rule: `0 ln 0 = 0`, so a bin empty in `p` adds nothing, and a bin with `p > 0` and `q = 0` makes the result `inf`: what happened was
impossible under `q`. Nothing is smoothed unless asked for.

Smoothing: where a result can be infinite, `smoothing=s` adds the pseudo-count `s` to every bin of both sides before the division:
`(c + s) / (sum(c) + k s)`. It is in the units of what is handed over, so it means "s observations per bin" for counts (1/2 is Jeffreys'
prior, 1 Laplace's rule) and a share for probabilities.

Units: nats, or bits with `base="bits"` (1 bit = ln 2 nats). Values that cannot be judged raise `InputError`, which names argument and fix.
"""

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamkl.core.arrays import numbers, refuse
from streamkl.errors import InputError

Base = Literal["nats", "bits"]
Array: TypeAlias = NDArray[np.float64]
Measure: TypeAlias = Any  # float for one pair, array (n,) for a table: typed as numpy types its own reductions

_NATS_PER_UNIT = {"nats": 1.0, "bits": float(np.log(2.0))}
_NEAR = 0.05  # |p/q - 1| below which the logarithm cancels and its series is used instead
_SERIES = np.array([(-1) ** n / (n * (n - 1)) for n in range(2, 15)])  # (1+d) ln(1+d) - d = d² Σ; 13 terms reach the last digit


def kl_divergence(p: ArrayLike, q: ArrayLike, *, base: Base = "nats", smoothing: float = 0.0) -> Measure:
    """Kullback-Leibler divergence `D(p || q) = Σ p ln(p/q)`, the relative entropy of `p` with respect to `q`.

    0 only for equal distributions, unbounded above, `inf` by the zero rule; not symmetric and no distance. Near 0 it keeps its relative
    precision (the terms are summed as `p ln(p/q) - p + q`, none of which is negative). Source: Kullback & Leibler 1951.

    >>> round(kl_divergence([1, 1, 1, 1, 1, 1], [.4, .1, .1, .1, .1, .2]), 12)
    0.164252033486
    >>> kl_divergence([3, 1], [4, 0]), round(kl_divergence([3, 1], [4, 0], smoothing=0.5), 4)
    (inf, 0.1537)
    """
    p, q = _pair(p, q, smoothing)
    return _reduce(_excess(p, q), base)


def reverse_kl(p: ArrayLike, q: ArrayLike, *, base: Base = "nats", smoothing: float = 0.0) -> Measure:
    """`D(q || p) = Σ q ln(q/p)`: `inf` where `q` holds a bin that `p` lacks. Range and source as `kl_divergence`.

    >>> round(reverse_kl([.8, .2], [1, 0]), 12)
    0.223143551314
    """
    p, q = _pair(p, q, smoothing)
    return _reduce(_excess(q, p), base)


def jeffreys(p: ArrayLike, q: ArrayLike, *, base: Base = "nats", smoothing: float = 0.0) -> Measure:
    """Jeffreys divergence `D(p || q) + D(q || p) = Σ (p - q) ln(p/q)`, without a factor 1/2.

    Symmetric, 0 to `inf` (when either side lacks a bin that the other holds); no distance. Source: Jeffreys 1946.

    >>> round(jeffreys([.5, .5], [.8, .2]), 12)
    0.415888308336
    """
    p, q = _pair(p, q, smoothing)
    return _reduce(_excess(p, q) + _excess(q, p), base)


def psi(p: ArrayLike, q: ArrayLike, *, smoothing: float = 0.0) -> Measure:
    """Population stability index, `Σ (p - q) ln(p/q)`: Jeffreys divergence under the name that credit scoring gives it, in nats by custom.

    Symmetric, 0 to `inf`. The usual reading (below 0.1 stable, above 0.25 shifted) ignores the sample size and is no calibrated threshold.
    Source: Siddiqi 2006, Credit Risk Scorecards; identity with Jeffreys: Yurdakul 2018.

    >>> round(psi([30, 40, 30], [20, 40, 40]), 12)
    0.069314718056
    """
    return jeffreys(p, q, smoothing=smoothing)


def jensen_shannon(p: ArrayLike, q: ArrayLike, *, base: Base = "nats") -> Measure:
    """Jensen-Shannon divergence `D(p || m)/2 + D(q || m)/2` with `m = (p + q)/2`.

    Symmetric, 0 to ln 2 nats (1 bit), always finite. This is the *divergence*; its square root is the Jensen-Shannon *distance*, which
    obeys the triangle inequality and is what `scipy.spatial.distance.jensenshannon` returns. Source: Lin 1991; for the distance Endres &
    Schindelin 2003.

    >>> jensen_shannon([1, 0], [0, 1], base="bits"), round(jensen_shannon([.5, .5], [1, 0]) ** 0.5, 12)
    (1.0, 0.464501404022)
    """
    p, q = _pair(p, q)
    both = p + q  # twice the mixture: with both sides doubled no halved share can vanish
    nats = (_excess(2 * p, both) + _excess(2 * q, both)).sum(axis=-1) / 4
    return in_base(np.minimum(nats, np.log(2.0)), base)


def hellinger(p: ArrayLike, q: ArrayLike) -> Measure:
    """Hellinger distance `sqrt(Σ (√p - √q)² / 2)`: a metric, 0 to 1 (1: no bin in common), no unit. Source: Hellinger 1909.

    >>> round(hellinger([.5, .5], [1, 0]), 12)
    0.541196100146
    """
    p, q = _pair(p, q)
    squared = ((np.sqrt(p) - np.sqrt(q)) ** 2).sum(axis=-1) / 2
    return _plain(np.sqrt(np.minimum(squared, 1.0)))


def total_variation(p: ArrayLike, q: ArrayLike) -> Measure:
    """Total variation distance `Σ |p - q| / 2`: the share of mass that has to move; a metric, 0 to 1, no unit.

    Pinsker's inequality bounds it by `sqrt(kl_divergence / 2)`. Source: Levin, Peres & Wilmer 2009, chapter 4.

    >>> total_variation([2, 2], [4, 0])
    0.5
    """
    p, q = _pair(p, q)
    return _plain(np.minimum(np.abs(p - q).sum(axis=-1) / 2, 1.0))


def chi_squared(p: ArrayLike, q: ArrayLike, *, smoothing: float = 0.0) -> Measure:
    """Pearson's chi-squared divergence `Σ (p - q)² / q`: 0 to `inf` (where `q` lacks a bin that `p` holds), no unit, not symmetric.

    Twice the Kullback-Leibler divergence, in nats, where both nearly agree, and never below `exp(kl) - 1`. Source: Pearson 1900.

    >>> chi_squared([3, 1], [1, 1])
    0.25
    """
    p, q = _pair(p, q, smoothing)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _plain(np.where(p == q, 0.0, (p - q) ** 2 / q).sum(axis=-1))


def entropy(p: ArrayLike, *, base: Base = "nats") -> Measure:
    """Shannon entropy `-Σ p ln p`: 0 (one bin holds everything) to ln k (all k bins alike). Source: Shannon 1948.

    >>> entropy([1, 1, 1, 1], base="bits")
    2.0
    """
    p = _shares("p", p)
    return _reduce(-_times_log(p, p), base)


def cross_entropy(p: ArrayLike, q: ArrayLike, *, base: Base = "nats", smoothing: float = 0.0) -> Measure:
    """`-Σ p ln q = entropy(p) + kl_divergence(p, q)`: mean cost of coding `p` with a code made for `q`; 0 to `inf`. Source: Shannon 1948.

    >>> cross_entropy([1, 0], [1, 3], base="bits")
    2.0
    """
    p, q = _pair(p, q, smoothing)
    return _reduce(-_times_log(p, q), base)


def contributions(p: ArrayLike, q: ArrayLike, *, base: Base = "nats", smoothing: float = 0.0) -> Array:
    """Each bin's additive part `p ln(p/q)` of `kl_divergence(p, q)`, in the shape of the arguments; the sum over bins is the divergence.

    Positive where `p` holds more than `q`, negative where it holds less, `inf` by the zero rule.

    >>> contributions([3, 1], [1, 3], base="bits").round(3).tolist()
    [1.189, -0.396]
    """
    p, q = _pair(p, q, smoothing)
    with np.errstate(invalid="ignore"):
        nats = np.where(p > 0, p * _log_ratio(p, q), 0.0)
    return np.asarray(in_base(nats, base), dtype=np.float64)


def gaussian_kl(mean_p: ArrayLike, spread_p: ArrayLike, mean_q: ArrayLike, spread_q: ArrayLike, *, base: Base = "nats") -> float:
    """Closed-form `D(N_p || N_q)` between two normal distributions, 0 to `inf`.

    Scalars: `spread` is the standard deviation, and `D = ln(s_q/s_p) + (s_p² + (m_p - m_q)²) / (2 s_q²) - 1/2`. Means `(d,)`: `spread` is
    the covariance matrix `(d, d)`, or `(d,)` standard deviations of independent components, and
    `D = (tr(Σq⁻¹ Σp) + Δᵀ Σq⁻¹ Δ - d + ln(det Σq / det Σp)) / 2`. O(d³). Source: Kullback 1959, chapter 9.

    >>> gaussian_kl(1, 1, 0, 1)
    0.5
    >>> round(gaussian_kl([0, 0], [[2, 0], [0, 2]], [0, 0], [1, 1]), 12)
    0.30685281944
    """
    m_p, root_p = _gaussian("p", mean_p, spread_p)
    m_q, root_q = _gaussian("q", mean_q, spread_q)
    if m_p.shape != m_q.shape:
        raise InputError(f"mean_p and mean_q must have the same length: {m_p.size} and {m_q.size}; give both in the same coordinates")
    # With Σ = L Lᵀ, the squared singular values of Lq⁻¹ Lp are the eigenvalues of Σq⁻¹ Σp, and never negative.
    scales = np.asarray(np.linalg.svd(np.linalg.solve(root_q, root_p), compute_uv=False) ** 2, dtype=np.float64)
    shift = np.linalg.solve(root_q, m_p - m_q)
    nats = (_excess(np.ones_like(scales), scales).sum() + shift @ shift) / 2  # x - 1 - ln x is the excess of 1 over x
    return float(in_base(nats, base))


def _excess(p: Array, q: Array) -> Array:
    """`p ln(p/q) - p + q` per bin: never negative, and precise to the last digits also where p and q nearly agree."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        apart = np.where(p > 0, p * _log_ratio(p, q), 0.0) - p + q
        step = (p - q) / q
        close = q * step**2 * np.polynomial.polynomial.polyval(step, _SERIES)
    return np.maximum(np.where(np.abs(step) < _NEAR, close, apart), 0.0)


def _log_ratio(p: Array, q: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        step = (p - q) / q
        return np.where(np.abs(step) < _NEAR, np.log1p(step), np.log(p) - np.log(q))


def _times_log(p: Array, q: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > 0, p * np.log(q), 0.0)


def _reduce(parts: Array, base: Base) -> Measure:
    return in_base(parts.sum(axis=-1) + 0.0, base)  # + 0.0 turns -0.0 into 0.0


def in_base(nats: Array, base: Base) -> Measure:
    """Nats in the unit that was asked for."""
    if base not in _NATS_PER_UNIT:
        raise InputError(f'base must be "nats" or "bits", not {base!r}')
    return _plain(nats / _NATS_PER_UNIT[base])


def _plain(values: Array) -> Measure:
    return float(values) if values.ndim == 0 else values


def _pair(p: ArrayLike, q: ArrayLike, smoothing: float = 0.0) -> tuple[Array, Array]:
    """Both sides as shares over the same bins."""
    if not (isinstance(smoothing, int | float | np.integer | np.floating) and 0 <= smoothing < np.inf):
        raise InputError(f"smoothing must be a finite pseudo-count of 0 or more, not {smoothing!r}")
    first, second = _shares("p", p, smoothing), _shares("q", q, smoothing)
    if first.shape[-1] != second.shape[-1]:
        bins = f"p has {first.shape[-1]}, q has {second.shape[-1]}"
        raise InputError(f"p and q must have the same number of bins: {bins}; count both over the same bins")
    if first.ndim == second.ndim == 2 and first.shape[0] != second.shape[0] and 1 not in (first.shape[0], second.shape[0]):
        rows = f"p has {first.shape[0]}, q has {second.shape[0]}"
        raise InputError(f"p and q must have the same number of rows: {rows}; give one row to compare it with all of them")
    return first, second


def _shares(name: str, values: ArrayLike, smoothing: float = 0.0) -> Array:
    counts = numbers(name, values)
    if counts.ndim not in (1, 2) or counts.size == 0:
        raise InputError(f"{name} must hold at least one bin, as (k,) or (n, k), but has shape {counts.shape}: give one number per bin")
    refuse(name, counts, lambda c: c >= 0, "zero or more", "give counts or probabilities, not differences or logarithms")
    with np.errstate(over="ignore"):
        totals = counts.sum(axis=-1, keepdims=True)
        refuse(f"the sum of {name}", totals[..., 0], lambda t: t > 0, "above zero", "a histogram without counts has no distribution")
        counts = counts + smoothing
        totals = counts.sum(axis=-1, keepdims=True)
    refuse(f"the sum of {name}", totals[..., 0], np.isfinite, "finite", "scale the values down")
    return np.asarray(counts / totals, dtype=np.float64)


def _gaussian(side: str, mean: ArrayLike, spread: ArrayLike) -> tuple[Array, Array]:
    """Mean `(d,)` and a square root `L` of the covariance, `L Lᵀ = Σ`."""
    name = f"spread_{side}"
    centre, width = numbers(f"mean_{side}", mean), numbers(name, spread)
    if centre.ndim > 1 or centre.size == 0 or (centre.ndim == 0 and width.ndim > 0):
        raise InputError(f"mean_{side} must be a number, or (d,) numbers for a spread of (d,) or (d, d), but has shape {centre.shape}")
    d = centre.size
    if width.ndim < 2:
        if width.size not in (1, d) or (centre.ndim == 1 and width.shape != (d,)):
            raise InputError(f"{name} must be {d} standard deviation(s) or a {d}x{d} covariance matrix, but has shape {width.shape}")
        refuse(name, width, lambda s: s > 0, "above zero", "a standard deviation of 0 has no density")
        return centre.reshape(d), np.diag(width.reshape(d))
    if width.shape != (d, d) or not np.allclose(width, width.T, rtol=0.0, atol=1e-10 * np.abs(width).max()):
        raise InputError(f"{name} must be a symmetric {d}x{d} covariance matrix, not shape {width.shape} or lopsided")
    try:
        return centre.reshape(d), np.asarray(np.linalg.cholesky(width), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise InputError(f"{name} must be positive definite: remove components that depend on the others") from None
