"""How settled the threshold is at each confidence that events carry: `python -m benchmarks.confidence --help`."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Annotated

import numpy as np
import typer

from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, command_line, show, write
from benchmarks.zoo import EVERY, series
from streamkl.config.detector import DetectorConfig
from streamkl.core.bank import Bank
from streamkl.engine.confidence import confidence
from streamkl.library.series import shared_tables
from streamkl.library.settings import settings_of
from streamkl.units import parse_budget

BUDGET = "1 per 10000 points"
EDGES = (0.0, 0.25, 0.5, 0.75, 1.0)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FIRST_STEP, GROWTH = 100, 0.03  # points between two looks: at first, then as a part of the points so far

Look = tuple[float, float]  # confidence, ln(factor now / factor at the end)


def looks(process: str, points: int, seed: int) -> list[Look]:
    """One series of a process: every window's tail factor on its way, against the one it ends with."""
    settings = settings_of(DetectorConfig(false_alarms_without_clock=parse_budget(BUDGET)))
    bank, values = Bank(settings, shared_tables(), 1), series(process, points, seed)
    row, at = bank.birth(), 0
    seen: list[tuple[int, float, float]] = []
    while at < points:
        count = min(max(FIRST_STEP, int(GROWTH * at)), points - at)
        positions = np.arange(at, at + count)
        bank.run(np.full(count, row), np.zeros(count, np.int64), values[positions], positions)
        at += count
        arena = bank.arena
        for w in np.flatnonzero(arena.factor[row] > 0).tolist():
            sure = confidence(
                int(arena.blocks[row, w]), int(arena.judged[row, w]), float(np.exp(arena.log_run[row])), float(arena.effective[row])
            )
            seen.append((w, sure, float(arena.factor[row, w])))
    return [(sure, float(np.log(factor / bank.arena.factor[row, w]))) for w, sure, factor in seen]


def tabulate(found: Mapping[int, Sequence[float]]) -> Iterator[Row]:
    """One row for each class of confidence: quantiles of factor now / factor at the end."""
    for index in sorted(found):
        low, high = EDGES[index], EDGES[index + 1] if index + 1 < len(EDGES) else None
        quantiles = np.exp(np.quantile(found[index], QUANTILES))
        shown = {f"{round(100 * q)} %": float(value) for q, value in zip(QUANTILES, quantiles, strict=True)}
        yield {"confidence": f"{low:g} to {high:g}" if high else f"{low:g}", "looks": len(found[index]), **shown}


def main(
    *,
    count: Annotated[int, typer.Option("--series", min=1, help="series of each process")] = 4,
    points: Annotated[
        int, typer.Option(min=20_000, help="points of each; its threshold at the end is taken for the settled one")
    ] = 150_000,
    seed: Annotated[int, typer.Option(min=0, help="of the first series")] = 100,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 2,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/confidence.{json,md}")] = False,
) -> None:
    """Threshold now / threshold in the end, by confidence: the nearer to 1, the more settled."""
    tasks = [(name, number) for name in EVERY for number in range(seed, seed + count)]
    found: defaultdict[int, list[float]] = defaultdict(list)
    with progress_bar("series", len(tasks)) as bar, ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for each in pool.map(looks, *zip(*((name, points, number) for name, number in tasks), strict=True)):
            for sure, distance in each:
                found[int(np.searchsorted(EDGES, sure, side="right")) - 1].append(distance)
            bar.advance()
    notes = [
        f"{len(EVERY)} processes that never change, {count} series of {points:,} points each, shipped settings, {BUDGET}.",
        "A look is one window at one moment: its tail factor then, divided by the one after the last point. Quantiles over looks.",
        "Above 1: quieter than in the end; below: more alarms than promised.",
    ]
    report = Report(
        "confidence", "Threshold now / in the end, by the confidence of events", command_line("confidence"), notes, list(tabulate(found))
    )
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
