"""Points a second of the detector by itself, and bytes of a series: `python -m benchmarks.speed --help`."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks import one_by_one, where_time_goes
from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, Section, command_line, show, write
from streamkl.config.detector import DetectorConfig
from streamkl.core.bank import Bank
from streamkl.core.layout import buffer_bytes, row_bytes
from streamkl.core.run_length import RUN_LENGTHS, Table, TableKey
from streamkl.core.settings import Settings, Window
from streamkl.library.series import shared_tables
from streamkl.library.settings import settings_of

MINUTE_US = 60_000_000
LEARNED = 1_200  # points of each series before anything is measured: every window is full
BATCH = 200_000  # points handed over at once
SERIES = (1, 10_000, 100_000)
WINDOWS = (100, 1_000, 10_000, 100_000, 1_000_000)
BINS = (8, 32, 64)

Points = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]


def shipped() -> Settings:
    """The default detector."""
    return settings_of(DetectorConfig())


def single(points: int = 256, bins: int = 32) -> Settings:
    """One window and nothing beside it."""
    made = shipped()
    size = max(made.reference.size, 2 * bins)
    return replace(
        made,
        windows=(Window(f"{points} points", points, 0),),
        bins=bins,
        point_share=0.0,
        drift=False,
        reference=replace(made.reference, size=size),
    )


class Feed:
    """Normal numbers of many series in turn, a minute between two points of one."""

    def __init__(self, settings: Settings, series: int, table: Callable[[TableKey], Table] | None = None) -> None:
        self.bank = Bank(settings, table or shared_tables(), series)
        self._rows = np.array([self.bank.birth() for _ in range(series)], np.int64)
        self._dice = np.random.default_rng(0)
        self._rounds = 0

    def batch(self, rounds: int) -> Points:
        """So many points of each series."""
        series = len(self._rows)
        turns = np.repeat(np.arange(self._rounds, self._rounds + rounds), series)
        self._rounds += rounds
        return np.tile(self._rows, rounds), turns * MINUTE_US, self._dice.normal(size=len(turns)), turns * series

    def nanoseconds(self, runs: int, first: int = LEARNED) -> list[float]:
        """Of a point in each run, by the processor's clock, after `first` points of each series."""
        rounds = max(1, BATCH // len(self._rows))
        while self._rounds < first:
            self.bank.run(*self.batch(rounds))
        taken = []
        for _ in range(runs):
            batch = self.batch(rounds)
            taken.append(_clocked(lambda points=batch: self.bank.run(*points), rounds * len(self._rows)))
        return taken


def _clocked(work: Callable[[], Any], count: int) -> float:
    began = time.process_time()
    work()
    return 1e9 * (time.process_time() - began) / count


def interleaved(runs: int, most: int) -> Iterator[Row]:
    """Both detectors, one series and many in turn."""
    for name, made in (("default", shipped()), ("one window of 256, 32 bins", single())):
        for series in (each for each in SERIES if each <= most):
            taken = Feed(made, series).nanoseconds(runs)
            middle = statistics.median(taken)
            yield {"detector": name, "series in turn": series, "ns a point": middle, "points/s": 1e9 / middle, "runs": runs}


def by_size(runs: int, longest: int) -> Iterator[Row]:
    """One window of growing length, and of growing bins."""
    cases = [(points, 32) for points in WINDOWS if points <= longest] + [(1_000, bins) for bins in BINS if bins != 32]
    for points, bins in cases:
        feed = Feed(single(points, bins), 1, _never)
        taken = feed.nanoseconds(runs, LEARNED + points)
        yield {"window, points": points, "bins": bins, "ns a point": statistics.median(taken)}


def memory() -> Iterator[Row]:
    """What `core.layout` makes room for, and how long that takes."""
    for name, made in (("default", shipped()), ("one window of 256, 32 bins", single())):
        bank = Bank(made, shared_tables(), 50_000)
        grown = _clocked(lambda bank=bank: bank._grow_rows(50_000), 50_000)
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
    runs: Annotated[int, typer.Option(min=5, help="of each case; medians count")] = 7,
    most_series: Annotated[int, typer.Option(min=1, help="leave larger cases out")] = SERIES[-1],
    longest_window: Annotated[int, typer.Option(min=100, help="leave larger cases out")] = WINDOWS[-1],
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/speed.{json,md}")] = False,
) -> None:
    """Time of a point on one series and on many in turn, beside other detectors; by window and bins; bytes of a series."""
    parts: Sequence[Callable[[], Iterator[Row]]] = (
        lambda: interleaved(runs, most_series),
        lambda: one_by_one.measure(runs),
        lambda: by_size(runs, longest_window),
        memory,
        lambda: where_time_goes.parts(shipped(), lambda settings: statistics.median(Feed(settings, 1).nanoseconds(runs))),
    )
    found = []
    with progress_bar("measuring", len(parts)) as bar:
        for part in parts:
            found.append(list(part()))
            bar.advance()
    batch, calls, sizes, bytes_, parts = found
    sections = [
        Section(
            "A point of a batch", [row | {"points/s": 1e9 / _nanoseconds(row)} for row in with_ratio(batch, batch[0], "times the first")]
        ),
        Section("A point by itself", with_ratio(with_ratio(calls, batch[0], "times the default in a batch"), calls[0], "times the first")),
        Section("Flat in window and bins", with_ratio(sizes, sizes[0], "times the first")),
        Section("Where a point's time goes", parts),
        where_time_goes.history(),
        Section("Memory", bytes_),
    ]
    notes = [
        f"Processor seconds of one thread, medians of {runs} runs; normal numbers, after {LEARNED:,} points of each series.",
        "Series in turn: a point of each, again and again, so that no series is in the cache when its next point comes.",
        "By itself: called from Python for each point, with the defaults of its package.",
    ]
    lacking = sorted({peer.package for peer in one_by_one.PEERS} - {peer.package for peer in one_by_one.installed()})
    notes += [f"Not installed here, so not measured: {', '.join(lacking)}."] if lacking else []
    report = Report("speed", "The detector by itself", command_line("speed"), notes, [row for part in found for row in part], sections)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
