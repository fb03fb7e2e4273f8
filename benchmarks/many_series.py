"""Many series in one process: memory, speed, saving and restoring: `python -m benchmarks.many_series --help`."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from resource import RUSAGE_SELF, getrusage
from statistics import median
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
import psutil
import typer

from benchmarks.feed import MINUTE_US, shipped, single
from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, command_line, show, write
from streamkl.core.bank import Bank
from streamkl.core.layout import row_bytes
from streamkl.core.settings import Settings
from streamkl.engine.memory import bank_arrays, fill
from streamkl.engine.snapshot import pack, unpack
from streamkl.library.series import shared_tables

AFTER_LEARNING = 60  # points of each series: windows that are not full yet are not the matter here
SLICE = 10_000  # series in one piece of a saved state
MB = 1e6


class Case(NamedTuple):
    """So many series under one detector, of which `at_once` learn at the same time."""

    name: str
    settings: Callable[[], Settings]
    series: int
    at_once: int


class _Nothing(msgspec.Struct):
    pass


def cases(many: int, most: int) -> list[Case]:
    """The shipped detector on `many` series, and one window on `most`."""
    return [
        Case("default, all learn at once", shipped, many, many),
        Case("default, a tenth learns at once", shipped, many, many // 10),
        Case("one window of 256, 32 bins, a twentieth learns at once", single, most, most // 20),
    ]


def _rounds(bank: Bank, rows: np.ndarray, first: int, count: int, dice: np.random.Generator) -> float:
    """So many points of each of the rows, in turn; processor seconds."""
    began = time.process_time()
    for turn in range(first, first + count):
        bank.run(rows, np.full(len(rows), turn * MINUTE_US), dice.normal(size=len(rows)), turn * len(rows) + np.arange(len(rows)))
    return time.process_time() - began


def measure(case: Case) -> Row:
    """In a process of its own."""
    settings, dice, process = case.settings(), np.random.default_rng(0), psutil.Process()
    warm = Bank(settings, shared_tables(), 2)
    _rounds(warm, np.array([warm.birth()]), 0, settings.reference.size + AFTER_LEARNING, dice)
    before, began = process.memory_info().rss, time.process_time()
    bank, first = Bank(settings, shared_tables(), case.series), 0.0
    for start in range(0, case.series, case.at_once):
        rows = np.array([bank.birth() for _ in range(min(case.at_once, case.series - start))])
        _rounds(bank, rows, 0, settings.reference.size, dice)
        first = first or time.process_time() - began
        _rounds(bank, rows, settings.reference.size, AFTER_LEARNING, dice)
    resident, peak = process.memory_info().rss, getrusage(RUSAGE_SELF).ru_maxrss * 1024
    rows = np.arange(case.series)
    turns = [_rounds(bank, rows, settings.reference.size + AFTER_LEARNING + turn, 1, dice) / case.series for turn in range(5)]
    began = time.process_time()
    pieces = [pack(_Nothing(), dict(bank_arrays(bank, rows[at : at + SLICE]))) for at in range(0, case.series, SLICE)]
    saved = time.process_time()
    for piece in pieces:
        fill(Bank(settings, shared_tables(), 2), unpack(piece, _Nothing)[1])
    restored = time.process_time()
    return {
        "detector": case.name,
        "series": case.series,
        "arrays, bytes a series": row_bytes(settings),
        "resident, bytes a series more": (resident - before) / case.series,
        "resident, MB": resident / MB,
        "peak, MB": peak / MB,
        "s to the first verdict": first,
        "points/s": 1 / median(turns),
        "saved, bytes a series": sum(map(len, pieces)) / case.series,
        "s to save": saved - began,
        "s to restore": restored - saved,
    }


def main(
    *,
    series: Annotated[int, typer.Option(min=100, help="under the shipped detector")] = 100_000,
    most: Annotated[int, typer.Option(min=100, help="under one window")] = 1_000_000,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/many_series.{json,md}")] = False,
) -> None:
    """Resident memory of a process, time to the first verdict, points a second, and seconds to save and restore."""
    rows: list[Row] = []
    wanted = cases(series, most)
    with progress_bar("measuring", len(wanted)) as bar:
        for case in (case._replace(series=20, at_once=20) for case in wanted):  # compiles, which takes memory and is kept
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                pool.submit(measure, case).result()
        for case in wanted:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                rows.append(pool.submit(measure, case).result())
            bar.advance()
    notes: list[Any] = [
        f"Normal numbers, each series in turn; {AFTER_LEARNING} points after learning. Processor seconds; points/s: median of five.",
        "Resident and peak are of the whole process, Python and compiled code included; without names, which the service holds beside.",
        f"Saved in pieces of {SLICE:,} series, compressed and checksummed, as the service does.",
    ]
    report = Report("many_series", "Many series in one process", command_line("many_series"), notes, rows)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
