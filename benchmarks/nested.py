"""Choosing a setting without the series it is judged on: groups of related series, folds, and the choice in each fold."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled import Labelled

SHARED = 0.4  # of the labelled hours of the one that has fewer: then two series tell of the same incidents
HOUR = 3600
FIRST_WORD = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")


class Counts(NamedTuple):
    """What settings find in a set. `parts` and `wholes` (settings, series, promises): a figure is the sum of the one over the sum of the
    other. `groups` (series,): equal numbers are related. `own`: which of the promises is the shipped one."""

    parts: NDArray[np.float64]
    wholes: NDArray[np.float64]
    groups: NDArray[np.int64]
    own: int

    def figures(self, series: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Of every setting with every promise, over these series, (settings, promises)."""
        return np.asarray(self.parts[:, series].sum(1) / np.maximum(self.wholes[:, series].sum(1), 1e-9))

    def left_out(self, chosen: NDArray[np.int64]) -> float:
        """With the shipped promise, where each series is judged by the setting chosen for it."""
        at = np.arange(len(chosen))
        return float(self.parts[chosen, at, self.own].sum() / self.wholes[chosen, at, self.own].sum())


class Split(NamedTuple):
    """One way to cut all series into folds: per set what is found in the folds left out, and the setting chosen without each fold."""

    figures: Mapping[str, float]
    chosen: Sequence[int]


def related(series: Sequence[Labelled]) -> NDArray[np.int64]:
    """A group for each series of one set: those of a folder and a first word, and, of series whose name is like no other's, those whose
    labels lie at the same times.

    >>> day = np.arange(24) * 3600
    >>> def one(name, *hours):
    ...     return Labelled("set", name, day, day * 1.0, np.isin(np.arange(24), hours))
    >>> related([one("web/cpu_1", 1), one("web/cpu_2", 9), one("5f0", 3, 4), one("17a", 4, 5, 6), one("db/cpu", 9)]).tolist()
    [0, 0, 1, 1, 2]
    """
    words = [_family(each.name) for each in series]
    groups = np.array([words.index(word) for word in words])
    alone = [at for at, word in enumerate(words) if not word or words.count(word) == 1]
    hours = {at: set((series[at].seconds[series[at].anomalous] // HOUR).tolist()) for at in alone}
    for at in alone:
        groups[at] = at
    for first in alone:
        for second in alone:
            fewer = min(len(hours[first]), len(hours[second]))
            if first < second and fewer and len(hours[first] & hours[second]) >= SHARED * fewer:
                groups[groups == groups[second]] = groups[first]
    return np.asarray(np.unique(groups, return_inverse=True)[1])


def _family(name: str) -> str:
    """The folder and the first word, or nothing where there is none.

    >>> _family("realAdExchange/exchange-2_cpc_results.csv"), _family("application-crash-rate-1__app1-01"), _family("05f10d3a-239c")
    ('realAdExchange/exchange', 'application-crash-rate', '')
    """
    folder, _, last = name.rpartition("/")
    word = FIRST_WORD.match(last)
    return "/".join(part for part in (folder, word[0] if word else "") if part) if word and len(word[0]) > 1 else ""


def cut(groups: NDArray[np.int64], folds: int, dice: np.random.Generator) -> NDArray[np.int64]:
    """A fold for each series, (series,): groups in a random order, each into the fold that has fewest series."""
    fold = np.zeros(len(groups), np.int64)
    filled = np.zeros(folds, np.int64)
    for group in dice.permutation(np.unique(groups)):
        at = int(np.flatnonzero(filled == filled.min())[0])
        fold[groups == group] = at
        filled[at] += int((groups == group).sum())
    return fold


def nested(sets: Mapping[str, Counts], allowed: NDArray[np.bool_], folds: int, dice: np.random.Generator, robust: bool) -> Split:
    """One split: without each fold, of the settings that are `allowed` the one whose figures have the largest sum over all sets; `robust`:
    whose mean over the promises has."""
    fold = {name: cut(counts.groups, folds, dice) for name, counts in sets.items()}
    chosen = []
    for left_out in range(folds):
        total = sum(counts.figures(fold[name] != left_out) for name, counts in sets.items())
        worth = total.mean(1) if robust else np.asarray(total)[:, next(iter(sets.values())).own]
        chosen.append(int(np.argmax(np.where(allowed, worth, -np.inf))))
    figures = {name: counts.left_out(np.array(chosen)[fold[name]]) for name, counts in sets.items()}
    return Split(figures, chosen)
