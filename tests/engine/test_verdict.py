"""One record looked at closely: fates, channels beside their thresholds, and events that are those of an engine nobody looks into."""

from dataclasses import replace

import pytest

from streamkl.engine.engine import Engine
from streamkl.engine.plan import Plan
from streamkl.engine.verdict import PointVerdict, RecordVerdict, examine
from streamkl.model import Message
from streamkl.units import parse_absence
from tests.engine.plans import HERE, MINUTE_MS, engine, monitor, plan, record, records, shifted, written
from tests.engine.test_silence import silence
from tests.small import settings

NOW_MS = 1_700_000_000_000


def look(one: Engine, made: Plan, message: Message) -> RecordVerdict:
    decoded = made.codec.decode([message])
    return examine(one, made, decoded.points, message, decoded.rejected)


def fates(verdict: RecordVerdict) -> list[str]:
    return [point.fate for point in verdict.points]


@pytest.mark.parametrize("changes", [{}, {"point_share": 0.75}])
def test_looking_changes_neither_events_nor_state(changes: dict[str, float]) -> None:
    made = plan(monitor(judged=settings(**changes)))
    messages = records({"a": shifted(1, 200, 40, 60), "b": shifted(2, 300, 0)})
    watched, left_alone = engine(made), engine(made)
    for number, message in enumerate(messages):
        expected = left_alone.receive([message]).events
        if number % 7 and not expected:
            watched.receive([message])
            continue
        verdict = look(watched, made, message)
        assert written(verdict.events) == written(expected)
        (point,) = verdict.points
        for event in verdict.events:
            if event.type == "opened":
                assert point.output == point.score == event.score
                assert point.decided_by == event.window_name
                assert point.channels[0].sentence == event.sentence
                assert sorted(point.channels[0].top_bins, key=lambda each: -abs(each.nats))[:6] == list(event.top_bins)
    assert watched.snapshot() == left_alone.snapshot()


def test_channels_stand_beside_their_thresholds_the_highest_first() -> None:
    one = engine()
    one.receive(records({"a": shifted(1, 250, 0)}))
    verdict = look(one, plan(), record("a", 104.0, 250, 250))
    (point,) = verdict.points
    assert (point.fate, point.monitor, point.value, point.episode_open) == ("judged", "default", 104.0, False)
    scores = [channel.score for channel in point.channels]
    assert scores == sorted(scores, reverse=True)
    assert point.decided_by == point.channels[0].window_name
    assert {channel.window_name for channel in point.channels} <= {"4 points", "10 points", "20 points"}
    for channel in point.channels:
        assert channel.statistic_nats is not None
        assert channel.threshold_nats is not None
        assert channel.score == pytest.approx(channel.statistic_nats / channel.threshold_nats)
        assert sum(each.nats for each in channel.top_bins) == pytest.approx(channel.statistic_nats)


def test_every_point_of_a_record_has_its_own_verdict() -> None:
    values = shifted(1, 200, 0)
    one, made = engine(), plan()
    one.receive(records({"a": values}))
    several = b"[" + b",".join(record("a", value, 200 + i, 0).value or b"" for i, value in enumerate([100.0, 160.0, 160.0, 160.0])) + b"]"
    message = Message(*HERE, 200, NOW_MS + 210 * MINUTE_MS, None, several)
    verdict = look(one, made, message)
    assert [point.ordinal for point in verdict.points] == [0, 1, 2, 3]
    assert verdict.points[0].score < verdict.points[-1].score
    assert [point.episode_open for point in verdict.points].index(True) == int(verdict.events[0].id.split("/")[3])


def test_what_is_not_judged_says_why() -> None:
    made = replace(plan(monitor("debug*", "ignore", "noise"), monitor(), max_series=2, silences=(silence(95, 150, "a"),)), heartbeat="beat")
    one = engine(made)
    assert fates(look(one, made, record("a", 1.0, 0, 0))) == ["learning"]
    assert fates(look(one, made, record("debug-1", 1.0, 0, 1))) == ["ignored"]
    assert fates(look(one, made, record("beat", 1.0, 0, 2))) == ["heartbeat"]
    one.receive(records({"b": shifted(1, 62, 0)}, 3))
    assert fates(look(one, made, record("c", 1.0, 62, 65))) == ["shed"]
    assert fates(look(one, made, record("b", "text", 62, 66))) == ["refused"]
    assert fates(look(one, made, record("a", 1.0, 100, 67))) == ["silenced"]
    assert fates(look(one, made, record("b", 1.0, -300, 68))) == ["late"]
    waiting = look(one, made, record("b", 1.0, 63, 69)).points[0]
    assert (waiting.fate, waiting.channels, waiting.decided_by) == ("waiting", (), None)
    broken = look(one, made, Message(*HERE, 70, 2**63 - 1, None, b"{"))
    assert (broken.rejected, broken.points, broken.record_time) == ("invalid_json", (), None)


def test_categories_are_named_and_counted() -> None:
    one, made = engine(), plan()
    one.receive(records({"status": ["OK", "OK", "OK", "404"] * 40}))
    (point,) = look(one, made, record("status", "OK", 160, 160)).points
    assert point.value == "OK"
    assert {each.category for channel in point.channels for each in channel.top_bins} <= {"OK", "404", "(new)"}
    assert all(channel.reference_quantiles is None for channel in point.channels)


def test_an_absence_is_among_the_events_of_the_record_that_shows_it() -> None:
    made = plan(replace(monitor(), no_data_after=parse_absence("5m")))
    one, twin = engine(made), engine(made)
    messages = records({"a": shifted(1, 120, 0), "b": shifted(2, 120, 0), "c": [*shifted(3, 80, 0), *[None] * 40]})
    shown = []
    for message in messages:
        expected = twin.receive([message]).events
        verdict = look(one, made, message) if expected else None
        if verdict is None:
            one.receive([message])
        else:
            assert written(verdict.events) == written(expected)
            shown += [(event.series, event.kind) for event in verdict.events]
    assert shown == [("c", "no_data")]


def test_a_verdict_of_points_has_the_times_and_names_of_their_record() -> None:
    one, made = engine(), plan()
    verdict = look(one, made, record("a", 1.5, 3, 9))
    (point,) = verdict.points
    assert (verdict.topic, verdict.partition, verdict.offset, verdict.record_time) == ("metrics", 0, 9, "2023-11-14T22:16:20Z")
    assert isinstance(point, PointVerdict)
    assert (point.series, point.time, point.output, point.score) == ("a", "2023-11-14T22:16:20Z", 0.0, 0.0)
    assert point.why == "1 of 60 points are learned"
