"""Single points' tracks and pasts, slowly: everything that ever came is kept, and each figure is worked out of it from the beginning."""

import math
from dataclasses import dataclass, field

import numpy as np


@dataclass
class SlowPast:
    """All magnitudes of one track, by the bins they fell into; a table is made of them whenever one is due."""

    bins: list[tuple[int, int]] = field(default_factory=list)  # as they were then, and how far the scale had moved up by then
    moved: int = 0
    low: float | None = None  # ln of the lower edge of bin 0
    due: int = 0
    table: list[float] = field(default_factory=list)
    slope: float = 0.0

    def surprisal(self, magnitude: float) -> float:
        position = 0.0
        if magnitude > 0.0:
            if self.low is None:
                self.low, self.due = math.log(magnitude) - 10.0, 0
            position = (math.log(magnitude) - self.low) * 3.0
            if position >= 48:
                up = min(int(position) - 47, self._body() - 6)
                if up > 0:
                    self.moved, self.low, self.due = self.moved + up, self.low + up / 3.0, 0
                position = (math.log(magnitude) - self.low) * 3.0
            position = max(position, 0.0)
        nats, n = 0.0, len(self.bins)
        if n >= 30:
            if n >= self.due:
                self._refit()
            k = min(int(position), 47)
            step = self.table[k + 1] - self.table[k] if k < 47 else self.slope
            nats = self.table[k] + (position - k) * step
        self.bins.append((min(int(position), 47), self.moved))
        return nats

    def _now(self) -> np.ndarray:
        return np.sort([max(k - (self.moved - then), 0) for k, then in self.bins])

    def _body(self) -> int:
        """The upper median of those above the lowest bin."""
        above = self._now()
        above = above[above > 0]
        return int(above[len(above) // 2])

    def _refit(self) -> None:
        n = len(self.bins)
        now = self._now()
        at_least = [n - int(np.searchsorted(now, k)) for k in range(48)]
        plain = [-math.log((each + 0.5) / (n + 0.5)) for each in at_least]

        def tail(wanted: float) -> tuple[int, float]:
            edge = next((k for k in range(47, 1, -1) if at_least[k] >= wanted), 1)
            above = now[now >= edge]
            edge = int(above.min()) if len(above) else 47  # empty bins below the last of them are no tail
            above = now[now >= edge]
            # Hill: exceedances over the sum of their e-folds, bins standing for their middles; beside ten that lie half an e-fold out.
            return edge, (len(above) + 10.0) / (((above - edge + 0.5) / 3.0).sum() + 5.0) / 3.0

        rare, steep_rare = tail(max(0.005 * n, 10.0))
        bulk, steep_bulk = tail(max(0.1 * n, 10.0))
        self.table = list(plain)
        for k in range(bulk + 1, 48):
            far = plain[rare] + steep_rare * (k - rare) if k > rare else plain[k]
            self.table[k] = 0.3 * far + 0.7 * (plain[bulk] + steep_bulk * (k - bulk))
        self.slope = 0.3 * steep_rare + 0.7 * steep_bulk
        self.due = n + max(1, min(n // 32, 64))


def magnitudes(values: list[float]) -> list[float | None]:
    """Of the newest of these values, track by track; None where a track has nothing to compare with yet. The sixth is no value's."""
    out: list[float | None] = [None] * 6
    if len(values) > 1:
        level = values[0]
        for value in values[1:-1]:
            level = level * 24.0 / 25.0 + value / 25.0
        out[0], out[2] = abs(values[-1] - values[-2]), abs(values[-1] - level)
    if len(values) > 2:
        out[1] = abs(values[-1] - values[-3])
    for track, span in ((3, 2), (4, 4)):
        if len(values) >= span + 11:
            out[track] = abs(float(np.mean(values[-span:])) - long_mean(values[:-span]))
    return out


def long_mean(before: list[float]) -> float:
    """The mean of all up to 100; then each new one weighs a hundredth."""
    mean = float(np.mean(before[:100]))
    for value in before[100:]:
        mean += (value - mean) / 100.0
    return mean
