"""The past of every series, gathered from decoded points: its newest values and times in order of arrival. Nothing here judges."""

from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from streamkl.engine.plan import Plan
from streamkl.engine.points import Points
from streamkl.engine.router import IGNORED, SHED, Seat

HEARTBEAT = -4  # beside the router's IGNORED and SHED
KEPT_POINTS = 200_000  # newest points of a series that are looked at: 20 weeks of minutes, 3.2 MB
KEPT_IN_ALL = 20_000_000  # points; many series have equal parts of it
KEPT_AT_LEAST = 2_000


@dataclass(frozen=True, slots=True)
class History:
    """One series: `points` were seen, of which `values` (numbers, or those of categories) and `times` (µs) hold the newest."""

    stream: str
    name: str
    monitor: int  # index in the plan
    categories: tuple[str, ...] | None  # None: numeric
    points: int
    values: NDArray[np.float64]
    times: NDArray[np.int64]


@dataclass(slots=True)
class _Growing:
    seat: Seat
    stream: str
    monitor: int
    points: int = 0
    held: int = 0
    values: list[NDArray[np.float64]] = field(default_factory=list)
    times: list[NDArray[np.int64]] = field(default_factory=list)

    def take(self, values: NDArray[np.float64], times: NDArray[np.int64], kept: int) -> None:
        self.points += len(values)
        self.held += len(values)
        self.values.append(values)
        self.times.append(times)
        if self.held > 2 * kept:
            self.cut(kept)

    def cut(self, kept: int) -> None:
        self.values = [np.concatenate(self.values)[-kept:]]
        self.times = [np.concatenate(self.times)[-kept:]]
        self.held = len(self.values[0])


class Histories:
    """Gathers points of several streams (files, partitions); a series belongs to its stream, as in the service.

    `refused` counts points that no series took, by reason. At most `plan.max_series` series a stream. O(points) time; in memory at most
    twice KEPT_POINTS a series, or KEPT_IN_ALL of all if that is less (but twice KEPT_AT_LEAST each), 16 bytes a point.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._index: dict[str, dict[str, int]] = {}
        self._all: list[_Growing] = []
        self.refused: Counter[str] = Counter()

    def add(self, stream: str, points: Points) -> None:
        """Take in points in their order."""
        index = self._index.setdefault(stream, {})
        for i, name in enumerate(points.series):
            if name not in index:
                index[name] = self._meet(stream, name, i in points.text, len(index))
        numbers = np.fromiter(map(index.__getitem__, points.series), np.int64, len(points))
        values = points.value.copy()
        for i in self._with_categories(numbers, points):
            values[i] = self._all[numbers[i]].seat.category(points.text.get(i, f"{points.value[i]:.15g}"))
        self.refused["heartbeats"] += int((numbers == HEARTBEAT).sum())
        self.refused["ignored by a monitor"] += int((numbers == IGNORED).sum())
        self.refused["of series beyond state.max_series"] += int((numbers == SHED).sum())
        self.refused["text in a series of numbers"] += int((np.isnan(values) & (numbers >= 0)).sum())
        usable = np.flatnonzero((numbers >= 0) & np.isfinite(values))
        kept = self._kept()
        order = usable[np.argsort(numbers[usable], kind="stable")]
        for part in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1):
            if len(part):
                self._all[numbers[part[0]]].take(values[part], points.timestamp_us[part], kept)

    def _kept(self) -> int:
        return min(KEPT_POINTS, max(KEPT_AT_LEAST, KEPT_IN_ALL // max(1, len(self._all))))

    def _with_categories(self, numbers: NDArray[np.int64], points: Points) -> list[int]:
        categorical = np.array([growing.seat.categorical for growing in self._all] or [False])
        return np.flatnonzero((numbers >= 0) & categorical[np.maximum(numbers, 0)]).tolist() if len(points) else []

    def _meet(self, stream: str, name: str, text: bool, known: int) -> int:
        if self._plan.heartbeat and fnmatchcase(name, self._plan.heartbeat):
            return HEARTBEAT
        number = next(i for i, monitor in enumerate(self._plan.monitors) if fnmatchcase(name, monitor.match))
        kind = self._plan.monitors[number].kind
        if kind == "ignore":
            return IGNORED
        if known >= self._plan.max_series:
            return SHED
        categorical = kind == "categorical" or (kind == "auto" and text)
        self._all.append(_Growing(Seat(name, 0, 0, {}, categorical), stream, number))
        return len(self._all) - 1

    def __len__(self) -> int:
        """How many series have been met."""
        return len(self._all)

    def finish(self) -> list[History]:
        """All series with at least one point, in the order in which they were met; what was gathered is given away. Silenced points are
        left out, as if they had not come."""
        kept = self._kept()
        gathered, self._all = self._all, []
        return [history for growing in gathered if (history := self._history(growing, kept)) is not None]

    def _history(self, growing: _Growing, kept: int) -> History | None:
        name = growing.seat.name
        if not growing.points:
            return None
        growing.cut(kept)
        values, times = growing.values[0], growing.times[0]
        heard = np.ones(len(times), np.bool_)
        for silence in self._plan.silences:
            if fnmatchcase(name, silence.match):
                heard &= ~silence.covers(times)
        silenced = len(times) - int(heard.sum())
        self.refused["silenced"] += silenced
        if silenced == len(times):
            return None
        categories = tuple(growing.seat.categories) if growing.seat.categorical else None
        return History(growing.stream, name, growing.monitor, categories, growing.points - silenced, values[heard], times[heard])
