"""Seconds until streamkl is there, compiled before and not: `python -m benchmarks.start --help`."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, NamedTuple

import typer

from benchmarks.datasets import generate, write_files
from benchmarks.progress import progress_bar
from benchmarks.replay import children_cpu
from benchmarks.report import Report, Row, command_line, show, write

POINTS = 5_000
SCORE = "import streamkl; streamkl.score({})"


class Case(NamedTuple):
    """A program, what is promised of it in seconds, and whether what earlier ones compiled is there."""

    name: str
    arguments: Sequence[str]
    asked: float | None = None
    kept: bool = True


class Run(NamedTuple):
    """One call, from start to exit."""

    seconds: float
    cpu: float


def cases(points: Path) -> list[Case]:
    """What is measured, cheap ones first."""
    module = ("-m", "streamkl")
    replay = (*module, "replay", str(points), "--quiet")
    one, two = SCORE.format("[0.0] * 600"), SCORE.format("[[0.0, 0.0]] * 600")
    return [
        Case("python, nothing else", ("-c", "pass")),
        Case("streamkl --help", (*module, "--help"), 0.3),
        Case("import streamkl", ("-c", "import streamkl"), 0.3),
        Case(f"streamkl replay, {POINTS:,} points, its code kept", replay, 1.5),
        Case("the same, with all to compile", replay, kept=False),
        Case("score of one series, with all to compile", ("-c", one), kept=False),
        Case("score of two features, with all to compile", ("-c", two), kept=False),
    ]


def call(arguments: Sequence[str], code: Path) -> Run:
    """Run Python with these arguments, `code` being where compiled code is kept. Raises SystemExit where it fails."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(code)}
    began, used = time.perf_counter(), children_cpu()
    done = subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=False)  # noqa: S603
    seconds, cpu = time.perf_counter() - began, children_cpu() - used
    if done.returncode:
        raise SystemExit(f"python {' '.join(arguments)} ended with {done.returncode}")
    return Run(seconds, cpu)


def measure(case: Case, runs: int, folder: Path) -> Row:
    """Medians. Of programs whose code is kept the first call, which compiles, does not count."""
    found = []
    with progress_bar(case.name, runs + case.kept) as bar:
        for number in range(runs + case.kept):
            run = call(case.arguments, folder / "kept" if case.kept else folder / f"{case.name} {number}")
            if number or not case.kept:
                found.append(run)
            bar.advance()
    middle = Run(*map(median, zip(*found, strict=True)))
    return {
        "program": case.name,
        "asked, s": case.asked,
        "s": middle.seconds,
        "holds": "" if case.asked is None else "yes" if middle.seconds <= case.asked else "no",
        "CPU s": middle.cpu,
    }


def main(
    *,
    runs: Annotated[int, typer.Option(min=1, help="calls of programs whose code is kept; the median counts")] = 9,
    first: Annotated[int, typer.Option(min=1, help="calls of those that compile everything")] = 3,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/start.{json,md}")] = False,
) -> None:
    """Seconds of calls from start to exit. What is compiled lies in a folder of its own, so that nothing of yours is used or touched."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (points,) = write_files(generate(1, POINTS), folder, "jsonl")
        rows = [measure(case, runs if case.kept else first, folder) for case in cases(points)]
    notes = [
        f"Medians of {runs} calls, and of {first} of those that compile; seconds from start to exit.",
        "Code is kept on disk until the package changes.",
    ]
    report = Report("start", "From a start to its end", command_line("start"), notes, rows)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
