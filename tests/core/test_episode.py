"""Verdicts over time: a table of what opens, tells again, closes and is accepted, and the alarm output's order."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.core.arena import Arena
from streamkl.core.episode import ACCEPTED, NOTHING, OPENED, RECOVERED, UPDATED
from streamkl.core.layout import allocate
from streamkl.core.rules import make_rules
from tests.kernels import alarm_output, is_alarm, move
from tests.small import EPISODES, settings

LETTERS = {NOTHING: ".", OPENED: "O", UPDATED: "U", RECOVERED: "R", ACCEPTED: "A"}
CALM = replace(EPISODES, min_points=1, close_below=0.8, close_after=2, cooldown=3, escalate_factor=1.5, accept_after=6)


def quiet(**changes: object) -> tuple[Arena, object]:
    """One row with windows of 4, 10 and 20 points, nothing open, and a reference's worth of points seen since whatever opened."""
    rules = make_rules(settings(episodes=replace(CALM, **changes)))  # type: ignore[arg-type]
    arena = allocate(settings(), 1)
    arena.length[0, :3] = (4, 10, 20)
    arena.learned[0] = 60
    return arena, rules


def story(scores: list[float], **changes: object) -> str:
    """One letter a point; the shortest window says it all."""
    arena, rules = quiet(**changes)
    letters = ""
    for at, score in enumerate(scores):
        arena.ratio[0, :3] = (score, 0.0, 0.0)
        letters += LETTERS[move(arena, rules, 0, score, 0, 1_000 + at, at)]
    return letters


@pytest.mark.parametrize(
    ("scores", "changes", "expected"),
    [
        # opening
        ([0.5, 0.99, 1.0], {}, "..O"),
        ([1.2, 1.2, 0.9, 1.2, 1.2, 1.2], {"min_points": 3}, ".....O"),
        # for so much event time: the points are one apart
        ([1.2, 1.2, 1.2, 1.2, 1.2], {"min_duration_us": 3}, "...O."),
        ([1.2, 1.2, 0.9, 1.2, 1.2, 1.2, 1.2], {"min_duration_us": 3}, "......O"),
        ([1.2, 1.2, 1.2, 1.2], {"min_duration_us": 1, "min_points": 3}, "..O."),
        # telling again: half as much again as the last one sent, not as the last one seen
        ([1.0, 1.4, 1.5, 2.0, 2.2, 2.3], {}, "O.U..U"),
        ([1.0, 1.5, 1.0, 1.5, 2.25], {}, "OU..U"),
        # closing: below 0.8, twice in a row
        ([1.0, 0.79, 0.8, 0.79, 0.79], {}, "O...R"),
        ([1.0, 0.9, 0.9, 0.9], {}, "O..."),
        ([1.0, 0.1], {"close_after": 1}, "OR"),
        # closing comes before telling again and before acceptance
        ([1.0, 1.0, 1.0, 1.0, 1.0, 0.1, 0.1], {"close_after": 2, "accept_after": 6}, "O.....R"),
        # cooling: three points after closing nothing opens, and none of them counts towards opening
        ([1.0, 0.1, 0.1, 5.0, 5.0, 5.0, 5.0], {}, "O.R...O"),
        ([1.0, 1.0, 0.1, 5.0, 5.0, 5.0, 5.0, 5.0], {"min_points": 2, "close_after": 1}, ".OR....O"),
        ([1.0, 0.1, 1.0], {"close_after": 1, "cooldown": 0}, "ORO"),
        # acceptance: open for six judged points, then quiet and cooling
        ([1.0] * 12, {}, "O.....A...O."),
        ([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 9.0], {}, "O.....A"),
    ],
)
def test_the_table(scores: list[float], changes: dict[str, object], expected: str) -> None:
    assert story(scores, **changes) == expected


def test_nothing_is_accepted_before_a_reference_can_be_made_of_it() -> None:
    arena, rules = quiet()
    arena.ratio[0, :3] = (2.0, 0.0, 0.0)
    letters = ""
    for seen in (0, *range(51, 63)):
        arena.learned[0] = seen
        letters += LETTERS[move(arena, rules, 0, 2.0, 0, 0, 0)]
    assert letters == "O" + 9 * "." + "A.."  # with the 60th point


def test_an_episode_begins_with_the_first_point_of_the_run_that_opened_it() -> None:
    arena, rules = quiet(min_points=3)
    for at, score in enumerate([1.5, 0.2, 1.1, 1.2, 1.3, 1.0]):
        arena.ratio[0, :3] = (score, 0.0, 0.0)
        move(arena, rules, 0, score, 0, 1_000 + at, 70 + at)
    assert (arena.since_time[0], arena.since_position[0]) == (1_002, 72)
    assert (arena.open[0], arena.age[0], arena.sent[0], arena.peak[0]) == (True, 1, 1.3, 1.3)


def test_the_peak_is_the_highest_score_since_it_opened() -> None:
    arena, rules = quiet()
    for score in (1.0, 1.3, 1.1):
        arena.ratio[0, :3] = (score, 0.0, 0.0)
        move(arena, rules, 0, score, 0, 0, 0)
    assert (arena.peak[0], arena.sent[0]) == (1.3, 1.0)


def step(arena: Arena, rules: object, ratios: tuple[float, float, float], told_by: int) -> str:
    arena.ratio[0, :3] = ratios
    return LETTERS[move(arena, rules, 0, max(ratios), told_by, 0, 0)]


def test_it_closes_when_the_window_that_told_of_it_and_the_shorter_ones_are_down() -> None:
    arena, rules = quiet(close_after=1)
    assert step(arena, rules, (0.5, 2.0, 2.0), 1) == "O"
    assert step(arena, rules, (1.0, 0.5, 2.0), 2) == "."  # a shorter one is up
    assert step(arena, rules, (0.5, 1.0, 2.0), 2) == "."  # the one itself is up
    assert step(arena, rules, (0.5, 0.5, 2.0), 2) == "R"  # a longer one that is up still holds the incident
    assert arena.muted[0].tolist() == [0, 0, 20]


def test_an_update_hands_it_to_the_window_that_told() -> None:
    arena, rules = quiet(close_after=1)
    assert step(arena, rules, (1.0, 0.5, 0.5), 0) == "O"
    assert step(arena, rules, (0.5, 0.5, 3.0), 2) == "R"
    arena, rules = quiet(close_after=1)
    assert step(arena, rules, (1.0, 0.5, 0.5), 0) == "O"
    assert step(arena, rules, (1.0, 0.5, 3.0), 2) == "U"
    assert step(arena, rules, (0.5, 0.5, 2.0), 2) == "."


def test_a_muted_window_is_heard_again_when_it_has_come_down() -> None:
    arena, rules = quiet(close_after=1)
    step(arena, rules, (2.0, 0.5, 2.0), 0)
    assert step(arena, rules, (0.5, 0.5, 2.0), 2) == "R"
    step(arena, rules, (0.1, 0.1, 0.9), 0)
    assert arena.muted[0].tolist() == [0, 0, 19]
    step(arena, rules, (0.1, 0.1, 0.7), 0)
    assert arena.muted[0].tolist() == [0, 0, 0]


def test_a_muted_window_is_heard_again_when_it_has_turned_over() -> None:
    arena, rules = quiet(close_after=1)
    step(arena, rules, (2.0, 0.5, 2.0), 0)
    step(arena, rules, (0.5, 0.5, 2.0), 2)
    for left in range(19, -1, -1):
        arena.ratio[0, :3] = (0.1, 0.1, 2.0)
        move(arena, rules, 0, 0.1, 0, 0, 0)  # the kernel leaves muted windows out of the score
        assert arena.muted[0, 2] == left


scores = st.floats(0.0, 1e9)


@given(scores, scores)
def test_the_alarm_output_keeps_the_order_of_strength_and_of_alarms_that_of_scores(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= alarm_output(False, other, low) <= alarm_output(False, one, high) < 1.0
    assert 1.0 <= alarm_output(True, low, other) <= alarm_output(True, high, one)


def test_the_alarm_output_tells_strengths_apart_and_is_the_score_where_it_alarms() -> None:
    strengths = [0.0, 0.3, 0.99, 1.0, 1.01, 2.0, 10.0, 1e4]
    assert all(alarm_output(False, 1.0, a) < alarm_output(False, 1.0, b) for a, b in pairwise(strengths))
    assert alarm_output(False, 5.0, 0.0) == 0.0
    assert [alarm_output(True, s, 0.3) for s in (0.4, 1.0, 7.5)] == [1.0, 1.0, 7.5]


@pytest.mark.parametrize(
    ("happened", "before", "now", "alarms"),
    [
        (OPENED, 0, 0, True),
        (UPDATED, 1, 1, False),  # the same window, fuller
        (UPDATED, 1, 2, True),
        (UPDATED, 4, 4, True),  # single points again: worse than before
        (UPDATED, 4, 1, True),
        (NOTHING, 1, 1, False),
        (RECOVERED, 1, 1, False),
        (ACCEPTED, 1, 1, False),
    ],
)
def test_an_alarm_is_an_opening_or_something_new(happened: int, before: int, now: int, alarms: bool) -> None:
    arena, rules = quiet()
    arena.teller[0] = now
    assert is_alarm(arena, rules, 0, happened, before) is alarms


@given(st.lists(st.floats(0.0, 4.0), max_size=60), st.integers(1, 3), st.integers(1, 3), st.integers(0, 4))
def test_every_story_alternates(scores: list[float], min_points: int, close_after: int, cooldown: int) -> None:
    letters = story(scores, min_points=min_points, close_after=close_after, cooldown=cooldown)
    told = letters.replace(".", "")
    for before, after in pairwise("R" + told):
        assert after in ("O" if before in "RA" else "URA")
    ends = [i for i, letter in enumerate(letters) if letter in "RA"]
    for end in ends:
        assert "O" not in letters[end + 1 : end + 1 + cooldown]


@pytest.mark.parametrize(("first_after", "opens"), [(0, 5), (5, 5), (6, 5), (7, 6), (9, 8), (100, None)])
def test_the_first_episode_waits_for_the_points_that_were_asked_for(first_after: int, opens: int | None) -> None:
    """Scores reach the threshold with the sixth point (number 5) and stay there."""
    arena, rules = quiet(first_after=first_after)
    happened = []
    for at in range(20):
        arena.points[0] = at + 1
        score = 2.0 if at >= 5 else 0.1
        arena.ratio[0, :3] = (score, 0.0, 0.0)
        happened.append(move(arena, rules, 0, score, 0, at, at))
    assert (happened.index(OPENED) if OPENED in happened else None) == opens


def test_points_that_came_too_early_do_not_count_towards_opening() -> None:
    arena, rules = quiet(first_after=4, min_points=3)
    happened = []
    for at in range(10):
        arena.points[0] = at + 1
        arena.ratio[0, :3] = (2.0, 0.0, 0.0)
        happened.append(move(arena, rules, 0, 2.0, 0, at, at))
    assert happened.index(OPENED) == 5  # the fourth, fifth and sixth point


def test_single_points_hand_an_episode_to_the_shortest_window_that_saw_it() -> None:
    """Windows of 4, 10 and 20 points, and single points, number 4; four points below .8 close it."""
    arena, rules = quiet(close_after=4, accept_after=90)
    arena.length[0, :3] = (4, 10, 20)
    windows = [(0.1, 0.1, 0.1), (0.9, 0.5, 0.1), (0.9, 1.1, 1.2), *[(0.1, 0.85, 1.2)] * 3, *[(0.1, 0.7, 1.2)] * 4]
    rows = [(*each, 0.0, 0.1 if at else 2.0) for at, each in enumerate(windows)]
    tellers, happened = [], []
    for at, ratios in enumerate(rows):
        arena.points[0] = at + 1
        arena.ratio[0] = ratios
        happened.append(move(arena, rules, 0, max(ratios), ratios.index(max(ratios)), at, at))
        tellers.append(int(arena.teller[0]))
    assert tellers[:2] == [4, 4]
    assert set(tellers[2:]) == {1}
    assert [h for h in happened if h] == [OPENED, RECOVERED]
    assert happened[-1] == RECOVERED
