"""A verdict for people: each point, its windows beside their thresholds, the bins of the one that decided, the events as written."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from streamkl.adapters.console.terminal import logged_above
from streamkl.engine.faults import escape
from streamkl.engine.verdict import Channel, PointVerdict, RecordVerdict
from streamkl.explain.origin import Watch
from streamkl.model import Bin

_LONGEST = 512
_PLAIN_WIDTH = 160


@contextmanager
def progress(*, shown: bool) -> Iterator[Watch]:
    """A bar over what has to be read. It needs a terminal."""
    console = Console(stderr=True, highlight=False)
    off = not (shown and console.is_terminal)
    bar = Progress(BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console, transient=True, disable=off)
    with logged_above(console, shown=shown), bar as live:
        task = live.add_task("", total=None)
        yield lambda done, total: live.update(task, completed=done, total=total)


def show(verdict: RecordVerdict) -> None:
    """The verdict on standard output."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
    at = f", written at {verdict.record_time}" if verdict.record_time else ""
    _say(console, f"{verdict.topic}/{verdict.partition}, offset {verdict.offset}{at}")
    if verdict.rejected is not None:
        _say(console, f"rejected: {verdict.rejected}: {verdict.detail}")
    for point in verdict.points:
        console.print()
        _show_point(console, point)
    if verdict.events:
        console.print()
        _say(console, "events, as they are written:")
        for event in verdict.events:
            sys.stdout.write(msgspec.json.encode(event).decode() + "\n")


def tell(lines: Iterable[str]) -> None:
    """Remarks below it."""
    for line in lines:
        sys.stdout.write(line + "\n")


def _show_point(console: Console, point: PointVerdict) -> None:
    value = point.value if isinstance(point.value, str) else f"{point.value:.15g}"
    _say(console, f"{point.series} at {point.time}: {value}" + (f" (monitor {point.monitor})" if point.monitor else ""))
    _say(console, f"  {point.fate}: {point.why}" + ("; an episode is open" if point.episode_open else ""))
    if not point.channels:
        return
    if point.decided_by is not None:
        _say(console, f"  score {point.score:.4g} by {point.decided_by} (1 is the threshold), alarm output {point.output:.4g}")
    console.print(_channel_table(point.channels))
    first = point.channels[0]
    _say(console, f"  {first.window_name}: {first.sentence}")
    if first.tracks:
        nats = ", ".join(f"{track.name} {track.nats:.4g}" for track in first.tracks)
        _say(console, f"  nats of the newest points: {nats}" + ("; the shortest window meanwhile:" if first.top_bins else ""))
    if first.top_bins:
        console.print(_bin_table(first.top_bins))


def _channel_table(channels: Iterable[Channel]) -> Table:
    table = _table("  window", "score", "nats", "threshold", "table", "tail factor", "maxima", "judged", "confidence", "reference")
    for each in channels:
        cells = (each.score, each.statistic_nats, each.threshold_nats, each.calibration.table_threshold_nats, each.calibration.guard_factor)
        _add_row(
            table,
            f"  {each.window_name}",
            *(_number(cell) for cell in cells),
            f"{each.calibration.blocks:,}",
            f"{each.calibration.judged_points:,}",
            f"{each.confidence:.2f}",
            f"{each.reference.points:,} points",
        )
    return table


def _bin_table(bins: Iterable[Bin]) -> Table:
    table = _table("  bin", "reference", "window", "nats")
    for each in sorted(bins, key=lambda one: (one.category is not None, -1e308 if one.low is None else one.low)):
        _add_row(table, f"  {_name(each)}", f"{each.reference_share:.3%}", f"{each.window_share:.3%}", f"{each.nats:+.4f}")
    return table


def _name(each: Bin) -> str:
    if each.category is not None:
        return escape(each.category, _LONGEST)
    if each.low == each.high:
        return _number(each.low)
    return f"{'' if each.low is None else _number(each.low)} .. {'' if each.high is None else _number(each.high)}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    return table


def _add_row(table: Table, *cells: str) -> None:
    table.add_row(*map(Text, cells))  # a category may look like markup


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"


def _say(console: Console, text: str) -> None:
    console.print(Text(escape(text, 4_096)), soft_wrap=True)
