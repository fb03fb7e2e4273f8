"""Many series judged alike: drives the compiled loop, and does what it cannot: learn a reference, explain an episode."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamkl.core import layout
from streamkl.core.arena import FREE, JOINT, JUDGING, LEARNING, NO_SLOT, NO_TIME, Arena, Calm, Pool, Rules, calm_of
from streamkl.core.batch import NONE_SILENT, Batch, State, outcome
from streamkl.core.binning import learn
from streamkl.core.buffers import Buffers
from streamkl.core.dependence import dependence, is_independent
from streamkl.core.drift import MOST_TURN
from streamkl.core.edges import edges_of, put_edges
from streamkl.core.episode import ACCEPTED, LEARNED, NOTHING, OPENED, RECOVERED, WARM
from streamkl.core.explanation import Explanation, explain
from streamkl.core.kernel import LATE, SILENCED, rehearse, walk
from streamkl.core.masses import put_units, units
from streamkl.core.native import Held, Memory, entry
from streamkl.core.rules import make_rules
from streamkl.core.run_length import POINTS_KEY, Table, TableKey, class_of, drift_key, keys
from streamkl.core.season import learn_slots
from streamkl.core.settings import ReferenceKind, Settings
from streamkl.core.surprise import WARM_POINTS, settle
from streamkl.units import Budget

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """What one of several features that are judged together had to do with it: its number, its own score in the test that decided, and its
    share of the sum of their third powers."""

    feature: int
    score: float
    share: float


@dataclass(frozen=True, slots=True)
class Transition:
    """An episode of `row` moved at point `index` of the batch: `happened` is one of core.episode's numbers above NOTHING.

    `explanation` and `score` are of the window with the highest score at that moment; when it closes, of the window last told of.
    `features`: where several are judged together, those that drove it, strongest first; the explanation is of the first.
    """

    index: int
    row: int
    happened: int
    score: float
    window: int
    explanation: Explanation
    features: tuple[Part, ...] = ()
    joint: bool = False  # whether single points of all features together decided


@dataclass(frozen=True, slots=True)
class Verdicts:
    """One entry a point: `fate` (0 not judged, 1 judged, 2 dropped as late, 3 silenced), `output` (the alarm output), `ratio` (statistic /
    threshold) and the `window` it comes from (-1: none); and the transitions, in order. `learned`: points that completed a learning, and
    the interval in microseconds that was learned."""

    fate: NDArray[np.int8]
    output: NDArray[np.float64]
    ratio: NDArray[np.float64]
    window: NDArray[np.int8]
    transitions: list[Transition]
    learned: list[tuple[int, int]] = field(default_factory=list)

    @property
    def late(self) -> int:
        """Points dropped as late."""
        return int((self.fate == LATE).sum())

    @property
    def silenced(self) -> int:
        """Points passed over."""
        return int((self.fate == SILENCED).sum())


class Bank:
    """The state of many series under one set of settings.

    `table` gives the thresholds of one simulated table (see `core.run_length`); it is asked once for each that is needed.
    """

    def __init__(self, settings: Settings, table: Callable[[TableKey], Table], rows: int) -> None:
        self.settings = settings
        self._table = table
        self.arena: Arena = layout.allocate(settings, 0)
        self._buffers = Buffers(layout.empty_pool(settings.reference.size), set())
        self.rules = self._new_rules()
        self._memory: Memory[State] | None = None
        self._kind: Held | None = None  # of the batches that `_walk`, machine code, is for
        self._walk: Callable[..., tuple[int, int]] = walk
        self.sharers = 1  # series that have equal parts of a budget in all
        self._free_rows: list[int] = []
        self._grow_rows(rows)

    def _new_rules(self) -> Rules:
        rules = make_rules(self.settings)
        if self.settings.pointwise:
            rules.point_limits[:] = self._table(POINTS_KEY)
        return rules

    @property
    def memory(self) -> Memory[State]:
        """The state as compiled code has it; another one whenever an array was replaced."""
        if self._memory is None:
            self._memory, self._kind = Memory(State(self.arena, self.pool, self.rules)), None
        return self._memory

    def copy(self, spare: Self | None = None) -> Self:
        """Another one that goes on from the same state; what is only read (settings, rules, tables) is shared. `spare`: an earlier copy
        that may be overwritten, and is what is returned if it is as large. O(rows)."""
        mine = self._parts()
        own = {**self.__dict__, "_free_rows": self._free_rows.copy(), "_kind": None}
        if spare is not None and spare.rules is self.rules:
            theirs = spare._parts()
            if [part.shape for part in theirs] == [part.shape for part in mine]:
                for their, part in zip(theirs, mine, strict=True):
                    np.copyto(their, part)
                buffers = Buffers(spare.pool, _slots(self.arena))
                spare.__dict__.update(own | {"arena": spare.arena, "_buffers": buffers, "_memory": spare._memory})
                return spare
        other = object.__new__(type(self))
        other.__dict__.update(own)
        other._take_parts([part.copy() for part in mine])
        return other

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        return self.copy()

    def __getstate__(self) -> dict[str, Any]:
        """Arrays as they lie, and nothing that machine code has: addresses are not copied."""
        own = self.__dict__ | {"arena": None, "_buffers": None, "rules": None, "_memory": None, "_kind": None, "_walk": None}
        return {"own": own, "parts": self._parts()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state["own"])
        self.rules = self._new_rules()
        self._take_parts(state["parts"])
        self.adopt(self.arena, self.pool)

    def _parts(self) -> list[NDArray[Any]]:
        return [*layout.parts(self.arena, self.settings), *self.pool]

    def _take_parts(self, parts: list[NDArray[Any]]) -> None:
        *arrays, value, time, position = parts
        self._take_state(layout.assemble(self.settings, arrays), Pool(value, time, position))

    def _take_state(self, arena: Arena, pool: Pool) -> None:
        self.arena, self._buffers, self._memory = arena, Buffers(pool, _slots(arena)), None

    # -- rows ----------------------------------------------------------------

    def birth(self, normal: NDArray[np.float64] | None = None, times: NDArray[np.int64] | None = None) -> int:
        """A row for a new series, which learns from its first points, or is given what is `normal`: at least the reference's size of
        finite values, and their times in microseconds."""
        if not self._free_rows:
            self._grow_rows(max(16, len(self.arena.phase)))
        row = self._free_rows.pop()
        self.arena.newest[row] = NO_TIME  # else a free row is zeros, and most of them are not touched before it has learned
        if normal is None:
            self.arena.phase[row] = LEARNING
            self._give_slot(row)
        else:
            self._set_reference(row, normal, np.zeros(len(normal), np.int64) if times is None else times)
        return row

    def joint(self) -> int:
        """A row whose statistics are made of those of other rows (see `core.joint`): it learns no reference of its own."""
        row = self.birth()
        self._take_slot(row)
        self.arena.phase[row] = JOINT
        self.arena.learned[row] = self.settings.reference.size  # so that an episode of it may be accepted
        return row

    def death(self, row: int) -> None:
        """Forget a series; its row and buffer are used again."""
        self._take_slot(row)
        layout.clear(self.arena, row)
        self._free_rows.append(row)

    def living(self) -> NDArray[np.int64]:
        """Rows in use, ascending; O(rows)."""
        return np.flatnonzero(self.arena.phase != FREE)

    @property
    def pool(self) -> Pool:
        """Buffers of rows that learn."""
        return self._buffers.pool

    def _grow_rows(self, more: int) -> None:
        old = len(self.arena.phase)
        parts = layout.parts(self.arena, self.settings)
        self.arena, self._memory = layout.allocate(self.settings, 0), None  # so that `parts` alone holds them
        layout.grow(parts, max(more, layout.FEWEST_ROWS - old))
        self.arena = layout.assemble(self.settings, parts)
        self.arena.slot[old:] = NO_SLOT
        self._free_rows += range(len(self.arena.phase) - 1, old - 1, -1)

    def _give_slot(self, row: int) -> None:
        if self._buffers.is_full:
            self._memory = None  # they are replaced by more, and nobody else may hold them
        self.arena.slot[row] = self._buffers.give()
        self.arena.learned[row] = 0

    def _take_slot(self, row: int) -> None:
        if self.arena.slot[row] != NO_SLOT:
            self._buffers.take(int(self.arena.slot[row]), min(int(self.arena.learned[row]), self.settings.reference.size))
            self.arena.slot[row] = NO_SLOT

    def adopt(self, arena: Arena, pool: Pool) -> None:
        """Continue from restored state; which rows and buffers are free is read off it."""
        self._take_state(arena, pool)
        self._free_rows = np.flatnonzero(arena.phase == FREE)[::-1].tolist()
        for bin_class in np.unique(arena.bin_class[arena.phase == JUDGING]).tolist():
            self._fill_limits(bin_class)

    # -- points ---------------------------------------------------------------

    def run(
        self,
        rows: NDArray[np.int64],
        times: NDArray[np.int64],
        values: NDArray[np.float64],
        positions: NDArray[np.int64],
        silent: NDArray[np.bool_] = NONE_SILENT,
    ) -> Verdicts:
        """Judge points in order. Times are microseconds; positions are whatever tells points apart (offsets). O(1) a point.

        `silent` (n,) marks points that are passed over, as if they had not come; empty: none is.
        """
        batch = Memory(Batch(rows, times, values, positions, silent, outcome(len(rows))))
        out = Verdicts(*batch.state.outcome, [])
        self.judge(batch, out)
        return out

    def judge(self, batch: Memory[Batch], out: Verdicts) -> None:
        """Judge a batch, `out` being its outcome. O(1) a point."""
        rows, at = batch.state.rows, 0
        n = len(rows)
        while at < n:
            state = self.memory
            if batch.kind is not self._kind:
                self._kind, self._walk = batch.kind, entry(walk, state, batch)
            at, happened = self._walk(state, batch, at, n)
            if happened != NOTHING:
                self.answer(at - 1, int(rows[at - 1]), happened, out)

    def answer(self, index: int, row: int, happened: int, out: Verdicts) -> None:
        """Do what the compiled loop stopped for after point `index`, and note it in `out`."""
        if happened == LEARNED:
            self._learn(row)
        elif happened == WARM:
            self._warm(row)
        else:
            out.transitions.append(self._move(index, row, happened, out))
        if happened in (LEARNED, ACCEPTED):
            out.learned.append((index, int(self.arena.interval[row])))

    def _move(self, index: int, row: int, happened: int, out: Verdicts) -> Transition:
        window = int(self.arena.teller[row]) if happened in (RECOVERED, ACCEPTED) else int(out.window[index])
        score = float(self.arena.ratio[row, window])
        transition = Transition(index, row, happened, score, window, explain(self.arena, self.pool, self.rules, row, window))
        if self.arena.phase[row] == LEARNING:
            return transition  # its buffer is in use already, and goes on filling when the episode is over
        if happened == OPENED:
            self._give_slot(row)
        elif happened == RECOVERED:
            self._take_slot(row)
            self._promise(np.array([row]))
        elif happened == ACCEPTED:
            self._learn(row)
        return transition

    # -- references ------------------------------------------------------------

    def _learn(self, row: int) -> None:
        """Make the row's full buffer its reference, by event time, and give the buffer back."""
        slot, size = self.arena.slot[row], self.settings.reference.size
        arrival = np.arange(self.arena.learned[row], self.arena.learned[row] + size) % size
        order = arrival[np.argsort(self.pool.time[slot, arrival], kind="stable")]
        values, times, positions = (p[slot][order] for p in self.pool)
        self._take_slot(row)
        self._set_reference(row, values, times)
        rehearse(self.memory, row, times, values, positions)

    def _set_reference(self, row: int, values: NDArray[np.float64], times: NDArray[np.int64]) -> None:
        a, settings = self.arena, self.settings
        learned = learn(values, settings.bins, settings.categorical)
        windows = (a.counts, a.counts_high, a.crowded, a.length, a.self_term, a.cross_term, a.since_sync, a.mixture)
        for array in (*windows, a.slot_count, a.slot_points, a.drift, a.drift_points, a.limit_points, a.muted):
            array[row] = 0
        a.ratio[row, :-1] = 0  # of tests that are not judged any more nothing may stay
        a.head[row] = a.filled[row] = 0
        a.phase[row] = JUDGING
        put_edges(a, row, learned.edges)
        put_units(a, self.rules, row, learned.units)
        if settings.reference.kind == ReferenceKind.DECAYED:
            a.weight[row] = 1.0
        most = np.finfo(a.quantiles.dtype).max
        a.quantiles[row] = learned.quantiles.clip(-most, most)
        a.effective[row], a.held[row] = dependence(values).effective, len(values)
        a.independent[row] = is_independent(values)
        a.drifts[row] = settings.drifting and a.effective[row] * MOST_TURN >= len(values)
        a.reference_from[row], a.reference_to[row] = times.min(), times.max()
        if settings.reference.kind != ReferenceKind.FIXED:
            a.resume[row] = a.points[row]
        self._learn_interval(row, times)
        a.bin_class[row] = class_of(settings, learned.occupied)
        self._fill_limits(int(a.bin_class[row]))
        self._start_moving(row, values, times)

    def _warm(self, row: int) -> None:
        """Single points can be judged as soon as the interval is known, long before there is a reference."""
        self._learn_interval(row, self.pool.time[self.arena.slot[row], :WARM_POINTS])

    def _learn_interval(self, row: int, times: NDArray[np.int64]) -> None:
        a = self.arena
        steps = np.diff(np.sort(times))
        a.interval[row] = int(np.median(steps[steps > 0])) if (steps > 0).any() else 0
        a.log_run[row], a.point_run[row] = self._log_runs(int(a.interval[row]), bool(a.independent[row]), bool(a.drifts[row]))
        if self.settings.pointwise:
            settle(self._calm(), row)

    def _calm(self) -> Calm:
        return calm_of(self.arena, self.rules)

    def _start_moving(self, row: int, values: NDArray[np.float64], times: NDArray[np.int64]) -> None:
        """Give a moving reference the learned points as its first ones."""
        a, kind = self.arena, self.settings.reference.kind
        codes = np.searchsorted(edges_of(a, row), values, side="right")
        if kind == ReferenceKind.TRAILING:
            a.ref_code[row], a.ref_time[row] = codes, times
            a.ref_head[row] = 0
            a.prior[row, : a.bins[row]] = units(a, self.rules, row)
        elif kind == ReferenceKind.SEASONAL:
            learn_slots(self.memory, row, codes, times)

    def run_length(self, interval_us: int) -> float:
        """Promised points between two false alarms of a series whose points come every `interval_us` (0: no clock)."""
        budget = self.budget(interval_us)
        points = budget.run_length_points(interval_us / MICROSECONDS or None, self.sharers)
        return max(points, self.settings.least_run) if budget.points is None and not budget.in_all else points

    def budget(self, interval_us: int) -> Budget:
        """The budget that applies: the one without a clock where the series' times do not move."""
        return self.settings.budget if interval_us > 0 else self.settings.budget_without_clock

    def _log_runs(self, interval_us: int, independent: bool, drifts: bool) -> tuple[float, float]:
        """ln of what is promised to each test, and to single points (0.0 where they are not judged)."""
        run_length, settings = self.run_length(interval_us), self.settings
        window = float(np.log(run_length * settings.parts(independent, drifts)))
        return window, float(np.log(run_length * settings.point_parts(independent))) if settings.pointwise else 0.0

    def share(self, sharers: int) -> None:
        """So many series share a budget in all from now on. Thresholds follow at once; where an episode is open, when it ends. O(rows)."""
        self.sharers = sharers
        if self.settings.budget.in_all:
            self._promise_anew()

    def divide(self, features: int) -> None:
        """So many rows make one verdict from now on, each with an equal part of the budget. Thresholds follow as in `share`. O(rows)."""
        self.settings = replace(self.settings, features=features)
        self._promise_anew()

    def _promise_anew(self) -> None:
        self._promise(np.flatnonzero((self.arena.phase == JUDGING) & ~self.arena.open))

    def _promise(self, rows: NDArray[np.int64]) -> None:
        """Bring what these rows promise up to date: the table threshold with the next point, the tail factor with the next block."""
        a = self.arena
        columns = np.stack([a.interval[rows], a.independent[rows], a.drifts[rows]], axis=1)
        kinds, which = np.unique(columns, axis=0, return_inverse=True)
        promised = np.array([self._log_runs(kind[0], bool(kind[1]), bool(kind[2])) for kind in kinds.tolist()]).reshape(-1, 2)[which]
        changed = rows[a.log_run[rows] != promised[:, 0]]
        a.log_run[rows], a.point_run[rows] = promised.T
        a.limit_points[changed] = 0
        a.next_fit[changed] = 0
        for row in changed.tolist() if self.settings.pointwise else ():
            settle(self._calm(), row)

    def _fill_limits(self, bin_class: int) -> None:
        if not np.isnan(self.rules.limits[bin_class]).all():
            return
        for w, lengths in enumerate(keys(self.settings, bin_class)):
            for j, key in enumerate(lengths):
                self.rules.limits[bin_class, w, j] = self._table(key)
        if self.settings.drifting:
            self.rules.drift_limits[bin_class] = self._table(drift_key(self.settings, bin_class))


def _slots(arena: Arena) -> set[int]:
    """The buffers that rows have."""
    return set(arena.slot.tolist()) - {NO_SLOT}
