"""Drift detectors in river's loop, each with its own defaults: false alarms without a change, and how soon changes are found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from river.drift import ADWIN, KSWIN, PageHinkley

from benchmarks.changes import CHANGES
from benchmarks.report import Report, Row, Section, command_line, show, write
from benchmarks.tasks import run
from benchmarks.zoo import series
from streamkl.river import KLDrift

Array = NDArray[np.float64]

DETECTORS: dict[str, Callable[[], Any]] = {
    "KLDrift": partial(KLDrift, points_per_warning=0),
    "KLDrift, one window": partial(KLDrift, points_per_warning=0, windows=(64,), drift_track=False),
    "ADWIN": ADWIN,
    "KSWIN": partial(KSWIN, seed=0),
    "PageHinkley": PageHinkley,
}
STATIONARY = ("normal", "lognormal", "student_t3", "poisson_3", "ar_0.5", "ar_0.9", "garch", "daily_sine")
BASES = ("normal", "ar_0.5")  # mean 0 and variance 1
SLOWLY = "spread × 2 within 1,000 points"
CHANGED = (*(change.name for change in CHANGES if not change.name.startswith(("two modes", "rare tail"))), SLOWLY)
POINTS = 10_000  # of a stationary series
LEAD, AFTER = 5_000, 2_000  # points before a change, and those in which it counts as found


@dataclass(frozen=True, slots=True)
class Watched:
    """One detector on one series; `change` "" leaves it as it is."""

    detector: str
    process: str
    change: str
    seed: int


def changed(values: Array, change: str) -> Array:
    """Values of mean 0 and variance 1, from the first changed one on."""
    if change == SLOWLY:
        return np.asarray(values * np.minimum(1 + np.arange(1, len(values) + 1) / 1_000, 2.0))
    return next(each for each in CHANGES if each.name == change).apply(values)


def detections(watched: Watched) -> list[int]:
    """Rows at which the detector, which starts over each time by itself, detects drift."""
    values = series(watched.process, LEAD + AFTER if watched.change else POINTS, watched.seed)
    if watched.change:
        values = np.concatenate([values[:LEAD], changed(values[LEAD:], watched.change)])
    detector, rows = DETECTORS[watched.detector](), []
    for row, value in enumerate(values.tolist()):
        detector.update(value)
        if detector.drift_detected:
            rows.append(row)
    return rows


def _quiet(found: dict[Watched, list[int]], count: int) -> Iterator[Row]:
    for process in STATIONARY:
        alarms = {name: sum(len(found[Watched(name, process, "", seed)]) for seed in range(count)) for name in DETECTORS}
        yield {"series": process} | {name: alarms[name] / (count * POINTS) * 10_000 for name in DETECTORS}


def _delays(found: dict[Watched, list[int]], base: str, count: int) -> Iterator[Row]:
    for change in CHANGED:
        row: dict[str, Any] = {"change": change}
        for name in DETECTORS:
            rows = [found[Watched(name, base, change, seed)] for seed in range(count)]
            delays = [next((at - LEAD + 1 for at in each if at >= LEAD), None) for each in rows]
            seen = [delay for delay in delays if delay is not None]
            typical = median(delay if delay is not None else np.inf for delay in delays)
            row[name] = f"{typical:,.0f} ({len(seen)}/{count})" if np.isfinite(typical) else f"- ({len(seen)}/{count})"
        yield row


def main(
    *,
    trials: Annotated[int, typer.Option(min=1, help="series of each kind")] = 20,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/drift.{json,md}")] = False,
) -> None:
    """False alarms per 10,000 points, and median points to the detection of a change (in how many of the series). KSWIN takes longest."""
    tasks = [Watched(name, process, "", seed) for name, process, seed in product(DETECTORS, STATIONARY, range(trials))]
    tasks += [Watched(*which) for which in product(DETECTORS, BASES, CHANGED, range(trials))]
    found = run(detections, tasks, [1] * len(tasks), "series", jobs)
    quiet = list(_quiet(found, trials))
    sections = [Section("False alarms per 10,000 points without a change", quiet)]
    sections += [
        Section(f"Median points from a change to the detection, on {base} (found within {AFTER:,})", list(_delays(found, base, trials)))
        for base in BASES
    ]
    notes = [
        "Each detector has its own defaults, so that a short delay has to be read beside its false alarms; at equal rates: power.md.",
        "KLDrift promises at most one false alarm in 10,000 points. Changes come after 5,000 points.",
        f"{trials} series of {POINTS:,} points a stationary process, and as many a change.",
    ]
    made = Report("drift", "Drift detectors of river's kind, with their own defaults", command_line("drift"), notes, quiet, sections)
    show(made)
    if save:
        write(made)


if __name__ == "__main__":
    typer.run(main)
