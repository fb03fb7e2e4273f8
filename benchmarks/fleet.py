"""False alarms of many series that share a budget, against what was promised for all of them: `python -m benchmarks.fleet --help`."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import typer

from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, command_line, show, write
from streamkl.assembly.plan import build_plan
from streamkl.config import Config, DetectorConfig
from streamkl.engine.engine import Engine
from streamkl.engine.points import Points
from streamkl.model import MICROSECONDS, Message, Partition
from streamkl.units import parse_budget

FLEETS = (200, 20, 2_000)
DAY = 1_440  # points of a series: one a minute
CHUNK = 360  # of them at once
START_US = 1_700_000_000 * MICROSECONDS
RESAMPLES = 2_000


def engine_for(budget: str) -> Engine:
    """One partition under the shipped settings, with another budget."""
    return Engine(Partition("fleet", 0), build_plan(Config(detector=DetectorConfig(false_alarms=parse_budget(budget)))))


def measure(series: int, budget: str, a_day: float, days: int, settled: int, seed: int) -> Row:
    """Independent normal series, a point a minute each; alarms of the days from `settled` on against `a_day` promised for all of them."""
    engine, dice = engine_for(budget), np.random.default_rng(seed)
    names, minutes = [f"s{i}" for i in range(series)], days * DAY
    alarms: Counter[str] = Counter()
    with progress_bar(f"{series} series", minutes) as bar:
        for first in range(0, minutes, CHUNK):
            count = min(CHUNK, minutes - first)
            times = np.repeat(START_US + (first + np.arange(count)) * 60 * MICROSECONDS, series)
            messages = [Message("fleet", 0, first + i, -1, None, b"") for i in range(count)]
            points = Points(names * count, times, dice.normal(size=series * count), {}, np.repeat(np.arange(count, dtype=np.int32), series))
            told = engine.receive_points(points, messages).events
            alarms.update(e.series for e in told if e.type == "opened" and e.source.last_offset >= settled * DAY)
            for _ in range(count):
                bar.advance()
    promised = a_day * (days - settled)
    raised = np.array([alarms[name] for name in names])
    low, high = interval(raised, promised)
    return {
        "series": series,
        "budget": budget,
        "days": days - settled,
        "alarms": int(raised.sum()),
        "promised": promised,
        "alarm ratio": raised.sum() / promised,
        "from": low,
        "to": high,
        "most of one series": int(raised.max()),
    }


def interval(raised: np.ndarray, promised: float) -> tuple[float, float]:
    """95 % interval of the ratio, bootstrapped over series."""
    picks = np.random.default_rng(0).integers(len(raised), size=(RESAMPLES, len(raised)))
    low, high = np.quantile(raised[picks].sum(axis=1) / promised, [0.025, 0.975])
    return float(low), float(high)


def main(
    *,
    series: Annotated[list[int] | None, typer.Option(min=1, help="how many series share the budget; repeat for several")] = None,
    a_day: Annotated[
        float, typer.Option(min=0.001, help="false alarms a day, for each series' part; the budget is that times the series")
    ] = 0.5,
    days: Annotated[int, typer.Option(min=2, help="days of a point a minute")] = 10,
    settled: Annotated[int, typer.Option(min=0, help="first days that do not count: windows learn their own past")] = 3,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/fleet.{json,md}")] = False,
) -> None:
    """Alarms raised per alarm promised, by all series of one partition together: 1 keeps the budget, above 1 breaks it."""
    fleets: Sequence[int] = series or FLEETS
    rows = [measure(count, f"{a_day * count:g} per day in all", a_day * count, days, settled, seed) for count in fleets]
    rows.append(measure(fleets[0], f"{a_day:g} per series per day", a_day * fleets[0], days, settled, seed))
    notes = [
        "Independent normal series that never change, a point a minute each, under the shipped settings with this budget.",
        f"The first {settled} of {days} days do not count: there windows still learn their own past, and are quieter.",
        "The last row is the same without sharing. From, to: 95 % interval, bootstrapped over series.",
    ]
    report = Report("fleet", "A budget in all: measured / promised", command_line("fleet"), notes, rows)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
