"""The limit of single points against its formulas written a second time in numpy, what it promises, and what it does not learn."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamkl.core.arena import CALM_BINS, Calm, allocate, calm_of
from streamkl.core.bank import Bank, make_rules
from streamkl.core.episode import OPENED
from streamkl.core.run_length import RUN_LENGTHS
from streamkl.core.surprise import fit, limit_at, settle, weigh
from streamkl.units import parse_budget
from tests.kernels import log_run_at
from tests.small import FIXED, NEVER, OF_POINTS, feed, settings

Floats = NDArray[np.float64]
BLOCK, FIRST = 64, 4
PROMISED = math.log(1e4)


def calm(log_run: float = PROMISED) -> Calm:
    """One warm series that was promised one alarm in so many points."""
    chosen = settings(point_share=0.75)
    arena, rules = allocate(chosen, 1), make_rules(chosen)
    rules.point_limits[:] = OF_POINTS
    arena.points[0] = 101
    arena.point_run[0] = log_run
    made = calm_of(arena, rules)
    settle(made, 0)
    return made


def blocks(c: Calm, maxima: list[float]) -> None:
    """Whole blocks of 64 points with these largest surprises."""
    for maximum in maxima:
        for at in range(BLOCK):
            weigh(c, 0, maximum if at == 7 else 0.1 * maximum)


def learned(c: Calm) -> dict[int, int]:
    return {int(i): int(c.calm[0, i]) for i in np.flatnonzero(c.calm[0])}


def bin_of(nats: float) -> int:
    """Quarters of ln(run length), by numpy's interpolation."""
    return int(np.interp(nats, OF_POINTS, np.log(RUN_LENGTHS)) / 0.25)


def extrapolated(level: float, rate: float, seen: float, times: float) -> float:
    shape = 1 / (seen + 5) + 0.42 * max(0.0, rate - 1)
    return float(level + rate * (max(times, 1.0) ** shape - 1) / shape)


# -- the table's line -------------------------------------------------------------------


@pytest.mark.parametrize(("run", "nats"), [*zip(RUN_LENGTHS, OF_POINTS, strict=True)])
def test_at_the_tables_points_the_limit_is_the_tables(run: float, nats: float) -> None:
    assert limit_at(calm(), math.log(run)) == pytest.approx(nats)
    assert log_run_at(calm(), nats) == pytest.approx(math.log(run))


def test_between_them_it_is_numpys_interpolation() -> None:
    for log_run in np.linspace(math.log(30), math.log(3e5), 97):
        assert limit_at(calm(), log_run) == pytest.approx(np.interp(log_run, np.log(RUN_LENGTHS), OF_POINTS))


def test_beyond_its_ends_it_goes_on_as_a_line() -> None:
    slope = (OF_POINTS[-1] - OF_POINTS[-2]) / math.log(3)
    assert limit_at(calm(), math.log(3e5) + 4.0) == pytest.approx(OF_POINTS[-1] + 4.0 * slope)
    steep = (OF_POINTS[1] - OF_POINTS[0]) / math.log(100 / 30)
    assert limit_at(calm(), math.log(30) - 1.0) == pytest.approx(OF_POINTS[0] - steep)
    assert limit_at(calm(), -50.0) == 0.1


@given(st.floats(2.0, 60.0))
def test_limit_and_run_length_are_one_anothers_inverse(log_run: float) -> None:
    c = calm()
    assert log_run_at(c, limit_at(c, log_run)) == pytest.approx(log_run, abs=1e-9)


# -- the fit ----------------------------------------------------------------------------


def histogram(maxima: Floats) -> NDArray[np.uint32]:
    return np.bincount(np.floor(maxima / 0.25).clip(0, CALM_BINS - 1).astype(int), minlength=CALM_BINS).astype(np.uint32)


def by_formula(maxima: Floats, log_run: float) -> float:
    """Mean excess of the upper 30 % over the quarter that the least of them lies in; of the topmost tenth, three at least, only that they
    are beyond all others counts."""
    n = len(maxima)
    falling = np.sort(maxima)[::-1]
    level = math.floor(falling[math.ceil(max(3, 0.3 * n)) - 1] * 4) / 4
    upper = maxima[maxima >= level]
    most = next(edge for edge in level + 0.25 * np.arange(1, 400) if (upper >= edge).sum() <= max(3, 0.1 * n))
    seen = int((upper < most).sum())
    rate = (np.minimum(upper, most).sum() - len(upper) * level + 1.8 * 5) / (seen + 5)
    return extrapolated(level, rate, seen, math.exp(log_run) * len(upper) / (n * BLOCK))


DRAWS = {
    "of independent normal points": lambda dice, n: math.log(BLOCK) + dice.gumbel(size=n),
    "twice as heavy": lambda dice, n: 4.0 + 2.0 * dice.exponential(size=n),
    "light": lambda dice, n: 4.0 + 0.4 * dice.exponential(size=n),
    "bounded": lambda dice, n: dice.uniform(3.0, 9.0, n),
}


@pytest.mark.parametrize("n", [4, 20, 50, 200, 2_000])
@pytest.mark.parametrize("name", DRAWS)
def test_a_fit_is_that_of_the_formulas_but_for_the_width_of_the_bins(name: str, n: int) -> None:
    dice = np.random.default_rng(n)
    off = []
    for _ in range(30):
        maxima, log_run = DRAWS[name](dice, n).clip(0.0, 23.9), dice.uniform(6.0, 12.0)
        fitted = fit(histogram(maxima), n, log_run)
        off.append(abs(fitted - by_formula(maxima, log_run)))
        assert fitted == pytest.approx(by_formula((np.floor(maxima * 4) + 0.5) / 4, log_run))  # in the middle of their bins
    assert np.median(off) < 0.5


def test_a_fit_by_hand() -> None:
    """Ten maxima: five at 5.0, three at 6.0, and 7.0 and 10.0, of which the last three may be incidents."""
    counts = np.zeros(CALM_BINS, np.uint32)
    counts[[20, 24, 28, 40]] = 5, 3, 1, 1
    # The upper three reach down to the bin at 6.0, which holds five with them; the two above it are as large as its end, at least.
    rate = (2 * 0.25 + 3 * 0.125 + 1.8 * 5) / (3 + 5)
    shape = 1 / 8 + 0.42 * (rate - 1)
    expected = 6.0 + rate * ((1e4 * 5 / 640) ** shape - 1) / shape
    assert fit(counts, 10, PROMISED) == pytest.approx(expected)


@pytest.mark.parametrize("run", [1e3, 1e4, 1e5])
def test_for_independent_normal_points_the_fit_is_the_promise_or_a_little_more(run: float) -> None:
    """The largest of independent nominal run lengths has a Gumbel's logarithm: it reaches the run's own once in a run."""
    maxima = math.log(BLOCK) + np.random.default_rng(1).gumbel(size=100_000)
    assert math.log(run) < fit(histogram(maxima), 100_000, math.log(run)) < math.log(run) + 2.2


def test_a_tail_twice_as_heavy_is_taken_for_at_least_that() -> None:
    maxima = 4.0 + 2.0 * np.random.default_rng(1).exponential(size=100_000)
    for run in (1e4, 1e5):
        assert 4.0 + 2.0 * math.log(run / BLOCK) < fit(histogram(maxima), 100_000, math.log(run))


def test_a_longer_run_never_asks_for_less() -> None:
    counts = histogram(DRAWS["twice as heavy"](np.random.default_rng(2), 300))
    fits = [fit(counts, 300, log_run) for log_run in np.linspace(1.0, 15.0, 60)]
    assert fits == sorted(fits)
    assert fits[-1] > fits[0] + 10.0


@given(st.lists(st.floats(0.0, 40.0), min_size=FIRST, max_size=60), st.floats(3.5, 16.0))
def test_any_maxima_give_a_number(maxima: list[float], log_run: float) -> None:
    fitted = fit(histogram(np.array(maxima)), len(maxima), log_run)
    assert math.isfinite(fitted)
    assert fitted >= 0.0


def test_the_few_largest_count_for_no_more_than_they_have_in_common() -> None:
    usual = DRAWS["of independent normal points"](np.random.default_rng(4), 37)
    near, far = (fit(histogram(np.r_[usual, incidents]), 40, PROMISED) for incidents in ([11.0] * 3, [23.0] * 3))
    assert near == far


# -- blocks -----------------------------------------------------------------------------


def test_a_series_is_silent_until_it_is_warm_and_knows_what_is_promised() -> None:
    c = calm()
    c.points[0] = 100
    assert weigh(c, 0, 50.0) == 0.0
    c.points[0] = 101
    assert weigh(c, 0, 50.0) > 1.0
    c.point_run[0] = 0.0
    assert weigh(c, 0, 50.0) == 0.0
    assert (c.calm_judged[0], c.surprise[0]) == (1, 50.0)


def test_a_score_is_the_surprise_in_limits() -> None:
    c = calm()
    limit = float(c.point_limit[0])
    assert [weigh(c, 0, share * limit) for share in (0.0, 0.5, 1.0, 2.0)] == pytest.approx([0.0, 0.5, 1.0, 2.0])


def test_the_first_limit_is_that_of_a_heavier_tail_than_normal() -> None:
    c = calm()
    level = math.log(64 / 0.3)
    shape = 1 / 5 + 0.42 * 0.8
    expected = level + 1.8 * (math.exp(PROMISED - level) ** shape - 1) / shape
    assert c.point_limit[0] == pytest.approx(limit_at(c, expected))
    assert c.point_limit[0] > limit_at(c, PROMISED)


def test_a_block_is_64_points_and_gives_its_largest_surprise() -> None:
    c = calm()
    for nats in (3.0, 6.5, *[1.0] * 61):
        weigh(c, 0, nats)
    assert learned(c) == {}
    weigh(c, 0, 2.0)
    assert learned(c) == {bin_of(6.5): 1}
    blocks(c, [5.0])
    assert learned(c) == {bin_of(6.5): 1, bin_of(5.0): 1}
    assert (c.calm_blocks[0], c.calm_judged[0]) == (2, 128)


def test_surprises_beyond_the_histogram_go_into_its_ends() -> None:
    c = calm()
    c.point_limit[0] = 1e9
    c.limits[0] = 4.9  # a table whose line falls below a run length of one point
    blocks(c, [0.0, 1_000.0])
    assert learned(c) == {0: 1, CALM_BINS - 1: 1}


def test_it_is_fitted_at_200_points_and_whenever_the_past_has_grown_by_three_tenths() -> None:
    c = calm()
    dice = np.random.default_rng(1)
    changes = []
    for number in range(1, 40):
        before = int(c.calm_next[0])
        blocks(c, [float(dice.uniform(4.0, 6.0))])
        if c.calm_next[0] != before:
            changes.append(number)
    # 4 blocks are 256 points; then at 332, 499, 665, 915, 1248, 1664, 2163 points, each with the block that ends next.
    assert changes == [4, 6, 8, 11, 15, 20, 26, 34]


@pytest.mark.parametrize("name", DRAWS)
def test_the_limit_is_that_of_the_fit(name: str) -> None:
    """Where the fit asks for less than the table, the limit stays two e-folds above it, and never goes above the table's."""
    c = calm()
    c.point_limit[0] = 1e9  # none is an alarm
    nominal = DRAWS[name](np.random.default_rng(5), 60)
    blocks(c, [limit_at(c, each) for each in nominal])
    settle(c, 0)
    fitted = fit(histogram(nominal), 60, PROMISED)
    expected = min(fitted + 2.0, PROMISED) if fitted < PROMISED else fitted
    assert c.point_limit[0] == pytest.approx(limit_at(c, expected))


def test_a_quiet_past_lowers_the_limit_by_what_goes_beyond_the_margin() -> None:
    c = calm()
    blocks(c, [limit_at(c, 4.1)] * 60)
    settle(c, 0)
    fitted = fit(histogram(np.full(60, 4.1)), 60, PROMISED)
    assert fitted < PROMISED - 2.0
    assert c.point_limit[0] == pytest.approx(limit_at(c, fitted + 2.0))
    assert c.point_limit[0] < limit_at(c, PROMISED)


def test_a_past_that_is_hardly_quieter_than_promised_changes_nothing() -> None:
    c = calm()
    nominal = DRAWS["light"](np.random.default_rng(5), 60) + 1.0
    blocks(c, [limit_at(c, each) for each in nominal])
    settle(c, 0)
    assert PROMISED - 2.0 < fit(histogram(nominal), 60, PROMISED) < PROMISED
    assert c.point_limit[0] == pytest.approx(limit_at(c, PROMISED))


def test_an_open_episode_keeps_the_limit_it_was_opened_with() -> None:
    c = calm()
    blocks(c, [5.0] * FIRST)
    before = float(c.point_limit[0])
    c.open[0] = True
    blocks(c, [7.0] * 30)
    assert c.point_limit[0] == before
    c.open[0] = False
    blocks(c, [7.0])
    assert c.point_limit[0] != before


def test_alarms_beyond_the_promise_are_not_learned_while_they_are_few() -> None:
    """One in 10,000 points was promised: a first alarm is learned, and of those that follow one for every twenty blocks is not."""
    c = calm()
    blocks(c, [5.0] * 57)
    c.calm_next[0] = 10**9
    for forgiven in range(4):
        blocks(c, [50.0])
        assert (c.calm_alarms[0], c.calm_forgiven[0], c.calm_blocks[0]) == (1, forgiven, 58)
    blocks(c, [50.0])  # three are more than 0.05 * 59
    assert (c.calm_alarms[0], c.calm_forgiven[0], c.calm_blocks[0]) == (2, 3, 59)


def test_a_maximum_below_the_limit_is_learned_whatever_was_promised() -> None:
    c = calm()
    c.calm_next[0] = 10**9
    blocks(c, [0.99 * float(c.point_limit[0])] * 20)
    assert (c.calm_alarms[0], c.calm_forgiven[0], c.calm_blocks[0]) == (0, 0, 20)


# -- what is promised -------------------------------------------------------------------


def judged(values: Floats, budget: str = "1 per 1000 points") -> tuple[Bank, int, int]:
    """(bank, row, episodes opened) of one series of which only single points are judged."""
    chosen = settings(point_share=0.75, reference=replace(FIXED, size=500), budget_without_clock=parse_budget(budget))
    bank = Bank(chosen, NEVER, 1)
    row = bank.birth()
    return bank, row, sum(t.happened == OPENED for t in feed(bank, row, values).transitions)


@pytest.mark.native
def test_independent_normal_points_raise_as_many_alarms_as_promised() -> None:
    """Single points have 0.75 / 4 of the budget where points do not depend on one another: one in 5,333 points."""
    dice = np.random.default_rng(7)
    alarms, promised, independent = [], 0.0, 0
    for _ in range(20):
        bank, row, count = judged(dice.normal(100.0, 5.0, 50_000))
        share = 0.75 * 0.25 if bank.arena.independent[row] else 0.75
        assert bank.arena.point_run[row] == pytest.approx(math.log(1_000 / share))
        promised += 50_000 / 1_000 * share
        independent += bool(bank.arena.independent[row])
        alarms.append(count)
    assert independent >= 18
    assert 0.4 < sum(alarms) / promised < 1.6


@pytest.mark.native
def test_a_heavy_tail_gets_a_higher_limit_and_keeps_the_promise_too() -> None:
    dice = np.random.default_rng(8)
    normal, _, _ = judged(dice.normal(size=50_000))
    alarms, promised = 0, 0.0
    for _ in range(4):
        heavy, row, count = judged(dice.standard_cauchy(50_000))
        alarms += count
        promised += 50_000 / math.exp(heavy.arena.point_run[row])
        assert heavy.arena.point_limit[row] > 1.3 * normal.arena.point_limit[0]
    assert 0 < alarms < 1.6 * promised


def test_a_constant_never_alarms() -> None:
    bank, row, count = judged(np.full(1_500, 42.0))
    assert count == 0
    assert len(learned(calm_of(bank.arena, bank.rules))) == 1
    assert 0.0 < bank.arena.point_limit[row] < limit_at(calm_of(bank.arena, bank.rules), float(bank.arena.point_run[row]))


def test_a_longer_run_length_has_a_higher_limit() -> None:
    values = np.random.default_rng(9).normal(size=700)
    limits = []
    for budget in ("1 per 100 points", "1 per 1000 points", "1 per 100000 points"):
        bank, row, _ = judged(values, budget)
        limits.append(float(bank.arena.point_limit[row]))
    assert all(b > a for a, b in pairwise(limits))
