"""What comes back at equal steps is expected after three; what is larger, longer or irregular is told."""

import numpy as np
import pytest

import streamkl
from streamkl.config.detector import DetectorConfig, EpisodeConfig
from streamkl.core.episode import OPENED, RECOVERED, UPDATED
from streamkl.core.layout import allocate
from streamkl.core.rules import make_rules
from streamkl.units import parse_budget
from tests.kernels import is_alarm, move
from tests.small import EPISODES, settings

MINUTE_US = 60_000_000
STEP = 100  # points between two spikes


def told(sizes: dict[int, float], interval: int = 0, last: int = 1_000, length: int = 1, **changes: bool) -> list[int]:
    """Points at which an episode opens; a score of `sizes` lasts `length` points, else it is 0."""
    chosen = settings(episodes=EPISODES.__class__(**{**vars_of(EPISODES), **changes}))
    rules, arena = make_rules(chosen), allocate(chosen, 1)
    arena.interval[0] = interval
    opened = []
    for at in range(last):
        score = max((size for start, size in sizes.items() if start <= at < start + length), default=0.0)
        arena.points[0] = at
        arena.ratio[0, 0] = score
        if move(arena, rules, 0, score, 0, at * max(interval, 1), at) == OPENED:
            opened.append(at)
    return opened


def vars_of(episodes: object) -> dict[str, object]:
    return {name: getattr(episodes, name) for name in episodes.__dataclass_fields__}  # type: ignore[attr-defined]


def every(step: int, size: float = 2.0, n: int = 9) -> dict[int, float]:
    return {step * (k + 1): size for k in range(n)}


@pytest.mark.parametrize("interval", [0, MINUTE_US], ids=["points", "time"])
def test_the_fourth_at_equal_steps_and_all_after_it_are_expected(interval: int) -> None:
    assert told(every(STEP), interval) == [100, 200, 300]


def test_it_may_be_off_by_a_twentieth_of_a_step_or_by_five_points() -> None:
    late = {100: 2.0, 202: 2.0, 299: 2.0, 400: 2.0}
    assert told(late) == [100, 202, 299]
    assert told({20: 2.0, 42: 2.0, 61: 2.0, 82: 2.0}) == [20, 42, 61]
    assert told({1_000: 2.0, 2_020: 2.0, 2_990: 2.0, 4_000: 2.0}, last=4_100) == [1_000, 2_020, 2_990]


def test_what_comes_at_no_equal_steps_is_told_each_time() -> None:
    irregular = {100: 2.0, 170: 2.0, 300: 2.0, 333: 2.0, 520: 2.0, 610: 2.0}
    assert told(irregular) == list(irregular)


def test_it_can_be_left_to_tell_of_all() -> None:
    assert told(every(STEP), expect_returns=False) == [100 * k for k in range(1, 10)]


def test_half_as_large_again_is_told() -> None:
    assert told(every(STEP) | {500: 2.9}) == [100, 200, 300]
    assert told(every(STEP) | {500: 3.0}) == [100, 200, 300, 500]


def test_what_takes_longer_than_twice_as_long_is_told_then() -> None:
    """It lasts one point and four more until it has recovered, so twice that and four points are expected: told at the fifteenth."""
    usual = {100: 2.0, 200: 2.0, 300: 2.0}
    assert told(usual | {400 + k: 2.0 for k in range(10)}) == [100, 200, 300]
    assert told(usual | {400 + k: 2.0 for k in range(30)}) == [100, 200, 300, 413]


def test_after_one_that_is_missing_three_are_told_again() -> None:
    spikes = every(STEP, n=5) | {700: 2.0, 800: 2.0, 900: 2.0, 1_000: 2.0}
    assert told(spikes, last=1_100) == [100, 200, 300, 700, 800, 900]


def test_nightly_spikes_alarm_three_times() -> None:
    """A minute of work every night at about the same time, for three weeks of minutes."""
    dice = np.random.default_rng(5)
    n, day = 21 * 1_440, 1_440
    values = dice.normal(size=n)
    nights = np.arange(180, n, day)
    values[nights + dice.integers(-3, 4, len(nights))] += 20.0
    times = np.arange(n) * 60
    config = DetectorConfig(false_alarms=parse_budget("1 per series per year"))
    assert np.count_nonzero(streamkl.score(values, times, config=config) >= 1) == 3
    every_one = DetectorConfig(false_alarms=parse_budget("1 per series per year"), episodes=EpisodeConfig(expect_returns=False))
    assert np.count_nonzero(streamkl.score(values, times, config=every_one) >= 1) > 10


def test_within_a_lasting_episode_single_points_that_were_calm_tell_again() -> None:
    """A window keeps the episode open; the points behind the limit come back to it after four calm ones."""
    chosen = settings()
    rules, arena = make_rules(chosen), allocate(chosen, 1)
    arena.length[0, :3] = (4, 10, 20)
    points = 4
    happened, alarms = [], []
    for at, ratio in enumerate([1.2, 0.5, 0.5, 0.5, 1.1, 0.5, 0.5, 0.5, 0.5, 0.9, 1.1, 1.1]):
        arena.ratio[0, 0], arena.ratio[0, points] = 2.0, ratio
        before = int(arena.teller[0])
        happened.append(move(arena, rules, 0, 2.0, 0, at, at))
        alarms.append(is_alarm(arena, rules, 0, happened[-1], before))
    # opened by the window; at point 4 three calm points were too few; at point 10 there were four, and 0.9 since then changes nothing
    assert [at for at, what in enumerate(happened) if what == OPENED] == [0]
    assert [at for at, what in enumerate(happened) if what == UPDATED] == [10]
    assert RECOVERED not in happened
    assert [at for at, alarm in enumerate(alarms) if alarm] == [0, 10]
