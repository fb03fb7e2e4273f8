"""The worst misses and the worst false alarms on labelled series, and what the detector itself can say about each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import streamkl
from benchmarks.labelled import Labelled, load
from benchmarks.progress import progress_bar
from benchmarks.quiet_data import SLACK, followed
from streamkl.config.detector import DetectorConfig
from streamkl.core.bank import Bank
from streamkl.core.past import histograms, newer_histograms
from streamkl.engine.story import TRACK_NAMES, named
from streamkl.library.scoring import Evaluation
from streamkl.library.series import shared_tables
from streamkl.library.settings import settings_of
from streamkl.model import MICROSECONDS

WORST, OF_ONE_SERIES = 10, 2
BEFORE = 1_000  # rows that a label is compared with
APART = 300  # rows between two incidents of one series that are shown
BULK = (0.01, 0.99)  # shares between which the rows before a label lie, but for the outermost


@dataclass(frozen=True, slots=True)
class Judged:
    """A series and what the detector makes of it."""

    series: Labelled
    result: Evaluation


@dataclass(frozen=True, slots=True)
class Incident:
    """A label that was missed, or (first == last == at) a false alarm; `at` is the row of its highest ratio."""

    judged: Judged
    first: int
    last: int
    at: int
    size: float  # what it is ranked by

    @property
    def key(self) -> str:
        """What a written sentence belongs to."""
        rows = f"{self.first}-{self.last}" if self.last > self.first else str(self.first)
        return f"{self.judged.series.set}/{self.judged.series.name}/{rows}"

    @property
    def where(self) -> str:
        """For a heading."""
        rows = f"rows {self.first:,} to {self.last:,}" if self.last > self.first else f"row {self.first:,}"
        return f"{self.judged.series.set}, {self.judged.series.name}, {rows}"


@dataclass(frozen=True, slots=True)
class Found:
    """What the detector saw at a row: the test or track that came nearest (none: it was not judged), its share of the limit, and how many
    rows before were as far out on that track, as its own past counts them (None: a window or the drift track)."""

    loudest: str
    share: float
    limit: float  # of single points, nats
    as_far: int | None
    rows: int


def judge(folder: Path) -> list[Judged]:
    """Every series of every set by the shipped detector."""
    found = list(load(folder))
    judged = []
    with progress_bar("rows", sum(len(each.seconds) for each in found)) as bar:
        for each in found:
            judged.append(Judged(each, streamkl.evaluate(each.values, each.seconds)))
            bar.advance(len(each.seconds))
    return judged


def windows(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last row of each run.

    >>> windows(np.array([True, False, True, True]))
    [(0, 0), (2, 3)]
    """
    edges = np.diff(np.r_[0, marked.astype(np.int8), 0])
    return list(zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True))


def misses(judged: Judged) -> Iterator[Incident]:
    """Labels without an alarm in them or up to SLACK rows later, of those rows that are scored."""
    series, result = judged.series, judged.result
    for begin, last in windows(series.anomalous):
        first = max(begin, series.start)
        rows = slice(first, last + 1 + SLACK)
        if first <= last and not (result.score[rows] >= 1.0).any():
            yield Incident(judged, first, last, first + int(np.argmax(result.ratio[rows])), stands_out(series.values, first, last))


def false_alarms(judged: Judged) -> Iterator[Incident]:
    """Alarms outside of labels, of those rows that are scored."""
    series, score = judged.series, judged.result.score
    outside = (score >= 1.0) & ~followed(series.anomalous, SLACK)
    for row in (np.flatnonzero(outside[series.start :]) + series.start).tolist():
        yield Incident(judged, row, row, row, float(score[row]))


def stands_out(values: NDArray[np.float64], first: int, last: int) -> float:
    """How far a label's most distant value lies from the median of the BEFORE rows before it, in ranges of these rows (1st to 99th
    percentile); of several features the largest.

    >>> stands_out(np.r_[np.tile([0.0, 1.0], 50), 0.5, 3.5], 100, 101)
    3.0
    """
    columns = values.reshape(len(values), -1)
    far = [0.0]
    for column in columns.T:
        before = column[max(0, first - BEFORE) : first]
        before, inside = before[np.isfinite(before)], column[first : last + 1]
        inside = inside[np.isfinite(inside)]
        if len(before) and len(inside):
            low, middle, high = np.quantile(before, [BULK[0], 0.5, BULK[1]])
            distance = float(np.abs(inside - middle).max())
            far.append(distance / float(high - low) if high > low else np.inf if distance > 0 else 0.0)
    return max(far)


def worst(found: Sequence[Incident]) -> list[Incident]:
    """The WORST largest, at most OF_ONE_SERIES of each series, and of those near one another only the largest."""
    taken: list[Incident] = []
    for each in sorted(found, key=lambda i: (-i.size, i.key)):
        same = [other for other in taken if other.judged is each.judged]
        if len(same) < OF_ONE_SERIES and all(abs(each.first - other.first) > APART for other in same):
            taken.append(each)
    return taken[:WORST]


def magnitudes(bank: Bank) -> NDArray[np.int64]:
    """Histograms of the tracks' magnitudes, those since the tables were made included."""
    return histograms(bank.arena.past).astype(np.int64) + newer_histograms(bank.arena.fresh)


def seen(incident: Incident) -> Found:
    """Feed the detector once more up to the row, and look at its tracks. O(rows before)."""
    series, config = incident.judged.series, DetectorConfig()
    columns = series.values.reshape(len(series.values), -1)
    features, at = columns.shape[1], incident.at
    bank = Bank(settings_of(config, features), shared_tables(), features)
    rows = np.array([bank.birth() for _ in range(features)])

    def feed(part: slice) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
        times = np.repeat(series.seconds[part] * MICROSECONDS, features)
        positions = np.repeat(np.arange(part.start, part.stop), features)
        verdicts = bank.run(np.tile(rows, part.stop - part.start), times, columns[part].ravel(), positions)
        return verdicts.ratio[-features:], verdicts.window[-features:]

    feed(slice(0, at))
    low, past = bank.arena.past_low.copy(), magnitudes(bank)
    ratio, window = feed(slice(at, at + 1))
    feature = int(np.argmax(ratio))
    row, test = int(rows[feature]), int(window[feature])
    if test < 0:
        return Found("", 0.0, 0.0, None, at)
    if test <= len(config.windows):
        name = named(bank.settings, test)[0]
        return Found(name if test == len(config.windows) else f"window of {name}", float(ratio[feature]), 0.0, None, at)
    track = int(np.argmax(bank.arena.nats[row]))
    grown = np.flatnonzero(magnitudes(bank)[row, track] - past[row, track] > 0)
    record = low[row, track] != bank.arena.past_low[row, track] or not len(grown)
    as_far = 0 if record else int(past[row, track, grown[-1] :].sum())
    return Found(f"track {TRACK_NAMES[track]}", float(ratio[feature]), float(bank.arena.point_limit[row]), as_far, at)


def facts(incident: Incident, found: Found) -> str:
    """What is known by computation, in one or two sentences."""
    result, words = incident.judged.result, []
    missed = not result.score[incident.at] >= 1.0
    alarms = np.flatnonzero(result.score[: incident.at] >= 1.0)
    if missed and not result.judged[incident.at]:
        words.append("It was not judged, the series being too young.")
    elif missed and result.in_episode[max(incident.first - 1, 0)]:
        words.append(f"An episode was open already; {found.loudest} came to {found.share:.2f} times the limit.")
    else:
        words.append(f"{found.loudest.capitalize()} came {'nearest, to' if missed else 'to'} {found.share:.2f} times the limit.")
    if found.as_far is not None:
        words.append(f"The limit was {found.limit:.1f} nats; of {found.rows:,} rows before {found.as_far:,} lay as far out.")
    if not missed:
        words.append(f"Episodes of this series before it: {int(result.opened[: incident.at].sum()):,}.")
    elif len(alarms) and incident.first - alarms[-1] <= APART:
        words.append(f"Its last alarm: row {alarms[-1]:,}.")
    return " ".join(words)
