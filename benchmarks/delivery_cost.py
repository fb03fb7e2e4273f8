"""What exactly-once costs: records per second beside at-least-once, on the same filled topic, in turns."""

import statistics
from collections.abc import Sequence
from pathlib import Path

import typer
from kafka import KafkaAdminClient

from benchmarks import topics
from benchmarks.progress import progress_bar
from benchmarks.reading import Program, Speed, TooShortError, measure_once
from benchmarks.report import Found, Row, Section
from benchmarks.service import Group, at_least_once, command, exactly_once
from benchmarks.topics import Shape

ASKED = 0.9

Pair = tuple[Speed, Speed]  # at least once, exactly once


def at_least(group: Group, folder: Path) -> list[str]:
    """The shipped settings: state in files."""
    return command(at_least_once(group, folder), folder)


def exactly(group: Group, folder: Path) -> list[str]:
    """State in a topic; everything else is the same."""
    return command(exactly_once(group, folder), folder)


def measure(bootstrap: str, shapes: Sequence[Shape], runs: int) -> Found:
    """Pairs of runs, one of each delivery; each goes first every other time, and the first pair is thrown away."""
    pairs: dict[Shape, list[Pair]] = {shape: [] for shape in shapes}
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    with progress_bar("pairs of runs", (runs + 1) * len(shapes)) as bar:
        for number in range(runs + 1):
            for shape, measured in pairs.items():
                pair = _pair(admin, bootstrap, shape, exactly_first=number % 2 == 1)
                if number:
                    measured.append(pair)
                bar.advance()
    admin.close()
    title = "Records per second, exactly once beside at least once"
    return Found(Section(title, [row(shape, measured) for shape, measured in pairs.items()]), notes())


def notes() -> list[str]:
    """What a reader of the table has to know."""
    return [
        "Cost: the shipped settings (commits each second, state saved every 10 s), state in files or in the state topic. The ratio is the"
        " median over pairs of runs that follow one another; each delivery goes first in every other one, and a first pair is thrown away.",
        "Cost: speed between commits, from 30 % of the topic to its end; start-up and learning do not count."
        f" {topics.HOSTS * topics.METRICS} series on {topics.PARTITIONS} partitions, JSON of about 70 bytes a point, hardly any episodes.",
        "Cost: by processor time is the same ratio from the processor seconds of the service alone.",
    ]


def _pair(admin: KafkaAdminClient, bootstrap: str, shape: Shape, *, exactly_first: bool) -> Pair:
    programs: list[Program] = [exactly, at_least] if exactly_first else [at_least, exactly]
    try:
        first, second = (measure_once(admin, bootstrap, shape, program) for program in programs)
    except TooShortError as error:
        raise typer.BadParameter(f"{topics.option_of(shape.points_per_record)}: {error}") from error
    return (second, first) if exactly_first else (first, second)


def row(shape: Shape, pairs: Sequence[Pair]) -> Row:
    """One line of the table: the ratios, each of two runs that followed one another, first."""
    ratios = [exact.records_per_second / least.records_per_second for least, exact in pairs]
    return {
        "points a record": shape.points_per_record,
        "exactly / at least": statistics.median(ratios),
        "asked": ASKED,
        "lowest": min(ratios),
        "highest": max(ratios),
        "by processor time": statistics.median(least.cpu_us_per_record / exact.cpu_us_per_record for least, exact in pairs),
        "records/s exactly": statistics.median(exact.records_per_second for _, exact in pairs),
        "records/s at least": statistics.median(least.records_per_second for least, _ in pairs),
        "CPU µs exactly": statistics.median(exact.cpu_us_per_record for _, exact in pairs),
        "CPU µs at least": statistics.median(least.cpu_us_per_record for least, _ in pairs),
        "pairs": len(pairs),
    }
