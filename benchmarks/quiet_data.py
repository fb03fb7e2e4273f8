"""Alarms per series-week on real data outside of what is labelled, at the default budget: `python -m benchmarks.quiet_data --help`."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

import streamkl
from benchmarks.labelled import Labelled, load
from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, Section, show, write
from benchmarks.verdicts import pooled
from streamkl.config.detector import DetectorConfig

SLACK = 5  # rows after a label in which an alarm is still the label's, as in the tools that score detections
AFTERMATH = max(window.points or 0 for window in DetectorConfig().windows)  # rows in which the longest window still holds labelled points
WEEK = 604_800  # seconds
WORST = 10  # series shown
LEAST_WEEKS = 1.0  # below that a rate per week says nothing about one series


@dataclass(frozen=True, slots=True)
class Quiet:
    """One series outside of its labels: weeks judged, alarms promised and raised, those of them in the aftermath of a label."""

    set: str
    series: str
    rows: int
    weeks: float
    promised: float
    alarms: int
    aftermath: int

    @property
    def rate(self) -> float:
        """Alarms per week."""
        return self.alarms / self.weeks


def measure(each: Labelled, config: DetectorConfig) -> Quiet:
    """The whole series is fed, as in life; what counts are the judged rows that nobody labelled."""
    result = streamkl.evaluate(each.values, each.seconds, config=config)
    counted = result.judged & ~followed(each.anomalous, SLACK)
    alarms = result.opened & counted
    steps = np.diff(each.seconds)
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    rows = int(counted.sum())
    return Quiet(
        set=each.set,
        series=each.name,
        rows=len(each.seconds),
        weeks=rows * step / WEEK,
        promised=rows / max(config.false_alarms.run_length_points(step), config.least_run_length) if step else 0.0,
        alarms=int(alarms.sum()),
        aftermath=int((alarms & followed(each.anomalous, AFTERMATH)).sum()),
    )


def followed(marked: NDArray[np.bool_], rows: int) -> NDArray[np.bool_]:
    """The marked rows, and so many after each.

    >>> followed(np.array([False, True, False, False, False]), 2).tolist()
    [False, True, True, True, False]
    """
    index = np.arange(len(marked))
    last = np.maximum.accumulate(np.where(marked, index, -rows - 1))
    return np.asarray(index - last <= rows)


def summary(name: str, group: Sequence[Quiet]) -> Row:
    """One set, or all of them: only series that were judged at all."""
    judged = [each for each in group if each.weeks > 0]
    alarms = [each.alarms for each in judged]
    rate = pooled(alarms, [each.weeks for each in judged]) if judged else None
    return {
        "set": name,
        "series": len(group),
        "judged": len(judged),
        "weeks": rate.promised if rate else 0.0,
        "alarms": sum(alarms),
        "of them after a label": sum(each.aftermath for each in judged),
        "alarms per series-week": rate.value if rate else None,
        "from": rate.low if rate else None,
        "to": rate.high if rate else None,
        "median series": median(each.rate for each in judged) if judged else None,
        "alarm ratio": sum(alarms) / sum(each.promised for each in judged) if judged else None,
    }


def worst(quiet: Sequence[Quiet]) -> Iterator[Row]:
    """The series with the most alarms per week."""
    long = [each for each in quiet if each.weeks >= LEAST_WEEKS]
    for each in sorted(long, key=lambda q: -q.rate)[:WORST]:
        yield {"set": each.set, "series": each.series, "weeks": each.weeks, "alarms": each.alarms, "alarms per week": each.rate}


def verdict(sets: Sequence[Row]) -> str:
    """The median and the worst set in one sentence."""
    rates = {str(row["set"]): float(row["alarms per series-week"] or 0.0) for row in sets}
    top = max(rates, key=lambda name: rates[name])
    return f"Alarms per series-week: median set {median(rates.values()):.2f}, worst set {rates[top]:.2f} ({top})."


def report(quiet: Sequence[Quiet], config: DetectorConfig) -> Report:
    """Sets, the worst series, and for programs every series."""
    names = list(dict.fromkeys(each.set for each in quiet))
    sets = [summary(name, [each for each in quiet if each.set == name]) for name in names]
    notes = [
        verdict(sets),
        f"The detector as shipped, budget {config.false_alarms}. Every series is fed from its first row; counted are the judged rows "
        "outside of labels.",
        f"An alarm up to {SLACK} rows after a label is the label's. After a label: opened up to {AFTERMATH} rows after one, while the "
        "longest window may still hold labelled rows.",
        "From, to: 90 % interval of the pooled rate, bootstrapped over series. Not every incident in these data is labelled: some of these "
        "alarms are true.",
        f"Worst series: of those with at least {LEAST_WEEKS:.0f} week judged.",
    ]
    sections = [Section("Sets", [*sets, summary("all", quiet)]), Section("Worst series", list(worst(quiet)))]
    rows: list[Row] = [asdict(each) for each in quiet]
    return Report("quiet_data", "False alarms on real data", "python -m benchmarks.quiet_data --data DIR", notes, rows, sections)


def main(
    *,
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="folder of sets, each with labels.json or manifest.json")],
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/quiet_data.{json,md}")] = False,
) -> None:
    """Alarms on the unlabelled stretches of labelled data sets, per series and week."""
    config = DetectorConfig()
    found = list(load(data))
    if not found:
        raise typer.BadParameter(f"--data: no set with a clock in {data}; a set is a folder with labels.json or manifest.json")
    quiet = []
    with progress_bar("rows", sum(len(each.seconds) for each in found)) as bar:
        for each in found:
            quiet.append(measure(each, config))
            bar.advance(len(each.seconds))
    made = report(quiet, config)
    show(made)
    if save:
        write(made)


if __name__ == "__main__":
    typer.run(main)
