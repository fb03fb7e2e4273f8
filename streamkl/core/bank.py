"""Many series judged alike: drives the compiled loop, and does what it cannot: learn a reference, explain an episode."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamkl.core import layout
from streamkl.core.arena import FREE, JOINT, JUDGING, LEARNING, NO_SLOT, NO_TIME, Arena, Pool, Rules
from streamkl.core.batch import NONE_SILENT, Batch, State, outcome
from streamkl.core.binning import learn
from streamkl.core.buffers import Buffers
from streamkl.core.dependence import dependence, is_independent
from streamkl.core.drift import MOST_TURN
from streamkl.core.edges import edges_of, put_edges
from streamkl.core.episode import ACCEPTED, FORGOTTEN, LEARNED, NOTHING, OPENED, RECOVERED, WARM
from streamkl.core.explanation import explain, explain_parting
from streamkl.core.kernel import rehearse, walk
from streamkl.core.masses import put_units, units
from streamkl.core.native import Held, Memory, entry
from streamkl.core.promises import Promises
from streamkl.core.rules import make_rules
from streamkl.core.run_length import POINTS_KEY, Table, TableKey, class_of
from streamkl.core.season import learn_slots
from streamkl.core.settings import ReferenceKind, Settings
from streamkl.core.surprise import WARM_POINTS
from streamkl.core.verdicts import Transition, Verdicts


class Bank:
    """The state of many series under one set of settings.

    `table` gives the thresholds of one simulated table (see `core.run_length`); it is asked once for each that is needed.
    """

    def __init__(self, settings: Settings, table: Callable[[TableKey], Table], rows: int) -> None:
        self.promises = Promises(settings, table)
        self.arena: Arena = layout.allocate(settings, 0)
        self._buffers = Buffers(layout.empty_pool(settings.reference.size), set())
        self.rules = self._new_rules()
        self._memory: Memory[State] | None = None
        self._kind: Held | None = None  # of the batches that `_walk`, machine code, is for
        self._walk: Callable[..., tuple[int, int]] = walk
        self._free_rows: list[int] = []
        self._grow_rows(rows)

    def _new_rules(self) -> Rules:
        rules = make_rules(self.settings)
        if self.settings.pointwise:
            rules.point_limits[:] = self.promises.table(POINTS_KEY)
        return rules

    @property
    def settings(self) -> Settings:
        """What all rows are judged by."""
        return self.promises.settings

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

    def parting(self, row: int) -> Transition:
        """The end of the open episode of a row that is about to be forgotten; its index means nothing."""
        window, why = explain_parting(self.arena, self.pool, self.rules, row)
        return Transition(0, row, FORGOTTEN, why.statistic_nats / why.threshold_nats, window, why)

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
            self.promises.fill_limits(self.rules, bin_class)

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
        if self.arena.phase[row] == LEARNING:  # its buffer is in use already, and goes on filling when the episode is over
            if happened == RECOVERED:
                self._renew(np.array([row]))
        elif happened == OPENED:
            self._give_slot(row)
        elif happened == RECOVERED:
            self._take_slot(row)
            self._renew(np.array([row]))
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
        self.promises.learn_interval(a, self.rules, row, times)
        a.bin_class[row] = class_of(settings, learned.occupied)
        self.promises.fill_limits(self.rules, int(a.bin_class[row]))
        self._start_moving(row, values, times)

    def _warm(self, row: int) -> None:
        """Single points can be judged as soon as the interval is known, long before there is a reference."""
        self.promises.learn_interval(self.arena, self.rules, row, self.pool.time[self.arena.slot[row], :WARM_POINTS])

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

    # -- promises --------------------------------------------------------------

    def share(self, sharers: int) -> None:
        """So many series share a budget in all from now on. Thresholds follow at once; where an episode is open, when it ends. O(rows)."""
        self.promises = replace(self.promises, sharers=sharers)
        if self.settings.budget.in_all:
            self._renew_all()

    def divide(self, features: int) -> None:
        """So many rows make one verdict from now on, each with an equal part of the budget. Thresholds follow as in `share`. O(rows)."""
        self.promises = replace(self.promises, settings=replace(self.settings, features=features))
        self._renew_all()

    def _renew_all(self) -> None:
        a = self.arena
        self._renew(np.flatnonzero(((a.phase == JUDGING) | ((a.phase == LEARNING) & (a.point_run > 0))) & ~a.open))

    def _renew(self, rows: NDArray[np.int64]) -> None:
        self.promises.renew(self.arena, self.rules, rows)


def _slots(arena: Arena) -> set[int]:
    """The buffers that rows have."""
    return set(arena.slot.tolist()) - {NO_SLOT}
