"""Records per second of `streamkl run` beside a bare kafka-python loop: `python -m benchmarks.pipeline --help`."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import psutil
import typer
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError

from benchmarks import topics
from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, command_line, show, write
from streamkl.broker.launcher import Broker

COMMIT_SECONDS = 0.25
WARM = 0.3  # share of the records read before the clock starts: joining, fetching, and the learning of every series
PATIENCE_SECONDS = 300.0
EVENTS, DEAD = "anomalies", "metrics.dead"

CONFIG = """\
[kafka]
bootstrap_servers = ["{bootstrap}"]
group_id = "{group}"
topics = ["{topic}"]
events_topic = "{events}"
dead_letter_topic = "{dead}"
commit_interval_seconds = {commit}

[state]
directory = "{directory}"

[http]
port = 0
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled topic."""

    topic: str
    records: int
    points_per_record: int


class Mark(NamedTuple):
    """A commit that was seen: when, records committed so far, processor time the program had used."""

    seconds: float
    done: int
    cpu_seconds: float


class Speed(NamedTuple):
    """What one run gave. Processor time holds also while other programs use the machine."""

    records_per_second: float
    cpu_us_per_record: float


class TooShortError(Exception):
    """The topic was read before its speed could be told."""


Program = Callable[[str, Shape, str, Path], list[str]]


def bare_loop(bootstrap: str, shape: Shape, group: str, _folder: Path) -> list[str]:
    """The command of the loop that only polls and commits."""
    return [sys.executable, "-m", "benchmarks.bare_loop", bootstrap, shape.topic, group, str(COMMIT_SECONDS)]


def service(bootstrap: str, shape: Shape, group: str, folder: Path) -> list[str]:
    """The command of the service, with the shipped detector and the same commit interval."""
    settings = {"bootstrap": bootstrap, "group": group, "topic": shape.topic, "directory": (folder / "state").as_posix()}
    config = folder / "streamkl.toml"
    config.write_text(CONFIG.format(**settings, events=EVENTS, dead=DEAD, commit=COMMIT_SECONDS), encoding="utf-8")
    return [sys.executable, "-m", "streamkl", "run", str(config)]


def speed(marks: Sequence[Mark], total: int) -> Speed:
    """Between the first commit after the warm-up and the last one before the end of the topic.

    Both are commits made while reading at full speed: start-up, learning and the wait for the last commit do not count.
    """
    inside = [mark for mark in marks if WARM * total <= mark.done < total]
    if len(inside) < 3:
        raise TooShortError(f"only {len(inside)} commits were seen between {WARM:.0%} of {total:,} records and the end; use more records")
    first, last = inside[0], inside[-1]
    done = last.done - first.done
    return Speed(done / (last.seconds - first.seconds), 1e6 * (last.cpu_seconds - first.cpu_seconds) / done)


def watch(admin: KafkaAdminClient, shape: Shape, group: str, process: subprocess.Popen[bytes], log: Path) -> list[Mark]:
    """Look at the group's committed offsets, 20 times a second, until they reach the end of the topic."""
    partitions = [TopicPartition(shape.topic, number) for number in range(topics.PARTITIONS)]
    marks: list[Mark] = []
    usage = psutil.Process(process.pid)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not marks or marks[-1].done < shape.records:
        if process.poll() is not None or time.monotonic() > deadline:
            why = f"ended with {process.returncode}" if process.returncode is not None else f"did not finish in {PATIENCE_SECONDS:.0f} s"
            raise RuntimeError(f"the measured program {why}:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
        done = committed(admin, group, partitions)
        if done > (marks[-1].done if marks else 0):
            used = usage.cpu_times()
            marks.append(Mark(time.monotonic(), done, used.user + used.system))
        time.sleep(0.05)
    return marks


def committed(admin: KafkaAdminClient, group: str, partitions: Sequence[TopicPartition]) -> int:
    """Records behind the group's committed offsets; 0 while a new broker still makes the topic they are kept in."""
    try:
        offsets = admin.list_group_offsets({group: list(partitions)})[group]
    except (CoordinatorNotAvailableError, NotCoordinatorError, CoordinatorLoadInProgressError):
        return 0
    return sum(max(0, at.offset) for at in offsets.values())


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child process, ended with SIGTERM (and SIGKILL after 20 s)."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def measure(bootstrap: str, shapes: Sequence[Shape], runs: int) -> dict[tuple[Shape, str], list[Speed]]:
    """The speed of every run; the two programs take turns, and a first turn of each is thrown away."""
    programs = {"bare": bare_loop, "streamkl": service}
    speeds: dict[tuple[Shape, str], list[Speed]] = {(shape, name): [] for shape in shapes for name in programs}
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    with progress_bar("runs", (runs + 1) * len(speeds)) as bar:
        for number in range(runs + 1):
            for (shape, name), measured in speeds.items():
                found = measure_once(admin, bootstrap, shape, programs[name])
                if number:
                    measured.append(found)
                bar.advance()
    admin.close()
    return speeds


def measure_once(admin: KafkaAdminClient, bootstrap: str, shape: Shape, program: Program) -> Speed:
    """One run, in a consumer group and a folder of its own."""
    group = f"benchmark-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(program(bootstrap, shape, group, folder), folder / "log") as process:
            marks = watch(admin, shape, group, process, folder / "log")
    try:
        return speed(marks, shape.records)
    except TooShortError as error:
        option = "--single" if shape.points_per_record == 1 else "--arrays"
        raise typer.BadParameter(f"{option}: {error}") from error


def row(shape: Shape, bare: Sequence[Speed], ours: Sequence[Speed]) -> Row:
    """One line of the table: the ratios of medians first."""
    rate, bare_rate = (statistics.median(run.records_per_second for run in runs) for runs in (ours, bare))
    cpu, bare_cpu = (statistics.median(run.cpu_us_per_record for run in runs) for runs in (ours, bare))
    return {
        "points a record": shape.points_per_record,
        "streamkl / bare": rate / bare_rate,
        "by processor time": bare_cpu / cpu,
        "records/s": rate,
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
    bootstrap: Annotated[str | None, typer.Option(help="an existing broker; default: one of its own")] = None,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/pipeline.{json,md}")] = False,
) -> None:
    """Records per second through Kafka, from committed offsets, on topics filled beforehand."""
    tag = uuid.uuid4().hex[:8]
    shapes = [Shape(f"metrics-1-{tag}", single, 1), Shape(f"metrics-100-{tag}", arrays, topics.METRICS)]
    with nullcontext() if bootstrap else Broker() as broker:
        address = bootstrap or (broker.bootstrap if broker else "")
        topics.create(address, *(shape.topic for shape in shapes), EVENTS, DEAD)
        for shape in shapes:
            topics.fill(address, shape.topic, shape.records, shape.points_per_record)
        speeds = measure(address, shapes, runs)
    rows = [row(shape, speeds[shape, "bare"], speeds[shape, "streamkl"]) for shape in shapes]
    notes = [
        f"Broker, program and observer share {os.cpu_count()} cores. Median of {runs} run(s), in turns after a warm-up.",
        "Speed: between commits, from 30 % of the topic to its end; start-up and learning do not count.",
        f"{topics.HOSTS * topics.METRICS} series on {topics.PARTITIONS} partitions, JSON of about 70 bytes a point, uncompressed.",
        "By processor time: the same ratio from processor seconds of the two programs, which other programs on the machine do not slow.",
        "Bare: a kafka-python poll loop with the service's fetch settings and commit interval that does nothing with the records.",
    ]
    report = Report("pipeline", "Through Kafka: streamkl run beside a bare poll loop", command_line("pipeline"), notes, rows)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
