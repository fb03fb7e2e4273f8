"""The gates: effects worked by hand, the same by numpy's quantiles, and what they hold back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.core.arena import JUDGING, LEARNING, RECENT, Arena, Rules
from streamkl.core.bank import Bank
from streamkl.core.binning import QUANTILES
from streamkl.core.edges import put_edges
from streamkl.core.episode import OPENED
from streamkl.core.gate import DOWN, EITHER, UP, passes
from streamkl.core.layout import allocate
from streamkl.core.rules import make_rules
from streamkl.core.settings import Gates
from tests.kernels import normal_quantile
from tests.small import DECAYED, EPISODES, SEASONAL, feed, flat, settings

# p05 = 10, p50 = 30 and p95 = 50, of the reference and of twenty points: the values of rank 1, 10 and 19
REFERENCE = (10.0, 20.0, 30.0, 40.0, 50.0)
SAME = [10.0] * 2 + [30.0] * 16 + [50.0] * 2


def window(values: list[float], reference: tuple[float, ...] = REFERENCE, length: int | None = None, **gates: float) -> tuple[Arena, Rules]:
    """A row whose window of `length` points (all, unless said) has seen these values, against a reference with these quantiles."""
    chosen = settings(gates=Gates(**({"min_effect": 0.0, "min_relative_effect": 0.0, "direction": EITHER} | gates)))  # type: ignore[arg-type]
    arena = allocate(chosen, 1)
    arena.phase[0] = JUDGING
    arena.quantiles[0] = reference
    for value in values:
        arena.recent[0, arena.points[0] % RECENT] = value
        arena.points[0] += 1
    arena.length[0] = len(values) if length is None else length
    return arena, make_rules(chosen)


def opens(values: list[float], reference: tuple[float, ...] = REFERENCE, length: int | None = None, **gates: float) -> bool:
    return bool(passes(*window(values, reference, length, **gates), 0, 1))


@pytest.mark.parametrize(
    ("values", "gates", "expected"),
    [
        (SAME, {"min_effect": 1.0}, False),
        (SAME, {"direction": UP}, False),
        # all higher by 5
        ([v + 5 for v in SAME], {"min_effect": 5.0}, True),
        ([v + 5 for v in SAME], {"min_effect": 5.01}, False),
        ([v + 5 for v in SAME], {"direction": UP}, True),
        ([v + 5 for v in SAME], {"direction": DOWN}, False),
        ([v - 5 for v in SAME], {"direction": DOWN}, True),
        ([v - 5 for v in SAME], {"direction": UP}, False),
        # 5 of a median of 30 are a sixth; the larger demand counts
        ([v + 5 for v in SAME], {"min_relative_effect": 0.16}, True),
        ([v + 5 for v in SAME], {"min_relative_effect": 0.17}, False),
        ([v + 5 for v in SAME], {"min_effect": 5.0, "min_relative_effect": 0.17}, False),
        ([v + 5 for v in SAME], {"min_effect": 6.0, "min_relative_effect": 0.01}, False),
        # p95 is the second largest of twenty: one high value is none, two are
        ([*SAME[:-2], 50.0, 1_000.0], {"min_effect": 100.0}, False),
        ([*SAME[:-2], 1_000.0, 1_000.0], {"min_effect": 100.0}, True),
        ([*SAME[:-2], 1_000.0, 1_000.0], {"min_effect": 100.0, "direction": UP}, True),
        ([*SAME[:-2], 1_000.0, 1_000.0], {"min_effect": 100.0, "direction": DOWN}, False),
        # p05 is the smallest
        ([-100.0, *SAME[1:]], {"min_effect": 110.0, "direction": DOWN}, True),
        # narrower: p05 rose by 20 and p95 fell by 20, which is neither up nor down
        ([30.0] * 20, {"min_effect": 20.0}, True),
        ([30.0] * 20, {"min_effect": 20.5}, False),
        ([30.0] * 20, {"direction": UP}, False),
        ([30.0] * 20, {"direction": DOWN}, False),
        # wider: both
        ([0.0] * 2 + [30.0] * 16 + [60.0] * 2, {"min_effect": 10.0, "direction": UP}, True),
        ([0.0] * 2 + [30.0] * 16 + [60.0] * 2, {"min_effect": 10.0, "direction": DOWN}, True),
    ],
)
def test_effects_by_hand(values: list[float], gates: dict[str, float], expected: bool) -> None:
    assert opens(values, **gates) is expected


def test_where_the_median_is_zero_any_move_is_relatively_infinite() -> None:
    assert not opens([0.0] * 20, (0.0,) * 5, min_relative_effect=0.5)
    assert opens([1e-9] * 20, (0.0,) * 5, min_relative_effect=0.5)
    assert not opens([1e-9] * 20, (0.0,) * 5, min_relative_effect=0.5, min_effect=1e-6)


def test_only_the_newest_points_of_the_window_count() -> None:
    assert not opens([1_000.0] * 30 + SAME, length=20, min_effect=1.0)
    assert opens([1_000.0] * 30 + SAME, length=50, min_effect=1.0)
    assert not opens([1_000.0] * 300 + SAME * 4, length=380, min_effect=1.0)  # at most the newest 64


def test_a_single_point_has_to_lie_beyond_the_outer_quantiles() -> None:
    points = 4  # the number after those of the windows and of the drift track
    for newest, gates, expected in (
        (50.5, {"direction": UP}, True),
        (49.5, {"direction": UP}, False),
        (9.5, {"direction": DOWN}, True),
        (29.0, {"direction": DOWN}, False),
        (9.5, {"direction": UP}, False),
        (54.0, {"min_effect": 5.0}, False),
        (55.0, {"min_effect": 5.0}, True),
        (5.0, {"min_effect": 5.0}, True),
    ):
        assert passes(*window([*SAME, newest], **gates), 0, points) is expected


def test_a_series_without_a_reference_passes_no_gate() -> None:
    arena, rules = window([*SAME, 1_000.0], min_effect=1.0)
    arena.phase[0] = LEARNING
    assert not passes(arena, rules, 0, 4)


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=90),
    st.integers(1, 100),
    st.lists(st.integers(-50, 50), min_size=5, max_size=5),
    st.integers(0, 30),
    st.sampled_from([EITHER, UP, DOWN]),
)
def test_it_is_the_definition_by_numpys_quantiles(
    values: list[int], length: int, reference: list[int], effect: int, direction: int
) -> None:
    newest = values[-min(length, RECENT, len(values)) :]
    moved = np.quantile(newest, QUANTILES, method="inverted_cdf") - np.array(reference)
    ups = {EITHER: (0, 2, 4), UP: (2, 4), DOWN: ()}[direction]
    downs = {EITHER: (0, 2, 4), UP: (), DOWN: (0, 2)}[direction]
    expected = any(moved[q] > 0 and moved[q] >= effect for q in ups) or any(moved[q] < 0 and -moved[q] >= effect for q in downs)
    got = opens([float(v) for v in values], tuple(map(float, reference)), length, min_effect=float(effect), direction=direction)
    assert got is bool(expected)


@pytest.mark.parametrize("kind", [DECAYED, SEASONAL])
def test_a_moving_reference_is_read_off_its_masses(kind: object) -> None:
    """Edges 0, 10, 20, 30, 40 and masses 1, 25, 25, 25, 25, 1, of 102 points."""
    chosen = settings(reference=kind)
    arena, rules = allocate(chosen, 1), make_rules(chosen)
    arena.bins[0] = 6
    put_edges(arena, 0, np.array([0.0, 10.0, 20.0, 30.0, 40.0]))
    masses = (1.0, 25.0, 25.0, 25.0, 25.0, 1.0)
    arena.length[0] = 102
    arena.total[0] = 102.0
    (arena.mixture[0, 1] if kind is SEASONAL else arena.units[0])[:6] = masses
    arena.quantiles[0] = 1e6  # what it was when it was learned does not matter
    assert normal_quantile(arena, rules, 0, 1, 2) == pytest.approx(20.0)
    assert normal_quantile(arena, rules, 0, 1, 0) == pytest.approx(4.1 / 25 * 10)
    assert normal_quantile(arena, rules, 0, 1, 4) == pytest.approx(30 + 20.9 / 25 * 10)
    low, high = (arena.mixture[0, 1] if kind is SEASONAL else arena.units[0]), (90.0, 4.0, 4.0, 2.0, 1.0, 1.0)
    low[:6] = high
    assert normal_quantile(arena, rules, 0, 1, 2) == 0.0  # below all edges
    low[:6] = high[::-1]
    assert normal_quantile(arena, rules, 0, 1, 2) == 40.0  # above them


def rising(little: int = 60) -> np.ndarray:
    """Normal for 300 points, then a little higher (by 3), then much higher (by 12)."""
    values = np.random.default_rng(0).normal(100.0, 1.0, 360 + little)
    values[300:] += 3.0
    values[300 + little :] += 9.0
    return values


def openings(gates: Gates, **changes: object) -> list[int]:
    bank = Bank(settings(gates=gates, **changes), flat(8.0), 1)
    verdicts = feed(bank, bank.birth(), rising(), np.arange(420) * 60_000_000)
    return [transition.index for transition in verdicts.transitions if transition.happened == OPENED]


def test_an_episode_opens_when_the_effect_is_large_enough() -> None:
    none = openings(Gates(0.0, 0.0, EITHER))
    assert any(300 <= at < 320 for at in none)
    small, large = openings(Gates(2.0, 0.0, EITHER)), openings(Gates(10.0, 0.0, UP))
    assert 300 <= small[0] < 320
    assert 360 <= large[0] < 366
    assert openings(Gates(0.0, 0.1, UP))[0] == large[0]  # a tenth of 100
    assert openings(Gates(2.0, 0.0, DOWN)) == []
    assert openings(Gates(1e9, 0.0, EITHER)) == []


def test_a_point_that_is_held_back_counts_as_below_the_threshold() -> None:
    """So a run of points, and the beginning of the episode, start with the first one that passes."""
    chosen = settings(gates=Gates(10.0, 0.0, UP), episodes=replace(EPISODES, min_points=4))
    bank = Bank(chosen, flat(8.0), 1)
    verdicts = feed(bank, bank.birth(), rising(12), np.arange(372) * 60_000_000)
    opened = next(t for t in verdicts.transitions if t.happened == OPENED)
    assert verdicts.ratio[306 : opened.index].min() >= 1.0  # above the threshold for long
    assert opened.explanation.since_us == (opened.index - 3) * 60_000_000
    assert opened.explanation.since_us >= 312 * 60_000_000


def test_what_opened_shows_the_effect_in_its_quantiles() -> None:
    bank = Bank(settings(gates=Gates(10.0, 0.0, UP)), flat(8.0), 1)
    verdicts = feed(bank, bank.birth(), rising(), np.arange(420) * 60_000_000)
    for transition in verdicts.transitions:
        if transition.happened == OPENED:
            moved = transition.explanation.window_quantiles - transition.explanation.reference_quantiles
            assert max(moved[2], moved[4]) >= 10.0


def test_scores_do_not_depend_on_gates_before_anything_opens() -> None:
    runs = []
    for gates in (Gates(0.0, 0.0, EITHER), Gates(1e9, 0.0, EITHER)):
        bank = Bank(settings(gates=gates), flat(8.0), 1)
        runs.append(feed(bank, bank.birth(), rising()[:305]).ratio)
    opened = int(np.argmax(runs[0] >= 1.0))
    assert opened > 0
    assert runs[0][: opened + 1].tobytes() == runs[1][: opened + 1].tobytes()


def test_names_pass() -> None:
    values = np.r_[np.arange(200) % 3, np.full(40, 7.0)]
    stories = []
    for gates in (Gates(0.0, 0.0, EITHER), Gates(1e9, 0.0, DOWN)):
        bank = Bank(settings(gates=gates, categorical=True), flat(8.0), 1)
        stories.append([(t.index, t.happened) for t in feed(bank, bank.birth(), values).transitions])
    assert stories[0] == stories[1] != []
