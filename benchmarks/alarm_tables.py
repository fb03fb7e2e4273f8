"""The false-alarm benchmark's result for people: one table of ratios with verdicts, one of the first windows, one beside others."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median

from benchmarks import rivals
from benchmarks.cells import EARLY, EARLY_WINDOWS, LEARNED_LIMIT, Cell, Tally
from benchmarks.held_out import HELD_OUT
from benchmarks.report import Row, Section
from benchmarks.verdicts import Ratio, pooled

Done = Mapping[Cell, Sequence[Tally]]
Counts = Mapping[tuple[str, str], Sequence[int]]  # of (rival, process), one count a series
BESIDE = (500, 10_000)  # the cell that stands beside the rivals: learned, points between alarms
CONFIDENCES = (0.0, 0.25, 0.5, 0.75, 1.01)  # bounds of the classes
MARKS = {"holds": "✓", "holds?": "✓?", "fails?": "✗?", "fails": "✗"}
NOTES = (
    "Alarm ratio: episodes opened, divided by (points judged / promised points between alarms). 1 keeps the budget, above 1 breaks it. "
    "In brackets its 90 % interval, bootstrapped over the series of the cell.",
    f"Required where the budget is at most {LEARNED_LIMIT} times the learning length and two periods were learned: 0.5 to 1.5 on "
    f"independent continuous data, at most 1.5 on all else, at most 2 in the first {EARLY_WINDOWS} windows ({EARLY:,} points), "
    "and no alarm at all on a constant.",
    "✓ holds, ✗ fails; with ? where the interval reaches over the limit, so that more points could turn it. No mark: not required.",
    "The detector is the default one as shipped; only the learning length and the budget differ. No clock.",
)


def ratio(cell: Cell, tallies: Sequence[Tally], early: bool = False) -> Ratio:
    """Of all judged points, or of those in the first 64 windows."""
    alarms = [each.early_alarms if early else each.alarms for each in tallies]
    judged = [each.early_judged if early else each.judged for each in tallies]
    return pooled(alarms, [points / cell.run_length for points in judged])


def verdict(cell: Cell, found: Ratio, early: bool = False) -> str:
    """One of MARKS, or "" where nothing is required."""
    return (cell.early_limits if early else cell.limits).verdict(found) if cell.required else ""


def mean_confidence(tallies: Sequence[Tally]) -> float | None:
    """That the events carried when they opened; None without any."""
    alarms = sum(each.alarms for each in tallies)
    return sum(each.confidence for each in tallies) / alarms if alarms else None


def rows(done: Done) -> Iterator[Row]:
    """Every cell with all its figures, for programs."""
    for cell, tallies in done.items():
        whole, early = ratio(cell, tallies), ratio(cell, tallies, early=True)
        judged = sum(each.judged for each in tallies)
        yield {
            "process": cell.process,
            "held out": "yes" if cell.process in HELD_OUT else "no",
            "learned": cell.learned,
            "points per alarm": cell.run_length,
            "series": len(tallies),
            "points judged": judged,
            "alarms": whole.alarms,
            "promised": whole.promised,
            "alarm ratio": whole.value,
            "from": whole.low,
            "to": whole.high,
            "verdict": verdict(cell, whole) or "reported",
            "early alarms": early.alarms,
            "early promised": early.promised,
            "early ratio": early.value,
            "early from": early.low,
            "early to": early.high,
            "early verdict": verdict(cell, early, early=True) or "reported",
            "% above threshold": 100 * sum(each.above for each in tallies) / judged,
            "mean confidence": mean_confidence(tallies),
        }


def sections(done: Done, counts: Counts) -> Iterator[Section]:
    """Processes down, budgets across; what was held out stands apart."""
    for group, wanted in (("", False), (", held-out processes", True)):
        part = {cell: tallies for cell, tallies in done.items() if (cell.process in HELD_OUT) == wanted}
        if part:
            yield Section(f"Alarm ratio{group}", _grid(part, early=False))
            yield Section(f"Alarm ratio in the first {EARLY_WINDOWS} windows{group}", _grid(part, early=True))
            yield Section(f"% of judged points at or above the threshold{group}", _above(part))
    yield Section("Alarm ratio by the mean confidence of a cell's events, all cells", list(_by_confidence(done)))
    if counts:
        yield Section("Alarms per 10,000 points, beside others with their defaults", list(_beside(done, counts)))


def summary(done: Done) -> Iterator[str]:
    """How many cells hold."""
    for group, wanted in (("In the zoo", False), ("Held out", True)):
        part = {cell: tallies for cell, tallies in done.items() if (cell.process in HELD_OUT) == wanted and cell.required}
        if part:
            counted = (_count(part, early) for early in (False, True))
            yield f"{group}: cells that hold {next(counted)}; in the first {EARLY_WINDOWS} windows {next(counted)}."


def beside_notes(counts: Counts) -> Iterator[str]:
    """What a reader of the rivals' table has to know."""
    if counts:
        yield (
            f"Others: {rivals.SERIES} series of {rivals.POINTS:,} points a process, their own defaults; they take no budget. streamkl: "
            f"{BESIDE[0]} points learned, 1 promised per {BESIDE[1]:,}."
        )
        if not any(rival == rivals.PYSAD for rival, _ in counts):
            yield "PySAD's RelativeEntropy (NAB's detector of that name) is not installed here: pip install pysad adds its column."
        else:
            yield "RelativeEntropy gets the smallest and largest value of the series in hindsight; flagged points in a row count once."


def _count(part: Done, early: bool) -> str:
    verdicts = [verdict(cell, ratio(cell, tallies, early), early) for cell, tallies in part.items()]
    holds, sure = sum(each.startswith("holds") for each in verdicts), verdicts.count("holds")
    return f"{holds} of {len(verdicts)} ({sure} of them with their whole interval)"


def _grid(part: Done, early: bool) -> list[Row]:
    def text(cell: Cell, tallies: Sequence[Tally]) -> str:
        found = ratio(cell, tallies, early)
        return f"{found} {MARKS.get(verdict(cell, found, early), '')}".strip()

    return _by_line({cell: text(cell, tallies) for cell, tallies in part.items()})


def _above(part: Done) -> list[Row]:
    return _by_line({cell: 100 * sum(t.above for t in tallies) / sum(t.judged for t in tallies) for cell, tallies in part.items()})


def _by_confidence(done: Done) -> Iterator[Row]:
    """Cells in which nothing alarmed carry no confidence."""
    alarming = {cell: mean for cell, tallies in done.items() if (mean := mean_confidence(tallies)) is not None}
    for low, high in pairwise(CONFIDENCES):
        part = [cell for cell, mean in alarming.items() if low <= mean < high]
        if part:
            found = [ratio(cell, done[cell]) for cell in part]
            yield {
                "confidence": f"{low:.2f} to {min(high, 1.0):.2f}",
                "cells": len(part),
                "alarms": sum(each.alarms for each in found),
                "alarm ratio": sum(each.alarms for each in found) / sum(each.promised for each in found),
                "median cell": median(each.value for each in found),
                "worst cell": max(each.value for each in found),
            }


def _by_line(cells: Mapping[Cell, str | float]) -> list[Row]:
    lines: dict[tuple[str, int], dict[str, str | int | float]] = {}
    for cell, shown in cells.items():
        line = lines.setdefault((cell.process, cell.learned), {"process": cell.process, "learned": cell.learned})
        line[f"1 per {cell.run_length:,}"] = shown
    return list(lines.values())


def _beside(done: Done, counts: Counts) -> Iterator[Row]:
    ours = {cell.process: tallies for cell, tallies in done.items() if (cell.learned, cell.run_length) == BESIDE}
    names = list(dict.fromkeys(rival for rival, _ in counts))
    for process in dict.fromkeys(process for _, process in counts):
        tallies = ours.get(process)
        own = 10_000 * sum(t.alarms for t in tallies) / sum(t.judged for t in tallies) if tallies else None
        theirs = {name: 10_000 * sum(counts[name, process]) / (rivals.SERIES * rivals.POINTS) for name in names}
        yield {"process": process, "streamkl": own, **theirs}
