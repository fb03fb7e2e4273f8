"""Series that send no data: what is told of them, when, and of whom not."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest

from streamkl.engine.absence import lasting
from streamkl.engine.engine import Engine
from streamkl.engine.outgoing import encode_event
from streamkl.engine.plan import Monitor, Normal, Plan
from streamkl.engine.schema import event_schema
from streamkl.errors import SnapshotError
from streamkl.model import Event, Message
from streamkl.units import parse_absence
from tests.engine.plans import HERE, MINUTE_MS, engine, feed, monitor, plan, record, records, shifted
from tests.small import flat

NEVER = flat(1e9)  # so that nothing but absences is told
HOUR_US = 3_600_000_000


def watching(limit: str = "5m", heartbeat: str = "", *monitors: Monitor, **changes: Any) -> Plan:
    made = plan(*(monitors or (replace(monitor(), no_data_after=parse_absence(limit)),)), **({"table": NEVER} | changes))
    return replace(made, heartbeat=heartbeat)


def told(events: list[Event]) -> list[tuple[str, str, str, int]]:
    """Series, type, reason, and the offset of the record that decided it."""
    return [(event.series, event.type, event.reason, event.source.last_offset) for event in events]


def with_gap(before: int, gap: int, after: int = 0) -> list[float | None]:
    return [*shifted(9, before, 0), *[None] * gap, *shifted(8, after, 0)]


def three(gap: int = 40, after: int = 20) -> dict[str, list[float | None]]:
    """Two series that go on, and one that pauses after 100 minutes."""
    minutes = 100 + gap + after
    return {"a": [*shifted(1, minutes, 0)], "b": [*shifted(2, minutes, 0)], "c": with_gap(100, gap, after)}


def test_an_absence_is_told_when_the_others_have_moved_on_and_ends_with_the_next_point() -> None:
    opened, closed = feed(engine(watching()), records(three()))
    # The last point of c is of minute 99, offset 299. The second record of minute 104 (a: 308, b: 309) brings both others there.
    assert told([opened, closed]) == [("c", "opened", "no_data", 309), ("c", "closed", "data_returned", 382)]
    assert (opened.kind, opened.sequence, closed.sequence) == ("no_data", 0, 1)
    assert opened.episode_id == closed.episode_id
    assert len({opened.id, closed.id, opened.episode_id}) == 3
    assert (opened.window.start, opened.window.end, opened.window.points) == ("2023-11-14T23:52:20Z", "2023-11-14T23:57:20Z", 0)
    assert (opened.started_at, opened.detected_at) == ("2023-11-14T23:53:20Z", "2023-11-14T23:57:20Z")
    assert (closed.started_at, closed.detected_at) == (opened.started_at, "2023-11-15T00:33:20Z")
    assert opened.sentence == "no point for 5 min; normally one every 60 s"
    assert closed.sentence == "data returned after 41 min without a point; normally one every 60 s"
    assert (opened.score, opened.severity, closed.score, closed.peak_score, closed.severity) == (1.0, "warning", 0.0, 8.2, "critical")
    assert (opened.calibration.method, opened.calibration.budget, opened.calibration.interval_seconds) == ("no_data_after", "5m", 60.0)


def test_what_means_nothing_is_null_and_nothing_is_absent() -> None:
    absence = feed(engine(watching()), records(three()))[0]
    distribution = feed(engine(plan(table=flat(4.0))), records({"a": shifted(1, 300, 40)}))[0]
    bodies = [json.loads(encode_event(event, "anomalies", "urn:streamkl:test").value or b"") for event in (absence, distribution)]
    assert list(bodies[0]) == list(bodies[1])
    nothing = {"window_name", "statistic_nats", "threshold_nats", "reference_quantiles", "window_quantiles"}
    assert {name for name, value in bodies[0].items() if value is None} == nothing
    validator = jsonschema.Draft202012Validator(json.loads(event_schema()), format_checker=jsonschema.FormatChecker())
    for body in bodies:
        validator.validate(body)


def test_off_unless_asked_for() -> None:
    one = engine(plan(table=NEVER))
    assert feed(one, records(three())) == []
    assert one.stats().absent == 0


def test_open_absences_are_counted_among_the_open_episodes() -> None:
    one = engine(watching())
    messages = records(three())
    feed(one, messages[:310])
    assert (one.stats().absent, one.stats().open_episodes) == (1, 1)
    feed(one, messages[310:])
    assert (one.stats().absent, one.stats().open_episodes) == (0, 0)


@pytest.mark.parametrize(("limit", "learning"), [("5 intervals", []), ("5m", ["opened", "closed"])])
def test_a_series_that_still_learns_is_watched_only_by_a_duration(limit: str, learning: list[str]) -> None:
    columns = {name: column[60:] for name, column in three().items()}  # 40 minutes, where a reference takes 60
    events = feed(engine(watching(limit)), records(columns))
    assert [event.type for event in events] == learning
    assert all(event.calibration.interval_seconds is None and ";" not in event.sentence for event in events)


def test_an_interval_that_is_given_with_the_reference_holds_from_the_first_point() -> None:
    normal = Normal(np.random.default_rng(1).normal(100.0, 1.0, 80), np.arange(80, dtype=np.int64) * MINUTE_MS * 1_000)
    given = replace(monitor(c=normal), no_data_after=parse_absence("5 intervals"))
    columns = {name: column[98:] for name, column in three().items()}
    events = feed(engine(watching("5 intervals", "", given)), records(columns))
    assert [(event.series, event.type) for event in events] == [("c", "opened"), ("c", "closed")]


def test_each_series_is_watched_as_its_monitor_says_and_all_are_witnesses() -> None:
    strict = replace(monitor("c*", name="strict"), no_data_after=parse_absence("5m"))
    loose = replace(monitor("d*", name="loose"), no_data_after=parse_absence("30m"))
    columns = three() | {"d": with_gap(100, 40, 20), "e": with_gap(100, 40, 20)}
    events = feed(engine(watching("", "", strict, loose, monitor())), records(columns))
    assert [(e.series, e.type, e.monitor, e.calibration.budget) for e in events] == [
        ("c", "opened", "strict", "5m"),
        ("d", "opened", "loose", "30m"),
        ("c", "closed", "strict", "5m"),
        ("d", "closed", "loose", "30m"),
    ]


def test_heartbeats_move_the_clock_and_are_not_judged() -> None:
    columns = {"a": with_gap(100, 30), "beat/1": [1.0] * 130}
    one = engine(watching(heartbeat="beat/*"))
    assert told(feed(one, records(columns))) == [("a", "opened", "no_data", 204)]
    assert (one.stats().series, one.stats().points) == (1, 230)
    assert feed(engine(watching()), records(columns)) == []  # without the pattern it is one other series, and proves nothing


def test_heartbeats_may_be_text() -> None:
    columns = {"a": with_gap(100, 30), "beat": ["up"] * 130}
    assert told(feed(engine(watching(heartbeat="beat")), records(columns))) == [("a", "opened", "no_data", 204)]


def test_what_cannot_be_read_is_no_data() -> None:
    messages = records(three(40, 0))
    null = b'{"series":"c","timestamp":1700007000000,"value":null}'
    nulls = [Message(*HERE, messages[-1].offset + 1 + i, 0, None, null) for i in range(5)]
    assert [event.type for event in feed(engine(watching()), [*messages, *nulls])] == ["opened"]


def test_those_who_end_at_one_record_are_told_by_name() -> None:
    columns = {name: [*shifted(3, 100, 0), *[None] * 20] for name in ("z", "m", "b")} | {"x": shifted(1, 120, 0), "y": shifted(2, 120, 0)}
    events = feed(engine(watching()), records(columns))
    assert [event.series for event in events] == ["b", "m", "z"]
    assert len({event.source.last_offset for event in events}) == 1
    assert len({event.episode_id for event in events}) == 3


def test_a_series_that_is_forgotten_ends_its_absence() -> None:
    one = engine(watching(evict_after_us=HOUR_US))
    events = feed(one, records(three(200, 20)))
    assert [(event.type, event.reason) for event in events] == [("opened", "no_data"), ("closed", "forgotten")]
    assert events[0].episode_id == events[1].episode_id
    assert events[1].sentence.startswith("forgotten after ")
    assert events[1].score == events[1].peak_score > 10
    assert (one.stats().absent, one.stats().evicted, one.stats().series) == (0, 1, 3)


def test_an_absence_and_an_episode_of_the_distribution_live_side_by_side() -> None:
    columns = three(20, 60)
    columns["c"] = [*shifted(9, 90, 10), *[None] * 20, *shifted(7, 60, 0)]
    events = feed(engine(watching(table=flat(6.0))), records(columns))
    of_c = [event for event in events if event.series == "c"]
    assert len({event.id for event in of_c}) == len(of_c)
    kinds = {event.episode_id: event.kind for event in of_c}
    assert sorted(kinds.values()) == ["distribution", "no_data"]
    assert [event.type for event in of_c if event.kind == "no_data"] == ["opened", "closed"]
    assert [event.type for event in of_c if event.kind == "distribution"][-1] == "closed"


def test_one_series_with_a_wrong_clock_makes_nobody_absent() -> None:
    messages = records({name: shifted(3, 100, 0) for name in "abcd"})
    ahead = [record("d", 1.0, 5_000_000 + i, 400 + i) for i in range(3)]
    later = records({name: shifted(4, 50, 0) for name in "abcd"}, 403, 100)
    one = engine(watching(evict_after_us=10**16))
    assert feed(one, [*messages, *ahead, *later]) == []
    assert (one.stats().points, one.stats().evicted) == (603, 0)


def test_a_night_without_any_record_makes_nobody_absent() -> None:
    day = {name: shifted(3, 100, 0) for name in "abcd"}
    messages = [*records(day), *records(day, 400, 700), *records(day, 800, 1_400)]
    assert feed(engine(watching()), messages) == []


def test_a_state_without_its_absences_is_refused() -> None:
    state = engine(plan(table=NEVER)).snapshot()
    with pytest.raises(SnapshotError, match="lacks its clock of absences"):
        Engine(HERE, watching(), state)


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(1, "0 ms"), (119_000_000, "119 s"), (120_000_000, "2 min"), (7_199_000_000, "120 min"), (172_800_000_000, "2 d"), (10**14, "1157 d")],
)
def test_lengths_are_told_in_the_unit_that_fits(microseconds: int, text: str) -> None:
    assert lasting(microseconds) == text
