"""Several features judged as one series: false alarms, and what is found how soon: `python -m benchmarks.features --help`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer
from numpy.random import Generator
from numpy.typing import NDArray

import streamkl
from benchmarks.processes import Array, autoregressive
from benchmarks.report import Report, Row, Section, command_line, show, write
from benchmarks.tasks import run
from benchmarks.verdicts import pooled
from streamkl.config.detector import DetectorConfig
from streamkl.core.bank import Bank
from streamkl.core.episode import OPENED
from streamkl.library.series import shared_tables
from streamkl.library.settings import settings_of

RUN_LENGTH = 10_000  # rows between false alarms that the default promises without a clock
ROWS = 20_000
COUNTS = (2, 5, 19, 38)
LEAD, TAIL = 6_000, 128  # quiet rows before an incident, and rows in which it has to be found
MEMORY = 100  # rows behind the plain rival
TOGETHER, APART, RIVAL = "together (streamkl)", "each by itself, 1/d", "largest |z| of 100 rows, tuned"

Draw = Callable[[Generator, int, int], Array]


def _factor(dice: Generator, n: int, d: int) -> Array:
    return np.asarray(np.sqrt(0.9) * dice.standard_normal((n, 1)) + np.sqrt(0.1) * dice.standard_normal((n, d)))


def _slow(dice: Generator, n: int, d: int) -> Array:
    slow = autoregressive(0.95)
    common = slow(dice, n)
    return np.column_stack([0.7 * common + 0.7 * slow(dice, n) for _ in range(d)])


def _seasonal(dice: Generator, n: int, d: int) -> Array:
    day = np.sin(2 * np.pi * np.arange(n) / 1_440)[:, None]
    return np.asarray(day * dice.uniform(0.3, 2.0, d) + 0.3 * dice.standard_normal((n, d)))


def _mixed(dice: Generator, n: int, d: int) -> Array:
    """Constant, one point in 5,000 off, counts, heavy tails, skewed, slow; the last three share a factor."""
    common = dice.standard_normal(n)
    kinds: tuple[Callable[[], Array], ...] = (
        lambda: np.full(n, 42.0),
        lambda: np.where(dice.random(n) < 1 / 5_000, 43.0, 42.0),
        lambda: dice.poisson(0.3, n).astype(np.float64),
        lambda: np.asarray(common + 0.5 * dice.standard_t(3, n)),
        lambda: np.exp(0.8 * common + 0.6 * dice.standard_normal(n)),
        lambda: np.asarray(common + autoregressive(0.99)(dice, n)),
    )
    return np.column_stack([kinds[k % len(kinds)]() for k in range(d)])


PROCESSES: dict[str, Draw] = {
    "independent normal": lambda dice, n, d: dice.standard_normal((n, d)),
    "one factor, correlation .9": _factor,
    "AR(1) .95 and a factor": _slow,
    "independent Student's t3": lambda dice, n, d: dice.standard_t(3, (n, d)),
    "a season of 1,440": _seasonal,
    "constants, rare jumps, counts, tails": _mixed,
}
INCIDENTS = ("spike of 8 in one", "shift of 3 in one", "third out by 3, one row", "shift of 1 in a third", "shift of 1.5 in all", "break")


@dataclass(frozen=True, slots=True)
class Task:
    """`incident`: one of INCIDENTS, or "" for rows on which every alarm is a false one."""

    process: str
    features: int
    seed: int
    incident: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """By contender: alarms raised, or rows from the incident to the alarm (0: not found)."""

    together: int
    apart: int
    rival: int


def rows_of(task: Task) -> Array:
    """Quiet rows, and from LEAD on the incident."""
    dice = np.random.default_rng([task.seed, task.features, len(task.incident)])
    n, d = (LEAD + TAIL if task.incident else ROWS), task.features
    values = PROCESSES[task.process](dice, n, d)
    spread, one, third = values[: min(LEAD, n)].std(axis=0), int(dice.integers(d)), dice.permutation(d)[: max(1, d // 3)]
    if task.incident == INCIDENTS[0]:
        values[LEAD, one] += 8 * spread[one]
    elif task.incident == INCIDENTS[1]:
        values[LEAD:, one] += 3 * spread[one]
    elif task.incident == INCIDENTS[2]:
        values[LEAD, third] += 3 * spread[third]
    elif task.incident == INCIDENTS[3]:
        values[LEAD:, third] += spread[third]
    elif task.incident == INCIDENTS[4]:
        values[LEAD:] += 1.5 * spread
    elif task.incident == INCIDENTS[5]:
        values[LEAD:, third] = PROCESSES[task.process](dice, TAIL, d)[:, third]
    return values


def alarms_apart(values: Array) -> NDArray[np.int64]:
    """Rows at which an episode of some feature opens, each feature a series of its own with an equal part of the budget."""
    n, d = values.shape
    bank = Bank(settings_of(DetectorConfig(), d), shared_tables(), d)
    members = [bank.birth() for _ in range(d)]
    found = bank.run(np.tile(members, n), np.zeros(n * d, np.int64), values.ravel(), np.repeat(np.arange(n), d))
    return np.unique([transition.index // d for transition in found.transitions if transition.happened == OPENED]).astype(np.int64)


def largest_z(values: Array) -> Array:
    """Of all features, the largest distance from the mean of the MEMORY rows before, in their standard deviations."""
    sums = np.cumsum(np.r_[np.zeros((1, values.shape[1])), values], axis=0)
    squares = np.cumsum(np.r_[np.zeros((1, values.shape[1])), values * values], axis=0)
    mean = (sums[MEMORY:-1] - sums[: -MEMORY - 1]) / MEMORY
    variance = np.maximum((squares[MEMORY:-1] - squares[: -MEMORY - 1]) / MEMORY - mean * mean, 1e-12)
    return np.asarray(np.r_[np.zeros(MEMORY), (np.abs(values[MEMORY:] - mean) / np.sqrt(variance)).max(axis=1)])


def measure(task: Task) -> Found:
    """One series. The rival's limit for incidents is its largest value in the quiet rows."""
    values = rows_of(task)
    result, apart, z = streamkl.evaluate(values), alarms_apart(values), largest_z(values)
    if not task.incident:
        return Found(int(result.opened.sum()), len(apart), int((z >= 6.0).sum()))
    together = np.flatnonzero(result.score >= 1)
    limit = float(np.sort(z[MEMORY:LEAD])[-1])
    rival = np.flatnonzero(z >= limit)
    return Found(_delay(together), _delay(apart), _delay(rival[rival >= LEAD]))


def _delay(rows: NDArray[np.int64]) -> int:
    after = rows[rows >= LEAD]
    return int(after[0]) - LEAD + 1 if len(after) else 0


def alarm_rows(done: dict[Task, Found], seeds: int) -> list[Row]:
    """Alarms per promised alarm."""
    promised = [ROWS / RUN_LENGTH] * seeds
    rows: list[Row] = []
    for name, d in dict.fromkeys((task.process, task.features) for task in done if not task.incident):
        mine = [found for task, found in done.items() if (task.process, task.features, task.incident) == (name, d, "")]
        rows.append(
            {
                "process": name,
                "features": d,
                TOGETHER: str(pooled([found.together for found in mine], promised)),
                APART: str(pooled([found.apart for found in mine], promised)),
                "largest |z| >= 6": str(pooled([found.rival for found in mine], promised)),
            }
        )
    return rows


def incident_rows(done: dict[Task, Found]) -> list[Row]:
    """Share found, and the median delay of those found."""
    rows: list[Row] = []
    for name, d, incident in dict.fromkeys((task.process, task.features, task.incident) for task in done if task.incident):
        mine = [found for task, found in done.items() if (task.process, task.features, task.incident) == (name, d, incident)]
        rows.append(
            {
                "process": name,
                "features": d,
                "incident": incident,
                TOGETHER: _told([found.together for found in mine]),
                APART: _told([found.apart for found in mine]),
                RIVAL: _told([found.rival for found in mine]),
            }
        )
    return rows


def _told(delays: Sequence[int]) -> str:
    found = [delay for delay in delays if delay]
    return f"{100 * len(found) / len(delays):.0f} %" + (f", {np.median(found):g}" if found else "")


def main(
    *,
    features: Annotated[list[int] | None, typer.Option(min=2, help="number of features; repeat for several")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="series of each kind")] = 10,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/features.{json,md}")] = False,
) -> None:
    """Several features with one budget, beside each feature by itself with its part of it, and the largest z-score."""
    counts = features or list(COUNTS)
    quiet = [Task(name, d, seed) for name in PROCESSES for d in counts for seed in range(seeds)]
    upset = [
        Task(name, d, 1_000 + seed, incident)
        for name in list(PROCESSES)[:4]
        for d in counts
        if d > 2
        for incident in INCIDENTS
        for seed in range(seeds)
    ]
    tasks = quiet + upset
    done = run(measure, tasks, [task.features * (LEAD if task.incident else ROWS) for task in tasks], "values", jobs)
    sections = [
        Section("Alarms per promised alarm", alarm_rows(done, seeds)),
        Section("Found, and after how many rows", incident_rows(done)),
    ]
    notes = [
        f"Promised: one alarm in {RUN_LENGTH:,} rows for all features together; {seeds} series of {ROWS:,} rows a kind, 90 % intervals.",
        f"An incident begins after {LEAD:,} quiet rows, and is found within {TAIL}; sizes in standard deviations of the feature.",
        "The z-score alarms above 6; of incidents, above its largest value in the quiet rows: one alarm in 5,900 rows, in hindsight.",
        "break: a third of the features go on as another draw of the same process, so that they no longer belong to the rest.",
    ]
    rows = [row for section in sections for row in section.rows]
    made = Report("features", "Several features with one budget", command_line("features"), notes, rows, sections)
    show(made)
    if save:
        write(made)


if __name__ == "__main__":
    typer.run(main)
