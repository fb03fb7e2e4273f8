"""One cell of the false-alarm table: a process, a learning length and a budget; how many points it takes, and what they gave."""

from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import numpy as np

import streamkl
from benchmarks import kept
from benchmarks.verdicts import Limits
from benchmarks.zoo import EVERY, series
from streamkl.config.detector import DetectorConfig, ReferenceConfig
from streamkl.library.settings import settings_of
from streamkl.units import parse_budget

CONSTANT = "constant"  # the process that may not alarm at all
EARLY_WINDOWS = 64
EARLY = EARLY_WINDOWS * max(window.points or 0 for window in DetectorConfig().windows)  # judged points that count as the beginning
SERIES, FEW_SERIES = 40, 20  # FEW_SERIES where alarms are so frequent that half the series give enough of them
FREQUENT = 1_000  # points between alarms up to which that is so
USUAL = 10_000  # points between alarms up to which 100 of them are waited for
CODE = ("benchmarks/cells.py", *kept.PROCESSES)
LEARNED_LIMIT = 20  # a budget may be so many times the learning length


@dataclass(frozen=True, slots=True)
class Cell:
    """`learned` points of reference, one false alarm promised per `run_length` points. A quick cell takes half the series."""

    process: str
    learned: int
    run_length: int
    quick: bool = False

    @property
    def required(self) -> bool:
        """Whether the promise has to hold: a budget of at most 20 times the learning length, and two periods seen in it."""
        return self.run_length <= LEARNED_LIMIT * self.learned and 2 * EVERY[self.process].period <= self.learned

    @property
    def limits(self) -> Limits:
        """On independent continuous data the threshold must be exact, elsewhere it may be quieter."""
        if self.process == CONSTANT:
            return Limits(0.0, 0.0)
        return Limits(0.5 if EVERY[self.process].independent else 0.0, 1.5)

    @property
    def early_limits(self) -> Limits:
        """In the first 64 windows."""
        return Limits(0.0, 0.0 if self.process == CONSTANT else 2.0)

    @property
    def series(self) -> int:
        """How many series; their seeds are 0, 1, 2, …"""
        few = FEW_SERIES if self.run_length <= FREQUENT else SERIES
        return few // 2 if self.quick else few

    @property
    def points(self) -> int:
        """Points of each series after those learned: twice the beginning, and together enough for the alarms that are waited for."""
        expected = 100 if self.run_length <= USUAL else 40 if self.required else 10
        return max(2 * EARLY, ceil(expected * self.run_length / SERIES))

    @property
    def config(self) -> DetectorConfig:
        """The detector as shipped, but for the two things that the cell is about."""
        budget = parse_budget(f"1 per {self.run_length} points")
        return DetectorConfig(false_alarms_without_clock=budget, reference=ReferenceConfig(size=self.learned))

    @property
    def key(self) -> dict[str, Any]:
        """All that the result depends on."""
        return {
            **asdict(self),
            "series": self.series,
            "points": self.points,
            "settings": repr(settings_of(self.config)),
            "detector": kept.digest(kept.DETECTOR),
            "code": kept.digest(CODE),
        }


@dataclass(frozen=True, slots=True)
class Tally:
    """What one series gave: points judged and alarms raised, in all and in the first 64 windows; points at or above the threshold; and the
    confidences that the events carried when they opened, added up."""

    judged: int
    alarms: int
    early_judged: int
    early_alarms: int
    above: int
    confidence: float


def tally(cell: Cell, seed: int) -> Tally:
    """One series, from its first point on."""
    result = streamkl.evaluate(series(cell.process, cell.learned + cell.points, seed), config=cell.config)
    if np.any(result.score[result.opened] < 1):
        raise AssertionError(f"{cell}, series {seed}: an episode opened on a score below 1")
    early = np.cumsum(result.judged) <= EARLY
    return Tally(
        judged=int(result.judged.sum()),
        alarms=int(result.opened.sum()),
        early_judged=int((result.judged & early).sum()),
        early_alarms=int((result.opened & early).sum()),
        above=int((result.ratio[result.judged] >= 1).sum()),
        confidence=sum(event.confidence for event in result.events if event.type == "opened"),
    )


def measure(cell: Cell) -> list[Tally]:
    """All series of the cell, from the file where one was kept."""
    store = kept.Kept("false_alarms")
    known = store.get(cell.key)
    if known is not None:
        return [Tally(**each) for each in known]
    tallies = [tally(cell, seed) for seed in range(cell.series)]
    store.put(cell.key, [asdict(each) for each in tallies])
    return tallies
