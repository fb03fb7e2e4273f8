"""The models: what share each gives to a cell, what its parameters are, where it can have values at all, and where to begin looking.

A model of whole numbers gives a cell the probability of its number. A model of continuous values gives it the probability of the interval,
which makes both kinds comparable on whole numbers. Masses are handled as logarithms: what is rare is not impossible.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from streamkl.fitting.cells import Cells

Array = NDArray[np.float64]
Ends = tuple[float, float]
Theta = Sequence[float]
Function = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter's name, and what it can be: a share of 0 to 1, a positive number, or any real number."""

    name: str
    kind: Literal["share", "positive", "real"]


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of model. `ends` are the lowest and highest value that can be: given, else those of the data."""

    name: str
    parameters: tuple[Parameter, ...]
    log_masses: Callable[[Cells, Ends, Theta], Array]
    starts: Callable[[Cells, Ends], list[Theta]]  # the first is the minimum itself where `solved`
    whole: bool = False  # a model of whole numbers only
    solved: bool = False  # on discrete values the minimum is known in closed form
    free_ends: int = 0  # what is taken from the data where the ends are not given
    support: Callable[[Ends], Ends] = lambda _: (-np.inf, np.inf)
    above_low: bool = False  # the low end of the support itself has no density

    def ends_shown(self, ends: Ends) -> dict[str, float]:
        """The ends among the parameters, as far as the model has them."""
        low, high = ends
        return {0: {}, 1: {"trials": high}, 2: {"low": low, "high": high}}[self.free_ends]

    def impossible(self, cells: Cells, ends: Ends) -> Array:
        """The distinct values that the model gives no probability to."""
        low, high = self.support(ends)
        if cells.discrete and not self.whole:
            low, high = low - 0.5, high + 0.5
            return cells.values[(cells.values <= low) | (cells.values >= high)]
        below = cells.values <= low if self.above_low else cells.values < low
        return cells.values[below | (cells.values > high)]


def _between(cells: Cells, below: Function, above: Function, log_density: Function) -> Array:
    """ln of the probability of each cell, from both tails and the density: differences of the nearer tail keep their digits."""
    with np.errstate(all="ignore"):
        mass = np.where(below(cells.low) > 0.5, above(cells.low) - above(cells.high), below(cells.high) - below(cells.low))
        thin = (mass < 1e-290) & np.isfinite(cells.high - cells.low)
        log_mass = np.log(np.maximum(mass, 0.0))
        if thin.any():
            width = cells.high - cells.low
            log_mass[thin] = (log_density(cells.low + width / 2) + np.log(width))[thin]
    return np.asarray(np.minimum(np.nan_to_num(log_mass, nan=-np.inf, neginf=-np.inf), 0.0), np.float64)


def _whole(law: Any, arguments: Callable[[Ends, Theta], tuple[float, ...]]) -> Callable[[Cells, Ends, Theta], Array]:
    """A model of whole numbers out of a distribution of scipy. (To freeze it would take ten times as long as to ask it.)"""

    def log_masses(cells: Cells, ends: Ends, theta: Theta) -> Array:
        given = arguments(ends, theta)
        if not cells.grouped:
            return np.asarray(law.logpmf(cells.values, *given), np.float64)
        return _between(cells, lambda x: law.cdf(x, *given), lambda x: law.sf(x, *given), lambda x: np.full(len(x), -np.inf))

    return log_masses


def _uniform(cells: Cells, ends: Ends, _: Theta) -> Array:
    low, _middle, high = _pieces(cells, ends)
    return _overlap(cells, low, high)


def _step(cells: Cells, ends: Ends, theta: Theta) -> Array:
    low, middle, high = _pieces(cells, ends)
    with np.errstate(divide="ignore"):
        lower, upper = np.log1p(-theta[0]) + _overlap(cells, low, middle), np.log(theta[0]) + _overlap(cells, middle, high)
    return np.asarray(np.logaddexp(lower, upper), np.float64)


def _pieces(cells: Cells, ends: Ends) -> tuple[float, float, float]:
    """Where a range begins, its middle and where it ends; whole numbers reach half a unit to both sides, and the middle one is low."""
    low, high = ends
    middle = (low + high) / 2
    return (low - 0.5, np.floor(middle) + 0.5, high + 0.5) if cells.discrete else (low, middle, high)


def _overlap(cells: Cells, low: float, high: float) -> Array:
    """ln of the part of low .. high that lies in each cell."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.maximum(np.minimum(cells.high, high) - np.maximum(cells.low, low), 0.0) / (high - low)), np.float64)


def _step_start(cells: Cells, ends: Ends) -> list[Theta]:
    return [(float(cells.counts[cells.values > sum(ends) / 2].sum() / cells.total),)]


def _negative_binomial_start(cells: Cells, _: Ends) -> list[Theta]:
    spare = cells.deviation**2 - cells.mean
    return [(cells.mean, cells.mean**2 / spare if spare > 0 else 100.0 * cells.mean)]


def _normal(cells: Cells, _: Ends, theta: Theta) -> Array:
    mean, deviation = theta
    return _between(
        cells,
        lambda x: special.ndtr((x - mean) / deviation),
        lambda x: special.ndtr((mean - x) / deviation),
        lambda x: -(((x - mean) / deviation) ** 2) / 2 - np.log(deviation) - np.log(2 * np.pi) / 2,
    )


def _lognormal(cells: Cells, _: Ends, theta: Theta) -> Array:
    median, sigma = theta

    def z(x: Array) -> Array:
        return np.asarray((np.log(np.maximum(x, 0.0)) - np.log(median)) / sigma)

    return _between(
        cells,
        lambda x: special.ndtr(z(x)),
        lambda x: special.ndtr(-z(x)),
        lambda x: -(z(x) ** 2) / 2 - np.log(np.maximum(x, 0.0)) - np.log(sigma) - np.log(2 * np.pi) / 2,
    )


def _lognormal_start(cells: Cells, _: Ends) -> list[Theta]:
    logs, weights = np.log(np.maximum(cells.values, 0.25 if cells.discrete else 5e-324)), cells.counts / cells.total
    mean = float(logs @ weights)
    return [(float(np.exp(mean)), max(float(np.sqrt((logs - mean) ** 2 @ weights)), 1e-3))]


def _exponential(cells: Cells, _: Ends, theta: Theta) -> Array:
    return _gamma(cells, _, (1.0, theta[0]))


def _gamma(cells: Cells, _: Ends, theta: Theta) -> Array:
    shape, scale = theta
    scaled = replace(cells, low=np.maximum(cells.low, 0.0) / scale, high=np.maximum(cells.high, 0.0) / scale)
    return _between(
        scaled,
        lambda x: special.gammainc(shape, x),
        lambda x: special.gammaincc(shape, x),
        lambda x: special.xlogy(shape - 1, x) - x - special.gammaln(shape),
    )


def _gamma_start(cells: Cells, _: Ends) -> list[Theta]:
    mean, variance = cells.mean, cells.deviation**2
    return [(mean**2 / variance, variance / mean)]


def _mixture(cells: Cells, ends: Ends, theta: Theta) -> Array:
    share, *rest = theta
    first, second = _normal(cells, ends, rest[:2]), _normal(cells, ends, rest[2:])
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp(np.log(share) + first, np.log1p(-share) + second))


def _mixture_start(cells: Cells, _: Ends) -> list[Theta]:
    """The values split at three places, and one wide component around a narrow one."""
    mean, deviation = cells.mean, cells.deviation
    starts: list[Theta] = [(0.5, mean, deviation / 3, mean, 1.4 * deviation)]
    below = np.cumsum(cells.counts)
    for share in (0.2, 0.5, 0.8):
        at = min(int(np.searchsorted(below, share * cells.total)), len(below) - 2) + 1
        moments = []
        for part in (slice(None, at), slice(at, None)):
            centre = float(np.average(cells.values[part], weights=cells.counts[part]))
            spread = float(np.sqrt(np.average((cells.values[part] - centre) ** 2, weights=cells.counts[part])))
            moments += [centre, max(spread, 0.05 * deviation)]
        starts.append((float(below[at - 1] / cells.total), *moments))
    return starts


_SHARE, _MEAN = Parameter("p", "share"), Parameter("mean", "positive")
_POSITIVE: Callable[[Ends], Ends] = lambda _: (0.0, np.inf)  # noqa: E731 - an entry of the table below

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("uniform", (), _uniform, lambda *_: [()], solved=True, free_ends=2, support=lambda ends: ends),
        Family("step", (_SHARE,), _step, _step_start, solved=True, free_ends=2, support=lambda ends: ends),
        Family(
            "binomial",
            (_SHARE,),
            _whole(stats.binom, lambda ends, theta: (ends[1], theta[0])),
            lambda cells, ends: [(cells.mean / ends[1],)],
            whole=True,
            solved=True,
            free_ends=1,
            support=lambda ends: (0.0, ends[1]),
        ),
        Family(
            "poisson",
            (_MEAN,),
            _whole(stats.poisson, lambda _, theta: (theta[0],)),
            lambda cells, _: [(cells.mean,)],
            whole=True,
            solved=True,
            support=_POSITIVE,
        ),
        Family(
            "geometric",
            (_SHARE,),
            _whole(stats.geom, lambda _, theta: (theta[0], -1)),
            lambda cells, _: [(1 / (1 + cells.mean),)],
            whole=True,
            solved=True,
            support=_POSITIVE,
        ),
        Family(
            "negative-binomial",
            (_MEAN, Parameter("size", "positive")),
            _whole(stats.nbinom, lambda _, theta: (theta[1], theta[1] / (theta[1] + theta[0]))),
            _negative_binomial_start,
            whole=True,
            support=_POSITIVE,
        ),
        Family(
            "normal",
            (Parameter("mean", "real"), Parameter("sd", "positive")),
            _normal,
            lambda cells, _: [(cells.mean, cells.deviation)],
        ),
        Family(
            "lognormal",
            (Parameter("median", "positive"), Parameter("sigma", "positive")),
            _lognormal,
            _lognormal_start,
            support=_POSITIVE,
            above_low=True,
        ),
        Family("exponential", (_MEAN,), _exponential, lambda cells, _: [(cells.mean,)], support=_POSITIVE),
        Family(
            "gamma",
            (Parameter("shape", "positive"), Parameter("scale", "positive")),
            _gamma,
            _gamma_start,
            support=_POSITIVE,
            above_low=True,
        ),
        Family(
            "mixture",
            (
                Parameter("p", "share"),
                Parameter("mean 1", "real"),
                Parameter("sd 1", "positive"),
                Parameter("mean 2", "real"),
                Parameter("sd 2", "positive"),
            ),
            _mixture,
            _mixture_start,
        ),
    )
}
