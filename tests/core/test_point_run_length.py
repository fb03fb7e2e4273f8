"""The table of single points: where it comes from, and its counts against slow ones."""

import json
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest

from streamkl.core.point_run_length import _count_alarms, simulate_points
from streamkl.core.run_length import POINTS_KEY, RUN_LENGTHS
from tests.small import OF_POINTS, flat

SHIPPED = json.loads(files("streamkl.adapters").joinpath("run_lengths.json").read_text())["tables"]["1-0-0"]
REARM = 10


@pytest.mark.native
def test_the_shipped_table_comes_from_this_simulation_to_the_last_digit() -> None:
    assert simulate_points() == tuple(SHIPPED)


def test_tests_use_the_shipped_table() -> None:
    assert tuple(SHIPPED) == OF_POINTS == flat(1.0)(POINTS_KEY)


def test_the_shipped_table_grows_with_the_run_length() -> None:
    assert len(SHIPPED) == len(RUN_LENGTHS)
    assert all(b > a for a, b in pairwise(SHIPPED))


@pytest.mark.native
def test_a_simulation_is_the_same_every_time_and_another_for_another_seed() -> None:
    assert simulate_points(2, 1_200) == simulate_points(2, 1_200)
    assert simulate_points(2, 1_200) != simulate_points(2, 1_200, seed=1)


def test_a_short_simulation_gives_a_table_that_never_falls() -> None:
    table = simulate_points(1, 900)
    assert len(table) == len(RUN_LENGTHS)
    assert list(table) == sorted(table)
    assert table[0] > 0.0


@pytest.mark.native
def test_another_seed_gives_nearly_the_same_table() -> None:
    other = simulate_points(50, 20_000, seed=1)
    for run, mine, theirs in zip(RUN_LENGTHS, SHIPPED, other, strict=True):
        if 100 <= run <= 1e4:
            assert theirs == pytest.approx(mine, abs=0.25)


def slow_count(nats: list[float], level: float) -> int:
    """Every time a level is reached from below, at least a cooldown after the last alarm."""
    alarms: list[int] = []
    since = True  # it was below since the last alarm
    for i, each in enumerate(nats):
        if each >= level and since and (not alarms or i - alarms[-1] >= REARM):
            alarms.append(i)
            since = False
        since = since or each < level
    return len(alarms)


@pytest.mark.parametrize("seed", range(3))
def test_alarms_are_counted_as_a_slow_count_does(seed: int) -> None:
    dice = np.random.default_rng(seed)
    nats = dice.exponential(1.0, 2_000) * np.repeat(dice.uniform(0.2, 2.0, 40), 50)
    levels = np.linspace(0.1, 8.0, 30)
    fast = _count_alarms(nats, levels)
    assert fast.tolist() == [slow_count(nats.tolist(), float(level)) for level in levels]
    assert fast.max() > 30


def test_an_alarm_arms_again_a_cooldown_later_and_once_below() -> None:
    up, down = [5.0], [1.0]
    for nats, expected in (
        (up, 1),
        (up * 100, 1),  # never below
        (up + down * 8 + up, 1),  # the cooldown is 10 points
        (up + down * 9 + up, 2),
        (up * 10 + down + up, 2),
        (up + down + up * 30, 2),  # below once, and up when the cooldown ends
    ):
        assert int(_count_alarms(np.array(nats), np.array([3.0]))[0]) == expected == slow_count(nats, 3.0)
