"""Points per second of the codec, from bytes to columns, beside json.loads alone: `python -m benchmarks.decode --help`."""

import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec
import numpy as np
import typer

from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, show, write
from streamkl.assembly.plan import build_plan
from streamkl.config import Config, InputConfig
from streamkl.engine.codec import Codec
from streamkl.engine.router import Router
from streamkl.model import Message

START_MS = 1_700_000_000_000
METRICS = {"series": "{name},{tags.*},{field}", "value": "fields.*"}
FIELDS = ("guest", "guest_nice", "idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")
HOSTS = 50

Metric = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Workload:
    """Messages of one form, and the options of `[input]` that read them."""

    name: str
    options: Mapping[str, str]
    points: int
    messages: Sequence[Message]
    strange: bool = False  # every batch comes to a codec that has never seen its names


def workloads(points: int) -> list[Workload]:
    """About so many points in each form; the same on every call."""
    return [*_of_one_value(points), *_of_metrics(points)]


def _of_one_value(points: int) -> Iterator[Workload]:
    values = np.random.default_rng(1).normal(50.0, 10.0, points).round(6).tolist()
    names = [f"host-{n % 500:04d}.datacentre-eu.cpu.core{n % 16:02d}.usage_percent" for n in range(points)]
    flat = [{"series": name, "timestamp": START_MS + n, "value": value} for n, (name, value) in enumerate(zip(names, values, strict=True))]
    iso = [{**record, "timestamp": f"2023-11-14T22:13:{20 + n % 40:02d}.{n % 1000:03d}Z"} for n, record in enumerate(flat)]
    one_bad = [*_messages(flat), Message("metrics", 0, points, START_MS, b"", b"{")]
    yield Workload("default record", {}, points, _messages(flat))
    yield Workload("default record, one of the batch not JSON", {}, points, one_bad)
    yield Workload("default record, ISO 8601 time", {}, points, _messages(iso))
    yield Workload("array of 100 points", {}, points, _messages([flat[n : n + 100] for n in range(0, points, 100)]))
    yield Workload("template of three fields", {"series": "{series}/{series}/{topic}"}, points, _messages(flat))


def _of_metrics(points: int) -> Iterator[Workload]:
    """Records of 100 points: one metric, ten or a hundred, written in three ways; and some with text among the fields."""
    for metrics, fields in ((10, 10), (1, 100), (100, 1)):
        batches = [_batch(number, metrics, fields) for number in range(max(1, points // 100))]
        made = 100 * len(batches)
        shape = f"{metrics} x {fields} values"
        json_messages = _messages([{"metrics": batch} for batch in batches])
        yield Workload(f"mapped JSON, {shape}", {**METRICS, "points": "metrics"}, made, json_messages)
        yield Workload(f"Telegraf, {shape}", {"format": "telegraf"}, made, json_messages)
        yield Workload(f"line protocol, {shape}", {"format": "influx"}, made, _lines(batches))
        yield Workload(f"Telegraf, {shape}, all names new", {"format": "telegraf"}, made, json_messages, strange=True)
    batches = [_batch(number, 10, 10) for number in range(max(1, points // 100))]
    for batch in batches:
        for metric in batch:
            metric["fields"] |= {"usage_user": int(metric["fields"]["usage_user"]), "state": "running"}
    made = 100 * len(batches)
    yield Workload(
        "Telegraf, 10 x 10 values and a text", {"format": "telegraf"}, made, _messages([{"metrics": batch} for batch in batches])
    )
    yield Workload("line protocol, 10 x 10 values and a text", {"format": "influx"}, made, _lines(batches))


def _batch(number: int, metrics: int, fields: int) -> list[dict[str, Any]]:
    """What one of a few hosts sends at one time."""
    values = np.random.default_rng(number).normal(50.0, 10.0, (metrics, fields)).round(6).tolist()
    names = [f"usage_{FIELDS[n % 10]}" + (f"_{n // 10}" if n >= 10 else "") for n in range(fields)]
    host, when = f"host-{number % HOSTS:04d}.datacentre-eu", START_MS // 1_000 + number
    return [
        {"fields": dict(zip(names, row, strict=True)), "name": "cpu", "tags": {"cpu": f"cpu{core}", "host": host}, "timestamp": when}
        for core, row in enumerate(values)
    ]


def _lines(batches: Sequence[Sequence[Metric]]) -> list[Message]:
    return [
        Message("metrics", 0, n, START_MS, b"", "".join(f"{_line(metric)}\n" for metric in batch).encode())
        for n, batch in enumerate(batches)
    ]


def _line(metric: Metric) -> str:
    tags = "".join(f",{key}={value}" for key, value in metric["tags"].items())
    fields = ",".join(f"{key}={json.dumps(value)}{'i' if type(value) is int else ''}" for key, value in metric["fields"].items())
    return f"{metric['name']}{tags} {fields} {metric['timestamp']}000000000"


def measure(workload: Workload, runs: int, advance: Callable[[], None]) -> Row:
    """Medians over the runs; the codec and what it is compared with take turns."""
    mapping = InputConfig.model_validate(workload.options).mapping()
    plain = Codec(replace(mapping, series="{key}" + mapping.series))
    codecs = [Codec(mapping) for _ in range(runs)] if workload.strange else [Codec(mapping)] * runs
    raw = [message.value for message in workload.messages if message.value and message.value != b"{"]
    decode = msgspec.json.Decoder().decode
    works: dict[str, Callable[[], object]] = {
        "codec": lambda: codecs.pop().decode(workload.messages),
        "plain": lambda: plain.decode(workload.messages),
    }
    if mapping.format != "influx":
        works |= {"json": lambda: [json.loads(text) for text in raw], "msgspec": lambda: [decode(text) for text in raw]}
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
        "times the plain way": seconds["plain"] / seconds["codec"],
        "times json.loads": seconds["json"] / seconds["codec"] if "json" in seconds else None,
        "times msgspec": seconds["msgspec"] / seconds["codec"] if "msgspec" in seconds else None,
    }


def seats(workload: Workload, runs: int) -> tuple[float, float]:
    """Nanoseconds a point from names to seats that are known: by layout, and by name."""
    points = Codec(InputConfig.model_validate(workload.options).mapping()).decode(workload.messages).points
    router = Router(build_plan(Config()))
    router.index = {name: number for number, name in enumerate(dict.fromkeys(points.series))}
    bare = replace(points, layouts=[])
    taken: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(runs):
        for laid_out, those in ((True, points), (False, bare)):
            begin = time.thread_time()
            router.known(those, 0, len(those))
            taken[laid_out].append(time.thread_time() - begin)
    by_layout, by_name = (1e9 * statistics.median(taken[laid_out]) / len(points) for laid_out in (True, False))
    return by_layout, by_name


def main(
    *,
    points: Annotated[int, typer.Option(min=100, help="points of one batch")] = 5_000,
    runs: Annotated[int, typer.Option(min=1, help="measured runs; the median counts")] = 51,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/decode.{json,md}")] = False,
) -> None:
    """Points per second from bytes to columns, for each form of record."""
    made = workloads(points)
    known = [[each.name, *seats(each, runs)] for each in made if each.options.get("format") == "telegraf" and not each.strange]
    with progress_bar("decoding", sum(2 if each.options.get("format") == "influx" else 4 for each in made) * runs) as bar:
        rows = [measure(each, runs, bar.advance) for each in made]
    notes = [
        f"CPU time of one thread, batches of {points} points; medians of {runs} runs, in which the codec and the others take turns.",
        "A x B values: records of A metrics with B numbers, two tags and a time, of 50 hosts. The plain way: paths walked, names built",
        "for every point, as for a name that takes the Kafka key. 1 there: the two are the same.",
        *(
            f"Seats in the engine, {name}: {by_layout:.0f} ns a point by layout, {by_name:.0f} by name."
            for name, by_layout, by_name in known
        ),
        "Times json.loads, times msgspec: how many times as fast as those decode the same bytes to Python objects, and nothing more.",
    ]
    report = Report("decode", "From bytes to columns", f"python -m benchmarks.decode --points {points}", notes, rows)
    show(report)
    if save:
        write(report)


def _messages(documents: Sequence[object]) -> list[Message]:
    return [Message("metrics", 0, n, START_MS, b"", json.dumps(document).encode()) for n, document in enumerate(documents)]


if __name__ == "__main__":
    typer.run(main)
