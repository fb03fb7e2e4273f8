"""Generated samples beside real ones, and latent codes beside the normal distribution they are meant to have."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamkl.core.arrays import numbers, refuse
from streamkl.core.divergence import Base, gaussian_kl, in_base, jensen_shannon, reverse_kl
from streamkl.core.predictions import DRAWS, LEVEL, bins_for, require
from streamkl.core.shuffling import HALF, counted, drift
from streamkl.errors import InputError

Array = NDArray[np.float64]
SAMPLE_BINS = 20


@dataclass(frozen=True, slots=True)
class SampleComparison:
    """Nats; arrays have one entry a dimension, each looked at by itself over bins of both samples together."""

    kl: Array  # KL(generated || real): large where things are generated that are rare in reality
    reverse_kl: Array  # KL(real || generated): large where something real is not generated (a mode is missing)
    jensen_shannon: Array  # 0 to ln 2
    threshold: Array  # what `kl` exceeds by chance only in a share `level` of the draws
    p_value: Array
    gaussian_kl: float  # KL(generated || real) of the normal distributions with the samples' means and covariances, all dimensions at once
    gaussian_reverse_kl: float


class LatentKL(NamedTuple):
    """KL(N(mean, spread²) || N(0, 1)): of each dimension, in the shape of the arguments, and its sum over the last axis."""

    by_dimension: Array
    total: Array


def compare_samples(
    real: ArrayLike, generated: ArrayLike, *, bins: int = SAMPLE_BINS, level: float = LEVEL, draws: int = DRAWS, seed: int = 0
) -> SampleComparison:
    """How generated samples differ from real ones: (n,) and (m,) numbers, or (n, d) and (m, d).

    Over at most `bins` bins of about equally many values of both, half a pseudo-count in each for the two KL. Both samples differ from
    one another even if they come from the same distribution: `threshold` and `p_value` say by how much (see `core.shuffling`; exact where
    samples are independent). Dimensions are looked at one by one; what only shows in several together may show in `gaussian_kl` of means
    and covariances, which is `inf` where a covariance has no inverse (fewer samples than dimensions, or one that depends on others).
    O(d ((n + m) log + draws bins) + d³). Raises InputError.

    >>> rng = np.random.default_rng(1)
    >>> real, good = rng.normal(size=(2, 500))
    >>> narrow = compare_samples(real, 0.5 * good)
    >>> bool(compare_samples(real, good).p_value > 0.05), narrow.p_value, bool(narrow.reverse_kl > narrow.kl)
    (True, array([0.001]), True)
    """
    require(bins, level, draws)
    before, now = _columns("real", real), _columns("generated", generated)
    if before.shape[1] != now.shape[1]:
        raise InputError(f"real and generated must have the same dimensions, but have {before.shape[1]} and {now.shape[1]}")
    rng = np.random.default_rng(seed)
    rows = []
    for ours, theirs in zip(before.T, now.T, strict=True):
        was, got = counted(ours, theirs, bins_for(bins, len(before) + len(now)))
        found = drift(was, got, level=level, draws=draws, rng=rng)
        rows.append((found.nats, reverse_kl(got, was, smoothing=HALF), jensen_shannon(got, was), found.threshold, found.p_value))
    kl, reverse, symmetric, limit, chance = np.array(rows).T
    return SampleComparison(kl, reverse, symmetric, limit, chance, _gaussian_kl(now, before), _gaussian_kl(before, now))


def latent_kl(mean: ArrayLike, spread: ArrayLike, *, base: Base = "nats") -> LatentKL:
    """`KL(N(mean, spread²) || N(0, 1)) = (mean² + spread² - 1 - ln spread²) / 2`, the term that regularises variational auto-encoders.

    `mean` and `spread` (standard deviations, above 0) of one shape, (d,) or (n, d). 0 where a dimension says nothing (mean 0, spread 1).
    O(n d). Source: Kingma & Welling 2014, appendix B. Raises InputError.

    >>> by_dimension, total = latent_kl([[1.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.5]])
    >>> by_dimension.round(4).tolist(), total.round(4).tolist()
    ([[0.5, 0.0], [0.0, 0.3181]], [0.5, 0.3181])
    """
    centre, width = numbers("mean", mean), numbers("spread", spread)
    if centre.shape != width.shape or centre.ndim == 0 or centre.size == 0:
        raise InputError(f"mean and spread must have one shape, (d,) or (n, d), but have {centre.shape} and {width.shape}")
    refuse("spread", width, lambda s: s > 0, "above zero", "give standard deviations; from log-variances they are exp(v / 2)")
    logarithm = 2 * np.log(width)
    parts = np.asarray(in_base((centre**2 + np.maximum(np.expm1(logarithm) - logarithm, 0.0)) / 2, base), np.float64)
    return LatentKL(parts, np.asarray(parts.sum(axis=-1)))


def _columns(name: str, values: ArrayLike) -> Array:
    found = numbers(name, values)
    found = found[:, None] if found.ndim == 1 else found
    if found.ndim != 2 or found.shape[0] < 2 or found.shape[1] == 0:
        raise InputError(f"{name} must hold at least two samples, as (n,) or (n, d), but has the shape {np.shape(values)}")
    return found


def _gaussian_kl(p: Array, q: Array) -> float:
    moments = [(side.mean(axis=0), np.atleast_2d(np.cov(side, rowvar=False))) for side in (p, q)]
    try:
        return gaussian_kl(*moments[0], *moments[1])
    except InputError:  # not positive definite: the smaller distribution lies in a plane that the other gives no probability to
        return float("inf")
