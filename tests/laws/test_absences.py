"""Who is absent depends on the records and their order alone: not on batches, restarts or a second reading."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamkl.engine.plan import Plan
from streamkl.model import Message
from streamkl.units import parse_absence
from tests.engine.plans import engine, feed, monitor, plan, record, records, shifted, written

NAMES = ("a", "b", "c", "d", "beat", "code")
MINUTE_US = 60_000_000


def made(limit: str = "4 intervals") -> Plan:
    """A monitor with a limit in intervals, one with a time, one without any; series are forgotten after 100 minutes."""
    monitors = [
        replace(monitor("a*", name="a"), no_data_after=parse_absence(limit)),
        replace(monitor("[bc]*", name="b"), no_data_after=parse_absence("5m")),
        monitor(),
    ]
    return replace(plan(*monitors, evict_after_us=100 * MINUTE_US), heartbeat="beat")


@st.composite
def streams(draw: st.DrawFn) -> list[Message]:
    """Sixty quiet minutes, so that intervals are learned, then whatever comes: pauses, jumps, steps back, several points a minute."""
    messages = records({name: shifted(i, 61, 0) if name != "code" else ["OK"] * 61 for i, name in enumerate(NAMES)})
    now = 61
    speakers = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True))
    for name, step in draw(st.lists(st.tuples(st.sampled_from(speakers), st.sampled_from([0, 0, 0, 1, 1, 2, -3, 30, 150])), max_size=80)):
        now += max(step, 0)
        messages.append(record(name, "OK" if name == "code" else 100.0, now + min(step, 0), len(messages)))
    return messages


@settings(max_examples=50)
@given(streams(), st.data())
def test_batches_and_restarts_do_not_matter(messages: list[Message], data: st.DataObject) -> None:
    whole = engine(made())
    expected = written(feed(whole, messages))
    single = engine(made())
    assert written(feed(single, messages, range(360, len(messages)))) == expected
    assert single.snapshot() == whole.snapshot()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(messages)), max_size=4)))
    events, one, at = [], engine(made()), 0
    for cut in [*cuts, len(messages)]:
        events += feed(one, messages[at:cut])
        one, at = engine(made(), one.snapshot()), cut
    assert written(events) == expected
    assert one.snapshot() == whole.snapshot()


def world() -> list[Message]:
    """Pauses of many lengths, an incident, a new normal that teaches a series its interval anew, and one that is forgotten."""
    dice = np.random.default_rng(5)
    columns: dict[str, list[object]] = {name: list(shifted(i, 500, 0)) for i, name in enumerate(("a1", "a2", "b1", "b2", "c1", "c2"))}
    columns["a2"][200:400] = shifted(7, 0, 200)
    columns["code"] = ["OK", "slow"] * 250
    for name in ("a1", "a2", "b1", "c1", "code"):
        for start in dice.integers(70, 480, 6).tolist():
            length = int(dice.integers(1, 20))
            columns[name][start : start + length] = [None] * len(columns[name][start : start + length])
    columns["b2"][150:] = [None] * 350
    columns["beat"] = ["up"] * 500
    return records(columns)


@pytest.mark.parametrize("limit", ["4 intervals", "12m"])
def test_in_a_long_stream_with_everything_in_it(limit: str) -> None:
    messages = world()
    whole = engine(made(limit))
    expected = feed(whole, messages)
    reasons = {event.reason for event in expected}
    assert {"no_data", "data_returned", "forgotten", "threshold", "accepted_as_normal"} <= reasons
    assert len({event.id for event in expected}) == len(expected)
    dice = np.random.default_rng(1)
    for pieces in (range(1, len(messages)), dice.choice(len(messages), 30, replace=False).tolist()):
        other = engine(made(limit))
        assert written(feed(other, messages, pieces)) == written(expected)
        assert other.snapshot() == whole.snapshot()
    seen = 0
    for cut in dice.integers(0, len(messages), 15).tolist():
        first = engine(made(limit))
        before = feed(first, messages[:cut])
        seen += first.stats().absent > 0
        second = engine(made(limit), first.snapshot())
        assert written([*before, *feed(second, messages[cut:])]) == written(expected)
        assert second.snapshot() == whole.snapshot()
    assert seen > 2


def test_every_absence_that_opens_is_open_or_closes_once() -> None:
    whole = engine(made())
    events = [event for event in feed(whole, world()) if event.kind == "no_data"]
    episodes = {event.episode_id: [e.type for e in events if e.episode_id == event.episode_id] for event in events}
    assert {tuple(types) for types in episodes.values()} <= {("opened",), ("opened", "closed")}
    assert sum(types == ["opened"] for types in episodes.values()) == whole.stats().absent
    assert len(episodes) > 10
