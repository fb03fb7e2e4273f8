"""A stretch of a topic as a sample: its series are the features, their points between two moments the values."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamkl.adapters.console.steps import Step
from streamkl.adapters.kafka import TopicHistory
from streamkl.assembly.joining import cluster_at
from streamkl.comparison.columns import Column, Numbers, Table, column_of
from streamkl.config import Config
from streamkl.engine.codec import Codec
from streamkl.engine.points import Points
from streamkl.errors import InputError
from streamkl.units import parse_duration, parse_instant

_PREFIX = "topic:"
_FORM = "topic:NAME@FROM..TO; FROM and TO are times (2026-01-31T12:00:00Z) or lie before the newest point (-28d), and may be left out"
_ALWAYS = 2**62


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a topic, from a moment on and up to another (excluded). `from_newest`: a moment is so many microseconds before the newest."""

    topic: str
    begin: int
    end: int
    begin_from_newest: bool
    end_from_newest: bool

    def between(self, newest: int) -> tuple[int, int]:
        """The two moments, where the topic's newest point is at `newest`."""
        return self.begin + newest * self.begin_from_newest, self.end + newest * self.end_from_newest


def is_topic(name: str) -> bool:
    """Whether the name is a stretch of a topic, not a file."""
    return name.startswith(_PREFIX)


def parse_stretch(name: str) -> Stretch:
    """
    >>> parse_stretch("topic:payments@-29d..-28d").between(parse_instant("2026-01-31")) == (
    ...     parse_instant("2026-01-02"), parse_instant("2026-01-03"))
    True

    Raises InputError for anything else.
    """
    found = re.fullmatch(r"topic:([^@]+)(?:@(.*)\.\.(.*))?", name)
    if found is None:
        raise InputError(f"{name}: write {_FORM}")
    try:
        begin, begin_relative = _moment(found[2] or "", -_ALWAYS)
        end, end_relative = _moment(found[3] or "", _ALWAYS)
    except ValueError as error:
        raise InputError(f"{name}: {error}; write {_FORM}") from None
    if begin_relative == end_relative and begin >= end:
        raise InputError(f"{name}: ends before it begins; write {_FORM}")
    return Stretch(found[1], begin, end, begin_relative, end_relative)


def _moment(text: str, absent: int) -> tuple[int, bool]:
    text = text.strip()
    if not text:
        return absent, False
    return (-parse_duration(text[1:]), True) if text.startswith("-") else (parse_instant(text), False)


def topic_table(name: str, config: Config, step: Step) -> Table:
    """The points of a stretch, by series. Read from the topic's earliest record to its present end; no group is joined.

    About 30 bytes a point are held while it is read. InputError for a stretch without points; ConfigError and SourceError as
    `TopicHistory`.
    """
    stretch = parse_stretch(name)
    gathered = _Gathered()
    codec = Codec(config.input.mapping())
    with TopicHistory(cluster_at(config.kafka, None), stretch.topic) as past:
        for _, messages in past.batches():
            decoded = codec.decode(messages)
            gathered.add(decoded.points)
            gathered.rejected += len(decoded.rejected)
            step("reading", past.seen, past.records, f"{gathered.points:,} points of {name}")
    columns = dict(gathered.between(stretch))
    if not columns:
        held = f"{gathered.points:,} points in all, {gathered.rejected:,} rejected records"
        raise InputError(f"{name}: there is no point in this stretch ({held})")
    return Table(name, sorted(columns), columns.__getitem__, rowwise=False)


class _Gathered:
    """Points by series, as they come."""

    def __init__(self) -> None:
        self._batches: dict[str, list[tuple[NDArray[np.int64], NDArray[np.float64], dict[int, str]]]] = defaultdict(list)
        self._newest = -_ALWAYS
        self.points, self.rejected = 0, 0

    def add(self, points: Points) -> None:
        """O(points)."""
        if not len(points):
            return
        self.points += len(points)
        self._newest = max(self._newest, int(points.timestamp_us.max()))
        places: dict[str, list[int]] = defaultdict(list)
        for place, name in enumerate(points.series):
            places[name].append(place)
        for name, mine in places.items():
            chosen = np.array(mine)
            texts = {number: points.text[place] for number, place in enumerate(mine) if place in points.text} if points.text else {}
            self._batches[name].append((points.timestamp_us[chosen], points.value[chosen], texts))

    def between(self, stretch: Stretch) -> Iterator[tuple[str, Column]]:
        """Each series with points in the stretch, and their values."""
        begin, end = stretch.between(self._newest)
        for name, batches in self._batches.items():
            values: list[NDArray[np.float64]] = []
            texts: list[str | float] = []
            for times, numbers, named in batches:
                inside = (times >= begin) & (times < end)
                values.append(numbers[inside])
                texts += [named.get(int(place), float(numbers[place])) for place in np.flatnonzero(inside)] if named or texts else []
            held = np.concatenate(values)
            if len(held):
                categories = any(named for _, _, named in batches)
                yield name, column_of([*held[: len(held) - len(texts)], *texts]) if categories else Numbers(held)
