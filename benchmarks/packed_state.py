"""Bytes of a series in a saved state, and which arrays they are: `python -m benchmarks.packed_state --help`."""

import time
from collections.abc import Iterator
from typing import Annotated

import numpy as np
import typer
import zstandard

from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, command_line, show, write
from streamkl.assembly import build_plan
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
ARRAYS = 40  # shown, the largest first


def fill(series: int, points: int, seed: int) -> Engine:
    """An engine whose series have had so many points each: normal numbers of three digits, a record each, in an order that changes."""
    engine, dice = Engine(Partition("packed", 0), build_plan(Config())), np.random.default_rng(seed)
    names = np.array([f"host-{number:05d}/cpu" for number in range(series)])
    with progress_bar("filling", points) as bar:
        for first in range(0, points, ROUNDS):
            count = min(ROUNDS, points - first)
            order = np.concatenate([dice.permutation(series) for _ in range(count)])
            times = (
                START_US
                + np.repeat(first + np.arange(count), series) * INTERVAL_US
                + dice.integers(0, JITTER_US // 1_000, len(order)) * 1_000
            )
            values = np.round(dice.normal(50.0, 5.0, len(order)), 3)
            messages = [Message("packed", 0, first * series + i, -1, None, b"") for i in range(len(order))]
            engine.receive_points(Points(names[order].tolist(), times, values, {}, np.arange(len(order), dtype=np.int32)), messages)
            bar.advance(count)
    return engine


def measure(engine: Engine) -> Iterator[Row]:
    """A row for the whole, then one for each of the largest arrays, packed by itself as the state is."""
    series = engine.stats().series
    began = time.process_time()
    state = engine.snapshot()
    seconds = time.process_time() - began
    _, arrays = unpack(state, Kept)
    packer = zstandard.ZstdCompressor(level=1)
    sizes = {name: (len(packer.compress(b"".join(shrink(name, array)[1]))), array.nbytes) for name, array in arrays.items()}
    plain = sum(size for _, size in sizes.values())
    yield {"array": "all", "packed, bytes": len(state) / series, "plain, bytes": plain / series, "µs to pack": 1e6 * seconds / series}
    for name, (packed, size) in sorted(sizes.items(), key=lambda item: -item[1][0])[:ARRAYS]:
        yield {"array": name.partition(".")[2], "packed, bytes": packed / series, "plain, bytes": size / series, "µs to pack": None}


def main(
    *,
    series: Annotated[int, typer.Option(min=1)] = 1_000,
    points: Annotated[int, typer.Option(min=1, help="of each series")] = 5_000,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/packed_state.{json,md}")] = False,
) -> None:
    """Bytes a series under the shipped settings, in all and by array."""
    rows = list(measure(fill(series, points, seed)))
    notes = [
        f"{series:,} numeric series under the shipped settings, {points:,} points each, so that everything has its past.",
        f"A point every {INTERVAL_US // MICROSECONDS} s, give or take up to {JITTER_US // 1_000} ms, a record each, series in any order.",
        "The parts are packed one by one, so they do not quite add up.",
    ]
    report = Report("packed_state", "A series in a saved state", command_line("packed_state"), notes, rows)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
