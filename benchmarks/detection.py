"""How well labelled incidents are found, by the scorer of a folder of tools: `python -m benchmarks.detection --help`."""

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
import typer
from numpy.typing import NDArray

import streamkl
from benchmarks.report import Report, Row, Section, command_line, show, write
from streamkl.config.detector import DetectorConfig, EpisodeConfig
from streamkl.units import parse_window

Score = Callable[..., NDArray[np.float64]]

# One ingredient off at a time, as far as the configuration goes.
VARIANTS: dict[str, DetectorConfig] = {
    "streamkl": DetectorConfig(),
    "- single points": DetectorConfig(point_share=0.0),
    "- windows (one of 16 is left)": DetectorConfig(windows=(parse_window("16 points"),), drift=False),
    "- the window among single points": DetectorConfig(windows=(parse_window("16 points"), parse_window("31 points"))),
    "- drift": DetectorConfig(drift=False),
    "- the least run length": DetectorConfig(least_run_length=1),
    "- short episodes (8 to close, 16 of cooldown)": DetectorConfig(episodes=EpisodeConfig(close_after=8, cooldown=16)),
    "- updates (a rise by 1000)": DetectorConfig(episodes=EpisodeConfig(escalate_factor=1_000.0)),
}


class Scorer(Protocol):
    """The module `evaluate` of the tools."""

    def sets_of(self, data: str) -> list[str]:
        """Names of the sets there."""

    def evaluate(self, data: str, sets: object, detectors: object, jobs: int, *, quiet: bool) -> dict[str, dict[str, Any]]:
        """Per set, its kind and one result a detector."""


def detector(name: str, config: DetectorConfig) -> Score:
    """The library's `score` under a configuration and a name of its own."""

    def score(values: NDArray[np.float64], timestamps: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        return streamkl.score(values, timestamps, config=config)

    score.__name__ = name
    return score


def row(kind: str, found: Mapping[str, Any]) -> Row:
    """One line of a set's table, with the figures that its kind has."""
    name = str(found["detector"]).removeprefix("baselines:")
    if kind == "nab":
        best, at_1 = found["best"], found["at_1"]["standard"]
        return {
            "detector": name,
            "best standard": round(best["standard"]["score"], 1),
            "low FP": round(best["low_FP"]["score"], 1),
            "low FN": round(best["low_FN"]["score"], 1),
            "at 1.0": round(at_1["score"], 1),
            "windows hit": f"{at_1['windows_hit']} of {at_1['windows']}",
            "false rows": at_1["false_rows"],
            "µs a row": round(found["us_per_row"], 1),
        }
    if kind == "change":
        at_1 = found["at_1"]
        return {
            "detector": name,
            "F1 at 1.0": round(at_1["f1"], 3),
            "cover": round(at_1["cover"], 3),
            "best F1": round(found["best"]["f1"], 3),
        }
    at_1 = found["at_1"]
    return {
        "detector": name,
        "F1 at 1.0": round(at_1["f1"], 3),
        "precision": round(at_1["precision"], 2),
        "recall": round(at_1["recall"], 2),
        "false a day": round(at_1["false_per_day"], 3),
        "delay": at_1["median_delay"],
        "best F1": round(found["best"]["f1"], 3),
        "AUC-PR": round(found["auc_pr"], 3),
        "VUS-PR": round(found["vus_pr"], 3),
        "µs a row": round(found["us_per_row"], 1),
    }


def report(scorer: Scorer, data: Path, baselines: list[str]) -> Report:
    """Every set with every variant and every baseline, in one run."""
    detectors = [*(detector(name, config) for name, config in VARIANTS.items()), *(f"baselines:{name}" for name in baselines)]
    rows: list[Row] = []
    sections = []
    for name in scorer.sets_of(str(data)):
        found = scorer.evaluate(str(data), [name], detectors, 1, quiet=True)[name]
        lines = [row(found["kind"], each) for each in found["results"]]
        sections.append(Section(f"{name}: {len(found['series'])} series, {found['rows']:,} rows", lines))
        rows += [{"set": name} | dict(line) for line in lines]
    notes = [
        "1.0 is every detector's own threshold; streamkl's is the shipped default, the same for every set.",
        "best: one threshold for the whole set, chosen in hindsight.",
        "Labelled windows are found by a score of at least 1 in them or up to 5 rows later; false alarms at most one an hour.",
        "The first difference over 20 times its mean so far is the row `sad`.",
        "The default was chosen with these series at hand: expect somewhat less on others (decision 0021).",
    ]
    return Report("detection", "Labelled incidents", command_line("detection"), notes, rows, sections)


def main(
    *,
    tools: Annotated[Path, typer.Option(exists=True, file_okay=False, help="folder with the scorer, evaluate.py, and baselines.py")],
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="folder of labelled sets")],
    baseline: Annotated[list[str] | None, typer.Option(help="a function of baselines.py; repeat for several")] = None,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/detection.{json,md}")] = False,
) -> None:
    """F1, precision, false alarms and delay at the calibrated threshold, beside baselines, and with one ingredient off at a time."""
    sys.path.insert(0, str(tools.resolve()))
    try:
        scorer: Any = importlib.import_module("evaluate")
    except ImportError as error:
        raise typer.BadParameter(f"{tools} has no evaluate.py that can be imported ({error})", param_hint="--tools") from error
    chosen = ["rolling_z", "daily_difference_z", "gaussian", "sad", "relative_entropy"] if baseline is None else baseline
    made = report(scorer, data, chosen)
    show(made)
    if save:
        write(made)


if __name__ == "__main__":
    typer.run(main)
