"""From what an operator chose to what the arithmetic is told."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from pydantic import ValidationError

from streamkl.config.detector import DetectorConfig
from streamkl.config.explain import problems
from streamkl.core.gate import DOWN, EITHER, UP
from streamkl.core.settings import Episodes, Gates, Reference, ReferenceKind, Settings, Window
from streamkl.errors import ConfigError
from streamkl.units import Budget

HOUR = 3_600_000_000
DAY = 24 * HOUR
MOST_POINTS = 1e15  # between two false alarms
MONDAY = 4 * DAY  # 1970-01-05 was the first Monday: weeks start there
_KINDS = {
    "fixed": ReferenceKind.FIXED,
    "file": ReferenceKind.FIXED,
    "trailing": ReferenceKind.TRAILING,
    "decayed": ReferenceKind.DECAYED,
    "seasonal": ReferenceKind.SEASONAL,
    "lagged": ReferenceKind.SEASONAL,
}
_DIRECTIONS = {"both": EITHER, "up": UP, "down": DOWN}
_SEASONS = {"hour_of_day": (24, DAY, 0), "hour_of_week": (168, 7 * DAY, MONDAY)}


def needs_clock(settings: Settings) -> str | None:
    """What of the settings means nothing without timestamps, or None."""
    if settings.reference.kind == ReferenceKind.SEASONAL:
        return f'reference.kind = "{"lagged" if settings.reference.lagged else "seasonal"}"'
    if settings.episodes.min_duration_us:
        return "episodes.min_duration"
    return next((f'the window "{window.name}"' for window in settings.windows if not window.points), None)


def config_in_points(
    points: float,
    *,
    size: int,
    windows: Sequence[int],
    bins: int,
    drift: bool = True,
    point_share: float = 0.0,
    name: str = "points_per_false_alarm",
) -> DetectorConfig:
    """How series without a clock are judged, told in plain numbers, of which `points` between false alarms are called `name`. Numpy's are
    numbers too.

    Raises ConfigError, which names each option that is wrong and the fix.
    """
    points, windows = own(points), own(windows)
    if not isinstance(points, int | float) or not 2 <= points <= MOST_POINTS:
        raise ConfigError([f"{name} = {points!r}: must be between 2 and 1e15 points; try 10000"])
    if not isinstance(windows, Sequence) or not all(isinstance(own(length), int) for length in windows):
        raise ConfigError([f"windows = {windows!r}: must be whole numbers of points, one or more; try (16, 64, 256)"])
    lengths = tuple(own(length) for length in windows)
    return _config_in_points(float(points), own(size), lengths, own(bins), own(drift), own(point_share))


def own(given: Any) -> Any:
    """Python's own numbers for numpy's, which pydantic takes for none; all else as it is."""
    return given.tolist() if isinstance(given, np.generic | np.ndarray) else given


@cache
def _config_in_points(points: float, size: int, windows: tuple[int, ...], bins: int, drift: bool, point_share: float) -> DetectorConfig:
    chosen = {
        "windows": [f"{length} points" for length in windows],
        "bins": bins,
        "false_alarms_without_clock": Budget(1.0, points, None).plain,
        "point_share": point_share,
        "drift": drift,
        "reference": {"size": size},
    }
    try:
        return DetectorConfig.model_validate(chosen)
    except ValidationError as error:
        found: list[Any] = [{**each, "loc": ("detector", *each["loc"])} for each in error.errors()]
        lines = [problem.line() for problem in problems(found, {"detector": chosen})]
        raise ConfigError([line.removeprefix("detector.").replace("reference.size", "reference_size", 1) for line in lines]) from error


@cache
def settings_of(config: DetectorConfig, features: int = 1) -> Settings:
    """The core's settings for series judged as `config` says; `features` rows share one budget."""
    windows = tuple(Window(str(length), length.points or 0, length.microseconds or 0) for length in config.windows)
    lagged, lag, part = config.reference.kind == "lagged", config.reference.lag, config.reference.part
    slots, period, phase = (lag // part, lag, 0) if lagged else _SEASONS[config.reference.season]
    longest = max(w.points or config.max_window_points for w in windows)
    return Settings(
        windows=windows,
        bins=config.bins,
        ring_points=config.max_window_points,
        grace_us=config.grace,
        reference=Reference(
            kind=_KINDS[config.reference.kind],
            size=config.reference.size,
            gap=config.reference.gap or longest,
            half_life=config.reference.half_life,
            slots=slots,
            period_us=period,
            phase_us=phase,
            shrinkage=config.reference.shrinkage,
            lagged=lagged,
        ),
        episodes=Episodes(
            min_points=config.episodes.min_points,
            close_below=config.episodes.close_below,
            close_after=config.episodes.close_after,
            cooldown=config.episodes.cooldown,
            escalate_factor=config.episodes.escalate_factor,
            expect_returns=config.episodes.expect_returns,
            accept_after=config.episodes.accept_new_normal_after,
            first_after=config.episodes.first_after,
            min_duration_us=config.episodes.min_duration,
        ),
        gates=Gates(
            min_effect=config.gates.min_effect,
            min_relative_effect=config.gates.min_relative_effect,
            direction=_DIRECTIONS[config.gates.direction],
        ),
        budget=config.false_alarms,
        budget_without_clock=config.false_alarms_without_clock,
        least_run=float(config.least_run_length),
        certainty=config.certainty,
        point_share=config.point_share,
        drift=config.drift,
        categorical=False,
        features=features,
    )
