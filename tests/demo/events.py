"""A complete event, to be given other times and series."""

from typing import Any

import msgspec

from streamkl.model import Bin, Calibration, Event, Provenance, Quantiles, Span

SPAN = Span(start="2026-11-21T10:00:00Z", end="2026-11-21T10:00:03.15Z", points=64)
EVENT = Event(
    id="metrics/0/4711/0/ab/opened",
    episode_id="metrics/0/4711/0/ab",
    sequence=0,
    type="opened",
    kind="distribution",
    series="http.response_time_ms",
    monitor="default",
    reason="threshold",
    severity="critical",
    started_at="2026-11-21T10:00:03.1Z",
    detected_at="2026-11-21T10:00:03.15Z",
    window=SPAN,
    reference=SPAN,
    window_name="64 points",
    statistic_nats=0.55,
    threshold_nats=0.25,
    score=2.2,
    peak_score=2.2,
    confidence=1.0,
    top_bins=(
        Bin(low=150.0, high=None, reference_share=0.002, window_share=0.125, nats=0.52),
        Bin(low=None, high=12.5, reference_share=0.06, window_share=0.0, nats=0.0),
        Bin(low=20.0, high=20.0, reference_share=0.06, window_share=0.07, nats=0.01),
    ),
    reference_quantiles=Quantiles(p05=10, p25=14, p50=18, p75=22, p95=60),
    window_quantiles=Quantiles(p05=10, p25=14, p50=19, p75=25, p95=180),
    sentence="p95 rose from 60 to 180",
    calibration=Calibration(
        method="table+tail",
        budget="1 per series per day",
        run_length_points=1_728_000.0,
        interval_seconds=0.05,
        table_threshold_nats=0.2,
        guard_factor=1.25,
        blocks=20,
        sharers=1,
        judged_points=4_000,
        effective_points=310.0,
        certainty=0.0,
    ),
    source=Provenance(topic="metrics", partition=0, first_offset=4_000, last_offset=4_711),
    config_hash="c0ffee",
)


def event(**changes: Any) -> Event:
    """The event with other values in some fields."""
    return msgspec.structs.replace(EVENT, **changes)


def at(seconds: float) -> str:
    """Seconds since 1970 as an event tells them, for the first hour of 1970."""
    minutes, rest = divmod(seconds, 60)
    return f"1970-01-01T00:{int(minutes):02}:{rest:06.3f}Z"
