"""Points per second of `streamkl replay` over files: `python -m benchmarks.replay --help`."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.datasets import Series, generate, load, write_files
from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, show, write

FORMS = ("jsonl", "csv")


@dataclass(frozen=True, slots=True)
class Run:
    """One call of the program: wall-clock and processor seconds from start to exit, and the events it wrote."""

    seconds: float
    cpu_seconds: float
    events: int


def replay(files: Sequence[Path], folder: Path) -> Run:
    """Call `streamkl replay` as a user does. Raises RuntimeError with the end of its messages when it fails."""
    output, log = folder / "events", folder / "log"
    command = [sys.executable, "-m", "streamkl", "replay", *map(str, files)]
    with output.open("wb") as events, log.open("wb") as messages:
        begin, used = time.perf_counter(), children_cpu()
        code = subprocess.run(command, stdout=events, stderr=messages, check=False).returncode  # noqa: S603
        seconds, cpu = time.perf_counter() - begin, children_cpu() - used
    if code:
        raise RuntimeError(f"streamkl replay ended with {code}:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
    return Run(seconds, cpu, output.read_bytes().count(b"\n"))


def children_cpu() -> float:
    """Processor seconds of all children that have ended."""
    used = os.times()
    return used.children_user + used.children_system


def measure(data: Sequence[Series], form: str, runs: int) -> Row:
    """After one run that fills the caches of compiled code and thresholds. Start: the same call with one point."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("data", "single"):
            (folder / part).mkdir()
        files = write_files(data, folder / "data", form)
        single = write_files([Series("single", data[0].seconds[:1], data[0].values[:1])], folder / "single", form)
        with progress_bar(f"replay of {form}", 2 * runs + 1) as bar:
            taken: dict[str, list[Run]] = {"start": [], "all": []}
            replay(files, folder)
            bar.advance()
            for _ in range(runs):
                for what, some in (("start", single), ("all", files)):
                    taken[what].append(replay(some, folder))
                    bar.advance()
        megabytes = sum(file.stat().st_size for file in files) / 1e6
    points = sum(len(each.values) for each in data)
    seconds = statistics.median(run.seconds for run in taken["all"])
    fastest, start = (min(run.seconds for run in taken[what]) for what in ("all", "start"))
    cpu = statistics.median(run.cpu_seconds for run in taken["all"])
    return {
        "format": form,
        "points/s": points / seconds,
        "points/s without start": points / (fastest - start) if fastest > start else None,
        "points per CPU second": points / cpu,
        "seconds": seconds,
        "of which start": start,
        "points": points,
        "series": len(data),
        "MB": megabytes,
        "events": taken["all"][-1].events,
    }


def main(
    *,
    data: Annotated[Path | None, typer.Option(help="folder of .csv (timestamp,value) and .npz (t, v); default: made up")] = None,
    count: Annotated[int, typer.Option("--series", min=1, help="made-up series")] = 100,
    points: Annotated[int, typer.Option(min=1, help="points of each made-up series")] = 30_000,
    form: Annotated[list[str] | None, typer.Option("--format", help="jsonl or csv; default: both")] = None,
    runs: Annotated[int, typer.Option(min=1, help="measured runs; the median counts")] = 3,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/replay.{json,md}")] = False,
) -> None:
    """Points per second of `streamkl replay`, from the start of the program to its exit."""
    forms = form or list(FORMS)
    if not set(forms) <= set(FORMS):
        raise typer.BadParameter(f"--format: choose from {', '.join(FORMS)}")
    made = load(data) if data else generate(count, points)
    if not made:
        raise typer.BadParameter(f"--data: no .csv and no .npz with values under {data}")
    rows = [measure(made, each, runs) for each in forms]
    what = f"--data {data.name}" if data else f"--series {count} --points {points}"
    notes = [
        f"Wall clock of the program from start to exit, median of {runs} runs after a warm-up; shipped detector, one file a series.",
        "Start: the same call on a file of one point (interpreter, imports, compiled code from its cache); the fastest of its runs.",
        "Without start: points / (fastest run - start). CPU seconds hold also while other programs use the machine.",
    ]
    report = Report("replay", "streamkl replay", f"python -m benchmarks.replay {what}", notes, rows)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
