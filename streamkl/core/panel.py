"""Features that make one series: a bank of one row a feature and two joint rows, and what it says of rows of values."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import JUDGING, calm_of
from streamkl.core.bank import Bank
from streamkl.core.batch import NONE_SILENT, Batch, Outcome, Row, outcome, room
from streamkl.core.episode import ACCEPTED, LEARNED, NOTHING, RECOVERED, UPDATED, WARM
from streamkl.core.explanation import explain, with_point_limit
from streamkl.core.joint import LARGEST, WHOLE, Team, walk_together
from streamkl.core.native import Memory, entry
from streamkl.core.run_length import Table, TableKey
from streamkl.core.settings import Settings
from streamkl.core.surprise import settle
from streamkl.core.verdicts import Part, Transition, Verdicts

TOLD = 0.05  # least share of a feature that is told of


class Panel:
    """`settings.features` features, judged together under one budget (see `core.joint`). Arguments as those of `Bank`."""

    def __init__(self, settings: Settings, table: Callable[[TableKey], Table]) -> None:
        d = settings.features
        self.bank = Bank(replace(settings, together=True), table, d + 2)
        self._members = np.array([self.bank.birth() for _ in range(d)])
        self._lead = np.array([self.bank.joint(), self.bank.joint()])
        self._team = Memory(Team(self._members.astype(np.uint64), self._lead.astype(np.uint64), np.zeros(d, np.bool_)))
        self._each, self._whole = Memory(room(self._members)), Memory(outcome(1))  # of one row
        self._verdicts = Verdicts(*self._whole.state, [])

    def run(self, times: NDArray[np.int64], values: NDArray[np.float64], positions: NDArray[np.int64]) -> Verdicts:
        """Judge rows of values (n, d) in order, times and positions one a row: the verdicts and transitions of the whole, one entry a row.
        NaN says nothing of its feature. O(d) a row."""
        n, d = values.shape
        rows, moments, places = np.tile(self._members, n), np.repeat(times, d), np.repeat(positions, d)
        each = Batch(rows, moments, values.ravel(), places, NONE_SILENT, outcome(n * d))
        whole = outcome(n)
        out = Verdicts(*whole, [])
        self._walk(Memory(each), Memory(whole), out)
        return out

    def take(self, time: int, values: Row, position: int) -> Verdicts:
        """Judge one row of values (d,), as `run` does, without arrays of its own: the verdicts hold until the next. O(d)."""
        each = self._each.state
        each.times.fill(time)
        each.values[:] = values
        each.positions.fill(position)
        self._verdicts.transitions.clear()
        self._walk(self._each, self._whole, self._verdicts)
        return self._verdicts

    def _walk(self, each: Memory[Batch], whole: Memory[Outcome], out: Verdicts) -> None:
        at = done = 0
        n = len(out.fate)
        while done < n:
            state = self.bank.memory
            at, done, happened = entry(walk_together, state, self._team, each, whole)(state, self._team, each, whole, at, done)
            if happened >= WHOLE:
                out.transitions.append(self._tell(done - 1, happened - WHOLE, out))
            elif happened != NOTHING:
                self.bank.answer(at - 1, int(each.state.rows[at - 1]), happened, Verdicts(*each.state.outcome, []))
                if happened in (LEARNED, WARM, ACCEPTED):
                    self._promise()

    @property
    def ready(self) -> bool:
        """Whether some feature has learned its reference and at least one window has a threshold."""
        return bool((self.bank.arena.factor[self._members] > 0).any())

    @property
    def open(self) -> bool:
        """Whether an episode of the whole is open."""
        return bool(self.bank.arena.open[self._lead[LARGEST]])

    def _promise(self) -> None:
        """Bring what the joint rows promise up to date, by the interval and the independence that features have learned."""
        a, settings = self.bank.arena, self.bank.settings
        intervals = a.interval[self._members]
        interval = int(np.median(intervals[intervals > 0])) if (intervals > 0).any() else 0
        independent = 2 * int(a.independent[self._members].sum()) > len(self._members)
        a.interval[self._lead], a.independent[self._lead] = interval, independent
        if not settings.pointwise:
            return
        promised = float(np.log(self.bank.promises.run_length(interval) * settings.joint_parts(independent)))
        for row in self._lead.tolist():
            if a.point_run[row] != promised:
                a.point_run[row] = promised
                settle(calm_of(a, self.bank.rules), row)

    def _tell(self, index: int, happened: int, out: Verdicts) -> Transition:
        a, lead = self.bank.arena, int(self._lead[LARGEST])
        test = int(a.teller[lead]) if happened in (RECOVERED, ACCEPTED) else int(out.window[index])
        joined = self._members[a.open[self._members] & (a.age[self._members] == 0)]
        if happened == UPDATED and len(joined):
            test = int(a.teller[joined[0]])  # of what is new, not of what lasts
        parts = self._parts(test)
        member = int(self._members[parts[0].feature])
        shown = test if test > len(self.bank.settings.windows) or a.length[member, test] else 0  # a new reference may watch no drift
        why = explain(a, self.bank.pool, self.bank.rules, member, shown)
        joint = test == len(self.bank.settings.windows) + 1 and parts[0].score < float(a.ratio[lead, test])
        if joint:  # the statistic is that of the joint row with the higher score
            row = int(max(self._lead.tolist(), key=lambda each: a.surprise[each] / a.point_limit[each]))
            why = with_point_limit(a, self.bank.rules, row, why)
        why = replace(why, peak=float(a.peak[lead]), since_us=int(a.since_time[lead]))
        return Transition(index, lead, happened, float(a.ratio[lead, test]), test, why, tuple(p for p in parts if p.share >= TOLD), joint)

    def _parts(self, test: int) -> list[Part]:
        """Every feature's part in a test, strongest first."""
        a = self.bank.arena
        scores = a.ratio[self._members, test]
        if test <= len(self.bank.settings.windows):
            scores = np.where((a.phase[self._members] == JUDGING) & (a.length[self._members, test] > 0), scores, -1.0)
        cubes = np.maximum(scores, 0.0) ** 3
        shares = cubes / max(float(cubes.sum()), np.finfo(np.float64).tiny)
        return [Part(int(k), float(scores[k]), float(shares[k])) for k in np.argsort(-scores, kind="stable")]
