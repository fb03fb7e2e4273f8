"""Bytes of a series in a saved state, and which arrays they are: `python -m benchmarks.packed_state --help`."""

import time
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import numpy as np
import typer
import zstandard

from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, Section, command_line, show, write
from streamkl.assembly.plan import build_plan
from streamkl.config import Config
from streamkl.engine.engine import Engine
from streamkl.engine.memory import Kept
from streamkl.engine.points import Points
from streamkl.engine.shrinking import shrink
from streamkl.engine.snapshot import unpack
from streamkl.model import MICROSECONDS, Message, Partition

START_US = 1_700_000_000 * MICROSECONDS
INTERVAL_US = 10 * MICROSECONDS
JITTER_US = 300_000  # points come within so much of their time, to the millisecond
ROUNDS = 50  # points of each series in a batch
ARRAYS = 12  # shown, the largest first


class Case(NamedTuple):
    """How the points of the series come."""

    name: str
    jitter_us: int
    shuffled: bool


CASES = (
    Case("regular times, the same order", 0, False),
    Case("regular times, any order", 0, True),
    Case("irregular times, the same order", JITTER_US, False),
    Case("irregular times, any order", JITTER_US, True),
)


def fill(series: int, points: int, seed: int, case: Case) -> Engine:
    """An engine whose series have had so many points each: normal numbers of three digits, a record each."""
    engine, dice = Engine(Partition("packed", 0), build_plan(Config())), np.random.default_rng(seed)
    names = np.array([f"host-{number:05d}/cpu" for number in range(series)])
    with progress_bar("filling", points) as bar:
        for first in range(0, points, ROUNDS):
            count = min(ROUNDS, points - first)
            order = np.concatenate([dice.permutation(series) if case.shuffled else np.arange(series) for _ in range(count)])
            times = START_US + np.repeat(first + np.arange(count), series) * INTERVAL_US
            times += dice.integers(0, case.jitter_us // 1_000 + 1, len(order)) * 1_000
            values = np.round(dice.normal(50.0, 5.0, len(order)), 3)
            messages = [Message("packed", 0, first * series + i, -1, None, b"") for i in range(len(order))]
            engine.receive_points(Points(names[order].tolist(), times, values, {}, np.arange(len(order), dtype=np.int32)), messages)
            bar.advance(count)
    return engine


def whole(engine: Engine, case: Case) -> Row:
    """Bytes a series, and how long packing and restoring take."""
    series = engine.stats().series
    began = time.process_time()
    state = engine.snapshot()
    packed = time.process_time()
    Engine(Partition("packed", 0), build_plan(Config()), state)
    restored = time.process_time()
    return {
        "points come": case.name,
        "bytes": len(state) / series,
        "µs to pack": 1e6 * (packed - began) / series,
        "µs to restore": 1e6 * (restored - packed) / series,
    }


def parts(engine: Engine) -> Iterator[Row]:
    """A row for each of the largest arrays, packed by itself as the state is."""
    series = engine.stats().series
    _, arrays = unpack(engine.snapshot(), Kept)
    packer = zstandard.ZstdCompressor(level=1)
    sizes = {name: (len(packer.compress(b"".join(shrink(name, array)[1]))), array.nbytes) for name, array in arrays.items()}
    for name, (packed, size) in sorted(sizes.items(), key=lambda item: -item[1][0])[:ARRAYS]:
        yield {"array": name.partition(".")[2], "packed, bytes": packed / series, "plain, bytes": size / series}


def main(
    *,
    series: Annotated[int, typer.Option(min=1)] = 1_000,
    points: Annotated[int, typer.Option(min=1, help="of each series")] = 5_000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/packed_state.{json,md}")] = False,
) -> None:
    """Bytes a series under the shipped settings, as its points come, and by array."""
    rows = []
    for case in CASES:
        engine = fill(series, points, seed, case)
        rows.append(whole(engine, case))
    sections = [Section("All of it", rows), Section(f"The largest arrays, {CASES[-1].name}", list(parts(engine)))]
    notes = [
        f"{series:,} numeric series under the shipped settings, {points:,} points each, so that everything has its past; a record each.",
        f"A point every {INTERVAL_US // MICROSECONDS} s, or irregular: up to {JITTER_US // 1_000} ms late, to the millisecond.",
        "The parts are packed one by one, so they do not quite add up.",
    ]
    report = Report("packed_state", "A series in a saved state", command_line("packed_state"), notes, rows, sections)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
