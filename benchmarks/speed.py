"""Points a second of the detector by itself, and bytes of a series: `python -m benchmarks.speed --help`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

import typer

from benchmarks import one_by_one
from benchmarks.feed import LEARNED, Feed, clocked, in_turns, shipped, single
from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, Section, command_line, show, write
from benchmarks.where_time_goes import history, parts
from streamkl.core.bank import Bank
from streamkl.core.layout import buffer_bytes, row_bytes
from streamkl.core.run_length import RUN_LENGTHS, Table, TableKey
from streamkl.library.series import shared_tables

SERIES = (1, 10_000, 100_000)
WINDOWS = (100, 1_000, 10_000, 100_000, 1_000_000)
BINS = (8, 32, 256)


def interleaved(runs: int, most: int) -> Iterator[Row]:
    """Both detectors, one series and many in turn."""
    detectors = {"default": shipped(), "one window of 256, 32 bins": single()}
    cases = [(name, series) for name in detectors for series in SERIES if series <= most]
    feeds = [Feed(detectors[name], series).learned() for name, series in cases]
    for (name, series), found in zip(cases, in_turns([feed.nanoseconds for feed in feeds], runs), strict=True):
        yield {"detector": name, "series in turn": series, "ns a point": found, "points/s": 1e9 / found, "runs": runs}


def by_size(runs: int, longest: int) -> Iterator[Row]:
    """One window of growing length, and of growing bins."""
    cases = [(points, 32) for points in WINDOWS if points <= longest] + [(1_000, bins) for bins in BINS if bins != 32]
    feeds = [Feed(single(points, bins), 1, _never).learned(LEARNED + points) for points, bins in cases]
    for (points, bins), found in zip(cases, in_turns([feed.nanoseconds for feed in feeds], runs), strict=True):
        yield {"window, points": points, "bins": bins, "ns a point": found}


def without_parts(runs: int) -> Iterator[Row]:
    """The shipped detector and what each of its parts takes."""
    return parts(shipped(), lambda settings: in_turns([Feed(made, 1).learned().nanoseconds for made in settings], runs))


def memory() -> Iterator[Row]:
    """What `core.layout` makes room for, and how long that takes."""
    for name, made in (("default", shipped()), ("one window of 256, 32 bins", single())):
        bank = Bank(made, shared_tables(), 50_000)
        grown = clocked(lambda bank=bank: bank._grow_rows(50_000), 50_000)
        yield {"detector": name, "bytes a series": row_bytes(made), "while it learns, more": buffer_bytes(made), "ns to grow by one": grown}


def _never(_: TableKey) -> Table:
    """Tables of long windows take hours to simulate, and change no cost: limits that nothing reaches."""
    return (1e9,) * len(RUN_LENGTHS)


def _nanoseconds(row: Row) -> float:
    return float(row["ns a point"])  # type: ignore[arg-type]


def with_ratio(rows: list[Row], to: Row, name: str) -> list[Row]:
    """The rows with their ratio to this one in front."""
    return [{name: _nanoseconds(row) / _nanoseconds(to), **row} for row in rows]


def main(
    *,
    runs: Annotated[int, typer.Option(min=5, help="of each case, in turns; medians count")] = 15,
    most_series: Annotated[int, typer.Option(min=1, help="leave larger cases out")] = SERIES[-1],
    longest_window: Annotated[int, typer.Option(min=100, help="leave larger cases out")] = WINDOWS[-1],
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/speed.{json,md}")] = False,
) -> None:
    """Time of a point on one series and on many in turn, beside other detectors; by window and bins; bytes of a series."""
    tables: Sequence[Callable[[], Iterator[Row]]] = (
        lambda: interleaved(runs, most_series),
        lambda: one_by_one.measure(runs),
        lambda: by_size(runs, longest_window),
        memory,
        lambda: without_parts(runs),
    )
    found = []
    with progress_bar("measuring", len(tables)) as bar:
        for table in tables:
            found.append(list(table()))
            bar.advance()
    batch, calls, sizes, bytes_, without = found
    sections = [
        Section(
            "A point of a batch", [row | {"points/s": 1e9 / _nanoseconds(row)} for row in with_ratio(batch, batch[0], "times the first")]
        ),
        Section("A point by itself", with_ratio(with_ratio(calls, batch[0], "times the default in a batch"), calls[0], "times the first")),
        Section("Flat in window and bins", with_ratio(sizes, sizes[0], "times the first")),
        Section("Where a point's time goes", without),
        history(),
        Section("Memory", bytes_),
    ]
    notes = [
        f"Processor seconds of one thread; medians of {runs} runs, for which the cases of a table take turns. Normal numbers, after"
        f" {LEARNED:,} points of each series.",
        "Series in turn: a point of each, again and again, so that no series is in the cache when its next point comes.",
        "By itself: called from Python for each point, with the defaults of its package.",
    ]
    lacking = sorted({peer.package for peer in one_by_one.PEERS} - {peer.package for peer in one_by_one.installed()})
    notes += [f"Not installed here, so not measured: {', '.join(lacking)}."] if lacking else []
    report = Report("speed", "The detector by itself", command_line("speed"), notes, [row for table in found for row in table], sections)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
