"""Records per second of `streamkl run` beside a bare loop of the same client: `python -m benchmarks.pipeline --help`."""

import os
import sys
import uuid
from collections.abc import Mapping
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from kafka import KafkaAdminClient

from benchmarks import topics
from benchmarks.kept import Kept, digest
from benchmarks.pipeline_cells import DECODED, Alone, Cell, Parts, between, cells, rows
from benchmarks.progress import Bar, progress_bar
from benchmarks.reading import Program, Speed, TooShortError, measure_once
from benchmarks.report import Report, Row, command_line, show, write
from benchmarks.service import DEAD, EVENTS, Group, at_least_once, command, exactly_once
from streamkl.broker.launcher import Broker

PARTS = ("bare_loop", "feed", "forms", "pipeline_cells", "reading", "service", "topics")
CODE = ("streamkl/**/*.py", "streamkl/adapters/*.json", *(f"benchmarks/{part}.py" for part in PARTS))


class Client(StrEnum):
    """The libraries there are."""

    KAFKA_PYTHON = "kafka-python"
    CONFLUENT = "confluent"


COMMIT_SECONDS = {Client.KAFKA_PYTHON: 0.5, Client.CONFLUENT: 1.0}  # some while the topic is read; 1 s is what is shipped
BARE_SECONDS = {Client.KAFKA_PYTHON: 0.25, Client.CONFLUENT: 0.1}  # the loop is through sooner
SINGLE = {Client.KAFKA_PYTHON: 1_500_000, Client.CONFLUENT: 6_000_000}  # records of one point
ARRAYS = {Client.KAFKA_PYTHON: 100_000, Client.CONFLUENT: 300_000}  # of 100


def programs(cell: Cell, client: Client) -> dict[str, Program]:
    """The loop that only polls and commits, and the service, at least and exactly once."""
    own = {"kafka.client": client, "kafka.commit_interval_seconds": COMMIT_SECONDS[client], **cell.options}

    def bare(group: Group, _folder: Path) -> list[str]:
        return [sys.executable, "-m", "benchmarks.bare_loop", group.bootstrap, group.topic, group.name, str(BARE_SECONDS[client]), client]

    def least(group: Group, folder: Path) -> list[str]:
        return command(at_least_once(group, folder) | own, folder)

    def exactly(group: Group, folder: Path) -> list[str]:
        return command(exactly_once(group, folder) | own, folder)

    every: dict[str, Program] = {"bare": bare, "streamkl": least, "exactly": exactly}
    return {name: every[name] for name in cell.programs}


class Turns(NamedTuple):
    """What was measured in turns: every run of each program, and beside it how quick decoding and the detector are by themselves."""

    programs: Mapping[str, list[Speed]]
    alone: list[Alone]


def measure(bootstrap: str, cell: Cell, runs: int, client: Client, bar: Bar) -> Turns:
    """The programs take turns, and a first turn of each is thrown away. A machine's speed may double within minutes."""
    speeds: dict[str, list[Speed]] = {name: [] for name in cell.programs}
    parts, alone = Parts(cell), list[Alone]()
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    for number in range(runs + 1):
        for name, program in programs(cell, client).items():
            before = parts.measure() if number and name == "streamkl" else None
            found = run_once(admin, bootstrap, cell.shape, program)
            if number:
                speeds[name].append(found)
            if before is not None:
                alone.append(between(before, parts.measure()))
            bar.advance()
    admin.close()
    return Turns(speeds, alone)


def run_once(admin: KafkaAdminClient, bootstrap: str, shape: topics.Shape, program: Program, tries: int = 3) -> Speed:
    """One run; again where commits fell so that too few of them say how fast it was. BadParameter where the last one is no better."""
    try:
        return measure_once(admin, bootstrap, shape, program)
    except TooShortError as error:
        if tries > 1:
            return run_once(admin, bootstrap, shape, program, tries - 1)
        raise typer.BadParameter(f"{topics.option_of(shape.points_per_record)}: {error}") from error


class Cells:
    """Measures cells one after the other; a topic lives as long as they need it. What was measured on this very code is kept."""

    def __init__(self, bootstrap: str, runs: int, client: Client) -> None:
        self._bootstrap, self._runs, self._client = bootstrap, runs, client
        self._kept = Kept("pipeline")
        self._topic = ""

    def measured(self, cell: Cell, place: str) -> Turns:
        """All of its runs; `place` says how far all this is."""
        sizes = [cell.shape.records, cell.shape.points_per_record, self._runs]
        key = {"cell": cell.name, "programs": list(cell.programs), "sizes": sizes, "client": self._client, "code": digest(CODE)}
        known = self._kept.get(key)
        if known is None:
            self._prepare(cell)
            with progress_bar(
                f"{place} {cell.name}, {cell.shape.points_per_record} a record", (self._runs + 1) * len(cell.programs)
            ) as bar:
                known = measure(self._bootstrap, cell, self._runs, self._client, bar)
            self._kept.put(key, known)
        programs, alone = known
        return Turns({name: [Speed(*each) for each in speeds] for name, speeds in programs.items()}, [Alone(*each) for each in alone])

    def _prepare(self, cell: Cell) -> None:
        if cell.shape.topic == self._topic:
            return
        if self._topic:
            topics.remove(self._bootstrap, self._topic)
        topics.prepare(self._bootstrap, [cell.shape])
        self._topic = cell.shape.topic


def main(
    *,
    single: Annotated[
        int | None, typer.Option(min=10_000, help="records of one point; default: 1.5 million, or 6 through confluent")
    ] = None,
    arrays: Annotated[int | None, typer.Option(min=1_000, help="of 100 points; default: 100,000, or 300,000 through confluent")] = None,
    runs: Annotated[int, typer.Option(min=1, help="measured turns; medians count")] = 5,
    client: Annotated[Client, typer.Option(help="library that both programs read through")] = Client.KAFKA_PYTHON,
    bootstrap: Annotated[str | None, typer.Option(help="an existing broker; default: one of its own")] = None,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/pipeline.{json,md}, pipeline_confluent")] = False,
) -> None:
    """Records per second through Kafka, from committed offsets, on topics filled beforehand; every cell with what it promises.

    Cells that were measured on this very code are not measured again, so it may be stopped at any time.
    """
    tag, found = uuid.uuid4().hex[:8], list[Row]()
    every = [*cells(tag, single or SINGLE[client], 1), *cells(tag, arrays or ARRAYS[client], topics.METRICS)]
    with nullcontext() if bootstrap else Broker() as broker:
        address = bootstrap or (broker.bootstrap if broker else "")
        topics.create(address, EVENTS, DEAD)
        measuring = Cells(address, runs, client)
        for number, cell in enumerate(every, 1):
            turns = measuring.measured(cell, f"{number} of {len(every)}:")
            found += rows(cell, turns.programs, turns.alone, client)
    name = "pipeline" if client is Client.KAFKA_PYTHON else f"pipeline_{client}"
    title = f"Through Kafka with {client}: streamkl run beside a bare poll loop"
    report = Report(name, title, command_line("pipeline"), notes(runs, client), found)
    show(report)
    if save:
        write(report)


def notes(runs: int, client: Client) -> list[str]:
    """What a reader of the table has to know."""
    return [
        f"Broker, program and observer share {os.cpu_count()} cores. Medians of {runs} turn(s) after a warm-up. Ratios are of one turn"
        " each: the machine's own speed moves.",
        "Speed: between commits, from 30 % of the topic to its end; start-up and learning do not count.",
        f"{topics.HOSTS * topics.METRICS} series; the base cell is JSON on {topics.PARTITIONS} partitions, uncompressed; other cells name"
        " what they change. The detector is the shipped one unless a cell says that it has one window.",
        f"Bare: a {client} poll loop with the service's fetch settings that does nothing with the records but commit them every"
        f" {BARE_SECONDS[client]:g} s; the service commits every {COMMIT_SECONDS[client]:g} s (shipped: 1). CPU: the"
        " same ratio from processor seconds of the two programs, which other programs on the machine do not slow.",
        f"Alone: points a second of one thread's processor time, bytes to columns in batches of {DECODED * topics.METRICS:,} points, and"
        " the detector by itself, measured before and after the service in each turn. Both are done in one thread here, after one another.",
    ]


if __name__ == "__main__":
    typer.run(main)
