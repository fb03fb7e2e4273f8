"""Instructions a point, which a busy machine does not blur: `python -m benchmarks.instructions --help`."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from benchmarks.feed import Feed, shipped, single
from benchmarks.kept import FOLDER as KEPT
from benchmarks.progress import progress_bar
from benchmarks.report import FOLDER, ROOT, Report, Row, command_line, show, write
from streamkl.core.settings import Settings

CASES: Mapping[str, Callable[[], Settings]] = {"default": shipped, "one window of 256, 32 bins": single}
LEARNED = 1_200  # points before those that count
FEW, MANY = 5_000, 1_005_000  # what a start takes differs by ten million from one to the next
# One instruction set for all machines, which valgrind knows too. Hashes decide nothing, but how long the interpreter looks things up.
SAME = {"NUMBA_CPU_NAME": "x86-64-v2", "NUMBA_CPU_FEATURES": "", "PYTHONHASHSEED": "0"}
TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


def judge(case: str, points: int) -> None:
    """What is counted: so many points of one series, after those that are learned."""
    feed = Feed(CASES[case](), 1)
    feed.bank.run(*feed.batch(LEARNED))
    feed.bank.run(*feed.batch(points))


def count(case: str, points: int) -> int:
    """Instructions of a process that judges so many points, by valgrind's callgrind."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "counted"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet", *_child(case, points)]
        done = subprocess.run(command, check=False, env=_environment(), cwd=ROOT, capture_output=True, text=True)  # noqa: S603
        found = TOTAL.search(out.read_text(encoding="utf-8")) if out.exists() else None
        if done.returncode or not found:
            raise SystemExit(f"valgrind counted nothing (status {done.returncode}):\n{done.stderr.strip()}")
        return int(found.group(1))


def measure(case: str) -> float:
    """Instructions a point: of two processes, the difference; the start of Python is in both."""
    subprocess.run(_child(case, FEW), env=_environment(), cwd=ROOT, check=True)  # noqa: S603 - compiles and simulates, uncounted
    return (count(case, MANY) - count(case, FEW)) / (MANY - FEW)


def recorded() -> Mapping[str, float]:
    """By case, what docs/benchmarks/instructions.json says."""
    try:
        rows = json.loads((FOLDER / "instructions.json").read_text(encoding="utf-8"))["rows"]
    except (OSError, ValueError):
        return {}
    return {row["detector"]: row["instructions a point"] for row in rows}


def _child(case: str, points: int) -> list[str]:
    return [sys.executable, "-m", "benchmarks.instructions", "--child", case, "--points", str(points)]


def _environment() -> dict[str, str]:
    return {**os.environ, **SAME, "NUMBA_CACHE_DIR": str(KEPT / "instructions")}


def main(
    *,
    child: Annotated[str, typer.Option(hidden=True)] = "",
    points: Annotated[int, typer.Option(hidden=True)] = FEW,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/instructions.{json,md}")] = False,
) -> None:
    """Instructions that one point of one series takes, counted by valgrind (`apt-get install valgrind`), beside those on record.

    The count depends on the code and the compiler, not on what else the machine does: a change of 2 % is a change.
    """
    if child:
        judge(child, points)
        return
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed: apt-get install valgrind")
    before, rows = recorded(), list[Row]()
    with progress_bar("counting", len(CASES)) as bar:
        for case in CASES:
            found, known = measure(case), before.get(case)
            rows.append({"detector": case, "instructions a point": found, "times those on record": found / known if known else None})
            bar.advance()
    notes = [
        f"Of {MANY - FEW:,} normal numbers of one series after {LEARNED + FEW:,}: what callgrind counts in two processes, subtracted.",
        f"Compiled for {SAME['NUMBA_CPU_NAME']}, so that machines agree; what runs by default is compiled for the machine and takes fewer.",
    ]
    report = Report("instructions", "Instructions a point", command_line("instructions"), notes, rows)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
