"""Which points are passed over, and what a silence leaves alone."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamkl.engine.plan import Plan
from streamkl.engine.silence import BLOCK_US, BLOCKS_KEPT, Silence, Silences
from streamkl.model import Event
from streamkl.units import parse_absence, parse_instant
from tests.engine.material import NOW_MS
from tests.engine.plans import MINUTE_MS, engine, feed, monitor, plan, records, shifted
from tests.small import HOUR_US

MINUTE_US = 60_000_000
stretches = st.lists(st.tuples(st.integers(-100, 100), st.integers(0, 30)).map(lambda each: (each[0], each[0] + each[1])), max_size=6)


def at(minute: int) -> int:
    return (NOW_MS + MINUTE_MS * minute) * 1_000


def silence(start: int, end: int, match: str = "*") -> Silence:
    """From one minute to another."""
    return Silence("test", match, lambda _from, _to: [(at(start), at(end))])


@given(stretches, st.lists(st.integers(-130, 130), max_size=20))
def test_a_time_is_covered_when_a_stretch_holds_it(given_as: list[tuple[int, int]], times: list[int]) -> None:
    """Scaled so that many stretches reach over the end of a block."""
    scale = BLOCK_US // 20
    one = Silence("s", "*", lambda a, b: [(s * scale, e * scale) for s, e in given_as if s * scale < b and e * scale > a])
    covered = one.covers(np.array(times, np.int64) * scale)
    assert covered.tolist() == [any(start <= time < end for start, end in given_as) for time in times]


def test_a_calendar_is_opened_once_a_block_and_forgotten_when_there_are_too_many() -> None:
    asked: list[tuple[int, int]] = []

    def calendar(start: int, end: int) -> list[tuple[int, int]]:
        asked.append((start, end))
        return []

    one = Silence("s", "*", calendar)
    for _ in range(3):
        one.covers(np.arange(0, BLOCK_US, HOUR_US))
    assert asked == [(0, BLOCK_US)]
    one.covers(np.arange(-1, BLOCKS_KEPT) * BLOCK_US)
    assert len(asked) == 1 + BLOCKS_KEPT
    one.covers(np.array([BLOCK_US]))
    assert len(asked) == 1 + BLOCKS_KEPT
    one.covers(np.array([-1]))  # the one used longest ago
    assert len(asked) == 2 + BLOCKS_KEPT


def test_series_are_taken_by_every_silence_that_fits() -> None:
    both = Silences((silence(0, 10, "web-*"), silence(5, 20, "*-1"), silence(30, 31, "db")))
    names = ["web-1", "web-2", "db-1", "other", "web-1"]
    groups = np.array([both.group(name) for name in names])
    assert groups[0] == groups[4]
    assert groups[3] == 0
    silent = {m: both.marks(groups, np.full(5, at(m))).tolist() for m in (0, 7, 15, 20)}
    assert silent == {
        0: [True, True, False, False, True],
        7: [True, True, True, False, True],
        15: [True, False, True, False, True],
        20: [False] * 5,
    }
    assert both.hush(int(groups[0]), at(15)) is True
    assert both.hush(int(groups[1]), at(15)) is False


def test_who_is_in_no_group_is_never_silenced() -> None:
    assert Silences(()).marks(np.zeros(3, np.int64), np.zeros(3, np.int64)).tolist() == [False] * 3


def told(events: list[Event]) -> list[tuple[str, str, int]]:
    return [(event.series, event.type, event.source.last_offset) for event in events]


def test_an_incident_within_a_silence_is_not_told_and_leaves_nothing_behind() -> None:
    values = shifted(0, 200, 40, 160)
    messages = records({"a": values, "b": values})
    loud = told(feed(engine(), messages))
    assert {series for series, kind, _ in loud if kind == "opened"} == {"a", "b"}
    quiet = engine(plan(silences=(silence(200, 240, "a"),)))
    assert {series for series, _, _ in told(feed(quiet, messages))} == {"b"}
    assert quiet.stats().silenced == 40
    assert quiet.stats().judged == engine_judged(messages) - 40


def engine_judged(messages: list) -> int:
    one = engine()
    one.receive(messages)
    return one.stats().judged


def test_what_happens_right_after_a_silence_is_told() -> None:
    """No window has to be emptied of silenced points first."""
    values = shifted(0, 250, 40)
    events = feed(engine(plan(silences=(silence(150, 250),))), records({"a": values}))
    assert events[0].type == "opened"
    assert 250 <= events[0].source.last_offset < 265


def test_an_open_episode_is_held_through_a_silence() -> None:
    """It says nothing meanwhile, neither that it grew nor that it ended, and goes on as the same one."""
    values = shifted(0, 200, 20) + [1_000.0] * 10 + [100.0] * 50 + shifted(1, 0, 15) + shifted(2, 60, 0)
    events = feed(engine(plan(silences=(silence(220, 280),))), records({"a": values}))
    assert events[0].type == "opened"
    assert events[0].source.last_offset < 220
    assert not [event for event in events if 220 <= event.source.last_offset < 280]
    closed = next(event for event in events if event.type == "closed")
    assert closed.episode_id == events[0].episode_id
    assert closed.source.last_offset >= 280 + 15


def test_the_first_points_of_a_series_are_not_learned_when_silenced() -> None:
    one = engine(plan(silences=(silence(0, 30),)))
    feed(one, records({"a": [1e9] * 30 + shifted(0, 59, 0)}))
    assert one.stats().learning == 1
    assert one.stats().learned_points == 59


def test_a_series_that_is_silenced_for_long_is_not_forgotten() -> None:
    """It speaks, though nobody listens; one that stops speaking is forgotten as ever."""
    hours = 30
    made = plan(silences=(silence(0, 60 * hours, "a"),), evict_after_us=5 * HOUR_US)
    one = engine(made)
    length = 60 * hours - 1
    feed(one, records({"a": [1.0] * length, "b": [2.0] * length, "gone": [3.0] * 10 + [None] * (length - 10)}))
    assert one.stats().series == 2
    assert one.stats().evicted == 1


def test_names_that_come_in_a_silence_are_not_numbered() -> None:
    values = ["OK", "bad"] * 100 + ["maintenance"] * 20 + ["OK", "bad"] * 40
    one = engine(plan(silences=(silence(200, 220),)))
    other = engine(plan(silences=(silence(200, 220),)))
    assert not feed(one, records({"code": values}))
    feed(other, records({"code": ["OK", "bad"] * 100}))
    seats = [next(iter(each._router.seats.values())) for each in (one, other)]
    assert list(seats[0].categories) == list(seats[1].categories) == ["OK", "bad"]


def test_a_series_that_stops_during_a_silence_is_missed_afterwards() -> None:
    """No data within it is no news; when it is over, the series has its whole limit again."""
    watched = replace(monitor(), no_data_after=parse_absence("10m"))
    values: list[float | None] = [1.0] * 100
    columns: dict[str, list[float | None]] = {"a": [*values, *[None] * 100], "b": values * 2, "c": values * 2}
    loud = missed(plan(watched), columns)
    assert [(event.series, event.type) for event in loud] == [("a", "opened")]
    assert minute_of(loud[0]) == 109
    hushed = missed(plan(watched, silences=(silence(95, 150, "a"),)), columns)
    assert [(event.series, event.type) for event in hushed] == [("a", "opened")]
    assert 150 <= minute_of(hushed[0]) <= 161


def missed(made: Plan, columns: dict[str, list[float | None]]) -> list[Event]:
    return [event for event in feed(engine(made), records(columns)) if event.kind == "no_data"]


def minute_of(event: Event) -> int:
    assert event.detected_at is not None
    return (parse_instant(event.detected_at) - at(0)) // MINUTE_US
