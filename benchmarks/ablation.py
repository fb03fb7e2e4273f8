"""One variant of the detector on labelled sets and quiet processes, in a process of its own: `python -m benchmarks.ablation --help`."""

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
import typer
from numpy.typing import NDArray

import streamkl
from benchmarks import alone, kept
from benchmarks.alone import Alone, content
from benchmarks.ingredients import VARIANTS
from benchmarks.zoo import series
from streamkl.config.detector import DetectorConfig
from streamkl.units import parse_budget

QUIET = ("normal", "ar_0.9", "student_t3")  # names of benchmarks/zoo.py: light tails, slow, heavy tails
QUIET_SERIES, QUIET_POINTS, RUN_LENGTH = 10, 100_000, 10_000
CODE = ("benchmarks/ablation.py", "benchmarks/ingredients.py", "benchmarks/replacements.py", *kept.PROCESSES)


class Scorer(Protocol):
    """The module `evaluate` of the tools."""

    def sets_of(self, data: str) -> list[str]:
        """Names of the sets there."""

    def evaluate(self, data: str, sets: object, detectors: object, jobs: int, *, quiet: bool) -> dict[str, dict[str, Any]]:
        """Per set, its kind and one result a detector."""


def load_scorer(tools: Path) -> Scorer:
    """The scorer of a folder; BadParameter where there is none."""
    sys.path.insert(0, str(tools.resolve()))
    try:
        scorer: Any = importlib.import_module("evaluate")
    except ImportError as error:
        raise typer.BadParameter(f"{tools} has no evaluate.py that can be imported ({error})", param_hint="--tools") from error
    return scorer  # type: ignore[no-any-return]


def scored(scorer: Scorer, data: Path, detectors: Sequence[object]) -> dict[str, dict[str, Any]]:
    """Per set its kind, series, rows and results, without those of single series."""
    found = scorer.evaluate(str(data), scorer.sets_of(str(data)), detectors, 1, quiet=True)
    for one in found.values():
        one["series"] = len(one["series"])
        for result in one["results"]:
            result.pop("per_series", None)
    return found


def quiet_alarms(config: DetectorConfig, points: int) -> dict[str, float]:
    """Per process, episodes opened per promised one, one in `RUN_LENGTH` points."""
    config = config.model_copy(update={"false_alarms_without_clock": parse_budget(f"1 per {RUN_LENGTH} points")})
    found = {}
    for name in QUIET:
        results = [streamkl.evaluate(series(name, points, seed), config=config) for seed in range(QUIET_SERIES)]
        found[name] = float(sum(r.opened.sum() for r in results) * RUN_LENGTH / sum(r.judged.sum() for r in results))
    return found


def measure(name: str, tools: Path, data: Path, points: int) -> dict[str, Any]:
    """All figures of one variant. It changes this process for good."""
    variant = VARIANTS[name]
    variant.install()

    def score(values: NDArray[np.float64], timestamps: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        return streamkl.score(values, timestamps, config=variant.config)

    score.__name__ = name
    return {"sets": scored(load_scorer(tools), data, [score]), "quiet": quiet_alarms(variant.config, points)}


def measured(names: Sequence[str], tools: Path, data: Path, jobs: int, points: int = QUIET_POINTS) -> dict[str, dict[str, Any]]:
    """All figures of these variants, `jobs` processes at a time."""
    shared = {"detector": kept.digest(kept.DETECTOR), "code": kept.digest(CODE), "tools": content(tools), "data": content(data)}
    folders = ("--tools", str(tools.resolve()), "--data", str(data.resolve()), "--points", str(points))
    wanted = {
        name: Alone({"variant": name, "points": points, **shared}, "ablation", (*folders, "--", name), bool(VARIANTS[name].instead))
        for name in names
    }
    return alone.measured(kept.Kept("ablation"), wanted, jobs, "variants")


def main(
    variant: Annotated[str, typer.Argument(help="a name from benchmarks/ingredients.py")],
    *,
    tools: Annotated[Path, typer.Option(exists=True, file_okay=False, help="folder with the scorer, evaluate.py")],
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="folder of labelled sets")],
    points: Annotated[int, typer.Option(min=500, help=f"of each of {QUIET_SERIES} series of a quiet process")] = QUIET_POINTS,
) -> None:
    """All figures of one variant, as JSON. `benchmarks.detection` runs this for each, and shows them as a table."""
    if variant not in VARIANTS:
        raise typer.BadParameter(f'"{variant}" is none; there are: {", ".join(VARIANTS)}')
    print(json.dumps(measure(variant, tools, data, points)))


if __name__ == "__main__":
    typer.run(main)
