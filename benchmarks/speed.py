"""Points a second of the detector by itself, and bytes of a series: `python -m benchmarks.speed --help`."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, Section, command_line, show, write
from streamkl import Detector
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
            yield {"detector": name, "series in turn": series, "ns a point": statistics.median(taken), "runs": runs}


def rivals(runs: int, points: int = 3_000) -> Iterator[Row]:
    """Point by point, as a program in Python calls them."""
    from river.drift import ADWIN, KSWIN  # noqa: PLC0415 - 200 MB, which would count as the detector's in benchmarks.many_series

    values = np.random.default_rng(0).normal(size=points).tolist()
    detector, adwin, kswin = Detector(), ADWIN(), KSWIN(seed=0)
    for at, value in enumerate(values):
        detector.update(60 * at, value)
    calls: dict[str, Callable[[int, float], Any]] = {
        "streamkl Detector.update, default": lambda at, value: detector.update(60 * (points + at), value),
        "river ADWIN": lambda _, value: adwin.update(value),
        "river KSWIN": lambda _, value: kswin.update(value),
    }
    for name, update in calls.items():
        taken = [_clocked(lambda call=update: [call(at, value) for at, value in enumerate(values)], points) for _ in range(runs)]
        yield {"detector": name, "series in turn": 1, "ns a point": statistics.median(taken), "runs": runs}


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


def with_ratio(rows: list[Row], column: str, name: str) -> list[Row]:
    """The rows with their ratio to the first one in front."""
    return [{name: float(row[column]) / float(rows[0][column]), **row} for row in rows]  # type: ignore[arg-type]


def main(
    *,
    runs: Annotated[int, typer.Option(min=5, help="of each case; medians count")] = 7,
    most_series: Annotated[int, typer.Option(min=1, help="leave larger cases out")] = SERIES[-1],
    longest_window: Annotated[int, typer.Option(min=100, help="leave larger cases out")] = WINDOWS[-1],
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/speed.{json,md}")] = False,
) -> None:
    """Time of a point on one series and on many in turn, beside river's ADWIN and KSWIN; by window and bins; bytes of a series."""
    with progress_bar("measuring", 4) as bar:
        found = []
        for part in (lambda: interleaved(runs, most_series), lambda: rivals(runs), lambda: by_size(runs, longest_window), memory):
            found.append(list(part()))
            bar.advance()
    speeds = [{**row, "points/s": 1e9 / float(row["ns a point"])} for row in found[0] + found[1]]  # type: ignore[arg-type]
    sections = [
        Section("A point", with_ratio(speeds, "ns a point", "times the first")),
        Section("Flat in window and bins", with_ratio(found[2], "ns a point", "times the first")),
        Section("Memory", found[3]),
    ]
    notes = [
        f"Processor seconds of one thread, medians of {runs} runs; normal numbers, after {LEARNED:,} points of each series.",
        "Series in turn: a point of each, again and again, so that no series is in the cache when its next point comes.",
        "Rivals are called point by point from Python, as Detector.update is; batches are handed over at once.",
    ]
    report = Report("speed", "The detector by itself", command_line("speed"), notes, [*speeds, *found[2], *found[3]], sections)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
