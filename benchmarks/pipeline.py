"""Records per second of `streamkl run` beside a bare loop of the same client: `python -m benchmarks.pipeline --help`."""

import os
import statistics
import sys
import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from kafka import KafkaAdminClient

from benchmarks import topics
from benchmarks.progress import progress_bar
from benchmarks.reading import Shape, Speed, TooShortError, measure_once
from benchmarks.report import Report, Row, command_line, show, write
from benchmarks.service import DEAD, EVENTS, Group, Value, at_least_once, command, exactly_once
from streamkl.broker.launcher import Broker

COMMIT_SECONDS = 0.25


class Client(StrEnum):
    """The libraries there are."""

    KAFKA_PYTHON = "kafka-python"
    CONFLUENT = "confluent"


def bare_loop(client: Client, group: Group, _folder: Path) -> list[str]:
    """The command of the loop that only polls and commits."""
    return [sys.executable, "-m", "benchmarks.bare_loop", group.bootstrap, group.topic, group.name, str(COMMIT_SECONDS), client]


def service(delivery: Callable[[Group, Path], dict[str, Value]], client: Client, group: Group, folder: Path) -> list[str]:
    """The command of the service, with the shipped detector and the same commit interval."""
    return command(delivery(group, folder) | {"kafka.client": client, "kafka.commit_interval_seconds": COMMIT_SECONDS}, folder)


def measure(bootstrap: str, shapes: Sequence[Shape], runs: int, client: Client) -> dict[tuple[Shape, str], list[Speed]]:
    """The speed of every run; the programs take turns, and a first turn of each is thrown away."""
    programs = {
        "bare": partial(bare_loop, client),
        "streamkl": partial(service, at_least_once, client),
        "exactly": partial(service, exactly_once, client),
    }
    speeds: dict[tuple[Shape, str], list[Speed]] = {(shape, name): [] for shape in shapes for name in programs}
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    with progress_bar("runs", (runs + 1) * len(speeds)) as bar:
        for number in range(runs + 1):
            for (shape, name), measured in speeds.items():
                try:
                    found = measure_once(admin, bootstrap, shape, programs[name])
                except TooShortError as error:
                    raise typer.BadParameter(f"{topics.option_of(shape.points_per_record)}: {error}") from error
                if number:
                    measured.append(found)
                bar.advance()
    admin.close()
    return speeds


def row(shape: Shape, bare: Sequence[Speed], ours: Sequence[Speed], exactly: Sequence[Speed]) -> Row:
    """One line of the table: the ratios of medians first."""
    rate, bare_rate = (statistics.median(run.records_per_second for run in runs) for runs in (ours, bare))
    cpu, bare_cpu, exact_cpu = (statistics.median(run.cpu_us_per_record for run in runs) for runs in (ours, bare, exactly))
    exact_rate = statistics.median(run.records_per_second for run in exactly)
    return {
        "points a record": shape.points_per_record,
        "streamkl / bare": rate / bare_rate,
        "by processor time": bare_cpu / cpu,
        "exactly / at least once": exact_rate / rate,
        "exactly, by processor time": cpu / exact_cpu,
        "records/s": rate,
        "records/s exactly once": exact_rate,
        "points/s": rate * shape.points_per_record,
        "lowest": min(ours).records_per_second,
        "highest": max(ours).records_per_second,
        "CPU µs a record": cpu,
        "bare records/s": bare_rate,
        "bare lowest": min(bare).records_per_second,
        "bare highest": max(bare).records_per_second,
        "bare CPU µs a record": bare_cpu,
        "records": shape.records,
    }


def main(
    *,
    single: Annotated[int, typer.Option(min=10_000, help="records of one point")] = 1_000_000,
    arrays: Annotated[int, typer.Option(min=1_000, help="records of 100 points")] = 40_000,
    runs: Annotated[int, typer.Option(min=1, help="measured runs of each; the median counts")] = 3,
    client: Annotated[Client, typer.Option(help="library that both programs read through")] = Client.KAFKA_PYTHON,
    bootstrap: Annotated[str | None, typer.Option(help="an existing broker; default: one of its own")] = None,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/pipeline.{json,md}, pipeline_confluent")] = False,
) -> None:
    """Records per second through Kafka, from committed offsets, on topics filled beforehand."""
    tag = uuid.uuid4().hex[:8]
    shapes = [Shape(f"metrics-1-{tag}", single, 1), Shape(f"metrics-100-{tag}", arrays, topics.METRICS)]
    with nullcontext() if bootstrap else Broker() as broker:
        address = bootstrap or (broker.bootstrap if broker else "")
        topics.create(address, *(shape.topic for shape in shapes), EVENTS, DEAD)
        for shape in shapes:
            topics.fill(address, shape.topic, shape.records, topics.records(shape.records, shape.points_per_record))
        speeds = measure(address, shapes, runs, client)
    rows = [row(shape, *(speeds[shape, name] for name in ("bare", "streamkl", "exactly"))) for shape in shapes]
    notes = [
        f"Broker, program and observer share {os.cpu_count()} cores. Median of {runs} run(s), in turns after a warm-up.",
        "Speed: between commits, from 30 % of the topic to its end; start-up and learning do not count.",
        f"{topics.HOSTS * topics.METRICS} series on {topics.PARTITIONS} partitions, JSON of about 70 bytes a point, uncompressed.",
        "By processor time: the same ratio from processor seconds of the two programs, which other programs on the machine do not slow.",
        f"Bare: a {client} poll loop with the service's fetch settings and commit interval that does nothing with the records.",
    ]
    name = "pipeline" if client is Client.KAFKA_PYTHON else f"pipeline_{client}"
    title = f"Through Kafka with {client}: streamkl run beside a bare poll loop"
    report = Report(name, title, command_line("pipeline"), notes, rows)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
