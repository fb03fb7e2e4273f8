"""Settings drawn at random around the shipped one, and what each finds, series by series: `python -m benchmarks.drawn --help`.

What is compiled has its constants frozen: so constants are drawn less often than options, and each draw of them has a process of its own.
The first draw of either is the shipped one.
"""

import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

import streamkl
from benchmarks.ablation import QUIET_POINTS, RUN_LENGTH, load_scorer, quiet_alarms
from benchmarks.ingredients import Variant
from streamkl.config.detector import DetectorConfig, EpisodeConfig
from streamkl.units import parse_budget

SEED = 29
LIMIT = 1.0
PATIENCE = (1.6, 1.0, 0.625)  # times the run length that is promised: limits of about half a nat to either side of the shipped one
# Ranges around the shipped values. They were widened once where the averages of 128 draws rose towards an end (decision 0035).
CONSTANTS: dict[str, tuple[Any, ...]] = {
    "core.surprise.SPARED": (0.08, 0.1, 0.12, 0.14),
    "core.surprise.SPARED_FEWEST": (1.0, 2.0, 3.0),
    "core.surprise.PRIOR_BLOCKS": (2.0, 4.0),
    "core.surprise.PRIOR_EXCESS": (0.2, 0.3, 0.4),
    "core.surprise.UNKNOWN": (0.25, 0.5, 0.75),
    "core.surprise.KNOWN_BLOCKS": (20.0, 40.0, 60.0, 90.0),
    "core.surprise.FORGIVEN": (0.01, 0.02, 0.03, 0.05),
    "core.tracks.EXPONENT": (3.0, 4.0, 5.0, 6.0),
    "core.past.WEIGHT_OF_RARE": (0.2, 0.3, 0.4),
}
OPTIONS: dict[str, tuple[Any, ...]] = {
    "least_run_length": (500, 1_000, 1_500, 2_000),
    "point_share": (0.6, 0.75, 0.85),
}
EPISODES: dict[str, tuple[Any, ...]] = {
    "close_after": (2, 3, 4, 6, 8),
    "cooldown": (5, 8, 12),
    "escalate_factor": (1.3, 1.5, 2.0),
    "expect_returns": (True, False),
}


def constants(number: int) -> dict[str, Any]:
    """What stands in for names of streamkl.core in this draw."""
    return _draw(CONSTANTS, number)


def config(number: int, draw: int) -> DetectorConfig:
    """The configuration of this draw, with those constants."""
    if draw == 0:
        return DetectorConfig()
    return DetectorConfig(**_draw(OPTIONS, number, draw), episodes=EpisodeConfig(**_draw(EPISODES, number, draw)))


def patient(setting: DetectorConfig, patience: float) -> DetectorConfig:
    """The same with other promises: one false alarm in so many times the points, and the time."""
    return setting.model_copy(
        update={
            "false_alarms": parse_budget(f"{1 / patience} per series per week"),
            "false_alarms_without_clock": parse_budget(f"1 per {round(RUN_LENGTH * patience)} points"),
            "least_run_length": round(setting.least_run_length * patience),
        }
    )


def _draw(ranges: dict[str, tuple[Any, ...]], *number: int) -> dict[str, Any]:
    if not any(number):
        return {}
    dice = np.random.default_rng((SEED, len(ranges), *number))
    return {name: values[dice.integers(len(values))] for name, values in ranges.items()}


Counted = tuple[float, float]


class Scored(NamedTuple):
    """A series as the scorer reads it, and what turns its scores into (part, whole): a figure is a sum of parts over a sum of wholes,
    whichever series it is taken over."""

    set: str
    series: str
    values: NDArray[np.float64]
    seconds: NDArray[np.int64] | None
    counted: Callable[[NDArray[np.float64]], Counted]


def read(tools: Path, data: Path) -> Iterator[Scored]:
    """Every series of every set but those of change points."""
    scorer: Any = load_scorer(tools)
    metrics, nab = import_module("metrics"), import_module("nab")
    for name in scorer.sets_of(str(data)):
        for row in scorer.series_of(str(data), name):
            values, seconds, labels, times = scorer.read(row, "fill")
            if row["kind"] == "nab":
                counted = _windows_beside(nab, row, times)
            elif row["kind"] == "window":
                counted = _labels_within(metrics, row, labels)
            else:
                continue
            yield Scored(name, row["series"], values, seconds, counted)


def _windows_beside(nab: ModuleType, row: dict[str, Any], times: Any) -> Callable[[NDArray[np.float64]], Counted]:
    """NAB's standard profile: of what lies between no detection at all and a perfect one, what is reached."""
    false_alarm, miss = nab.PROFILES["standard"]

    def counted(scores: NDArray[np.float64]) -> Counted:
        file = nab.FileScore(row["series"], times, scores, row["limits"])
        raw = nab.summarise([file], LIMIT, false_alarm, miss)["raw"]
        return raw + miss * file.n_windows, (1.0 + miss) * file.n_windows

    return counted


def _labels_within(metrics: ModuleType, row: dict[str, Any], labels: NDArray[np.uint8]) -> Callable[[NDArray[np.float64]], Counted]:
    """F1 of events: twice those found, and the same with false and missed ones."""
    start, interval, slack = row["start"], row["interval"], int(import_module("evaluate").SLACK)
    cooldown = min(60, max(1, int(3600 // interval) if interval else 0))

    def counted(scores: NDArray[np.float64]) -> Counted:
        one = metrics.event_scores([(scores[start:], labels[start:], interval, cooldown)], LIMIT, slack)
        return 2.0 * one["found"], 2.0 * one["found"] + one["false"] + one["missed"]

    return counted


def measure(number: int, draws: int, tools: Path, data: Path, points: int) -> dict[str, Any]:
    """Per draw of options, with these constants: `found`, set to series to one (part, whole) for each of PATIENCE; `quiet`, alarms per
    promised one. It changes this process for good."""
    variant = Variant(instead=constants(number))
    variant.install()
    scored = list(read(tools, data))
    made = []
    for draw in range(draws):
        setting, found = config(number, draw), {each.set: {} for each in scored}
        for each in scored:
            found[each.set][each.series] = [
                each.counted(streamkl.score(each.values, each.seconds, config=patient(setting, patience))) for patience in PATIENCE
            ]
        made.append({"found": found, "quiet": quiet_alarms(setting, points)})
        print(f"{draw + 1} of {draws}", file=sys.stderr, flush=True)
    return {"draws": made}


def main(
    number: Annotated[int, typer.Argument(help="of the draw of constants; 0: the shipped ones")],
    *,
    tools: Annotated[Path, typer.Option(exists=True, file_okay=False, help="folder with the scorer, evaluate.py")],
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="folder of labelled sets")],
    draws: Annotated[int, typer.Option(min=1, help="of options with these constants, the shipped ones first")] = 8,
    points: Annotated[int, typer.Option(min=500, help="of each series of a quiet process")] = QUIET_POINTS,
) -> None:
    """What settings with these constants find, as JSON. `benchmarks.folds` runs this for each draw, and chooses among them."""
    print(json.dumps(measure(number, draws, tools, data, points)))


if __name__ == "__main__":
    typer.run(main)
