"""From alarms counted and alarms promised to a ratio, its interval, and whether that is good enough."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2_000
LEVEL = 0.90
NO_ALARM_LIMIT = 2.996  # alarms expected where none is seen with probability 5 %: -ln 0.05


@dataclass(frozen=True, slots=True)
class Ratio:
    """Alarms raised per alarm promised, and its 90 % interval."""

    alarms: int
    promised: float
    low: float
    high: float

    @property
    def value(self) -> float:
        """1 keeps the budget, above 1 breaks it."""
        return self.alarms / self.promised

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}–{self.high:.2f})"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a ratio has to lie between, both included. A ceiling of 0 means no alarm at all: about that there is no doubt."""

    floor: float
    ceiling: float

    def verdict(self, ratio: Ratio) -> str:
        """ "holds" or "fails"; with "?" where the interval reaches over the limit, so that more points could turn it."""
        holds = self.floor <= ratio.value <= self.ceiling
        if self.ceiling == 0:
            sure = True
        elif holds:
            sure = self.floor <= ratio.low and ratio.high <= self.ceiling
        else:
            sure = ratio.high < self.floor or ratio.low > self.ceiling
        return ("holds" if holds else "fails") + ("" if sure else "?")


def pooled(alarms: Sequence[int], promised: Sequence[float]) -> Ratio:
    """The ratio of sums over series, its interval bootstrapped over them (they are independent; alarms within one may not be).

    Without a single alarm there is nothing to resample: then from 0 to the largest rate under which silence has a chance of 5 %.
    """
    raised, allowed = np.asarray(alarms, dtype=np.float64), np.asarray(promised)
    if not raised.any():
        return Ratio(0, float(allowed.sum()), 0.0, NO_ALARM_LIMIT / float(allowed.sum()))
    picks = np.random.default_rng(0).integers(len(raised), size=(RESAMPLES, len(raised)))
    sums = raised[picks].sum(axis=1) / allowed[picks].sum(axis=1)
    low, high = np.quantile(sums, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Ratio(int(raised.sum()), float(allowed.sum()), float(low), float(high))
