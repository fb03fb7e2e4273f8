"""All benchmarks one after the other, or those that say most in a quarter of an hour: `python -m benchmarks.everything --help`."""

import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from benchmarks.kept import Kept, digest
from benchmarks.report import ROOT, Report, Row, show

CODE = ("streamkl/**/*.py", "streamkl/adapters/*.json", "benchmarks/*.py")


class Step(NamedTuple):
    """One command. `quick`: its options in the subset, None where it is left out; `needs`: options of this command that it is given."""

    module: str
    options: str = ""
    quick: str | None = None
    needs: tuple[str, ...] = ()


STEPS = (
    Step("speed", "", "--most-series 10000 --longest-window 100000"),
    Step("decode", "", ""),
    Step("start", "", "--first 1"),
    Step("replay", "", ""),
    Step("packed_state", "", ""),
    Step("many_series", "", "--series 20000 --most 50000"),
    Step("confidence", "", ""),
    Step("false_alarms", "--rivals --jobs 2", "--quick"),
    Step("power", "--jobs 2", "--quick"),
    Step("compare", "", "--rows 100000"),
    Step("detection", "--jobs 2", "--variant shipped", ("tools", "data")),
    Step("folds", "--jobs 2", None, ("tools", "data")),
    Step("quiet_data", "", "", ("data",)),
    Step("pipeline"),
    Step("scaling"),
    Step("drift"),
    Step("features"),
    Step("fitting"),
    Step("fleet"),
    Step("compare", "--null"),
    Step("instructions"),
    Step("elsewhere", "--jobs 2", None, ("python",)),
    Step("many_names"),
    Step("delivery"),
)


def run(step: Step, options: Sequence[str], again: bool) -> Row:
    """Run a step unless it has passed on this very code; what happened."""
    kept, key = Kept("everything"), {"module": step.module, "options": list(options), "code": digest(CODE)}
    known = None if again else kept.get(key)
    command = ["python", "-m", f"benchmarks.{step.module}", *options]
    if known is not None:
        return {"command": shlex.join(command), "outcome": "done before", "seconds": known}
    Console(stderr=True).rule(shlex.join(command))
    began = time.monotonic()
    status = subprocess.run([sys.executable, *command[1:]], check=False, cwd=ROOT).returncode  # noqa: S603
    seconds = round(time.monotonic() - began)
    if status == 0:
        kept.put(key, seconds)
    return {"command": shlex.join(command), "outcome": "done" if status == 0 else f"failed ({status})", "seconds": seconds}


def main(
    *,
    quick: Annotated[bool, typer.Option(help="only a subset, in a quarter of an hour")] = False,
    tools: Annotated[Path | None, typer.Option(help="folder with the scorer evaluate.py, for `detection` and `folds`")] = None,
    data: Annotated[Path | None, typer.Option(help="folder of labelled data, for `detection`, `folds` and `quiet_data`")] = None,
    python: Annotated[Path | None, typer.Option(help="a Python with alibi-detect and rrcf, for `elsewhere`")] = None,
    again: Annotated[bool, typer.Option(help="also what has passed on this code")] = False,
    save: Annotated[bool, typer.Option("--write", help="let each write its page under docs/benchmarks/")] = False,
) -> None:
    """Run the benchmarks one after the other. What has passed is not run again until the code changes, so it may be stopped at any time.

    One that fails stops none of the others; the exit status is 1 then.
    """
    given = {"tools": tools, "data": data, "python": python}
    rows: list[Row] = []
    for step in STEPS:
        options = step.quick if quick else step.options
        if options is None:
            continue
        lacking = [f"--{name} {'PATH' if name == 'python' else 'DIR'}" for name in step.needs if given[name] is None]
        if lacking:
            needs = f"left out: needs {' '.join(lacking)}"
            rows.append({"command": f"python -m benchmarks.{step.module}", "outcome": needs, "seconds": None})
            continue
        folders = [word for name in step.needs for word in (f"--{name}", str(given[name]))]
        rows.append(run(step, [*shlex.split(options), *folders, *(["--write"] if save else [])], again))
    show(Report("everything", "Benchmarks", "", [], rows))
    if any(str(row["outcome"]).startswith("failed") for row in rows):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
