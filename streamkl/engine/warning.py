"""The event that says an engine takes no more new series."""

from streamkl.engine.plan import Plan
from streamkl.engine.story import Place, episode_id, instant, nothing_estimated
from streamkl.model import Event, Provenance, Span


def shed_warning(place: Place, series: str, plan: Plan) -> Event:
    """Sent once when `max_series` is reached, and again only after an eviction made room. `series` is the first one turned away."""
    now = instant(place.time_us)
    identity = episode_id(place, series)
    return Event(
        id=f"{identity}/warning",
        episode_id=identity,
        sequence=0,
        type="warning",
        kind="series_shed",
        series=series,
        monitor="",
        reason="max_series",
        severity="warning",
        started_at=now,
        detected_at=now,
        window=Span(start=now, end=now, points=0),
        reference=Span(start=None, end=None, points=0),
        window_name=None,
        statistic_nats=None,
        threshold_nats=None,
        score=0.0,
        peak_score=0.0,
        confidence=0.0,
        top_bins=(),
        reference_quantiles=None,
        window_quantiles=None,
        sentence=f"new series are turned away: state.max_series = {plan.max_series} is reached; known series are judged on",
        calibration=nothing_estimated("table", ""),
        source=Provenance(topic=place.topic, partition=place.partition, first_offset=place.offset, last_offset=place.offset),
        config_hash=plan.config_hash,
    )
