"""Limits on dead letters and episodes: what passes, what is counted, what is said of it, whatever the batches."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.engine.engine import Engine
from streamkl.engine.limits import Limits
from streamkl.engine.memory import Kept
from streamkl.engine.metering import Meter, MeterKept, Request
from streamkl.engine.snapshot import unpack
from streamkl.model import Event, Message, Rejected
from tests.engine.plans import HERE, engine, plan, record, records, shifted, written

TENTH = replace(plan(), limits=Limits(dead_letter_share=100_000, dead_letter_burst=3))
TWO_AN_HOUR = replace(plan(), limits=Limits(episodes_per_hour=2))


def bad(offset: int) -> Message:
    return Message(*HERE, offset, -1, None, b"{")


def good(offset: int) -> Message:
    return record("a", 1.0, 0, offset)


def run(one: Engine, messages: list[Message], cuts: list[int] | None = None) -> tuple[list[Event], list[int]]:
    """Events, and the offsets of the dead letters."""
    events: list[Event] = []
    letters: list[Rejected] = []
    for a, b in pairwise(sorted({0, *(cuts or []), len(messages)})):
        output = one.receive(messages[a:b])
        events += output.events
        letters += output.rejected
    return events, [one.message.offset for one in letters]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60), st.integers(1, 5), st.integers(1, 7), st.integers(1, 4))
def test_a_meter_is_a_bucket_that_is_filled_step_by_step(steps: list[tuple[int, bool]], rate: int, cost: int, at_once: int) -> None:
    positions = np.cumsum([0, *(forward for forward, _ in steps)])[1:].astype(np.int64)
    wanted = [i for i, (_, wants) in enumerate(steps) if wants]
    meter = Meter(rate, cost, at_once * cost, MeterKept())
    passed, _ = meter.sift(positions, [Request(i, i) for i in wanted])
    bucket, expected, before = at_once * cost, [], 0
    for position, (_, wants) in zip(positions.tolist(), steps, strict=True):
        for _ in range(position - before):
            bucket = min(at_once * cost, bucket + rate)
        before = position
        if wants:
            expected.append(bucket >= cost)
            bucket -= cost if bucket >= cost else 0
    assert passed == expected


@given(st.lists(st.booleans(), max_size=120), st.lists(st.integers(0, 120), max_size=8), st.sampled_from([1, 2, 3, 7]))
def test_dead_letters_do_not_depend_on_batches_and_restarts(rejected: list[bool], cuts: list[int], at_once: int) -> None:
    limited = replace(plan(), limits=Limits(dead_letter_share=100_000, dead_letter_burst=at_once))
    messages = [bad(offset) if is_bad else good(offset) for offset, is_bad in enumerate(rejected)]
    whole, parts = engine(limited), engine(limited)
    expected = run(whole, messages)
    assert run(parts, messages, [min(cut, len(messages)) for cut in cuts]) == expected
    assert parts.snapshot() == whole.snapshot()
    half = len(messages) // 2
    first = engine(limited)
    before = run(first, messages[:half])
    restored = engine(limited, first.snapshot())
    after = run(restored, messages[half:])
    assert (before[0] + after[0], before[1] + after[1]) == expected
    assert restored.snapshot() == whole.snapshot()


def test_beyond_the_share_records_are_counted_and_told_of_twice() -> None:
    one = engine(TENTH)
    flood = [bad(offset) for offset in range(100)]
    quiet = [good(offset) for offset in range(100, 140)]
    events, letters = run(one, [*flood, *quiet])
    assert letters == [0, 1, 2, *range(10, 100, 10)]  # three at once, then one for ten
    assert one.stats().unlettered == 100 - len(letters)
    assert one.stats().rejected == {"invalid_json": 100}
    assert [(event.type, event.kind, event.reason, event.sequence) for event in events] == [
        ("warning", "dead_letters_shed", "limit", 0),
        ("warning", "dead_letters_shed", "within_limit", 1),
    ]
    begin, end = events
    assert begin.episode_id == end.episode_id == "metrics/0/3/0/dead_letters_shed"
    assert len({begin.id, end.id}) == 2
    assert begin.sentence == (
        "more records are rejected than limits.dead_letter_share = 0.1 allows, from offset 3 on: the others are counted, and not written to"
        " the dead letters"
    )
    assert end.sentence == (
        f"{100 - len(letters)} rejected records between offsets 3 and 99 were counted and not written to the dead letters;"
        " they are written again"
    )
    # 3.0 are owed at offset 90 (all that is allowed at once), 1.5 fifteen records later.
    assert (begin.source.last_offset, end.source.last_offset) == (3, 105)


def test_a_hostile_record_time_is_not_told() -> None:
    one = engine(TENTH)
    events, _ = run(one, [bad(offset)._replace(timestamp_ms=2**63 - 1) for offset in range(5)])
    assert [event.detected_at for event in events] == [None]
    events, _ = run(engine(TENTH), [bad(offset)._replace(timestamp_ms=1_700_000_000_000) for offset in range(5)])
    assert [event.detected_at for event in events] == ["2023-11-14T22:13:20Z"]


def storm(series: int, quiet: int, incident: int) -> list[Message]:
    return records({f"s{number}": shifted(number, quiet, incident, 40) for number in range(series)})


def test_of_a_storm_so_many_episodes_are_told_to_their_end_and_the_rest_never() -> None:
    messages = storm(6, 300, 30)
    free, limited = engine(), engine(TWO_AN_HOUR)
    everything, _ = run(free, messages)
    told, _ = run(limited, messages)
    opened = [event.episode_id for event in everything if event.type == "opened"]
    storms = {event.episode_id for event in told if event.kind == "distribution"}
    assert len(opened) >= 6
    assert 2 <= len(storms) < len(opened)
    assert limited.stats().untold == len(opened) - len(storms)
    # What is told is told as without a limit, byte for byte, and to its end.
    assert written(event for event in told if event.kind == "distribution") == written(e for e in everything if e.episode_id in storms)
    notices = [event for event in told if event.type == "warning"]
    assert [event.kind for event in notices][:1] == ["episodes_shed"]
    assert "limits.episodes_per_hour = 2 " in notices[0].sentence
    assert limited.stats().open_episodes == free.stats().open_episodes


@pytest.mark.native
@given(st.lists(st.integers(0, 6 * 370), max_size=6))
def test_episodes_held_back_do_not_depend_on_batches_and_restarts(cuts: list[int]) -> None:
    messages = storm(6, 300, 30)
    whole, one = engine(TWO_AN_HOUR), engine(TWO_AN_HOUR)
    expected, _ = run(whole, messages)
    events: list[Event] = []
    for a, b in pairwise(sorted({0, *cuts, len(messages)})):
        events += one.receive(messages[a:b]).events
        one = engine(TWO_AN_HOUR, one.snapshot())
    assert written(events) == written(expected)
    assert one.snapshot() == whole.snapshot()


def untold(one: Engine) -> tuple[str, ...]:
    return unpack(one.snapshot(), Kept)[0].limits.untold


def test_an_episode_that_began_untold_stays_untold_when_the_limit_is_lifted() -> None:
    messages = storm(6, 300, 30)
    middle = 6 * 312
    limited = engine(TWO_AN_HOUR)
    run(limited, messages[:middle])
    secret = set(untold(limited))
    lifted = engine(plan(), limited.snapshot())
    after, _ = run(lifted, messages[middle:])
    assert secret
    assert {event.episode_id for event in after}
    assert not {event.episode_id for event in after} & secret
    assert untold(lifted) == ()


def test_an_untold_episode_is_forgotten_with_its_series() -> None:
    one = engine(replace(TWO_AN_HOUR, evict_after_us=3_600_000_000))
    messages = storm(6, 300, 20)[: 6 * 318]
    run(one, messages)
    assert untold(one)
    run(one, [record("other", 1.0, 900 + 20 * i, len(messages) + i) for i in range(2)])
    assert (one.stats().open_episodes, untold(one)) == (0, ())


@pytest.mark.parametrize("share", [0.000_001, 1.0])
def test_without_rejected_records_nothing_is_said(share: float) -> None:
    one = engine(replace(plan(), limits=Limits(round(share * 1_000_000), 1, 1)))
    assert run(one, [good(offset) for offset in range(50)]) == ([], [])
