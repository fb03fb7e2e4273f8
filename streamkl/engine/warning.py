"""The events that say what an engine does not do: take more new series, tell of more episodes, write more dead letters."""

from typing import Final

from streamkl.engine.metering import Notice
from streamkl.engine.plan import Plan
from streamkl.engine.story import Place, episode_id, instant, nothing_estimated
from streamkl.model import Event, Provenance, Span

EPISODES: Final = "episodes_shed"
LETTERS: Final = "dead_letters_shed"
_MORE = {EPISODES: "more episodes opened than", LETTERS: "more records are rejected than"}
_REST = {
    EPISODES: "the others are judged and counted, but not told of",
    LETTERS: "the others are counted, and not written to the dead letters",
}
_SUM = {
    EPISODES: "{} episodes that opened between offsets {} and {} were counted and are not told of; new ones are again",
    LETTERS: "{} rejected records between offsets {} and {} were counted and not written to the dead letters; they are written again",
}
Where = tuple[str, int, int]  # topic, partition, offset


def shed_warning(place: Place, series: str, plan: Plan) -> Event:
    """Sent once when `max_series` is reached, and again only after an eviction made room. `series` is the first one turned away."""
    identity = episode_id(place, series)
    return _warning(
        identity=f"{identity}/warning",
        episode=identity,
        sequence=0,
        kind="series_shed",
        series=series,
        reason="max_series",
        started_at=instant(place.time_us),
        detected_at=instant(place.time_us),
        sentence=f"new series are turned away: state.max_series = {plan.max_series} is reached; known series are judged on",
        source=Provenance(topic=place.topic, partition=place.partition, first_offset=place.offset, last_offset=place.offset),
        config_hash=plan.config_hash,
    )


def limit_event(where: Where, now: str | None, kind: str, limit: str, notice: Notice, config_hash: str) -> Event:
    """Sent when a limit begins to hold back, and once more, with the sum, when that is over. `limit` is the option and its value."""
    topic, partition, offset = where
    held = notice.told
    identity = f"{topic}/{partition}/{held.first[0]}/{held.first[1]}/{kind}"
    return _warning(
        identity=f"{identity}/summary" if notice.over else f"{identity}/warning",
        episode=identity,
        sequence=int(notice.over),
        kind=kind,
        series="",
        reason="within_limit" if notice.over else "limit",
        started_at=None if notice.over else now,
        detected_at=now,
        sentence=(
            _SUM[kind].format(held.held_back, held.first[0], held.last)
            if notice.over
            else f"{_MORE[kind]} {limit} allows, from offset {offset} on: {_REST[kind]}"
        ),
        source=Provenance(topic=topic, partition=partition, first_offset=held.first[0], last_offset=offset),
        config_hash=config_hash,
    )


def _warning(
    *,
    identity: str,
    episode: str,
    sequence: int,
    kind: str,
    series: str,
    reason: str,
    started_at: str | None,
    detected_at: str | None,
    sentence: str,
    source: Provenance,
    config_hash: str,
) -> Event:
    return Event(
        id=identity,
        episode_id=episode,
        sequence=sequence,
        type="warning",
        kind=kind,
        series=series,
        monitor="",
        reason=reason,
        severity="warning",
        started_at=started_at,
        detected_at=detected_at,
        window=Span(start=detected_at, end=detected_at, points=0),
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
        sentence=sentence,
        calibration=nothing_estimated("table", ""),
        source=source,
        config_hash=config_hash,
    )
