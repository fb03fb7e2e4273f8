"""The words of a calibration, as they stand in its JSON: one entry a series, the totals, and what is suggested. Nothing here measures."""

from math import isfinite

import msgspec


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A shift of the mean that is found. Both null: none up to 20 standard deviations is; `sigmas` alone: the series is a constant."""

    units: float | None  # of the metric
    sigmas: float | None  # standard deviations of the history

    @property
    def blind(self) -> bool:
        """Whether no shift is found."""
        return self.units is None


class Direction(msgspec.Struct, frozen=True, kw_only=True):
    """What is found when the mean moves one way."""

    half: Found
    nine_in_ten: Found


class PowerReport(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest shifts that open an episode within so many points, in half and in nine of ten of the stretches, whichever way."""

    within_points: int
    stretches: int  # quiet stretches of the series' own history that shifts were added to
    half: Found
    nine_in_ten: Found
    up: Direction | None  # null: the gates do not listen to that direction
    down: Direction | None


class WindowReport(msgspec.Struct, frozen=True, kw_only=True):
    """One window's threshold after the history: KL per point. A guard factor of 0: its past is too short, it is silent."""

    name: str
    table_threshold_nats: float
    guard_factor: float
    threshold_nats: float
    blocks: int  # of its own past that stand behind the factor


class SeriesReport(msgspec.Struct, frozen=True, kw_only=True):
    """One series. `lag1` to `period_hint` and `power` are null for categories; `power` also where the history is too short (see `note`)."""

    stream: str
    series: str
    monitor: str
    kind: str  # "numeric", "categorical"
    points: int
    start: str | None
    end: str | None
    interval_seconds: float | None
    sigma: float | None
    lag1: float | None
    effective_points: float | None
    ties: float | None  # share of points whose value occurs more than once
    period_hint: str | None  # "day", "week", both or none
    run_length_points: float | None  # promised between two false alarms; null: not learned
    windows: tuple[WindowReport, ...]
    judged: int
    late: int
    episodes: int  # opened while the history was judged
    memory_bytes: int
    power: PowerReport | None
    note: str  # why something is missing

    def rank(self) -> tuple[int, float]:
        """Sorts the worst first: nothing would be found, then the largest shift needed; last those of which nothing can be said."""
        if self.power is None:
            return (2, 0.0)
        if self.power.half.blind:
            return (0, 0.0)
        return (1, -(self.power.half.sigmas or 0.0))


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """All series together."""

    series: int
    points: int
    judged: int
    episodes: int
    rejected: dict[str, int]  # lines and points that no series took, by reason
    effective_share: float | None  # effective points / points, of the numeric series
    memory_bytes: int
    promised_per_week: float | None  # false alarms of all series together; null where one has no clock or has not learned
    blind_series: int
    unmeasured_series: int
    median_sigmas: float | None  # of `power.half`, of the series where it is known; null: blind
    worst_sigmas: float | None


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What is suggested for the series of one monitor: `taken` if measuring showed that it finds smaller shifts."""

    monitor: str
    taken: bool
    changes: dict[str, str]  # option -> the value suggested; empty: as configured
    reasons: tuple[str, ...]
    compared_series: int  # that it was measured on; 0: there is nothing to change, or too little to measure on
    configured_sigmas: float | None  # median smallest shift found in half of the stretches of those; null: nothing found
    suggested_sigmas: float | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole calibration; series are sorted, the worst first."""

    within_points: int
    false_alarms: str
    totals: Totals
    series: tuple[SeriesReport, ...]
    advice: tuple[Advice, ...]


def found(units: float, sigma: float) -> Found:
    """A shift in the metric's units (inf: none) beside the series' standard deviation (0: a constant)."""
    if not isfinite(units):
        return Found(units=None, sigmas=None)
    return Found(units=units, sigmas=units / sigma if sigma else None)
