"""What an event says: identities, times, bins, calibration and origin, each against what is known of the input."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from streamkl.engine.confidence import confidence
from streamkl.engine.story import TOP_BINS, Place, episode_id, instant
from streamkl.model import Event
from streamkl.units import parse_budget
from tests.engine.plans import engine, feed, monitor, plan, records, shifted, written
from tests.small import EPISODES, flat, settings

NOW = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)  # of minute 0


def story(normal: int = 300, incident: int = 40, after: int = 100, **changes: object) -> list[Event]:
    made = plan(monitor(judged=settings(**changes), name="latency"), table=flat(6.0), config_hash="feedfacecafe")
    return feed(engine(made), records({"web": shifted(3, normal, incident, after)}, 5_000))


def at(minute: int) -> str:
    return (NOW + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_700_000_000_000_000, "2023-11-14T22:13:20Z"),
        (1_700_000_000_250_000, "2023-11-14T22:13:20.250Z"),
        (1_700_000_000_000_001, "2023-11-14T22:13:20.000001Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
    ],
)
def test_instants_have_the_digits_that_are_needed(microseconds: int, text: str) -> None:
    assert instant(microseconds) == text


def test_identities_tell_points_and_series_apart_and_nothing_else() -> None:
    place = Place("t", 1, 2, 3, 4)
    assert episode_id(place, "a") == episode_id(replace(place, time_us=5), "a")
    others = [Place("u", 1, 2, 3, 4), Place("t", 0, 2, 3, 4), Place("t", 1, 0, 3, 4), Place("t", 1, 2, 0, 4)]
    identities = {episode_id(each, "a") for each in (place, *others)} | {episode_id(place, "b")}
    assert len(identities) == 6
    assert episode_id(place, "a").startswith("t/1/2/3/")


def test_an_opening_says_where_when_and_by_what() -> None:
    opened = story()[0]
    minute = opened.source.last_offset - 5_000
    assert (opened.type, opened.kind, opened.reason, opened.series, opened.monitor) == (
        "opened",
        "distribution",
        "threshold",
        "web",
        "latency",
    )
    assert opened.config_hash == "feedfacecafe"
    assert (opened.started_at, opened.detected_at) == (at(minute), at(minute))
    assert (opened.window.end, opened.window.start) == (at(minute), at(minute + 1 - opened.window.points))
    assert opened.window_name == f"{opened.window.points} points"
    assert (opened.reference.start, opened.reference.end, opened.reference.points) == (at(0), at(59), 60)
    assert (opened.source.topic, opened.source.partition) == ("metrics", 0)
    assert opened.source.first_offset == 5_000 + minute + 1 - opened.window.points
    assert opened.id == f"{opened.episode_id}/opened"
    assert (opened.sequence, opened.peak_score) == (0, opened.score)


def test_statistic_threshold_and_bins_fit_together() -> None:
    for event in story():
        assert event.score == pytest.approx(event.statistic_nats / event.threshold_nats)
        assert event.calibration.table_threshold_nats == pytest.approx(6.0 / event.window.points)
        assert event.threshold_nats == pytest.approx(event.calibration.table_threshold_nats * event.calibration.guard_factor)
        assert event.calibration.method == ("table+tail" if event.calibration.guard_factor > 1 else "table")
        assert event.calibration.run_length_points == 1_000.0
        assert event.calibration.interval_seconds == 60.0
        assert event.severity == ("critical" if event.peak_score >= 2 else "warning")
        assert 0 < len(event.top_bins) <= TOP_BINS
        parts = [abs(one.nats) for one in event.top_bins]
        assert parts == sorted(parts, reverse=True)
        for one in event.top_bins:
            assert one.nats == pytest.approx(one.window_share * math.log(one.window_share / one.reference_share))


def test_the_budget_is_told_as_the_operator_wrote_it() -> None:
    budget = parse_budget("2 per series per day")
    assert story(budget=budget)[0].calibration.budget == "2 per series per day"
    assert story(budget=budget)[0].calibration.run_length_points == 720.0


def test_an_episode_keeps_its_name_and_beginning_and_counts_its_steps() -> None:
    events = story()
    first = [event for event in events if event.episode_id == events[0].episode_id]
    assert [event.sequence for event in first] == list(range(len(first)))
    assert {event.started_at for event in first} == {events[0].started_at}
    assert [event.type for event in first] == ["opened", *["updated"] * (len(first) - 2), "closed"]
    assert [event.peak_score for event in first] == sorted(event.peak_score for event in first)
    assert first[-1].sentence.startswith("recovered; in the last window, ")
    assert {event.reason for event in first[1:-1]} == {"escalated"}


def test_a_later_series_of_points_gives_other_identities_and_a_replay_the_same() -> None:
    assert written(story()) == written(story())
    assert story()[0].id != story(normal=301)[0].id


def test_a_run_of_points_above_the_threshold_begins_with_its_first() -> None:
    episodes = replace(EPISODES, min_points=5)
    opened = story(episodes=episodes)[0]
    minute = opened.source.last_offset - 5_000
    assert (opened.started_at, opened.detected_at) == (at(minute - 4), at(minute))


def test_an_atom_is_told_as_one_value() -> None:
    values = [1.0] * 80 + [2.0] * 80 + [1.0, 2.0] * 100 + [2.0] * 60
    made = plan(monitor(judged=settings()), table=flat(4.0))
    opened = feed(engine(made), records({"a": [1.0, 2.0] * 100 + values}))[0]
    top = opened.top_bins[0]
    assert (top.low, top.high) in ((1.0, 1.0), (2.0, 2.0))
    assert top.window_share > top.reference_share


def test_confidence_is_the_least_of_three_parts_that_the_event_itself_tells() -> None:
    opened = story(budget=parse_budget("1 per 1000 points"))[0]
    parts = opened.calibration
    minute = opened.source.last_offset - 5_000
    first = {4: 57, 10: 51, 20: 41}[opened.window.points]  # of the 60 learned points, those with which the window was full
    assert parts.judged_points == first + minute + 1 - 60
    assert parts.blocks == parts.judged_points // (2 * opened.window.points)
    least = min(parts.blocks / 32, 20 * parts.judged_points / (3 * 1000), parts.effective_points / 50)
    assert opened.confidence == pytest.approx(min(least, 1.0), abs=0.005)


@pytest.mark.parametrize(
    ("blocks", "judged", "run_length", "effective", "expected"),
    [
        (32, 1_000, 20_000.0, 50.0, 1.0),  # just enough of each
        (16, 1_000, 20_000.0, 50.0, 0.5),
        (32, 250, 20_000.0, 50.0, 0.25),
        (32, 1_000, 20_000.0, 20.0, 0.4),
        (0, 1_000, 20_000.0, 50.0, 0.0),
        (1_000_000, 10**9, 30.0, 1e6, 1.0),
        (11, 999, 1e9, 500.0, 0.0),
        (12, 600, 12_600.0, 36.1, 0.38),  # 0.375, 0.952, 0.722
    ],
)
def test_confidence_by_hand(blocks: int, judged: int, run_length: float, effective: float, expected: float) -> None:
    assert confidence(blocks, judged, run_length, effective) == expected
