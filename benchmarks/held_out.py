"""Processes on which nothing was ever tuned: whoever changes the detector may look at their verdicts, and at nothing else of them."""

from math import gamma

import numpy as np
from numba import njit
from numpy.random import Generator
from scipy.signal import fftconvolve

from benchmarks.processes import BURN_IN, Array, Process, autoregressive, recursion

SAWTOOTH = 360  # points of one tooth
_MEMORY = 2**15  # weights of the long moving average that are kept
_D = 0.3  # order of fractional integration


def _heavy_autoregressive(dice: Generator, n: int) -> Array:
    return recursion(dice.standard_t(3, n + BURN_IN), 0.95, 0.0, 0.0)[BURN_IN:]


def _long_memory(dice: Generator, n: int) -> Array:
    """Fractional noise: the moving average whose weights fall like lag^(d - 1), so that its autocorrelations have no sum."""
    steps = np.arange(1, _MEMORY)
    weights = np.r_[1.0, np.cumprod((steps - 1 + _D) / steps)]
    spread = np.sqrt(gamma(1 - 2 * _D)) / gamma(1 - _D)
    return np.asarray(fftconvolve(dice.standard_normal(n + _MEMORY), weights / spread)[_MEMORY : _MEMORY + n])


def _threshold_autoregressive(dice: Generator, n: int) -> Array:
    return _two_regimes(dice.standard_normal(n + BURN_IN))[BURN_IN:]


@njit(cache=True)
def _two_regimes(shocks: Array) -> Array:
    """Below zero a slow climb back, above it a quick fall: two autoregressions that take turns."""
    out = np.empty_like(shocks)
    before = 0.0
    for i, shock in enumerate(shocks):
        before = 0.1 + 0.9 * before + 0.5 * shock if before <= 0.0 else -0.5 + 0.3 * before + shock
        out[i] = before
    return out


def _stochastic_volatility(dice: Generator, n: int) -> Array:
    """Noise whose log-variance is itself AR(1), coefficient 0.98, standard deviation 0.8."""
    return np.asarray(np.exp(0.4 * autoregressive(0.98)(dice, n)) * dice.standard_normal(n))


def _thinned_counts(dice: Generator, n: int) -> Array:
    """INAR(1): each of yesterday's items stays with probability 0.7, and Poisson(1.5) new ones come; Poisson(5) throughout."""
    fresh, out = dice.poisson(1.5, n), np.empty(n)
    held = dice.poisson(5.0)
    for i in range(n):
        held = dice.binomial(held, 0.7) + fresh[i] if i else held
        out[i] = held
    return out


def _sawtooth(dice: Generator, n: int) -> Array:
    """A disk that fills up and is cleared, from any point of the tooth on, under noise."""
    clock = (np.arange(n) + dice.integers(SAWTOOTH)) % SAWTOOTH
    return np.asarray(clock / SAWTOOTH + 0.03 * dice.standard_normal(n))


HELD_OUT: dict[str, Process] = {
    process.name: process
    for process in (
        Process("ar_0.95_t3", "AR(1), coefficient 0.95, shocks of Student's t with 3 degrees of freedom", _heavy_autoregressive),
        Process("long_memory", f"fractional noise, d = {_D}, variance 1", _long_memory),
        Process("setar", "two autoregressions that take turns at 0", _threshold_autoregressive),
        Process("stochastic_volatility", "noise with log-variance AR(1) 0.98", _stochastic_volatility),
        Process("inar", "autocorrelated counts, Poisson(5), thinning 0.7", _thinned_counts),
        Process("sawtooth", f"teeth of {SAWTOOTH} points + N(0, 0.03)", _sawtooth, period=SAWTOOTH),
        Process("ar_0.999", "AR(1), coefficient 0.999, variance 1: nearly a random walk", autoregressive(0.999)),
    )
}
