"""The parameters of a model that lose least: in closed form where there is one, else searched; and the loss along one parameter."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from streamkl.config.fitting import CURVE_POINTS, FEWEST_TOGETHER
from streamkl.fitting.cells import Cells
from streamkl.fitting.families import Ends, Family, Parameter, Theta
from streamkl.fitting.report import Curve

Array = NDArray[np.float64]
_PRECISION = 1e-10
_STEPS = 4_000


def lost(family: Family, cells: Cells, ends: Ends, theta: Theta) -> float:
    """KL(cells || model) in nats, 0 to inf. What the model gives to places without data counts as lost, since its masses sum to less."""
    nats = float(cells.share @ (np.log(cells.share) - family.log_masses(cells, ends, theta)))
    return max(nats, 0.0) if np.isfinite(nats) else np.inf


def best(family: Family, cells: Cells, ends: Ends, *, search: bool = False) -> Theta:
    """The parameters with the least loss. `search` looks for them also where they are known."""
    starts = family.starts(cells, ends)
    if not family.parameters or (family.solved and cells.discrete and not search):
        return starts[0]

    def from_free(free: Array) -> Theta:
        return [_bound(parameter, float(x), cells) for parameter, x in zip(family.parameters, free, strict=True)]

    def loss(free: Array) -> float:
        return min(lost(family, cells, ends, from_free(free)), 1e300)

    begins = [np.array([_free(parameter, x, cells) for parameter, x in zip(family.parameters, start, strict=True)]) for start in starts]
    return from_free(_minimum(loss, begins))


def by_chance(family: Family, cells: Cells, ends: Ends, theta: Theta, free: int) -> float | None:
    """About how often a true model, fitted as this one, would lose as much or more; None where too few groups are left to tell.

    Cells are put together until each holds five values; 2n KL over the groups is then chi-squared, with a degree of freedom for each
    group but one, less one for each of the `free` parameters (Wilks 1938).
    """
    groups = cells.groups(FEWEST_TOGETHER)
    spare = len(groups.share) - 1 - free
    return float(stats.chi2.sf(2 * cells.total * lost(family, groups, ends, theta), spare)) if spare > 0 else None


def _minimum(loss: Callable[[Array], float], begins: list[Array]) -> Array:
    if len(begins[0]) == 1:
        at = float(begins[0][0])
        found = optimize.minimize_scalar(lambda x: loss(np.array([x])), bracket=(at - 0.5, at + 0.5), tol=_PRECISION)
        return np.array([found.x])
    options = {"xatol": 1e-4, "fatol": 1e-7, "maxfev": _STEPS, "adaptive": len(begins[0]) > 2}
    ends = [optimize.minimize(loss, begin, method="Nelder-Mead", options=options) for begin in begins] if len(begins) > 1 else []
    begin = min(ends, key=lambda each: float(each.fun)).x if ends else begins[0]
    options |= {"xatol": 1e-8, "fatol": 1e-14}
    return np.asarray(optimize.minimize(loss, begin, method="Nelder-Mead", options=options).x)


def _free(parameter: Parameter, value: float, cells: Cells) -> float:
    """A parameter as a real number without bounds."""
    if parameter.kind == "share":
        return float(special.logit(min(max(value, 1e-12), 1 - 1e-12)))
    return float(np.log(value)) if parameter.kind == "positive" else (value - cells.mean) / cells.deviation


def _bound(parameter: Parameter, free: float, cells: Cells) -> float:
    if parameter.kind == "share":
        return float(special.expit(free))
    return float(np.exp(min(max(free, -600.0), 600.0))) if parameter.kind == "positive" else cells.mean + free * cells.deviation


def curve(family: Family, cells: Cells, ends: Ends, theta: Theta) -> Curve | None:
    """The loss along the first parameter, the others as they are at the minimum, which is one of its points. None without parameters."""
    if not family.parameters:
        return None
    first, *others = theta
    middle = CURVE_POINTS // 2
    if family.parameters[0].kind == "share":
        even = np.linspace(0.01, 0.99, CURVE_POINTS - 2)
        at = np.unique(np.r_[even[np.abs(even - first) > 1e-6], first])
    elif family.parameters[0].kind == "positive":
        at = first * 4.0 ** (np.arange(-middle, middle + 1) / middle)
    else:
        at = first + 3 * cells.deviation * np.arange(-middle, middle + 1) / middle
    nats = [lost(family, cells, ends, [float(x), *others]) for x in at]
    return Curve(family.parameters[0].name, tuple(at.tolist()), tuple(nats))
