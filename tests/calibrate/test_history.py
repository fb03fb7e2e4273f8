"""Histories gathered from batches of points, whatever the batches are."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.assembly.plan import build_plan
from streamkl.calibrate import history
from streamkl.calibrate.history import Histories
from streamkl.config import Config
from streamkl.engine.points import Points

PLAN = build_plan(Config())


def points(*entries: tuple[str, float | str], first: int = 0) -> Points:
    text = {i: value for i, (_, value) in enumerate(entries) if isinstance(value, str)}
    numbers = np.array([np.nan if isinstance(value, str) else value for _, value in entries])
    times = np.arange(first, first + len(entries), dtype=np.int64)
    return Points([name for name, _ in entries], times, numbers, text, np.arange(len(entries), dtype=np.int32))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=40), st.lists(st.integers(0, 40), max_size=4))
def test_batches_do_not_matter(entries: list[tuple[str, int]], cuts: list[int]) -> None:
    gathered = Histories(PLAN)
    borders = [0, *sorted(cuts), len(entries)]
    for start, stop in pairwise(borders):
        piece = entries[start:stop]
        gathered.add("f", points(*((name, float(value)) for name, value in piece), first=start))
    found = {each.name: each for each in gathered.finish()}
    assert set(found) == {name for name, _ in entries}
    for name, each in found.items():
        assert each.values.tolist() == [value for other, value in entries if other == name]
        assert each.times.tolist() == [i for i, (other, _) in enumerate(entries) if other == name]
        assert each.points == len(each.values)


def test_only_the_newest_points_are_kept_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEPT_POINTS", 100)
    gathered = Histories(PLAN)
    for start in range(0, 1_000, 7):
        gathered.add("f", points(*(("a", float(i)) for i in range(start, start + 7)), first=start))
    (found,) = gathered.finish()
    assert found.points == 1_001
    assert found.values.tolist() == list(range(901, 1_001))


def test_many_series_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEPT_IN_ALL", 200)
    monkeypatch.setattr(history, "KEPT_AT_LEAST", 5)
    gathered = Histories(PLAN)
    for start in range(50):
        gathered.add("f", points(*((f"s{i}", float(start)) for i in range(20))))
    assert {len(each.values) for each in gathered.finish()} == {10}


def test_categories_are_numbered_as_they_appear_and_numbers_among_them_are_names() -> None:
    gathered = Histories(PLAN)
    gathered.add("f", points(("status", "ok"), ("status", 404.0), ("status", "ok"), ("cpu", 1.0), ("cpu", "n/a"), ("cpu", 2.0)))
    status, cpu = gathered.finish()
    assert (status.categories, status.values.tolist()) == (("ok", "404"), [0.0, 1.0, 0.0])
    assert (cpu.categories, cpu.values.tolist()) == (None, [1.0, 2.0])
    assert {reason: count for reason, count in gathered.refused.items() if count} == {"text in a series of numbers": 1}


def test_series_beyond_the_limit_are_shed_per_stream() -> None:
    gathered = Histories(replace(PLAN, max_series=2))
    for stream in ("f", "g"):
        gathered.add(stream, points(("a", 1.0), ("b", 1.0), ("c", 1.0), ("c", 2.0)))
    assert [(each.stream, each.name) for each in gathered.finish()] == [("f", "a"), ("f", "b"), ("g", "a"), ("g", "b")]
    assert gathered.refused["of series beyond state.max_series"] == 4
