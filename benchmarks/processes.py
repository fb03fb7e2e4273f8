"""Stationary kinds of series on which every alarm is a false one; the detector may be tuned on these, not on `held_out`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.float64]

DAY = 288  # points of a day: one every five minutes
MINUTES = 1_440  # points of a day: one a minute
BURN_IN = 2_000  # points thrown away by recursions that cannot start from their stationary law


@dataclass(frozen=True, slots=True)
class Process:
    """One kind of series: `draw(generator, n)` gives n points.

    `independent`: its points are independent and continuous, the case that thresholds are simulated for. `period`: points after which
    its law repeats, 1 where it never changes.
    """

    name: str
    meaning: str
    draw: Callable[[Generator, int], Array]
    independent: bool = False
    period: int = 1


def autoregressive(phi: float) -> Callable[[Generator, int], Array]:
    """AR(1) with coefficient `phi`, mean 0 and variance 1, started in its stationary law."""

    def draw(dice: Generator, n: int) -> Array:
        shocks = dice.standard_normal(n)
        shocks[1:] *= np.sqrt(1 - phi * phi)
        return recursion(shocks, phi, 0.0, 0.0)

    return draw


def _arma(dice: Generator, n: int) -> Array:
    return recursion(dice.standard_normal(n + BURN_IN), 0.6, 0.25, 0.4)[BURN_IN:]


@njit(cache=True)
def recursion(shocks: Array, phi_1: float, phi_2: float, theta: float) -> Array:
    """ARMA(2,1) from nothing: the first points still show the start."""
    out = np.empty_like(shocks)
    before, earlier, last = 0.0, 0.0, 0.0
    for i, shock in enumerate(shocks):
        now = phi_1 * before + phi_2 * earlier + shock + theta * last
        before, earlier, last = now, before, shock
        out[i] = now
    return out


def _daily(period: int) -> Callable[[Generator, int], Array]:
    """One sine a day, amplitude 1 and any phase, under noise of standard deviation 0.3."""

    def draw(dice: Generator, n: int) -> Array:
        phase = dice.uniform(0, 2 * np.pi)
        return np.asarray(np.sin(2 * np.pi * np.arange(n) / period + phase) + 0.3 * dice.standard_normal(n))

    return draw


def _weekdays(dice: Generator, n: int) -> Array:
    """Traffic: a daily curve, at weekends half as high, with noise that grows with the level."""
    clock = np.arange(n) + dice.integers(7 * DAY)
    daily = 1 + 0.6 * np.sin(2 * np.pi * clock / DAY)
    weekend = np.where(clock // DAY % 7 >= 5, 0.5, 1.0)
    return np.asarray(100 * daily * weekend * np.exp(0.1 * dice.standard_normal(n)))


def _poisson(rate: float) -> Callable[[Generator, int], Array]:
    return lambda dice, n: dice.poisson(rate, n).astype(np.float64)


def _bursts(dice: Generator, n: int) -> Array:
    """Zeros, and about every 200 points a burst of about 5 exponential values."""
    return _switched(dice.random(n), 1 / 200, 1 / 5) * dice.exponential(10.0, n)


@njit(cache=True)
def _switched(dice: Array, begin: float, end: float) -> Array:
    """A chain of zeros and ones that turns on with probability `begin` and off with `end`, started in its stationary law."""
    out = np.empty_like(dice)
    on = dice[0] < begin / (begin + end) if len(dice) else False
    for i, draw in enumerate(dice):
        if i:
            on = draw >= end if on else draw < begin
        out[i] = 1.0 if on else 0.0
    return out


def _rare_jumps(dice: Generator, n: int) -> Array:
    """42, and with probability 1/5,000 a point of 43: rare, known, allowed."""
    return np.where(dice.random(n) < 1 / 5_000, 43.0, 42.0)


def _garch(dice: Generator, n: int) -> Array:
    return _volatility(dice.standard_normal(n + BURN_IN), 0.05, 0.10, 0.85)[BURN_IN:]


@njit(cache=True)
def _volatility(shocks: Array, omega: float, alpha: float, beta: float) -> Array:
    out = np.empty_like(shocks)
    variance = omega / (1 - alpha - beta)
    for i, shock in enumerate(shocks):
        out[i] = np.sqrt(variance) * shock
        variance = omega + alpha * out[i] * out[i] + beta * variance
    return out


def _response_time(dice: Generator, n: int) -> Array:
    """Milliseconds: four of five requests hit the cache (median 20), the rest do not (median 200)."""
    hit = dice.random(n) < 0.8
    return np.where(hit, dice.lognormal(np.log(20), 0.3, n), dice.lognormal(np.log(200), 0.4, n))


PROCESSES: dict[str, Process] = {
    process.name: process
    for process in (
        Process("normal", "independent, mean 0, standard deviation 1", lambda dice, n: dice.standard_normal(n), independent=True),
        Process("uniform", "independent on [0, 1)", lambda dice, n: dice.random(n), independent=True),
        Process("exponential", "independent, mean 1", lambda dice, n: dice.exponential(1.0, n), independent=True),
        Process("lognormal", "independent, exp(N(0, 1))", lambda dice, n: dice.lognormal(0.0, 1.0, n), independent=True),
        Process(
            "student_t3", "independent, Student's t with 3 degrees of freedom", lambda dice, n: dice.standard_t(3, n), independent=True
        ),
        Process("response_time", "independent, two modes (20 ms four times of five, else 200 ms)", _response_time, independent=True),
        Process("ar_0.5", "AR(1), coefficient 0.5, variance 1", autoregressive(0.5)),
        Process("ar_0.9", "AR(1), coefficient 0.9, variance 1", autoregressive(0.9)),
        Process("ar_0.99", "AR(1), coefficient 0.99, variance 1", autoregressive(0.99)),
        Process("arma", "ARMA(2,1), coefficients 0.6, 0.25 and 0.4", _arma),
        Process("garch", "GARCH(1,1), 0.05 + 0.10 x² + 0.85 s², variance 1", _garch),
        Process("daily_sine", f"sine of {DAY} points + N(0, 0.3)", _daily(DAY), period=DAY),
        Process("daily_sine_minutes", f"sine of {MINUTES} points + N(0, 0.3)", _daily(MINUTES), period=MINUTES),
        Process("weekdays", f"days of {DAY} points, weekends half as high, multiplicative noise", _weekdays, period=7 * DAY),
        Process("poisson_0.3", "independent counts, mean 0.3", _poisson(0.3)),
        Process("poisson_3", "independent counts, mean 3", _poisson(3.0)),
        Process("poisson_300", "independent counts, mean 300", _poisson(300.0)),
        Process("rounded", "N(10, 2) rounded to integers", lambda dice, n: np.rint(dice.normal(10.0, 2.0, n))),
        Process("bursts", "zeros, every 200 points a burst of 5 exponential values", _bursts),
        Process("constant", "42 for ever", lambda _, n: np.full(n, 42.0)),
        Process("rare_jumps", "42, and one point in 5,000 is 43", _rare_jumps),
    )
}
