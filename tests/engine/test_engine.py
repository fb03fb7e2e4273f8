"""An engine: messages in, events out, whatever arrives and however it is batched."""

import json
from dataclasses import replace

import numpy as np
import pytest

from streamkl.core.settings import Window
from streamkl.engine.engine import Engine
from streamkl.engine.plan import Normal
from streamkl.model import Event, Message, Reason
from tests.engine.plans import HERE, MINUTE_MS, engine, feed, monitor, plan, record, records, shifted, written
from tests.small import FIXED, flat, settings

DAY_MINUTES = 1_440


def told(events: list[Event]) -> list[tuple[str, str, str]]:
    return [(event.series, event.type, event.reason) for event in events]


def statuses(minutes: int, incident: range = range(0)) -> list[str]:
    """A status code a minute: 200, now and then 404; in the incident every other one is 500, never seen before."""
    dice = np.random.default_rng(3)
    usual = ["404" if dice.random() < 0.05 else "OK" for _ in range(minutes)]
    return ["500" if i in incident and i % 2 else code for i, code in enumerate(usual)]


def test_an_incident_opens_an_episode_and_its_end_closes_it() -> None:
    events = feed(engine(), records({"quiet": shifted(1, 300, 0, 140), "a": shifted(2, 300, 40, 100)}))
    of_a = [event for event in events if event.series == "a"]
    assert (of_a[0].type, of_a[-1].type, of_a[-1].reason) == ("opened", "closed", "recovered")
    assert {event.type for event in of_a[1:-1]} <= {"updated"}
    assert {event.episode_id for event in of_a} == {of_a[0].episode_id}
    assert [event.sequence for event in of_a] == list(range(len(of_a)))
    assert len({event.id for event in events}) == len(events)
    assert 601 <= of_a[0].source.last_offset <= 621  # two records a minute, and at most ten points into the incident
    assert of_a[0].started_at is not None
    assert of_a[0].detected_at is not None
    assert of_a[0].started_at <= of_a[0].detected_at


def test_records_seen_before_are_dropped_and_counted() -> None:
    one, messages = engine(), records({"a": shifted(1, 100, 0)})
    feed(one, messages)
    before = one.snapshot()
    assert one.receive(messages[:70]).events == []
    assert one.receive(messages[90:]).rejected == []
    assert (one.snapshot(), one.stats().replayed, one.stats().messages) == (before, 80, 100)
    assert one.next_offset == 100
    one.receive([*messages[95:], record("a", 100.0, 100, 100)])
    assert (one.stats().replayed, one.stats().messages, one.next_offset) == (85, 101, 101)


def test_nothing_received_changes_nothing() -> None:
    one = engine()
    assert (one.receive([]).events, one.next_offset) == ([], None)


def test_what_cannot_be_read_is_rejected_once_and_the_offset_moves_on() -> None:
    one = engine()
    output = one.receive([record("a", 1.0, 0, 7), Message(*HERE, 8, 0, None, b"{"), Message(*HERE, 9, 0, None, None)])
    assert [(r.message.offset, r.reason) for r in output.rejected] == [(8, Reason.INVALID_JSON), (9, Reason.EMPTY)]
    assert one.next_offset == 10
    assert one.stats().rejected == {"invalid_json": 1, "empty": 1}
    assert one.receive([Message(*HERE, 10, 0, None, b"")]).rejected[0].reason is Reason.EMPTY
    assert one.stats().rejected == {"invalid_json": 1, "empty": 2}


def test_text_in_a_numeric_series_is_rejected_once_a_record_and_numbers_go_on() -> None:
    one = engine()
    at = 1_700_000_000
    mixed = [{"series": "a", "timestamp": at, "value": value} for value in (1.0, "broken", "again", 2.0)]
    poison = Message(*HERE, 1, at * 1_000, None, json.dumps(mixed).encode())
    output = one.receive([record("a", 5.0, 0, 0), poison, Message(*HERE, 2, 0, None, b"nonsense")])
    assert [(r.message.offset, r.reason) for r in output.rejected] == [(1, Reason.NOT_A_NUMBER), (2, Reason.INVALID_JSON)]
    assert output.rejected[0].detail == "series 'a' is numeric, got 'broken'"
    assert one.stats().learned_points == 3


def test_a_record_with_two_kinds_of_faults_is_rejected_once() -> None:
    at = 1_700_000_000
    both = [{"series": "a", "timestamp": at, "value": value} for value in (None, "text")]
    one = engine()
    output = one.receive([record("a", 5.0, 0, 0), Message(*HERE, 1, at * 1_000, None, json.dumps(both).encode())])
    assert [(r.message.offset, r.reason) for r in output.rejected] == [(1, Reason.MISSING_FIELD)]


def test_a_new_status_code_opens_an_episode_that_names_it() -> None:
    events = feed(engine(plan(table=flat(4.0))), records({"status": statuses(400, range(300, 340))}))
    opened = events[0]
    assert (opened.type, opened.window.points) == ("opened", 4)
    assert opened.top_bins[0].category == "(new)"
    assert (opened.top_bins[0].low, opened.top_bins[0].high) == (None, None)
    assert opened.reference_quantiles is opened.window_quantiles is None
    assert opened.sentence.startswith("share of (new) rose from ")
    assert 300 <= opened.source.last_offset <= 310
    assert events[-1].reason == "recovered"


def test_a_category_that_becomes_common_is_named() -> None:
    values = [*statuses(300), *["404"] * 40]
    opened = feed(engine(plan(table=flat(4.0))), records({"status": values}))[0]
    assert opened.top_bins[0].category == "404"
    assert opened.sentence.startswith("share of 404 rose from ")


def test_numbers_of_a_categorical_series_are_names() -> None:
    made = plan(monitor(kind="categorical"), table=flat(4.0))
    codes = [200 if code == "OK" else int(code) for code in statuses(400, range(300, 340))]
    text = [str(code) for code in codes]
    by_number, by_name = (feed(engine(made), records({"status": column})) for column in (codes, text))
    assert by_number == by_name
    assert by_number[0].top_bins[0].category == "(new)"


def test_more_categories_than_bins_are_all_judged() -> None:
    dice = np.random.default_rng(9)
    values = [f"user-{dice.integers(0, 300)}" for _ in range(400)]
    one = engine(plan(table=flat(4.0)))
    feed(one, records({"user": values}))
    assert one.stats().judged > 0


def test_a_reference_that_is_given_needs_no_learning() -> None:
    normal = Normal(np.random.default_rng(1).normal(100.0, 1.0, 80), np.arange(80, dtype=np.int64) * MINUTE_MS * 1_000)
    one = engine(plan(monitor(a=normal)))
    events = feed(one, records({"a": shifted(2, 150, 40), "b": shifted(2, 150, 40)}))
    assert one.stats().learning == 0
    assert events[0].series == "a"
    assert events[0].reference.start == "1970-01-01T00:00:00Z"
    learned_later = engine(plan(monitor(a=normal)))
    feed(learned_later, records({"a": shifted(2, 10, 0), "b": shifted(2, 10, 0)}))
    assert (learned_later.stats().learning, learned_later.stats().learned_points, learned_later.stats().wanted_points) == (1, 10, 60)


def test_series_that_a_monitor_ignores_are_neither_judged_nor_counted() -> None:
    made = plan(monitor("debug.*", "ignore", "noise"), monitor(), max_series=1)
    one = engine(made)
    feed(one, records({"debug.a": shifted(1, 70, 0), "debug.b": shifted(2, 70, 0), "a": shifted(3, 70, 0)}))
    assert (one.stats().series, one.stats().points, one.stats().shed) == (1, 210, 0)


def test_each_series_is_judged_by_the_first_monitor_that_matches() -> None:
    calm = settings(budget=settings().budget, bins=4)
    made = plan(monitor("web.*", "auto", "web", calm), monitor(), table=lambda key: (6.0 if key.bins <= 4 else 1e9,) * 9)
    events = feed(engine(made), records({"web.a": shifted(1, 300, 40), "db.a": shifted(1, 300, 40)}))
    assert {(event.series, event.monitor) for event in events} == {("web.a", "web")}


def test_a_flood_of_new_names_sheds_them_with_one_warning() -> None:
    one = engine(plan(max_series=2))
    flood = [record(f"new-{i}", 1.0, 0, 2 + i) for i in range(50)]
    events = feed(one, [record("a", 1.0, 0, 0), record("b", 1.0, 0, 1), *flood])
    assert [(event.type, event.kind, event.reason, event.series) for event in events] == [("warning", "series_shed", "max_series", "new-0")]
    assert (events[0].source.first_offset, events[0].source.last_offset) == (2, 2)
    assert "max_series = 2" in events[0].sentence
    assert (one.stats().series, one.stats().shed) == (2, 50)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_old_series_are_untouched_by_a_flood(one_by_one: bool) -> None:
    alone = [m._replace(offset=3 * m.offset) for m in records({"a": shifted(1, 300, 40, 60), "b": shifted(2, 300, 40, 60)})]
    flood = [record(f"new-{m.offset}-{i}", 1.0, m.offset // 6, m.offset + i) for m in alone[1:] for i in (1, 2)]
    together = sorted([*alone, *flood], key=lambda message: message.offset)
    calm, flooded = engine(plan(max_series=2)), engine(plan(max_series=2))
    expected = feed(calm, alone)
    events = feed(flooded, together, range(1, len(together)) if one_by_one else ())
    assert written(event for event in events if event.type != "warning") == written(expected)
    assert [event.type for event in events].count("warning") == 1
    assert expected
    assert flooded.stats().shed == len(flood)


def test_a_silent_series_is_forgotten_and_makes_room() -> None:
    one = engine(plan(max_series=2, evict_after_us=86_400_000_000))
    stays = {"a": [1.0] * (2 * DAY_MINUTES), "b": [1.0] * 60 + [None] * (2 * DAY_MINUTES - 60)}
    messages = records(stays)
    feed(one, messages, [500])
    assert (one.stats().series, one.stats().evicted) == (1, 1)
    assert feed(one, [record("c", 1.0, 2 * DAY_MINUTES, len(messages))]) == []
    assert (one.stats().series, one.stats().learning, one.stats().shed) == (2, 1, 0)


def test_a_second_flood_after_an_eviction_is_warned_of_again() -> None:
    one = engine(plan(max_series=1, evict_after_us=3_600_000_000))
    flood = [record("a", 1.0, 0, 0), record("b", 1.0, 0, 1), record("c", 1.0, 0, 2)]
    later = [record("d", 1.0, 200, 3), record("e", 1.0, 220, 4), record("f", 1.0, 220, 5)]
    assert told(feed(one, [*flood, *later])) == [("b", "warning", "max_series"), ("f", "warning", "max_series")]


def test_one_wrong_clock_and_a_pause_of_all_make_nobody_forgotten() -> None:
    one = engine(plan(evict_after_us=3_600_000_000))
    values = {name: shifted(number, 300, 0, 0) for number, name in enumerate("abc")}
    messages = records(values)
    feed(one, messages)
    learned = one.stats().learning
    wrong = record("d", 1.0, 1_000_000, len(messages))
    feed(one, [wrong, *records(values, len(messages) + 1, 300)])
    assert (one.stats().series, one.stats().evicted, one.stats().learning) == (4, 0, learned + 1)
    two = engine(plan(evict_after_us=3_600_000_000))
    feed(two, messages)
    feed(two, records(values, len(messages), 10_000))
    assert (two.stats().series, two.stats().evicted, two.stats().learning) == (3, 0, learned)


def test_a_series_whose_clock_is_far_behind_stays_while_it_sends() -> None:
    one = engine(plan(evict_after_us=3_600_000_000))
    values = {"right": shifted(1, 300, 0, 0), "also": shifted(2, 300, 0, 0)}
    behind = records({"behind": shifted(3, 300, 0, 0)}, 0, -50_000)
    mixed = [message for three in zip(*[iter(records(values))] * 2, behind, strict=True) for message in three]
    feed(one, [message._replace(offset=offset) for offset, message in enumerate(mixed)])
    assert (one.stats().series, one.stats().evicted) == (3, 0)


def test_an_episode_of_a_forgotten_series_ends_with_it() -> None:
    one = engine(plan(evict_after_us=3_600_000_000))
    messages = records({"a": shifted(1, 300, 20)})
    told = feed(one, messages)
    assert told[-1].type in ("opened", "updated")
    assert one.stats().open_episodes == 1
    first = len(messages)
    since = [record("b", 1.0, 400 + 20 * i, first + i) for i in range(2)]
    (end,) = feed(one, [*since, record("a", 1.0, 420, first + 2)])
    assert (end.series, end.type, end.reason, end.episode_id) == ("a", "closed", "forgotten", told[-1].episode_id)
    assert (end.sequence, end.source.last_offset) == (told[-1].sequence + 1, first + 1)
    assert end.sentence == "forgotten after a long silence"
    assert (one.stats().open_episodes, one.stats().learning, one.stats().evicted) == (0, 2, 1)
    assert engine(plan(evict_after_us=3_600_000_000), one.snapshot()).snapshot() == one.snapshot()


def test_episodes_end_alike_whoever_came_since_and_wherever_it_was_stopped() -> None:
    """Another series' points have come since, and what is only known until the next point comes must not be asked for."""
    made = plan(monitor(judged=settings(point_share=0.0)), evict_after_us=3_600_000_000)
    messages = records({"z": shifted(1, 100, 15), "a": shifted(2, 100, 15)})
    since = [record("b", 50.0 + minute % 7, 115 + minute, len(messages) + minute) for minute in range(90)]
    one = engine(made)
    told_before = {event.series: event for event in feed(one, messages)}
    assert set(told_before) == {"a", "z"}
    two = engine(made, one.snapshot())
    feed(one, since[:40])
    three = engine(made, one.snapshot())
    ends = feed(one, since[40:])
    assert [event.series for event in ends] == ["a", "z"]
    assert written(feed(two, since)) == written(feed(three, since[40:])) == written(ends)
    for end in ends:
        assert end.statistic_nats is not None
        assert end.threshold_nats is not None
        assert end.score == pytest.approx(end.statistic_nats / end.threshold_nats)
        assert (end.reason, end.episode_id) == ("forgotten", told_before[end.series].episode_id)


def test_a_series_that_is_forgotten_while_it_learns_ends_its_episode_too() -> None:
    windows = (Window("16 points", 16, 0), Window("64 points", 64, 0))
    judged = settings(point_share=0.75, windows=windows, ring_points=70, reference=replace(FIXED, size=150))
    one = engine(plan(monitor(judged=judged), evict_after_us=3_600_000_000))
    dice = np.random.default_rng(0)
    short, long = dice.normal(size=130), dice.normal(100.0, 1.0, 420)
    short[122:] += 60.0
    long[250:] += 0.8
    events = feed(one, records({"a": [None] * 100 + [float(value) for value in short] + [None] * 190, "b": map(float, long)}))
    of_a = [event for event in events if event.series == "a"]
    assert [(event.type, event.reason) for event in of_a[:: len(of_a) - 1]] == [("opened", "threshold"), ("closed", "forgotten")]
    end = of_a[-1]
    assert (end.window_name, end.tracks, end.sentence) == ("newest points", (), "forgotten after a long silence")
    assert end.score == pytest.approx(max(event.score for event in of_a[:-1]))
    assert end.calibration.run_length_points == of_a[-2].calibration.run_length_points


def test_status_codes_before_a_sweep_count_like_those_after_it() -> None:
    made = plan(evict_after_us=3_600_000_000, table=flat(4.0))
    messages = records({"status": statuses(400, range(300, 340)), "x": [1.0] * 5 + [None] * 395})
    one_batch, one_by_one = engine(made), engine(made)
    events = feed(one_batch, messages)
    assert events == feed(one_by_one, messages, range(1, len(messages)))
    assert one_batch.snapshot() == one_by_one.snapshot()
    assert one_batch.stats().evicted == 1
    assert events[0].top_bins[0].category == "(new)"


def test_a_warning_stands_in_record_order_among_the_other_events() -> None:
    quiet = records({"a": shifted(1, 300, 20)})
    last = quiet[-1].offset
    messages = [*quiet, record("b", 1.0, 320, last + 1), *records({"a": shifted(5, 0, 0, 60)}, last + 2, 321)]
    one_batch, one_by_one = engine(plan(max_series=1)), engine(plan(max_series=1))
    events = feed(one_batch, messages)
    assert [event.source.last_offset for event in events] == sorted(event.source.last_offset for event in events)
    assert events == feed(one_by_one, messages, range(1, len(messages)))
    kinds = [event.type for event in events]
    assert kinds.index("warning") > kinds.index("opened")


def test_figures_of_the_moment() -> None:
    one = engine()
    assert (one.stats().series, one.stats().newest_us, one.stats().wanted_points) == (0, None, 0)
    feed(one, records({"a": [1.0] * 30, "b": [1.0] * 20 + [None] * 10}))
    feed(one, [record("a", 1.0, -200, 50), record("a", 1.0, 30, 51)])
    stats = one.stats()
    assert (stats.messages, stats.points, stats.judged, stats.late) == (52, 52, 0, 1)
    assert (stats.series, stats.learning, stats.open_episodes) == (2, 2, 0)
    assert (stats.learned_points, stats.wanted_points) == (20, 60)
    assert stats.newest_us == 1_700_000_000_000_000 + 30 * MINUTE_MS * 1_000


def test_an_engine_is_of_one_partition() -> None:
    assert Engine(HERE, plan()).partition == HERE
