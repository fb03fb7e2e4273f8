"""A benchmark's result as a table on the terminal, and as JSON and Markdown under docs/benchmarks/."""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "benchmarks"
WIDE = 160  # columns of a file or pipe
UPRIGHT = 3  # rows that stand upright where there are more columns than these
PACKAGES = ("numpy", "numba", "kafka-python", "confluent-kafka")

Cell = str | int | float | None
Row = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Section:
    """One of several tables under a heading of its own, or a picture or lines of text in place of it."""

    title: str
    rows: Sequence[Row] = ()
    text: Sequence[str] = ()  # Markdown, above the table
    picture: str = ""  # in docs/pictures


class Found(NamedTuple):
    """What one of several measurements gives to a report."""

    section: Section
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured: rows with the same columns, and the sentences a reader needs to judge them.

    Where there are sections, people get those; the rows then are for programs only.
    """

    name: str  # of the files
    title: str
    command: str  # that measures it again
    notes: Sequence[str]
    rows: Sequence[Row]
    sections: Sequence[Section] = ()


def show(report: Report) -> None:
    """The tables on stdout, the notes below them."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    for section in report.sections or [Section(report.title, report.rows)]:
        if not section.rows:
            console.print(section.title, *section.text, sep="\n", style="dim", highlight=False, markup=False)
            continue
        head, *body = grid(section.rows, upright=not report.sections)
        table = Table(title=section.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for column, name in enumerate(head):
            table.add_column(name, justify="right" if _is_numeric(body, column) else "left")
        for line in body:
            table.add_row(*line)
        console.print(table)
    for note in (*report.notes, machine()):
        console.print(note, style="dim", highlight=False)


def write(report: Report, folder: Path = FOLDER) -> None:
    """`<name>.json` (full precision) and `<name>.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    data, page = folder / f"{report.name}.json", folder / f"{report.name}.md"
    facts = {"title": report.title, "command": report.command, "machine": machine(), "commit": commit(), "notes": list(report.notes)}
    data.write_text(json.dumps({**facts, "rows": [dict(row) for row in report.rows]}, indent=1) + "\n", encoding="utf-8")
    page.write_text("\n".join(_markdown(report)) + "\n", encoding="utf-8")
    Console(stderr=True).print(f"wrote {data} and {page.name}", highlight=False)


def grid(rows: Sequence[Row], upright: bool = True) -> list[list[str]]:
    """Head and lines of the table; where it may be `upright`, a few rows of many columns become one column each."""
    columns = list(rows[0])
    lines = [columns, *([text(cell) for cell in row.values()] for row in rows)]
    return [list(line) for line in zip(*lines, strict=True)] if upright and len(rows) <= UPRIGHT < len(columns) else lines


def text(cell: Cell) -> str:
    """A cell for people: three significant digits, thousands separated.

    >>> text(1234567.8), text(0.01234), text(12.345), text(None), text(7)
    ('1,234,568', '0.0123', '12.3', '-', '7')
    """
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def command_line(module: str) -> str:
    """What was typed, without `--write`; of absolute paths, which mean nothing elsewhere, the last part."""
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:] if word != "--write"]
    return shlex.join(["python", "-m", f"benchmarks.{module}", *words])


def machine() -> str:
    """Processor, cores and versions: what absolute figures depend on."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{_processor()}, {os.cpu_count()} cores; Python {platform.python_version()}, {packages}."


def commit() -> str:
    """The commit that was measured, with "+" for uncommitted changes; "unknown" outside a checkout."""
    try:
        found = [_git("rev-parse", "--short=12", "HEAD"), "+" if _git("status", "--porcelain", "--untracked-files=no", "streamkl") else ""]
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return "".join(found)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603, S607
    return done.stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _is_numeric(body: Sequence[Sequence[str]], column: int) -> bool:
    return all(set(line[column]) <= set("0123456789,.e+-") for line in body)


def _markdown(report: Report) -> Iterator[str]:
    yield f"# {report.title}"
    yield ""
    if not report.sections:
        yield from _markdown_table(grid(report.rows))
        yield ""
        yield from _markdown_notes(report)
    else:
        yield from _markdown_notes(report)
        for section in report.sections:
            yield from ("", f"## {section.title}", "")
            if section.picture:
                yield from (f"![{section.title}](../pictures/{section.picture})", "")
            yield from section.text
            if section.rows:
                yield from (*([""] if section.text else []), *_markdown_table(grid(section.rows, upright=False)))
    yield ""
    yield f"Again: `{report.command}`. Full precision: `{report.name}.json`."


def _markdown_table(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *body = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join("---:" if _is_numeric(body, column) else "---" for column in range(len(head))) + "|"
    for line in body:
        yield "| " + " | ".join(line) + " |"


def _markdown_notes(report: Report) -> Iterator[str]:
    for note in report.notes:
        yield f"- {note}"
    yield f"- {machine()} Commit {commit()}."
