"""Measured against promised false alarms on stationary series: `python -m benchmarks.false_alarms --help`."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Annotated

import typer

from benchmarks import alarm_tables, rivals
from benchmarks.cells import Cell, measure
from benchmarks.report import Report, command_line, show, write
from benchmarks.tasks import run
from benchmarks.zoo import EVERY

LEARNED = (500, 2_000, 10_000)
RUN_LENGTHS = (168, 1_000, 10_000, 100_000, 604_800)
# Of each kind one: exact, heavy-tailed, slow, bursting, seasonal, counts, ties, silence.
QUICK = ("normal", "student_t3", "ar_0.9", "garch", "daily_sine", "poisson_3", "rounded", "rare_jumps", "constant", "stochastic_volatility")
QUICK_LEARNED, QUICK_RUN_LENGTHS = (500, 2_000), (1_000, 10_000)


def count_rival(task: tuple[str, str]) -> Sequence[int]:
    """Alarms of one rival on one process."""
    return rivals.measure(*task)


def measured_rivals(names: Sequence[str], jobs: int) -> Mapping[tuple[str, str], Sequence[int]]:
    """Every rival that is installed, on the named processes."""
    tasks = list(product(rivals.installed(), names))
    return run(count_rival, tasks, [1] * len(tasks), "rivals", jobs)


def main(
    *,
    process: Annotated[list[str] | None, typer.Option(help="a name from benchmarks/zoo.py; repeat for several")] = None,
    learned: Annotated[list[int] | None, typer.Option(help="points of the reference; repeat for several")] = None,
    run_length: Annotated[list[int] | None, typer.Option("--budget", min=2, help="points per promised alarm; repeat for several")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="ten processes, four cells each, half the series: under two minutes")] = False,
    with_rivals: Annotated[
        bool, typer.Option("--rivals", help="river's ADWIN, KSWIN, PageHinkley and PySAD's RelativeEntropy too")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/false_alarms.{json,md}")] = False,
) -> None:
    """Alarms raised per alarm promised, on series that never change. What was measured is kept under build/ until the detector changes."""
    names = process or list(QUICK if quick else EVERY)
    unknown = [name for name in names if name not in EVERY]
    if unknown:
        raise typer.BadParameter(f"unknown process {', '.join(unknown)}; known: {', '.join(EVERY)}")
    sizes, lengths = learned or (QUICK_LEARNED if quick else LEARNED), run_length or (QUICK_RUN_LENGTHS if quick else RUN_LENGTHS)
    cells = [Cell(*each, quick=quick) for each in product(names, sizes, lengths)]
    done = run(measure, cells, [cell.series * (cell.learned + cell.points) for cell in cells], "points", jobs)
    counts = measured_rivals(names, jobs) if with_rivals else {}
    notes = [*alarm_tables.summary(done), *alarm_tables.NOTES, *alarm_tables.beside_notes(counts)]
    report = Report(
        "false_alarms",
        "False alarms: measured / promised",
        command_line("false_alarms"),
        notes,
        list(alarm_tables.rows(done)),
        list(alarm_tables.sections(done, counts)),
    )
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
