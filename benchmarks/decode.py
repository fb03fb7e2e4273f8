"""Points per second of the codec, from bytes to columns, beside json.loads alone: `python -m benchmarks.decode --help`."""

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
import typer

from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, show, write
from streamkl.config import InputConfig
from streamkl.engine.codec import Codec
from streamkl.model import Message

START_MS = 1_700_000_000_000
TELEGRAF = {"series": "{name},{tags.*},{field}", "value": "fields.*"}


@dataclass(frozen=True, slots=True)
class Workload:
    """Messages of one form, and the options of `[input]` that read them."""

    name: str
    options: Mapping[str, str]
    points: int
    messages: Sequence[Message]


def workloads(points: int) -> list[Workload]:
    """About so many points in each form; the same on every call."""
    values = np.random.default_rng(1).normal(50.0, 10.0, points).round(6).tolist()
    names = [f"host-{n % 500:04d}.datacentre-eu.cpu.core{n % 16:02d}.usage_percent" for n in range(points)]
    flat = [{"series": name, "timestamp": START_MS + n, "value": value} for n, (name, value) in enumerate(zip(names, values, strict=True))]
    iso = [{**record, "timestamp": f"2023-11-14T22:13:{20 + n % 40:02d}.{n % 1000:03d}Z"} for n, record in enumerate(flat)]
    arrays = [flat[n : n + 100] for n in range(0, points, 100)]
    telegraf = [
        {
            "name": "cpu",
            "tags": {"cpu": "cpu0", "host": names[n]},
            "timestamp": START_MS + n,
            "fields": dict(zip("abcdefghij", ten, strict=False)),
        }
        for n, ten in enumerate(values[at : at + 10] for at in range(0, points, 10))
    ]
    one_bad = [*_messages(flat), Message("metrics", 0, points, START_MS, None, b"{")]
    return [
        Workload("default record", {}, points, _messages(flat)),
        Workload("default record, one of the batch not JSON", {}, points, one_bad),
        Workload("default record, ISO 8601 time", {}, points, _messages(iso)),
        Workload("array of 100 points", {}, points, _messages(arrays)),
        Workload("template of three fields", {"series": "{series}/{series}/{topic}"}, points, _messages(flat)),
        Workload("Telegraf, ten fields", TELEGRAF, points, _messages(telegraf)),
    ]


def measure(workload: Workload, runs: int, advance: Callable[[], None]) -> Row:
    """Medians over the runs; the codec and what it is compared with take turns."""
    codec = Codec(InputConfig.model_validate(workload.options).mapping())
    raw = [message.value for message in workload.messages if message.value and message.value != b"{"]
    decode = msgspec.json.Decoder().decode
    works: dict[str, Callable[[], object]] = {
        "codec": lambda: codec.decode(workload.messages),
        "json": lambda: [json.loads(text) for text in raw],
        "msgspec": lambda: [decode(text) for text in raw],
    }
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            begin = time.thread_time()
            work()
            taken[name].append(time.thread_time() - begin)
            advance()
    seconds = {name: statistics.median(times) for name, times in taken.items()}
    return {
        "records": workload.name,
        "bytes/record": sum(map(len, raw)) / len(raw),
        "points/s": workload.points / seconds["codec"],
        "ns/point": 1e9 * seconds["codec"] / workload.points,
        "times json.loads": seconds["json"] / seconds["codec"],
        "times msgspec": seconds["msgspec"] / seconds["codec"],
    }


def main(
    *,
    points: Annotated[int, typer.Option(min=100, help="points of one batch")] = 5_000,
    runs: Annotated[int, typer.Option(min=1, help="measured runs; the median counts")] = 51,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/decode.{json,md}")] = False,
) -> None:
    """Points per second from bytes to columns, for each form of record."""
    made = workloads(points)
    with progress_bar("decoding", 3 * runs * len(made)) as bar:
        rows = [measure(each, runs, bar.advance) for each in made]
    notes = [
        f"CPU time of one thread, batches of {points} points; medians of {runs} runs, in which the codec and the others take turns.",
        "Times json.loads, times msgspec: how many times as fast as those decode the same bytes to Python objects, and nothing more.",
    ]
    report = Report("decode", "From bytes to columns", f"python -m benchmarks.decode --points {points}", notes, rows)
    show(report)
    if save:
        write(report)


def _messages(documents: Sequence[object]) -> list[Message]:
    return [Message("metrics", 0, n, START_MS, None, json.dumps(document).encode()) for n, document in enumerate(documents)]


if __name__ == "__main__":
    typer.run(main)
