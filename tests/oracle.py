"""Exact slow twins: everything recomputed from raw values at every step, from the definitions; shares no code with streamkl.core."""

import math
from bisect import insort
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

FIXED, TRAILING, DECAYED, SEASONAL = 0, 1, 2, 3
LATE_IN_A_ROW = 64  # then the series' clock has stepped back
LEAST = 0.5  # rank units that a bin of a reference keeps at least


class Cell(NamedTuple):
    """A bin: low <= value < high, and its mass in rank units."""

    low: float
    high: float
    units: float


def n_kl(counts: Sequence[float], masses: Sequence[float]) -> float:
    """n KL(window || reference) in nats, from counts and masses of any scale."""
    n, total = math.fsum(counts), math.fsum(masses)
    return math.fsum(c * math.log(c * total / (n * m)) for c, m in zip(counts, masses, strict=True) if c)


def cells(values: Iterable[float], bins: int) -> list[Cell]:
    """Equal-frequency bins by the definition in core.binning: ranks, two tails, and a bin of its own for each atom."""
    ordered = sorted(values)
    n = len(ordered)
    times = {value: ordered.count(value) for value in set(ordered)}
    atoms = sorted(value for value in times if len(times) <= bins or times[value] >= n / bins)
    above = [math.nextafter(atom, math.inf) for atom in atoms]
    found: list[Cell] = []
    for low, high in zip([-math.inf, *above], [*atoms, math.inf], strict=True):
        between = [value for value in ordered if low <= value < high]
        found += _stretch(between, low, high, max(1, round(len(between) * bins / n)))
        if high in times:
            found.append(Cell(high, math.nextafter(high, math.inf), float(times[high])))
    return found


def _stretch(points: list[float], low: float, high: float, pieces: int) -> list[Cell]:
    """The bins between two atoms, or between an atom and infinity, where there is a tail."""
    if not points:
        return [Cell(low, high, LEAST)]
    ranks = [1 + round(j * (len(points) - 1) / pieces) for j in range(pieces)]
    cuts = sorted({points[rank - 1] for rank in ranks})
    end = math.nextafter(points[-1], math.inf) if high == math.inf else high
    starts = [cuts[0] if low == -math.inf else low, *cuts[1:]]
    inner = [Cell(a, b, float(sum(a <= p < b for p in points))) for a, b in zip(starts, [*starts[1:], end], strict=True)]
    if high == math.inf:
        inner[-1] = inner[-1]._replace(units=max(inner[-1].units - 1.0, LEAST))
        inner.append(Cell(end, math.inf, 1.0))
    if low == -math.inf:
        inner.insert(0, Cell(low, starts[0], 1.0))
    return inner


def cell_of(found: Sequence[Cell], value: float) -> int:
    (index,) = [k for k, cell in enumerate(found) if cell.low <= value < cell.high]
    return index


class Point(NamedTuple):
    """A point that was taken in; sorts by event time, then by arrival."""

    time: int
    arrival: int
    value: float


class Twin:
    """One series under the core's settings (read as plain data). Verdicts are not its business: it is told when an episode moves."""

    def __init__(self, settings: Any) -> None:
        self.s, self.ref = settings, settings.reference
        longest = max(w.points or settings.ring_points for w in settings.windows)
        self.room = max(longest, self.ref.gap if self.ref.kind != FIXED else 0) + 1
        self.held: list[Point] = []  # the newest points by event time
        self.buffer: list[Point] = []  # points that may become the reference, by arrival
        self.newest = 0
        self.arrivals = 0
        self.late_in_a_row = 0
        self.learned = False
        self.open = False

    # -- points ------------------------------------------------------------------

    def take(self, value: float, time: int) -> str:
        """One more point; returns its fate: "ignored", "late", "learning" or "judged"."""
        if not math.isfinite(value):
            return "ignored"
        if self._late(time):
            return "late"
        self.newest = max(self.newest, time) if self.arrivals else time
        self.arrivals += 1
        point = Point(time, self.arrivals, value)
        if not self.learned:
            self.buffer.append(point)
            if len(self.buffer) == self.ref.size:
                self._learn(self.buffer)
            return "learning"
        if self.open:
            self.buffer.append(point)
        if self.ref.kind == SEASONAL and self._slot(self.newest) != self.season:
            self._put_in_force()
        insort(self.held, point)
        self.held = self.held[-self.room :]
        self._hand_over(len(self.held) - 1 - self.held.index(point) if point in self.held else self.room)
        return "judged"

    def _late(self, time: int) -> bool:
        late = self.arrivals > 0 and time < self.newest - self.s.grace_us
        if self.learned and len(self.held) == self.room:
            late = late or time < self.held[0].time
        self.late_in_a_row = self.late_in_a_row + 1 if late else 0
        if self.late_in_a_row == LATE_IN_A_ROW:
            back = self.newest - time
            self.held = [p._replace(time=p.time - back) for p in self.held]
            self.buffer = [p._replace(time=p.time - back) for p in self.buffer]
            self.newest, self.late_in_a_row = time, 0
            return False
        return late

    # -- episodes ------------------------------------------------------------------

    def opened(self) -> None:
        self.open, self.buffer = True, []

    def closed(self) -> None:
        self.open, self.resume = False, self.arrivals

    def accepted(self) -> None:
        self.closed()
        self._learn(self.buffer[-self.ref.size :])

    # -- the reference -------------------------------------------------------------

    def _learn(self, normal: list[Point]) -> None:
        self.learned, self.resume = True, self.arrivals
        self.cells = cells([p.value for p in normal], self.s.bins)
        self.known: dict[float, int] = {}  # cells of values seen: the search is slow
        self.first = sorted(normal)
        self.handed: list[Point] = []
        self.held = sorted(normal)[-self.room :]
        self.faded = [cell.units for cell in self.cells]
        self.weight = 1.0
        if self.ref.kind == SEASONAL:
            self.given: list[Point] = list(self.first)  # lagged: points that no slot was put in force with
            self.share: dict[int, list[float]] = {}
            if self.ref.lagged:
                self.season = self._slot(self.newest)
            else:
                self._put_in_force()

    def _hand_over(self, depth: int) -> None:
        """The point that has just come to lie `gap` points below the newest one goes to a moving reference."""
        deep = max(depth, self.ref.gap)
        if self.ref.kind == FIXED or self.open or deep >= len(self.held) or self.arrivals - deep <= self.resume:
            return
        point = self.held[-1 - deep]
        self.handed.append(point)
        if self.ref.kind == SEASONAL:
            self.given.append(point)
        if self.ref.kind == DECAYED:
            self.weight *= 2.0 ** (1.0 / self.ref.half_life)
            self.faded[self._cell(point.value)] += self.weight
            if self.weight > 2.0:
                self.faded = [max(units / self.weight, LEAST) for units in self.faded]
                self.weight = 1.0

    def masses(self) -> list[float]:
        """Of the bins, in units of any scale."""
        if self.ref.kind == DECAYED:
            return self.faded
        if self.ref.kind != TRAILING:
            return [cell.units for cell in self.cells]
        before, now = self._counts(self.first), self._counts([*self.first, *self.handed][-self.ref.size :])
        return [max(cell.units + b - a, LEAST) for cell, a, b in zip(self.cells, before, now, strict=True)]

    def _counts(self, points: Iterable[Point]) -> list[int]:
        counts = [0] * len(self.cells)
        for point in points:
            counts[self._cell(point.value)] += 1
        return counts

    def _cell(self, value: float) -> int:
        if value not in self.known:
            self.known[value] = cell_of(self.cells, value)
        return self.known[value]

    # -- seasons -------------------------------------------------------------------

    def _slot(self, time: int) -> int:
        return (time - self.ref.phase_us) % self.ref.period_us * self.ref.slots // self.ref.period_us

    def _pooled(self) -> list[float]:
        units = [cell.units for cell in self.cells]
        return [u / math.fsum(units) for u in units]

    def _put_in_force(self) -> None:
        """Each slot's own points beside `shrinkage` points of the pooled reference; lagged: those of the slot that is entered, given since
        it was entered before, if there are any."""
        self.season = self._slot(self.newest)
        for slot in [self.season] if self.ref.lagged else range(self.ref.slots):
            points = [p for p in (self.given if self.ref.lagged else [*self.first, *self.handed]) if self._slot(p.time) == slot]
            if self.ref.lagged:
                self.given = [p for p in self.given if self._slot(p.time) != slot]
            if points or not self.ref.lagged:
                weight = len(points) + self.ref.shrinkage
                own = zip(self._counts(points), self._pooled(), strict=True)
                self.share[slot] = [(c + self.ref.shrinkage * share) / weight for c, share in own]

    # -- windows -------------------------------------------------------------------

    def window(self, w: int) -> list[Point]:
        """The newest so many points by event time, or those newer than the newest time less the span."""
        window = self.s.windows[w]
        if window.points:
            return self.held[-window.points :]
        return [p for p in self.held if p.time > self.newest - window.span_us][-(self.room - 1) :]

    def statistic(self, w: int) -> float:
        """n KL of a window."""
        points = self.window(w)
        if self.ref.kind != SEASONAL:
            return n_kl(self._counts(points), self.masses())
        if not all(self._slot(p.time) in self.share for p in points):
            return 0.0  # lagged: nothing to compare with yet
        shares = [self.share[self._slot(p.time)] for p in points]
        return n_kl(self._counts(points), [math.fsum(column) for column in zip(*shares, strict=True)])
