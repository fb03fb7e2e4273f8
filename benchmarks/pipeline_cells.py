"""What `pipeline` measures: one thing is varied at a time, and each cell has its promise."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import NamedTuple

from benchmarks.feed import Feed, shipped, single
from benchmarks.forms import Form
from benchmarks.reading import Speed
from benchmarks.report import Row
from benchmarks.service import Value
from benchmarks.topics import HOSTS, METRICS, PARTITIONS, Shape, records
from streamkl.config import InputConfig
from streamkl.engine.codec import Codec
from streamkl.model import Message

RATIO, EXACTLY, OF_THE_SLOWER = 0.8, 0.9, 0.7
SINGLE_POINTS, CONFLUENT_RECORDS = 1_000_000, 500_000
DECODED = 200  # records of a batch that is decoded alone
ONE_WINDOW: Mapping[str, Value] = {"detector.windows": ["256 points"], "detector.point_share": 0.0, "detector.drift": False}

Measured = Mapping[str, Sequence[Speed]]  # by program


@dataclass(frozen=True, slots=True)
class Cell:
    """A topic and how it is read."""

    name: str
    shape: Shape
    programs: Sequence[str] = ("bare", "streamkl")
    options: Mapping[str, Value] = field(default_factory=dict)

    @property
    def one_window(self) -> bool:
        """Whether the detector is not the shipped one."""
        return self.options == ONE_WINDOW


def cells(tag: str, count: int, points: int) -> list[Cell]:
    """The base cell, and those that differ from it in one thing; those that read the same topic follow one another."""

    def shape(name: str, partitions: int = PARTITIONS, form: Form = Form.JSON, compression: str = "none") -> Shape:
        short = points > 1 and form is not Form.JSON  # one time and one name for all: the bare loop is through with them in no time
        return Shape(f"metrics-{points}-{name}-{tag}", count * (2 if short else 1), points, partitions, form, compression)

    base = f"{PARTITIONS} partitions, none, JSON"
    return [
        Cell(base, shape("base"), ("bare", "streamkl", "exactly")),
        Cell(f"{base}, one window", shape("base"), ("bare", "streamkl", "exactly"), ONE_WINDOW),
        Cell("1 partition", shape("narrow", partitions=1)),
        Cell("lz4", shape("lz4", compression="lz4")),
        Cell("Telegraf JSON", shape("telegraf", form=Form.TELEGRAF), options={"input.format": "telegraf"}),
        Cell("influx line protocol", shape("influx", form=Form.INFLUX), options={"input.format": "influx"}),
    ]


class Alone(NamedTuple):
    """Points a second of processor time, without anything else."""

    decode: float
    kernel: float


def between(before: Alone, after: Alone) -> Alone:
    """What the machine did while something ran, by what it did before and after."""
    return Alone(*(fmean(each) for each in zip(before, after, strict=True)))


class Parts:
    """Bytes to columns, and the detector on as many series in turn as a partition has: each by itself, as quick as the machine is now."""

    def __init__(self, cell: Cell) -> None:
        shape, options = cell.shape, {name.partition(".")[2]: value for name, value in cell.options.items() if name.startswith("input.")}
        batch = Shape(shape.topic, DECODED * METRICS // shape.points_per_record, shape.points_per_record, 1, shape.form)
        self._messages = [Message(shape.topic, 0, offset, -1, None, value) for offset, (_, value) in enumerate(records(batch))]
        self._codec = Codec(InputConfig.model_validate(options).mapping())
        self._feed = Feed(single() if cell.one_window else shipped(), HOSTS * METRICS).learned()

    def measure(self, runs: int = 3) -> Alone:
        """Medians of so many runs."""
        taken = []
        for _ in range(runs):
            began = time.thread_time()
            found = len(self._codec.decode(self._messages).points)
            taken.append((time.thread_time() - began) / found)
        return Alone(1 / median(taken), 1e9 / median(self._feed.nanoseconds() for _ in range(runs)))


def rows(cell: Cell, measured: Measured, apart: Sequence[Alone], client: str) -> Iterator[Row]:
    """A line for at least once and, where it was measured, one for exactly once. `apart`: measured in the same turns."""
    points, name = cell.shape.points_per_record, f"{cell.name}, {cell.shape.points_per_record} a record"
    bare, ours = measured["bare"], measured["streamkl"]
    yield _row(name, _promises(cell, ours, bare, apart, client), ours, bare, points, apart)
    if exactly := measured.get("exactly"):
        ratio = _times(exactly, ours)
        promise = (f"{EXACTLY} of at least once", ratio, ratio >= EXACTLY)
        yield _row(f"{name}, exactly once", promise, exactly, bare, points, apart)


def _promises(cell: Cell, ours: Sequence[Speed], bare: Sequence[Speed], apart: Sequence[Alone], client: str) -> tuple[str, float, bool]:
    """What is asked, what was found, and whether that is enough."""
    points = cell.shape.points_per_record
    if points == 1 and client == "confluent":
        return f"{CONFLUENT_RECORDS:,} records/s", _rate(ours), _rate(ours) >= CONFLUENT_RECORDS
    if points == 1:
        ratio = _times(ours, bare)
        return f"{RATIO} of bare", ratio, ratio >= RATIO
    if cell.one_window:
        return f"{SINGLE_POINTS:,} points/s", points * _rate(ours), points * _rate(ours) >= SINGLE_POINTS
    share = median(points * run.records_per_second / min(by_itself) for run, by_itself in zip(ours, apart, strict=True))
    return f"{OF_THE_SLOWER} of the slower alone", share, share >= OF_THE_SLOWER


def _row(
    name: str, promise: tuple[str, float, bool], ours: Sequence[Speed], bare: Sequence[Speed], points: int, apart: Sequence[Alone]
) -> Row:
    asked, found, holds = promise
    return {
        "cell": name,
        "asked": asked,
        "found": found,
        "holds": "yes" if holds else "no",
        "/ bare": _times(ours, bare),
        "/ bare, CPU": median(theirs.cpu_us_per_record / own.cpu_us_per_record for own, theirs in zip(ours, bare, strict=True)),
        "records/s": _rate(ours),
        "points/s": points * _rate(ours),
        "CPU µs": _cpu(ours),
        "bare records/s": _rate(bare),
        "decode alone": median(each.decode for each in apart),
        "kernel alone": median(each.kernel for each in apart),
    }


def _times(runs: Sequence[Speed], others: Sequence[Speed]) -> float:
    """How many times as quick, turn by turn: the median."""
    return median(run.records_per_second / other.records_per_second for run, other in zip(runs, others, strict=True))


def _rate(runs: Sequence[Speed]) -> float:
    return median(run.records_per_second for run in runs)


def _cpu(runs: Sequence[Speed]) -> float:
    return median(run.cpu_us_per_record for run in runs)
