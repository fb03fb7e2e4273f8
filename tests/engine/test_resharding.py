"""States dealt out anew: every series goes on where its records go, as if nothing had happened, and none is dropped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from streamkl.engine.engine import Engine
from streamkl.engine.limits import Limits
from streamkl.engine.memory import Kept
from streamkl.engine.plan import Plan
from streamkl.engine.resharding import deal
from streamkl.engine.snapshot import unpack
from streamkl.errors import SnapshotError
from streamkl.model import Event, Message, Partition
from streamkl.units import parse_absence
from tests.engine.plans import HERE, monitor, plan, record, records, shifted
from tests.small import TRAILING, settings

TOPIC = HERE.topic
SERIES = tuple(f"s{number}" for number in range(6))


def home(count: int) -> Callable[[int, str], int]:
    """Any rule will do."""
    return lambda _source, name: int(name[1:]) % count


def columns(seed: int = 0, series: Sequence[str] = SERIES) -> dict[str, list[Any]]:
    return {name: shifted(seed + i, 200 + 7 * i, 40, 60 - 7 * i) for i, name in enumerate(series)}


def of(messages: Sequence[Message], count: int, number: int, first: int = 0) -> list[Message]:
    """The records of one of `count` partitions, with offsets of its own."""
    mine = [m for m in messages if int(msgspec.json.decode(m.value or b"")["series"][1:]) % count == number]
    return [m._replace(partition=number, offset=offset) for offset, m in enumerate(mine, first)]


def bare(events: Sequence[Event]) -> list[Event]:
    """Without what says where a record stands."""
    nowhere = {"topic": "", "partition": 0, "first_offset": 0, "last_offset": 0}
    return [
        msgspec.structs.replace(event, id="", episode_id="", source=msgspec.convert(nowhere, type(event.source)))
        for event in sorted(events, key=lambda event: (event.series, event.detected_at or "", event.sequence))
    ]


def run(made: Plan, messages: Sequence[Message], before: int, after: int, cut: int) -> tuple[list[Event], Mapping[int, Engine]]:
    """The first `cut` records by so many partitions, the rest by more."""
    events: list[Event] = []
    states, starts = {}, dict.fromkeys(range(after), 0)
    for number in range(before):
        old = Engine(Partition(TOPIC, number), made)
        mine = of(messages[:cut], before, number)
        events += old.receive(mine).events
        states[number], starts[number] = old.snapshot(), len(mine)
    dealt = deal(states, home(after), starts, TOPIC, made)
    assert not dealt.doubles
    engines = {number: Engine(Partition(TOPIC, number), made, state) for number, state in dealt.states.items()}
    for number, one in engines.items():
        assert one.next_offset == starts[number]
        events += one.receive(of(messages[cut:], after, number, starts[number])).events
    return events, engines


@pytest.mark.parametrize("changes", [{}, {"point_share": 0.75}, {"reference": TRAILING}])
@pytest.mark.parametrize("minute", [30, 150, 215, 290])
def test_verdicts_go_on_as_if_nothing_had_happened(changes: dict[str, Any], minute: int) -> None:
    made = plan(monitor(judged=settings(**changes)))
    messages = records(columns())
    whole = Engine(HERE, made)
    expected = whole.receive(messages).events
    events, engines = run(made, messages, 2, 5, minute * len(SERIES))
    assert bare(events) == bare(expected)
    assert len(expected) > 10
    assert sum(one.stats().series for one in engines.values()) == len(SERIES)
    for event in events:
        assert event.source.first_offset <= event.source.last_offset
    for episode in {event.episode_id for event in events}:
        assert [e.sequence for e in events if e.episode_id == episode] == list(range(len([e for e in events if e.episode_id == episode])))


def test_the_records_of_another_partition_are_not_named_as_the_window() -> None:
    messages = records(columns())
    cut = 205 * len(SERIES)
    events, _ = run(plan(), messages, 1, 3, cut)
    later = [event for event in events if event.source.partition > 0]
    assert later
    assert all(event.source.first_offset >= 0 for event in later)
    assert min(event.source.first_offset for event in later) == 0  # where the new partition begins, not an offset of the old one


def test_dealt_to_where_they_are_states_keep_every_byte() -> None:
    limits = Limits(dead_letter_share=100_000, dead_letter_burst=2, episodes_per_hour=1)
    made = replace(plan(replace(monitor(), no_data_after=parse_absence("10m"))), limits=limits)
    mixed: dict[str, list[Any]] = columns() | {"s6": ["OK", "404", "OK"] * 100, "s7": [1.0] * 250 + [None] * 50}
    messages = records(mixed)
    states, starts = {}, {}
    for number in range(3):
        one = Engine(Partition(TOPIC, number), made)
        mine = of(messages, 3, number)
        one.receive([*mine, Message(TOPIC, number, len(mine), -1, None, b"{")])
        states[number], starts[number] = one.snapshot(), len(mine) + 1
    assert any(unpack(state, Kept)[0].limits.untold for state in states.values())
    assert any(unpack(state, Kept)[0].absence.absent for state in states.values())  # type: ignore[union-attr]
    dealt = deal(states, lambda source, _name: source, starts, TOPIC, made)
    assert dict(dealt.states) == states
    assert (dealt.moved, dealt.doubles) == ([], [])


def test_an_absent_series_closes_its_episode_in_the_new_partition() -> None:
    made = plan(replace(monitor(), no_data_after=parse_absence("20m")))
    others = {f"s{number}": [float(i % 5) for i in range(100)] for number in (0, 1, 2, 4)}
    silent = {"s3": [1.0 + i % 3 for i in range(50)] + [None] * 50}
    old = Engine(Partition(TOPIC, 0), made)
    first = of(records(others | silent), 1, 0)
    opened = [event for event in old.receive(first).events if event.kind == "no_data"]
    assert [(event.series, event.type) for event in opened] == [("s3", "opened")]
    dealt = deal({0: old.snapshot()}, home(2), {0: len(first), 1: 0}, TOPIC, made)
    assert {name for name, *_ in dealt.moved} == {"s1", "s3"}
    new = Engine(Partition(TOPIC, 1), made, dealt.states[1])
    assert new.stats().absent == 1
    events = new.receive([record("s1", 1.0, 100, 0)._replace(partition=1), record("s3", 1.0, 100, 1)._replace(partition=1)]).events
    assert [(event.kind, event.type, event.episode_id) for event in events] == [("no_data", "closed", opened[0].episode_id)]
    assert Engine(Partition(TOPIC, 0), made, dealt.states[0]).stats().absent == 0


def test_a_name_in_two_partitions_stays_where_it_belongs_and_is_dropped_nowhere() -> None:
    made = plan()
    states = {}
    for number in (0, 1, 2):
        one = Engine(Partition(TOPIC, number), made)
        one.receive([record("s1", 1.0, number, 0)._replace(partition=number), record("s9", 1.0, number, 1)._replace(partition=number)])
        states[number] = one.snapshot()
    starts = {0: 2, 1: 2, 2: 2, 3: 0}
    dealt = deal(states, lambda _source, name: 1 if name == "s1" else 3, starts, TOPIC, made)
    assert dealt.moved == [("s9", 2, 3)]  # the newest of three
    assert sorted(dealt.doubles) == [("s1", 0), ("s1", 2), ("s9", 0), ("s9", 1)]
    held = {number: [seat.name for seat in unpack(state, Kept)[0].seats] for number, state in dealt.states.items()}
    assert held == {0: ["s1", "s9"], 1: ["s1", "s9"], 2: ["s1"], 3: ["s9"]}


def test_more_series_than_a_partition_may_have_are_refused() -> None:
    made = plan(max_series=3)
    states = {}
    for number in (0, 1):
        one = Engine(Partition(TOPIC, number), made)
        one.receive([record(f"s{2 * i + number}", 1.0, 0, i)._replace(partition=number) for i in range(3)])
        states[number] = one.snapshot()
    with pytest.raises(SnapshotError, match=r"metrics/2 would have 6 series, more than state.max_series = 3"):
        deal(states, lambda *_: 2, {0: 3, 1: 3, 2: 0}, TOPIC, made)


def test_partitions_that_have_learned_nothing_are_states_too() -> None:
    made = plan()
    dealt = deal({0: Engine(Partition(TOPIC, 0), made).snapshot()}, home(2), {0: 0, 1: 5}, TOPIC, made)
    assert {number: Engine(Partition(TOPIC, number), made, state).next_offset for number, state in dealt.states.items()} == {0: 0, 1: 5}
    assert np.all([Engine(Partition(TOPIC, n), made, state).stats().series == 0 for n, state in dealt.states.items()])
