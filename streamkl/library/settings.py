"""From what an operator chose to what the arithmetic is told."""

from streamkl.config.detector import DetectorConfig
from streamkl.core.gate import DOWN, EITHER, UP
from streamkl.core.settings import Episodes, Gates, Reference, ReferenceKind, Settings, Window

HOUR = 3_600_000_000
DAY = 24 * HOUR
MONDAY = 4 * DAY  # 1970-01-05 was the first Monday: weeks start there
_KINDS = {
    "fixed": ReferenceKind.FIXED,
    "file": ReferenceKind.FIXED,
    "trailing": ReferenceKind.TRAILING,
    "decayed": ReferenceKind.DECAYED,
    "seasonal": ReferenceKind.SEASONAL,
}
_DIRECTIONS = {"both": EITHER, "up": UP, "down": DOWN}
_SEASONS = {"hour_of_day": (24, DAY, 0), "hour_of_week": (168, 7 * DAY, MONDAY)}


def needs_clock(settings: Settings) -> str | None:
    """What of the settings means nothing without timestamps, or None."""
    if settings.reference.kind == ReferenceKind.SEASONAL:
        return 'reference.kind = "seasonal"'
    if settings.episodes.min_duration_us:
        return "episodes.min_duration"
    return next((f'the window "{window.name}"' for window in settings.windows if not window.points), None)


def settings_of(config: DetectorConfig, features: int = 1) -> Settings:
    """The core's settings for series judged as `config` says; `features` rows share one budget."""
    windows = tuple(Window(str(length), length.points or 0, length.microseconds or 0) for length in config.windows)
    slots, period, phase = _SEASONS[config.reference.season]
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
