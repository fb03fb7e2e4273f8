"""What series are promised: the run length that a budget means for each, and the thresholds that keep it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import Arena, Rules, calm_of
from streamkl.core.run_length import Table, TableKey, drift_key, keys
from streamkl.core.settings import Settings
from streamkl.core.surprise import settle
from streamkl.model import MICROSECONDS
from streamkl.units import Budget


@dataclass(frozen=True, slots=True)
class Promises:
    """What all series under the same settings are promised.

    `table` gives the thresholds of one simulated table; `sharers` series have equal parts of a budget in all.
    """

    settings: Settings
    table: Callable[[TableKey], Table]
    sharers: int = 1

    def budget(self, interval_us: int) -> Budget:
        """The budget that applies: the one without a clock where the series' times do not move."""
        return self.settings.budget if interval_us > 0 else self.settings.budget_without_clock

    def run_length(self, interval_us: int) -> float:
        """Promised points between two false alarms of a series whose points come every `interval_us` (0: no clock)."""
        budget = self.budget(interval_us)
        points = budget.run_length_points(interval_us / MICROSECONDS or None, self.sharers)
        return max(points, self.settings.least_run) if budget.points is None and not budget.in_all else points

    def learn_interval(self, arena: Arena, rules: Rules, row: int, times: NDArray[np.int64]) -> None:
        """Read the interval of a series off its times, in any order, and what it is promised by that. O(n log n) in the times."""
        steps = np.diff(np.sort(times))
        interval = int(np.median(steps[steps > 0])) if (steps > 0).any() else 0
        arena.interval[row] = interval
        arena.log_run[row], arena.point_run[row] = self._log_runs(interval, bool(arena.independent[row]), bool(arena.drifts[row]))
        if self.settings.pointwise:
            settle(calm_of(arena, rules), row)

    def renew(self, arena: Arena, rules: Rules, rows: NDArray[np.int64]) -> None:
        """Bring what these rows are promised up to date: the table threshold with the next point, the tail factor with the next block."""
        columns = np.stack([arena.interval[rows], arena.independent[rows], arena.drifts[rows]], axis=1)
        kinds, which = np.unique(columns, axis=0, return_inverse=True)
        promised = np.array([self._log_runs(kind[0], bool(kind[1]), bool(kind[2])) for kind in kinds.tolist()]).reshape(-1, 2)[which]
        changed = rows[arena.log_run[rows] != promised[:, 0]]
        arena.log_run[rows], arena.point_run[rows] = promised.T
        arena.limit_points[changed] = 0
        arena.next_fit[changed] = 0
        for row in changed.tolist() if self.settings.pointwise else ():
            settle(calm_of(arena, rules), row)

    def fill_limits(self, rules: Rules, bin_class: int) -> None:
        """Put the thresholds of references with so many bins among the rules, if they are not there yet."""
        if not np.isnan(rules.limits[bin_class]).all():
            return
        for w, lengths in enumerate(keys(self.settings, bin_class)):
            for j, key in enumerate(lengths):
                rules.limits[bin_class, w, j] = self.table(key)
        if self.settings.drifting:
            rules.drift_limits[bin_class] = self.table(drift_key(self.settings, bin_class))

    def _log_runs(self, interval_us: int, independent: bool, drifts: bool) -> tuple[float, float]:
        """ln of what is promised to each test, and to single points (0.0 where they are not judged)."""
        run_length, settings = self.run_length(interval_us), self.settings
        window = float(np.log(run_length * settings.parts(independent, drifts)))
        return window, float(np.log(run_length * settings.point_parts(independent))) if settings.pointwise else 0.0
