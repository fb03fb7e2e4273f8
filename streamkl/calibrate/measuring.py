"""From histories to a report: each series is looked at, judged and tried by itself, then all are added up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from statistics import median_low

from streamkl.calibrate.character import Character, character, interval_of, ties_of
from streamkl.calibrate.history import History
from streamkl.calibrate.judging import FEWEST_STRETCHES, Judged, judge
from streamkl.calibrate.power import Power, Shift, measure_power
from streamkl.calibrate.report import Direction, Found, PowerReport, SeriesReport, Totals, WindowReport, found
from streamkl.core.settings import Settings
from streamkl.engine.plan import Plan
from streamkl.units import format_instant

WEEK_SECONDS = 604_800


def measure(history: History, plan: Plan, sharers: int, within: int, settings: Settings | None = None) -> SeriesReport:
    """Everything about one series, judged as its monitor says, or with other `settings`. About a microsecond a point and 0.1 s."""
    monitor = plan.monitors[history.monitor]
    if settings is not None:
        monitor = replace(monitor, settings=settings)
    judged = judge(history, monitor, plan.table, sharers, within)
    numeric = history.categories is None
    looks = character(history.values, history.times) if numeric else None
    power = measure_power(judged, looks.sigma, looks.support) if looks else None
    learns = monitor.settings.reference.size if monitor.normal.get(history.name) is None else 0
    return _report(history, monitor.name, judged, looks, _power(power, looks, within), _note(judged, numeric, learns, within))


def _report(history: History, monitor: str, judged: Judged, looks: Character | None, power: PowerReport | None, note: str) -> SeriesReport:
    interval = judged.interval_us or interval_of(history.times)
    clocked = interval > 0
    return SeriesReport(
        stream=history.stream,
        series=history.name,
        monitor=monitor,
        kind="numeric" if looks else "categorical",
        points=history.points,
        start=format_instant(int(history.times.min())) if clocked else None,
        end=format_instant(int(history.times.max())) if clocked else None,
        interval_seconds=interval / 1e6 if clocked else None,
        sigma=looks.sigma if looks else None,
        lag1=looks.lag1 if looks else None,
        effective_points=history.points / looks.turn if looks else None,
        ties=looks.ties if looks else ties_of(history.values),
        period_hint=looks.period if looks else None,
        run_length_points=judged.run_length or None,
        windows=tuple(
            WindowReport(
                name=each.name,
                table_threshold_nats=each.table_nats,
                guard_factor=each.factor,
                threshold_nats=each.threshold_nats,
                blocks=each.blocks,
            )
            for each in judged.windows
        ),
        judged=judged.judged,
        late=judged.late,
        episodes=judged.opened,
        memory_bytes=judged.memory_bytes,
        power=power,
        note=note,
    )


def _power(power: Power | None, looks: Character | None, within: int) -> PowerReport | None:
    if power is None or looks is None:
        return None

    def direction(shift: Shift) -> Direction:
        return Direction(half=found(shift.half, looks.sigma), nine_in_ten=found(shift.most, looks.sigma))

    worse = direction(power.worse)
    return PowerReport(
        within_points=within,
        stretches=power.stretches,
        half=worse.half,
        nine_in_ten=worse.nine_in_ten,
        up=direction(power.up) if power.up else None,
        down=direction(power.down) if power.down else None,
    )


def _note(judged: Judged, numeric: bool, learns: int, within: int) -> str:
    if not judged.windows:
        return f"still learning: {learns} points are needed"
    if not numeric:
        return "categories have no mean to shift"
    if len(judged.stretches) < FEWEST_STRETCHES:
        return (
            f"{len(judged.stretches)} quiet stretches of {within} points, {FEWEST_STRETCHES} are needed: more history, or a lower --within"
        )
    return ""


def add_up(series: Sequence[SeriesReport], rejected: Mapping[str, int]) -> Totals:
    """The totals of all series. O(series log series)."""
    numeric = [each for each in series if each.effective_points is not None]
    known = [each.power.half for each in series if each.power is not None]
    weekly = [WEEK_SECONDS / each.interval_seconds / each.run_length_points for each in series if _promises(each)]  # type: ignore[operator]
    return Totals(
        series=len(series),
        points=sum(each.points for each in series),
        judged=sum(each.judged for each in series),
        episodes=sum(each.episodes for each in series),
        rejected={reason: count for reason, count in sorted(rejected.items()) if count},
        effective_share=_share([each.effective_points or 0.0 for each in numeric], [each.points for each in numeric]),
        memory_bytes=sum(each.memory_bytes for each in series),
        promised_per_week=sum(weekly) if series and len(weekly) == len(series) else None,
        blind_series=sum(each.blind for each in known),
        unmeasured_series=len(series) - len(known),
        median_sigmas=middle(known),
        worst_sigmas=None if not known or any(each.blind for each in known) else max(map(size, known)),
    )


def _promises(series: SeriesReport) -> bool:
    return series.interval_seconds is not None and series.run_length_points is not None


def _share(effective: Sequence[float], points: Sequence[int]) -> float | None:
    return sum(effective) / sum(points) if sum(points) else None


def middle(shifts: Sequence[Found]) -> float | None:
    """Median of shifts in standard deviations, a blind one being the largest; None: the median is blind, or there is none."""
    if not shifts:
        return None
    value = median_low(map(size, shifts))
    return None if value == inf else value


def size(shift: Found) -> float:
    """Standard deviations, to compare by: inf where nothing is found, 0 for a constant, of which any change is."""
    return inf if shift.blind else shift.sigmas or 0.0
