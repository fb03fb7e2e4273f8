"""How far a replay is, and what came out of it, on standard error."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from streamkl.adapters.console.terminal import logged_above
from streamkl.adapters.files import LineFile
from streamkl.replay.judging import Summary, Watch


@contextmanager
def progress(paths: Sequence[str], *, shown: bool, bar: bool) -> Iterator[Watch]:
    """A bar over all files by their bytes on disk; without an end where standard input is among them. It needs a terminal.

    What is logged meanwhile (thresholds that have to be simulated first) stands above it.
    """
    sizes = [Path(path).stat().st_size if Path(path).is_file() else None for path in paths]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    counted = TextColumn("{task.fields[points]:,} points")
    name = TextColumn("{task.description}", markup=False)
    columns = (name, BarColumn(), TaskProgressColumn(), counted, TimeRemainingColumn())
    console = Console(stderr=True, highlight=False)
    with (
        logged_above(console, shown=shown),
        Progress(*columns, console=console, transient=True, disable=not (shown and bar and console.is_terminal)) as live,
    ):
        task = live.add_task("", total=total, points=0)
        seen = dict.fromkeys(paths, 0)
        points = 0

        def watch(file: LineFile, more: int) -> None:
            nonlocal points
            points += more
            seen[file.path] = file.position
            live.update(task, description=file.name, completed=sum(seen.values()), points=points)

        yield watch


def show(summary: Summary, seconds: float) -> None:
    """The totals as a table on standard error."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column()
    rows: list[tuple[str, int, str]] = [
        ("files", summary.files, f"{summary.lines:,} lines"),
        ("points", summary.points, f"{summary.points / max(seconds, 1e-9):,.0f} points/s"),
        ("series", summary.series, f"{summary.learning:,} still learning" if summary.learning else ""),
        ("judged", summary.judged, "points with a verdict"),
        ("episodes", summary.opened, f"{summary.open_episodes:,} still open" if summary.open_episodes else ""),
        ("late", summary.late, "points older than the grace period"),
        ("silenced", summary.silenced, "points passed over"),
        ("shed", summary.shed, "points of series beyond state.max_series"),
        ("forgotten", summary.evicted, "series silent for state.evict_after"),
        ("held back", summary.untold, "episodes beyond limits.episodes_per_hour"),
        ("held back", summary.unlettered, "rejected lines beyond limits.dead_letter_share"),
        *(("rejected", count, reason) for reason, count in sorted(summary.rejected.items())),
    ]
    for name, count, remark in rows:
        if count or name not in ("late", "silenced", "shed", "forgotten", "held back"):
            table.add_row(name, f"{count:,}", remark)
    console = Console(stderr=True, highlight=False)
    console.print(table)
    if summary.points and not summary.judged:
        console.print("No point was judged: every series was still learning (detector.reference.size), or its windows were.")
