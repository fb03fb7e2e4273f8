"""Measured against promised false alarms on stationary series: `python -m benchmarks.false_alarms --help`."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Annotated

import numpy as np
import typer

import streamkl
from benchmarks import rivals as others
from benchmarks.processes import PROCESSES
from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, command_line, show, write
from benchmarks.zoo import series
from streamkl.config.detector import DetectorConfig
from streamkl.units import parse_budget

DEFAULT = ("normal", "ar_0.9", "daily_sine", "daily_sine_minutes", "poisson_3", "constant")
OURS = "streamkl"
START = 1_700_000_000  # seconds since 1970 of a series' first point
RESAMPLES = 2_000
NO_ALARM_LIMIT = 3.689  # alarms expected where none is seen with probability 2.5 %: -ln 0.025


@dataclass(frozen=True, slots=True)
class Job:
    """One detector over one series."""

    detector: str
    process: str
    budget: str  # "" for detectors that take none
    points: int
    seed: int
    interval_seconds: int | None


@dataclass(frozen=True, slots=True)
class Tally:
    """What one series gave: points judged, alarms promised for them, alarms raised, points with the statistic at or above the threshold."""

    judged: int
    promised: float
    alarms: int
    above: int | None


def measure(job: Job) -> Tally:
    """Run one job: deterministic, 100,000 points in well under a second for streamkl."""
    if job.detector != OURS:
        return Tally(job.points, 0.0, others.alarms(job.detector, job.process, job.points, job.seed), None)
    values = series(job.process, job.points, job.seed)
    timed = job.interval_seconds is not None
    times = START + np.arange(job.points, dtype=np.int64) * (job.interval_seconds or 0) if timed else None
    budget = parse_budget(job.budget)
    config = DetectorConfig(false_alarms=budget) if timed else DetectorConfig(false_alarms_without_clock=budget)
    result = streamkl.evaluate(values, times, config=config)
    if np.any(result.score[result.opened] < 1):
        raise AssertionError(f"{job}: an episode opened on a score below 1")
    judged = int(result.judged.sum())
    promised = judged / budget.run_length_points(job.interval_seconds)
    return Tally(judged, promised, int(result.opened.sum()), int((result.ratio[result.judged] >= 1).sum()))


def interval(alarms: Sequence[int], promised: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the ratio of sums, bootstrapped over series (which are independent; alarms within one may not be).

    Without a single alarm there is nothing to resample: then from 0 to the largest rate under which silence has a chance of 2.5 %.
    """
    raised, allowed = np.asarray(alarms, dtype=np.float64), np.asarray(promised)
    if not raised.any():
        return 0.0, NO_ALARM_LIMIT / float(allowed.sum())
    picks = np.random.default_rng(0).integers(len(raised), size=(RESAMPLES, len(raised)))
    low, high = np.quantile(raised[picks].sum(axis=1) / allowed[picks].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def row(job: Job, tallies: Sequence[Tally], run_length: float) -> Row:
    """One line of the table: all series of one detector, process and budget. `run_length` is what rivals are held against."""
    alarms = [tally.alarms for tally in tallies]
    promised = [tally.promised or tally.judged / run_length for tally in tallies]
    low, high = interval(alarms, promised)
    above = [tally.above for tally in tallies if tally.above is not None]
    judged = sum(tally.judged for tally in tallies)
    return {
        "detector": job.detector,
        "process": job.process,
        "budget": job.budget or "(takes none)",
        "alarm ratio": sum(alarms) / sum(promised),
        "from": low,
        "to": high,
        "alarms": sum(alarms),
        "promised": sum(promised),
        "points judged": judged,
        "% above threshold": 100 * sum(above) / judged if above else None,
    }


def run(jobs: Sequence[Job], workers: int) -> dict[Job, Tally]:
    """All jobs, in their order, with a progress bar on stderr."""
    done: dict[Job, Tally] = {}
    with progress_bar("series", len(jobs)) as bar, ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(measure, job): job for job in jobs}
        for future in as_completed(waiting):
            done[waiting[future]] = future.result()
            bar.advance()
    return {job: done[job] for job in jobs}


def tabulate(done: Mapping[Job, Tally], run_length: float) -> Iterator[Row]:
    """One row for each detector, process and budget, in the order of the jobs."""
    for _, group in itertools.groupby(done, key=lambda job: (job.detector, job.process, job.budget)):
        jobs = list(group)
        yield row(jobs[0], [done[job] for job in jobs], run_length)


def promised_run_length(budgets: Sequence[str], interval_seconds: int | None) -> float:
    """Points between false alarms under the first budget; all of them are checked before anything runs."""
    try:
        first, *_ = [parse_budget(text).run_length_points(interval_seconds) for text in budgets]
    except ValueError as error:
        raise typer.BadParameter(f"--budget: {error}; a budget in time needs --interval") from error
    return first


def main(
    *,
    process: Annotated[list[str] | None, typer.Option(help="a name from benchmarks/processes.py; repeat for several")] = None,
    everything: Annotated[bool, typer.Option("--all", help="every process there is")] = False,
    budget: Annotated[list[str] | None, typer.Option(help='such as "1 per 1000 points"; repeat for several')] = None,
    count: Annotated[int, typer.Option("--series", min=1, help="series of each process")] = 10,
    points: Annotated[int, typer.Option(min=1, help="points of each series")] = 100_000,
    interval_seconds: Annotated[int | None, typer.Option("--interval", min=1, help="seconds between points; default: no clock")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the first series")] = 0,
    rivals: Annotated[bool, typer.Option("--rivals", help="river's ADWIN, KSWIN and PageHinkley as well")] = False,
    rival_points: Annotated[int, typer.Option(min=1, help="points of a series that rivals see (KSWIN is slow)")] = 20_000,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 2,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/false_alarms.{json,md}")] = False,
) -> None:
    """Alarms raised per alarm promised, on series that never change: 1 keeps the budget, above 1 breaks it."""
    names = list(PROCESSES) if everything else process or list(DEFAULT)
    unknown = [name for name in names if name not in PROCESSES]
    if unknown:
        raise typer.BadParameter(f"unknown process {', '.join(unknown)}; known: {', '.join(PROCESSES)}")
    shipped = DetectorConfig()
    budgets = budget or [str(shipped.false_alarms if interval_seconds else shipped.false_alarms_without_clock)]
    run_length = promised_run_length(budgets, interval_seconds)
    seeds, short = range(seed, seed + count), min(points, rival_points)
    planned = [Job(OURS, name, text, points, number, interval_seconds) for name in names for text in budgets for number in seeds]
    if rivals:
        planned += [Job(rival, name, "", short, number, None) for rival in others.RIVALS for name in names for number in seeds]
    results = tabulate(run(planned, jobs), run_length)
    notes = [
        "Alarm ratio: episodes opened, divided by (points judged / promised run length). 1 keeps the budget, above 1 breaks it.",
        f"From, to: 95 % interval, bootstrapped over {count} series of {points:,} points (seeds {seed} to {seeds[-1]}).",
        "% above threshold: judged points whose statistic is at or above its threshold, whether or not an episode opened there.",
    ]
    if rivals:
        notes.append(f'Rivals know no budget; their ratio is held against "{budgets[0]}", on the first {short:,} points.')
    report = Report("false_alarms", "False alarms: measured / promised", command_line("false_alarms"), notes, list(results))
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
