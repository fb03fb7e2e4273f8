"""What exactly-once costs, how late an episode is seen, and how soon a killed service is back: `python -m benchmarks.delivery --help`."""

import os
import sys
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from enum import StrEnum
from typing import Annotated

import typer

from benchmarks import delivery_cost, delivery_latency, recovery, topics
from benchmarks.report import Found, Report, command_line, show, write
from benchmarks.stream import Stream
from benchmarks.topics import Shape
from streamkl.broker.launcher import Broker


class Part(StrEnum):
    """What can be measured singly."""

    COST = "cost"
    LATENCY = "latency"
    RECOVERY = "recovery"


COST, LATENCY, RECOVERY = "Part cost", "Part latency", "Part recovery"


def main(
    *,
    part: Annotated[list[Part] | None, typer.Option(help="measure only this; may be given again")] = None,
    rate: Annotated[float, typer.Option(min=100, help="points a second of the stream, all series together (latency, recovery)")] = 10_000,
    per_record: Annotated[int, typer.Option(min=1, max=1_000, help="points in a record of the stream, each of another series")] = 1,
    bootstrap: Annotated[str | None, typer.Option(help="an existing broker; default: one of its own for each part")] = None,
    single: Annotated[int, typer.Option(min=10_000, help="records of one point", rich_help_panel=COST)] = 1_500_000,
    arrays: Annotated[int, typer.Option(min=1_000, help="records of 100 points", rich_help_panel=COST)] = 60_000,
    runs: Annotated[int, typer.Option(min=1, help="pairs of runs; the median of their ratios counts", rich_help_panel=COST)] = 5,
    series: Annotated[
        int, typer.Option(min=10, help="series of the stream, each of which shifts now and then", rich_help_panel=LATENCY)
    ] = 1_000,
    seconds: Annotated[float, typer.Option(min=1, help="of the stream", rich_help_panel=LATENCY)] = 300,
    many: Annotated[int, typer.Option(min=10, help="series of the service that is killed", rich_help_panel=RECOVERY)] = 100_000,
    partitions: Annotated[int, typer.Option(min=1, help="on so many partitions", rich_help_panel=RECOVERY)] = 16,
    learning: Annotated[
        int, typer.Option(min=257, help="points that make a reference", rich_help_panel=RECOVERY)
    ] = recovery.SHIPPED_LEARNING,
    points: Annotated[int, typer.Option(min=258, help="of each series before the first kill", rich_help_panel=RECOVERY)] = 770,
    kills: Annotated[int, typer.Option(min=1, help="kill -9 so often", rich_help_panel=RECOVERY)] = 20,
    python: Annotated[
        str,
        typer.Option(
            help="interpreter of the service, e.g. one that has requirements/runtime.txt alone: scipy is imported where it is",
            rich_help_panel=RECOVERY,
        ),
    ] = sys.executable,
    save: Annotated[
        bool, typer.Option("--write", help="write docs/benchmarks/delivery.{json,md}; delivery_PART where --part is given")
    ] = False,
) -> None:
    """The three figures of delivery = "exactly_once", with the real service and a real broker.

    \b
    cost      records per second beside at_least_once, on a filled topic, in turns
    latency   seconds from a record to the episode that it opens, seen by a read_committed consumer, at commits each second
    recovery  seconds from the start after kill -9 to the first new commit, while input goes on

    \b
    A quick look at all of it (five minutes):
      python -m benchmarks.delivery --single 600000 --arrays 15000 --runs 1 --rate 1000 --series 100 --seconds 20 --many 500 --kills 2
    """
    if points <= learning:
        raise typer.BadParameter(f"--points: {points} points teach no series of --learning {learning}; try {learning + 270}")
    if many < partitions:
        raise typer.BadParameter(f"--many: {many} series leave some of --partitions {partitions} without any; try {100 * partitions}")
    chosen = part or list(Part)
    tag = uuid.uuid4().hex[:8]

    def cost(address: str) -> Found:
        shapes = [Shape(f"metrics-1-{tag}", single, 1), Shape(f"metrics-100-{tag}", arrays, topics.METRICS)]
        topics.prepare(address, shapes)
        return delivery_cost.measure(address, shapes, runs)

    def latency(address: str) -> Found:
        flow = Stream(f"metrics-shifts-{tag}", series, topics.PARTITIONS, rate, per_record, delivery_latency.SHIFT_EVERY)
        return delivery_latency.measure(flow, address, seconds)

    def recovered(address: str) -> Found:
        flow = Stream(f"metrics-many-{tag}", many, partitions, rate, per_record)
        return recovery.measure(flow, address, learning=learning, points=points, kills=kills, python=python)

    parts = {Part.COST: cost, Part.LATENCY: latency, Part.RECOVERY: recovered}
    found = [(each, on_broker(parts[each], bootstrap)) for each in Part if each in chosen]
    name = "_".join(["delivery", *(each for each, _ in found if part)])
    report = Report(
        name,
        "Exactly once: its cost, its latency, its recovery",
        command_line("delivery"),
        [f"Broker, service, writer and observer share {os.cpu_count()} cores.", *(note for _, (_, notes) in found for note in notes)],
        [{"part": each, **row} for each, (section, _) in found for row in section.rows],
        [section for _, (section, _) in found],
    )
    show(report)
    if save:
        write(report)


def on_broker(measure: Callable[[str], Found], bootstrap: str | None) -> Found:
    """On a broker of its own, unless one is named."""
    with nullcontext() if bootstrap else Broker() as broker:
        return measure(bootstrap or (broker.bootstrap if broker else ""))


if __name__ == "__main__":
    typer.run(main)
