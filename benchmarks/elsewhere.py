"""alibi-detect and a random cut forest beside streamkl: false alarms without a change, and how soon changes are found."""

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

import streamkl
from benchmarks import elsewhere_detectors
from benchmarks.changes import CHANGES
from benchmarks.report import Report, Row, Section, command_line, show, write
from benchmarks.tasks import run
from benchmarks.zoo import series

Array = NDArray[np.float64]

OURS, ALIBI, FOREST = "streamkl", "alibi-detect CVM online", "random cut forest"
DETECTORS = (OURS, ALIBI, FOREST)
PROCESSES = ("normal", "ar_0.5", "ar_0.9")
CHANGED = ("mean + 1 σ", "mean + 2 σ", "variance × 2", "two modes, same mean and variance", "rare tail: 1 % at 5 σ")
RUN = elsewhere_detectors.ERT
FIRST, QUIET, LEAD, AFTER = 500, 2_000, 100, 300  # points learned; of a quiet stream; before a change; in which it counts as found
REARM = 10  # points after an alarm in which the forest raises none
CALIBRATION = 1_000  # first seed of the series that the forest's threshold is taken from


@dataclass(frozen=True, slots=True)
class Watched:
    """One detector that has learned one series and judges the streams after it."""

    detector: str
    process: str
    seed: int
    changes: bool
    python: str


def streams(watched: Watched) -> tuple[Array, list[Array]]:
    """What is learned, and what comes then: nothing new, and each of the changes."""
    count = len(CHANGED) * watched.changes
    values = series(watched.process, FIRST + QUIET + count * (LEAD + AFTER), watched.seed)
    made, rest = [values[FIRST : FIRST + QUIET]], values[FIRST + QUIET :].reshape(count, LEAD + AFTER)
    for name, part in zip(CHANGED, rest, strict=False):
        change = next(each for each in CHANGES if each.name == name)
        made.append(np.concatenate([part[:LEAD], change.apply(part[LEAD:])]))
    return values[:FIRST], made


def judged(watched: Watched) -> list[list[float]]:
    """For each stream the rows of alarms, or, of the forest, a score a point."""
    first, given = streams(watched)
    if watched.detector == OURS:
        config = streamkl.DetectorConfig.model_validate({"false_alarms_without_clock": f"1 per {RUN} points"})
        opened = (streamkl.evaluate(np.concatenate([first, each]), config=config).opened for each in given)
        return [[float(row - FIRST) for row in np.flatnonzero(each) if row >= FIRST] for each in opened]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "streams.npz"
        np.savez(path, first=first, **{f"stream_{number}": each for number, each in enumerate(given)})
        name = "alibi" if watched.detector == ALIBI else "rrcf"
        command = [watched.python, "-W", "ignore", elsewhere_detectors.__file__, name, str(path)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
        found: list[list[float]] = json.loads(printed.splitlines()[-1])
        return found


def reached(scores: Sequence[float], level: float) -> list[float]:
    """Rows at which a level is reached anew."""
    rows: list[float] = []
    for row, score in enumerate(scores):
        if score >= level and (not rows or row >= rows[-1] + REARM):
            rows.append(float(row))
    return rows


def threshold(scores: Sequence[Sequence[float]]) -> float:
    """The lowest level that quiet streams reach no more than once in `RUN` points."""
    allowed = sum(map(len, scores)) / RUN
    levels = sorted({score for each in scores for score in each})
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        if sum(len(reached(each, levels[middle])) for each in scores) <= allowed:
            high = middle
        else:
            low = middle + 1
    return levels[low]


def quiet_rows(alarms: Mapping[Watched, Sequence[Sequence[float]]], count: int) -> Iterator[Row]:
    """Alarms per promised alarm, process by process."""
    for process in PROCESSES:
        found = {name: [rows[0] for w, rows in alarms.items() if (w.detector, w.process) == (name, process)] for name in DETECTORS}
        yield {"series": process} | {name: sum(map(len, each)) / (count * QUIET / RUN) for name, each in found.items()}


def delay_rows(alarms: Mapping[Watched, Sequence[Sequence[float]]], count: int) -> Iterator[Row]:
    """Median points from a change to the first alarm, and how many were found."""
    for number, change in enumerate(CHANGED, start=1):
        row: dict[str, Any] = {"change": change}
        for name in DETECTORS:
            streams_of = [rows[number] for w, rows in alarms.items() if w.detector == name and w.changes]
            delays = [next((at - LEAD + 1 for at in rows if at >= LEAD), np.inf) for rows in streams_of]
            seen, typical = sum(map(np.isfinite, delays)), median(delays)
            row[name] = f"{typical:,.0f} ({seen}/{count})" if np.isfinite(typical) else f"- ({seen}/{count})"
        yield row


def versions(python: str) -> str:
    """Of the rivals, as that interpreter has them."""
    asked = 'from importlib.metadata import version as v; print(f\'alibi-detect {v("alibi-detect")}, rrcf {v("rrcf")}\')'
    return subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


def main(
    *,
    python: Annotated[str, typer.Option(help='an interpreter with alibi-detect and rrcf: pip install alibi-detect rrcf "setuptools<81"')],
    trials: Annotated[int, typer.Option(min=1, help="series of each kind")] = 8,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/elsewhere.{json,md}")] = False,
) -> None:
    """False alarms where one in 1,000 points is promised, and median points to an alarm. The forest takes longest."""
    tasks = [Watched(*which, which[1] == "normal", python) for which in product(DETECTORS, PROCESSES, range(trials))]
    learning = [Watched(FOREST, "normal", CALIBRATION + seed, False, python) for seed in range(trials)]
    found = run(judged, [*tasks, *learning], [1 if each.detector == OURS else 50 for each in (*tasks, *learning)], "series", jobs)
    level = threshold([found[each][0] for each in learning])
    alarms = {each: [reached(rows, level) for rows in found[each]] if each.detector == FOREST else found[each] for each in tasks}
    quiet = list(quiet_rows(alarms, trials))
    sections = [
        Section(f"Alarms per promised alarm without a change (promised: 1 in {RUN:,} points)", quiet),
        Section(f"Median points from a change to the alarm, on normal (found within {AFTER})", list(delay_rows(alarms, trials))),
    ]
    notes = [
        f"{trials} series of each kind; {FIRST} points learned, {QUIET:,} quiet ones; changes after {LEAD} points more.",
        f"streamkl: its defaults, told 1 per {RUN} points. alibi-detect: CVMDriftOnline, ert={RUN}, windows {elsewhere_detectors.WINDOWS}, "
        f"{elsewhere_detectors.BOOTSTRAPS:,} bootstraps; it begins anew after each alarm.",
        f"The forest (rrcf, {elsewhere_detectors.TREES} trees of the newest {elsewhere_detectors.LEAVES} points) promises nothing: its "
        f"threshold is what {trials} other quiet normal series reached once in {RUN:,} points.",
        f"{versions(python)}, in an environment of their own.",
        "The forest looks for strange points, the others for changes: a lasting shift becomes normal to it.",
    ]
    made = Report("elsewhere", "alibi-detect and a random cut forest", command_line("elsewhere"), notes, quiet, sections)
    show(made)
    if save:
        write(made)


if __name__ == "__main__":
    typer.run(main)
