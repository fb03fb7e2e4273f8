"""Which model `streamkl.fit` chooses where the truth is known, beside likelihoods of raw values: `python -m benchmarks.fitting --help`."""

from collections.abc import Callable
from itertools import product
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from scipy import stats

import streamkl
from benchmarks.report import Report, Section, command_line, show, write
from benchmarks.tasks import run
from streamkl.config.fitting import CONTINUOUS_MODELS, DISCRETE_MODELS

SIZES = (100, 1_000)
Law = Callable[[np.random.Generator, int], Any]
CONTINUOUS: dict[str, Law] = {
    "uniform": lambda rng, n: rng.uniform(0, 1, n),
    "exponential": lambda rng, n: rng.exponential(3, n),
    "normal": lambda rng, n: rng.normal(5, 1, n),
    "lognormal": lambda rng, n: rng.lognormal(1, 0.6, n),
    "gamma": lambda rng, n: rng.gamma(3, 2, n),
    "mixture": lambda rng, n: np.where(rng.random(n) < 0.6, rng.normal(5, 1, n), rng.normal(9, 1.5, n)),
}
DISCRETE: dict[str, Law] = {
    "uniform (0 … 9)": lambda rng, n: rng.integers(0, 10, n),
    "binomial": lambda rng, n: rng.binomial(10, 0.3, n),
    "poisson": lambda rng, n: rng.poisson(4, n),
    "geometric": lambda rng, n: rng.geometric(0.3, n) - 1,
    "negative-binomial": lambda rng, n: rng.negative_binomial(3, 0.4, n),
}
TRUTHS = CONTINUOUS | DISCRETE
# The parameter whose error is compared, the model's and scipy's distribution, and what scipy is told.
LIKELY: dict[str, tuple[str, Any, dict[str, float]]] = {
    "uniform": ("", stats.uniform, {}),
    "exponential": ("mean", stats.expon, {"floc": 0}),
    "normal": ("sd", stats.norm, {}),
    "lognormal": ("sigma", stats.lognorm, {"floc": 0}),
    "gamma": ("shape", stats.gamma, {"floc": 0}),
}
TRUE = {"exponential": 3.0, "normal": 1.0, "lognormal": 0.6, "gamma": 3.0}


class Cell(NamedTuple):
    """One truth, how many values, and how many times."""

    truth: str
    size: int
    times: int


class Counted(NamedTuple):
    """Times that each criterion chose the truth, and (continuous truths but the mixture) squared errors of one parameter."""

    kl: int
    akaike: int
    description: int
    refuted: int
    without_mixture: int
    likely: int
    error: float
    likely_error: float


def measure(cell: Cell) -> Counted:
    """The same seeds for every truth."""
    name = cell.truth.split(" ")[0]
    rows = []
    for seed in range(cell.times):
        values = TRUTHS[cell.truth](np.random.default_rng(seed), cell.size)
        continuous = cell.truth in CONTINUOUS
        ends = None if continuous else (0.0, {"uniform": 9.0, "binomial": 10.0}.get(name, float(values.max())))
        report = streamkl.fit(values, range=ends)
        best = [min(report.models, key=key).model == name for key in (_kl, _akaike, _description)]
        simple = [each for each in report.models if each.model != "mixture"]
        chosen, likely_error = _likely(name, values) if continuous and name in LIKELY else (False, 0.0)
        error = (report[name].parameters[LIKELY[name][0]] - TRUE[name]) ** 2 if name in TRUE else 0.0
        p_value = report[name].p_value
        refuted = p_value is not None and p_value <= 0.05
        rows.append((*best, refuted, min(simple, key=_description).model == name, chosen, error, likely_error))
    return Counted(*np.array(rows, float).sum(axis=0).tolist())


def _kl(fit: Any) -> float:
    return float(fit.kl_nats)


def _akaike(fit: Any) -> float:
    return float(fit.aic_nats)


def _description(fit: Any) -> float:
    return float(fit.description_nats)


def _likely(name: str, values: Any) -> tuple[bool, float]:
    """Whether Schwarz's criterion on raw likelihoods chooses the truth, and the squared error of the truth's parameter."""
    costs, error = {}, 0.0
    for model, (_, law, told) in LIKELY.items():
        if told and values.min() <= 0:
            continue
        found = law.fit(values, **told)
        free = len(found) - len(told)
        costs[model] = -law.logpdf(values, *found).mean() + free * np.log(len(values)) / 2 / len(values)
        if model == name and name in TRUE:
            scale_last = name in ("exponential", "normal")
            error = ((found[-1] if scale_last else found[0]) - TRUE[name]) ** 2
    return min(costs, key=lambda each: costs[each]) == name, float(error)


def main(
    *,
    times: Annotated[int, typer.Option(min=5, help="samples of each truth and size")] = 60,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/fitting.{json,md}")] = False,
) -> None:
    """How often the true model is chosen by KL alone, with Akaike's correction and by description length, how often it is refuted, and what
    cells cost beside maximum likelihood on raw values."""
    cells = [Cell(truth, size, times) for truth, size in product(TRUTHS, SIZES)]
    found: dict[Cell, Counted] = run(measure, cells, [cell.size for cell in cells], "fits", jobs)
    rows = [
        {
            "truth": cell.truth,
            "values": cell.size,
            "KL alone": each.kl / times,
            "Akaike": each.akaike / times,
            "description": each.description / times,
            "truth refuted at 5 %": each.refuted / times,
        }
        for cell, each in found.items()
    ]
    beside = [
        {
            "truth": cell.truth,
            "values": cell.size,
            "cells": each.without_mixture / times,
            "raw likelihood": each.likely / times,
            "error of": LIKELY[cell.truth][0] or None,
            "rms error, cells ÷ raw": (each.error / each.likely_error) ** 0.5 if each.likely_error else None,
        }
        for cell, each in found.items()
        if cell.truth in LIKELY
    ]
    made = Report(
        "fitting",
        "Which model is chosen where the truth is known",
        command_line("fitting"),
        [
            f"{times} samples of each truth and size; a share of 0.5 is known to ±{1 / times**0.5:.2f} (two standard errors).",
            f"Models, continuous: {', '.join(CONTINUOUS_MODELS)}; discrete: {', '.join(DISCRETE_MODELS)}.",
            "The mixture holds the normal, the negative binomial nearly holds Poisson and geometric: by KL alone the larger one wins.",
            "Raw likelihood: scipy's fits with Schwarz's correction, the same models without the mixture, whose likelihood has no bound.",
        ],
        rows,
        [Section("Share of samples for which the truth is chosen", rows), Section("Cells beside likelihoods of raw values", beside)],
    )
    show(made)
    if save:
        write(made)


if __name__ == "__main__":
    typer.run(main)
