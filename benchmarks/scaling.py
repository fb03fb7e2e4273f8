"""What more processes bring on one machine: `streamkl run --processes N` beside one process: `python -m benchmarks.scaling --help`."""

import os
import statistics
import uuid
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from kafka import KafkaAdminClient

from benchmarks import topics
from benchmarks.pipeline import COMMIT_SECONDS, Client, run_once
from benchmarks.progress import progress_bar
from benchmarks.reading import Speed
from benchmarks.report import Report, Row, command_line, show, write
from benchmarks.service import DEAD, EVENTS, Group, at_least_once, command
from benchmarks.topics import Shape
from streamkl.broker.launcher import Broker


def service(client: Client, processes: int, group: Group, folder: Path) -> list[str]:
    """The command: one process as it is without the option, several under their supervisor."""
    own = {"kafka.client": client, "kafka.commit_interval_seconds": COMMIT_SECONDS[client]}
    words = command(at_least_once(group, folder) | own, folder)
    return words if processes == 1 else [*words, "--processes", str(processes)]


def measure(bootstrap: str, shapes: Sequence[Shape], counts: Sequence[int], runs: int, client: Client) -> dict[Shape, list[list[Speed]]]:
    """Rounds in which each count has its turn; the first round is thrown away."""
    rounds: dict[Shape, list[list[Speed]]] = {shape: [] for shape in shapes}
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    with progress_bar("runs", (runs + 1) * len(shapes) * len(counts)) as bar:
        for number in range(runs + 1):
            for shape, measured in rounds.items():
                speeds = []
                for count in counts:
                    speeds.append(run_once(admin, bootstrap, shape, partial(service, client, count)))
                    bar.advance()
                if number:
                    measured.append(speeds)
    admin.close()
    return rounds


def rows(shape: Shape, counts: Sequence[int], rounds: Sequence[Sequence[Speed]]) -> list[Row]:
    """A line for each count: its ratio to the first one of the same round, the median over rounds."""
    lines: list[Row] = []
    for at, count in enumerate(counts):
        ratios = [speeds[at].records_per_second / speeds[0].records_per_second for speeds in rounds]
        lines.append(
            {
                "points a record": shape.points_per_record,
                "processes": count,
                f"times {counts[0]} process": statistics.median(ratios),
                "lowest": min(ratios),
                "highest": max(ratios),
                "records/s": statistics.median(speeds[at].records_per_second for speeds in rounds),
                "CPU µs a record": statistics.median(speeds[at].cpu_us_per_record for speeds in rounds),
                "cores used": statistics.median(speeds[at].records_per_second * speeds[at].cpu_us_per_record / 1e6 for speeds in rounds),
            }
        )
    return lines


def main(
    *,
    processes: Annotated[list[int] | None, typer.Option(min=1, help="a count to measure; may be given again [1, 2]")] = None,
    single: Annotated[int, typer.Option(min=10_000, help="records of one point")] = 1_000_000,
    arrays: Annotated[int, typer.Option(min=1_000, help="records of 100 points")] = 60_000,
    runs: Annotated[int, typer.Option(min=1, help="rounds; the median of their ratios counts")] = 3,
    client: Annotated[Client, typer.Option(help="library that is read through")] = Client.KAFKA_PYTHON,
    bootstrap: Annotated[str | None, typer.Option(help="an existing broker; default: one of its own")] = None,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/scaling.{json,md}")] = False,
) -> None:
    """Records per second of several processes on one machine, beside one, on topics of four partitions filled beforehand."""
    counts, tag = processes or [1, 2], uuid.uuid4().hex[:8]
    shapes = [Shape(f"metrics-1-{tag}", single, 1), Shape(f"metrics-100-{tag}", arrays, topics.METRICS)]
    with nullcontext() if bootstrap else Broker() as broker:
        address = bootstrap or (broker.bootstrap if broker else "")
        topics.prepare(address, shapes, EVENTS, DEAD)
        rounds = measure(address, shapes, counts, runs, client)
    notes = [
        f"Broker, processes and observer share {os.cpu_count()} cores: what the broker needs, no further process can use.",
        f"The median of {runs} ratio(s), each of runs that follow one another, after a first round that is thrown away.",
        "Speed: between commits, from 30 % of the topic to its end; start-up and learning do not count.",
        f"{topics.HOSTS * topics.METRICS} series on {topics.PARTITIONS} partitions, JSON of about 70 bytes a point, read with {client}.",
    ]
    lines = [line for shape in shapes for line in rows(shape, counts, rounds[shape])]
    report = Report("scaling", "More processes on one machine", command_line("scaling"), notes, lines)
    show(report)
    if save:
        write(report)


if __name__ == "__main__":
    typer.run(main)
