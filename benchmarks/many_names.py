"""Memory of a partition under a flood of names never seen, beside that of a full one: `python -m benchmarks.many_names --help`."""

import multiprocessing
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Annotated

import psutil
import typer

from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, command_line, show, write
from streamkl.assembly.plan import build_plan
from streamkl.config import Config
from streamkl.engine.engine import Engine
from streamkl.model import Message, Partition

BATCH = 10_000
NOW_MS = 1_700_000_000_000
NOISY = {"monitors": [{"name": "noise", "match": "flood*", "kind": "ignore"}], "input": {"heartbeat": "beat*"}}
SCENES = {
    "a full table, then the flood": ("known-", "flood-{:0>24}-{}"),
    "the flood fills the table itself": ("", "flood-{:0>24}-{}"),
    "a full table, then ignored names": ("known-", "flood-{:0>24}-{}"),
    "a full table, then heartbeats": ("known-", "beat-{:0>24}-{}"),
    "a full table, then names of 512 bytes": ("known-", "{:0>500}-{}"),
}


def batches(name: str, count: int, offset: int) -> Iterator[list[Message]]:
    """One record a name, a second each."""
    for start in range(0, count, BATCH):
        at = NOW_MS + 1_000 * ((offset + start) // BATCH)
        yield [
            Message("flood", 0, offset + i, at, None, b'{"series":"%s","timestamp":%d,"value":%d}' % (name.format(i, 0).encode(), at, i))
            for i in range(start, min(start + BATCH, count))
        ]


def measure(scene: str, series: int, names: int) -> Row:
    """In a process of its own: memory is what the process holds (RSS), beyond what it held before its engine was made."""
    known, flood = SCENES[scene]
    tables = NOISY if "ignored" in scene or "beats" in scene else {}
    plan = build_plan(Config.model_validate({"state": {"max_series": series}} | tables))
    process = psutil.Process()
    Engine(Partition("flood", 0), plan).receive(next(batches("warm-{}{}", 1, 0)))
    before = process.memory_info().rss
    engine = Engine(Partition("flood", 0), plan)
    offset = 0
    for name in [known] * 2 if known else []:
        for batch in batches(name + "{}", series, offset):
            engine.receive(batch)
        offset += series
    full, peak = process.memory_info().rss - before, 0
    began = time.process_time()
    with progress_bar(scene, names) as bar:
        for batch in batches(flood, names, offset):
            engine.receive(batch)
            peak = max(peak, process.memory_info().rss - before)
            bar.advance(len(batch))
    stats = engine.stats()
    seconds = time.process_time() - began
    return {
        "scene": scene,
        "series": stats.series,
        "names": names,
        "points shed": stats.shed,
        "MB when full": full / 2**20 if known else None,
        "MB at most": peak / 2**20,
        "MB while it grew": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024 - before / 2**20,
        "KB a series": peak / 1_024 / stats.series,
        "names/s": names / seconds,
    }


def main(
    *,
    series: Annotated[int, typer.Option(min=1, help="state.max_series")] = 100_000,
    names: Annotated[int, typer.Option(min=1, help="names of the flood")] = 10_000_000,
    scene: Annotated[list[int] | None, typer.Option(min=1, max=len(SCENES), help="which scenes, counted from 1")] = None,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/many_names.{json,md}")] = False,
) -> None:
    """Most memory under a flood as a part of what a full table takes; at most 1.1 is promised."""
    chosen = [list(SCENES)[number - 1] for number in scene or range(1, len(SCENES) + 1)]
    rows = [alone(each, series, names) for each in chosen]
    cap = next((row["MB when full"] for row in rows if row["MB when full"]), None)
    rows = [dict(row) | {"at most / full": _ratio(row["MB at most"], row["MB when full"] or cap)} for row in rows]
    notes = [
        "One partition under the shipped settings; memory is RSS beyond that of the process before its first series.",
        "While it grew: the high-water mark of the process, beyond the same; arrays are doubled by copying, one after the other.",
        "A full table knows state.max_series series, all of them still learning, which is when they take most.",
    ]
    report = Report("many_names", "A flood of new names", command_line("many_names"), notes, rows)
    show(report)
    if save:
        write(report)


def alone(scene: str, series: int, names: int) -> Row:
    """`measure` in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, scene, series, names).result()


def _ratio(part: object, whole: object) -> float | None:
    return part / whole if isinstance(part, float) and isinstance(whole, float) else None


if __name__ == "__main__":
    typer.run(main)
