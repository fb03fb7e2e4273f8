"""How points are batched, mixed with other series or followed by more of them never changes a verdict, an event or a state."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamkl
from streamkl import DetectorConfig, ReferenceConfig
from streamkl.core.bank import Bank
from streamkl.core.verdicts import Verdicts
from streamkl.engine.limits import Limits
from streamkl.engine.pieces import pieces_of
from streamkl.model import Message
from streamkl.units import parse_budget, parse_window
from tests.engine.plans import HERE, engine, feed, monitor, plan, records, shifted, written
from tests.small import BY_TIME, DECAYED, LAGGED, SEASONAL, TRAILING, flat, settings
from tests.zoo import ZOO, stream

LONG_DECAYED = replace(DECAYED, size=300)
COLUMNS = ("fate", "output", "ratio", "window")


def bytes_of(verdicts: list[Verdicts]) -> dict[str, bytes]:
    return {name: np.concatenate([getattr(each, name) for each in verdicts]).tobytes() for name in COLUMNS}


def state(bank: Bank) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in (bank.arena._asdict() | bank.pool._asdict()).items()}


BY_POINTS = {"point_share": 0.75}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"windows": BY_TIME, "reference": DECAYED},
        {"reference": SEASONAL},
        {"reference": LAGGED},
        {"reference": TRAILING},
        BY_POINTS,
        {"reference": LONG_DECAYED} | BY_POINTS,
    ],
)
def test_any_splitting_gives_the_verdicts_and_the_state_of_one_batch(changes: dict[str, object]) -> None:
    """Three streams of the zoo take turns in one bank."""
    names, n = ("steps", "late", "new_value"), 800
    streams = [stream(name, n) for name in names]
    values, times = (np.stack(columns, axis=1).ravel() for columns in zip(*streams, strict=True))
    dice = np.random.default_rng(2)
    cuts = [[0, 3 * n], [0, *sorted(dice.choice(3 * n, 40, replace=False).tolist()), 3 * n], list(range(3 * n + 1))]
    results = []
    for pieces in cuts:
        bank = Bank(settings(**changes), flat(5.0), 2)
        rows = np.tile([bank.birth() for _ in names], n)
        offsets = np.arange(3 * n)
        outs = [bank.run(rows[a:b], times[a:b], values[a:b], offsets[a:b]) for a, b in pairwise(pieces)]
        transitions = [
            (a + t.index, t.row, t.happened, t.score, t.window, t.explanation.nats.tobytes())
            for a, out in zip(pieces, outs, strict=False)
            for t in out.transitions
        ]
        results.append((bytes_of(outs), transitions, state(bank)))
    assert results[1] == results[0]
    assert results[2] == results[0]
    assert results[0][1]
    points = len(settings(**changes).windows) + 1
    assert any(window == points for *_, window, _ in results[0][1]) is ("point_share" in changes)


@pytest.mark.parametrize("changes", [{}, BY_POINTS])
@pytest.mark.parametrize("name", ["steps", "autocorrelated", "late", "duplicate_times"])
def test_other_series_beside_it_do_not_matter(name: str, changes: dict[str, object]) -> None:
    own = stream(name, 360)
    alone = Bank(settings(**changes), flat(5.0), 1)
    row = alone.birth()
    expected = alone.run(np.full(360, row), own.times, own.values, np.arange(360))
    together = Bank(settings(**changes), flat(5.0), 1)
    others = [stream(other, 360) for other in ("heavy_tail", "clock_steps_back", "ramp")]
    rows = [together.birth() for _ in range(4)]
    mine = rows[2]
    turn = np.random.default_rng(0).permuted(np.repeat(rows, 360))
    taken = dict.fromkeys(rows, 0)
    sources = dict(zip([r for r in rows if r != mine], others, strict=True)) | {mine: own}
    values, times, offsets = [], [], []
    for each in turn.tolist():
        values.append(sources[each].values[taken[each]])
        times.append(sources[each].times[taken[each]])
        offsets.append(taken[each])
        taken[each] += 1
    got = together.run(turn, np.array(times), np.array(values), np.array(offsets))
    for column in COLUMNS:
        assert getattr(got, column)[turn == mine].tobytes() == getattr(expected, column).tobytes()
    for field in alone.arena._fields:
        if field not in ("slot", "nats", "surprise", "ratio"):  # a buffer's number, and what the newest point of all said
            assert getattr(together.arena, field)[mine].tobytes() == getattr(alone.arena, field)[row].tobytes()


CONFIGS = {
    "default": DetectorConfig(),
    "by_time": DetectorConfig(windows=(parse_window("16 points"), parse_window("64 points"))),
    "trailing": DetectorConfig(reference=ReferenceConfig(kind="trailing")),
    "seasonal": DetectorConfig(reference=ReferenceConfig(kind="seasonal")),
    "loud points": DetectorConfig(false_alarms=parse_budget("1 per 50 points"), point_share=0.9),
}


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("name", ["steps", "poisson", "holes", "out_of_order", "clock_steps_back"])
def test_scores_do_not_depend_on_what_comes_after(name: str, config: str) -> None:
    values, times = stream(name, 2_500)
    seconds = times // 1_000_000
    whole = streamkl.score(values, seconds, config=CONFIGS[config])
    for k in (0, 1, 100, 101, 130, 499, 500, 501, 1_013, 2_499):
        assert streamkl.score(values[:k], seconds[:k], config=CONFIGS[config]).tobytes() == whole[:k].tobytes()


@pytest.mark.parametrize("name", ZOO)
def test_a_score_is_a_number_and_zero_where_nothing_was_judged(name: str) -> None:
    values, times = stream(name, 2_000)
    result = streamkl.evaluate(values, times // 1_000_000)
    assert np.isfinite(result.score).all()
    assert np.isfinite(result.ratio).all()
    assert (result.score[~result.judged] == 0.0).all()
    assert (result.score >= 0.0).all()
    alarms, told = set(np.flatnonzero(result.score >= 1.0).tolist()), ""
    assert alarms <= {event.source.last_offset for event in result.events if event.type in ("opened", "updated")}
    for event in result.events:
        if event.type == "opened" or (event.type == "updated" and event.window_name == "newest points"):
            assert event.source.last_offset in alarms
        elif event.type == "updated" and told != "newest points":  # an episode that points told of may be any window's by now
            assert (event.source.last_offset in alarms) is (event.window_name != told)
        told = event.window_name
    assert not result.judged[:100].any()
    assert not result.judged[~np.isfinite(values)].any()
    assert not (result.judged & result.late).any()


@pytest.mark.parametrize("seed", range(3))
def test_an_engine_says_the_same_however_its_records_are_batched(seed: int) -> None:
    made = plan(
        monitor("b*", judged=settings(reference=TRAILING)), monitor(judged=settings(reference=DECAYED)), evict_after_us=3_600_000_000
    )
    columns = {
        "a": shifted(seed, 200, 40, 120),
        "b": shifted(seed + 10, 220, 60, 80),
        "brief": [*shifted(seed, 100, 0), *[None] * 260],
        "code": ["OK"] * 200 + ["bad"] * 20 + ["OK"] * 140,
    }
    messages = records(columns)
    one_batch = engine(made)
    expected = written(feed(one_batch, messages))
    dice = np.random.default_rng(seed)
    for pieces in (range(1, len(messages)), dice.choice(len(messages), 25, replace=False).tolist()):
        other = engine(made)
        assert written(feed(other, messages, pieces)) == expected
        assert other.snapshot() == one_batch.snapshot()
    assert len(expected) > 3


@pytest.mark.parametrize("size", [1, 700, 10_000])
def test_the_size_of_the_pieces_that_a_batch_is_judged_in_does_not_matter(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for events nor for dead letters, their order, their limits and the state."""
    limits = Limits(dead_letter_share=200_000, dead_letter_burst=2, episodes_per_hour=None)
    made = replace(plan(monitor(judged=settings(reference=DECAYED))), limits=limits)
    messages = records({"a": shifted(1, 200, 40, 20), "b": shifted(2, 220, 40), "code": ["OK"] * 200 + ["bad"] * 20 + ["OK"] * 40})
    for offset in (3, 4, 5, 400, 401, 402, 403, 700):
        messages[offset] = messages[offset]._replace(value=None if offset % 2 else b"{")
    whole = engine(made)
    expected = whole.receive(messages)
    assert len(list(pieces_of(messages))) == 1
    monkeypatch.setattr("streamkl.engine.pieces.PIECE_BYTES", size)
    assert len(list(pieces_of(messages))) > 5
    other = engine(made)
    found = other.receive(messages)
    assert written(found.events) == written(expected.events)
    assert found.rejected == expected.rejected
    assert other.snapshot() == whole.snapshot()
    assert 2 < len(found.rejected) < 8
    assert {event.type for event in found.events} >= {"opened", "closed"}


@given(st.lists(st.none() | st.integers(0, 300), max_size=200), st.integers(1, 3_000))
def test_pieces_are_the_batch(sizes: list[int | None], piece: int) -> None:
    messages = [Message(*HERE, offset, -1, None, None if size is None else bytes(size)) for offset, size in enumerate(sizes)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamkl.engine.pieces.PIECE_BYTES", piece)
        found = list(pieces_of(messages))
    assert [message for each in found for message in each] == messages
    assert all(found)
