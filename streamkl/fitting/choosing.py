"""`streamkl.fit`: which simple model loses least information about some values."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from streamkl.config.fitting import CONTINUOUS_MODELS, DISCRETE_MODELS, KIND, Kind
from streamkl.errors import InputError, StreamklError
from streamkl.fitting.cells import Cells, cut
from streamkl.fitting.report import Cell, FitReport, ModelFit

if TYPE_CHECKING:
    from streamkl.fitting.families import Ends, Family

_NATS_PER_BIT = math.log(2.0)


def fit(
    values: ArrayLike,
    counts: ArrayLike | None = None,
    *,
    models: Sequence[str] | str | None = None,
    range: tuple[float, float] | None = None,  # noqa: A002 - as numpy.histogram calls it
    kind: Kind = KIND,
    cells: int | None = None,
) -> FitReport:
    """Compare simple models by the information about `values` that each loses: `KL(data || model)`, minimised over its parameters.

    `values`: (n,) finite numbers; `counts`: how often each was seen (once). `models`: names, as a list or with commas between them; without
    it all that suit the kind of data: uniform, binomial, poisson, geometric, negative-binomial, exponential, normal, lognormal, gamma,
    mixture (of two normals), step (one share above the middle of the range, the rest below it, each spread evenly). `range`: the lowest and
    highest value that can be, which are then no parameters of uniform, step and binomial (its trials are the highest).

    Discrete values (whole numbers, half of which repeat, or `kind="discrete"`) are compared number by number; a model of continuous values
    gives each number k the probability of k - 1/2 to k + 1/2. Continuous values are cut into `cells` of about equally many values
    (2 n^(2/5) without it), and the KL is that of the cells' shares: what is lost about which cell a value lies in, no more. Cutting never
    raises a KL, and it takes away likelihoods without bounds, which a mixture has by sitting on one value.

    The best is first by `description_nats`: KL + k ln(n) / 2n for k parameters that were fitted, the price of telling them (Schwarz 1978;
    Rissanen 1978), so that a model does not win by having more. `aic_nats` has Akaike's k / n instead. A model that gives no probability to
    something seen has an infinite KL, and `impossible` says what. The best of bad models is still bad: `p_value` says, about, how often a
    true one would lose as much by chance.

    O(n log n), then seconds at most: the search is deterministic. Raises InputError for mistakes, StreamklError where scipy is missing.

    >>> report = fit([0, 1, 2, 3], counts=[42, 36, 16, 6], models="poisson,geometric,uniform")
    >>> [(each.model, round(each.kl_nats, 4)) for each in report.models]
    [('poisson', 0.014), ('geometric', 0.0898), ('uniform', 0.1921)]
    >>> {name: round(value, 4) for name, value in report["poisson"].parameters.items()}
    {'mean': 0.86}
    """
    try:
        from streamkl.fitting import families  # noqa: PLC0415 - scipy is an extra: only this needs it
    except ModuleNotFoundError as error:
        raise StreamklError("fit needs scipy, which is an extra: pip install 'streamkl[fit]'") from error
    data = cut(values, counts, kind, cells)
    names = _names(models, data.discrete, tuple(families.FAMILIES))
    ends = _ends(range, data)
    found = [_fit(families.FAMILIES[name], data, ends, given=range is not None) for name in names]
    return FitReport(
        values=data.total,
        distinct=len(data.values),
        kind="discrete" if data.discrete else "continuous",
        lowest=float(data.values[0]),
        highest=float(data.values[-1]),
        cells=tuple(map(_cell, data.low.tolist(), data.high.tolist(), data.share.tolist())),
        entropy_nats=data.entropy,
        entropy_bits=data.entropy / _NATS_PER_BIT,
        models=tuple(sorted(found, key=lambda each: (each.description_nats, each.free_parameters))),
    )


def _cell(low: float, high: float, share: float) -> Cell:
    return Cell(low if math.isfinite(low) else None, high if math.isfinite(high) else None, share)


def _names(models: Sequence[str] | str | None, discrete: bool, known: tuple[str, ...]) -> list[str]:
    if models is None:
        return list(DISCRETE_MODELS if discrete else CONTINUOUS_MODELS)
    names = list(dict.fromkeys(str(name).strip() for name in (models.split(",") if isinstance(models, str) else models)))
    for name in names:
        if name not in known:
            raise InputError(f"models: there is no {name!r}; choose from {', '.join(known)}")
    if not names:
        raise InputError(f"models must name at least one of {', '.join(known)}")
    return names


def _ends(given: tuple[float, float] | None, cells: Cells) -> "Ends":
    if given is None:
        return float(cells.values[0]), float(cells.values[-1])
    try:
        low, high = map(float, given)
    except (TypeError, ValueError):
        raise InputError(f"range must be two numbers, the lowest and the highest value that can be, not {given!r}") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(f"range must be a lower and a higher number, not {low:.15g} and {high:.15g}")
    if cells.discrete and not (low.is_integer() and high.is_integer()):
        raise InputError(f"range must be whole numbers for discrete values, not {low:.15g} and {high:.15g}")
    return low, high


def _fit(family: "Family", cells: Cells, ends: "Ends", *, given: bool) -> ModelFit:
    from streamkl.fitting.optimum import best, by_chance, curve, lost  # noqa: PLC0415 - scipy, as above

    n, bits = cells.total, _NATS_PER_BIT
    free = len(family.parameters) + (0 if given else family.free_ends)
    why = _impossible(family, cells, ends)
    theta = best(family, cells, ends) if why is None else ()
    nats = lost(family, cells, ends, theta) if why is None else math.inf
    named = zip([each.name for each in family.parameters], map(float, theta), strict=False)
    return ModelFit(
        model=family.name,
        parameters=family.ends_shown(ends) | dict(named) if why is None else {},
        free_parameters=free,
        kl_nats=nats,
        kl_bits=nats / bits,
        cross_entropy_nats=cells.entropy + nats,
        cross_entropy_bits=(cells.entropy + nats) / bits,
        aic_nats=nats + free / n,
        description_nats=nats + free * math.log(n) / (2 * n),
        p_value=by_chance(family, cells, ends, theta, free) if why is None else 0.0,
        impossible=why,
        shares=tuple(np.exp(family.log_masses(cells, ends, theta)).tolist()) if why is None else (),
        curve=curve(family, cells, ends, theta) if why is None else None,
    )


def _impossible(family: "Family", cells: Cells, ends: "Ends") -> str | None:
    """Why the model cannot have given these values, None where it can."""
    if family.whole and not cells.discrete:
        whole = bool((cells.values == np.floor(cells.values)).all())
        return "a model of whole numbers, and these are taken as continuous" + ("; kind discrete would allow it" if whole else "")
    never = family.impossible(cells, ends)
    if not len(never):
        return None
    seen = int(cells.counts[np.isin(cells.values, never)].sum())
    shown = f"{never[0]:.6g}" if len(never) == 1 else f"{never[0]:.6g} … {never[-1]:.6g}"
    return f"gives no probability to {seen:,} of {cells.total:,} values ({shown}), so its KL is infinite"
