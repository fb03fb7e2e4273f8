"""The limit of single points against its formulas written a second time in numpy, what it promises, and what it does not learn."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamkl.core.arena import CALM_BINS, Calm, calm_of
from streamkl.core.bank import Bank
from streamkl.core.episode import OPENED
from streamkl.core.layout import allocate
from streamkl.core.rules import make_rules
from streamkl.core.run_length import RUN_LENGTHS
from streamkl.core.surprise import fit, limit_at, settle, weigh
from streamkl.units import parse_budget
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
    """Tenths of a nat."""
    return int(nats / 0.1)


def promised_by(level: float, mean: float, seen: float, times: float) -> float:
    """What a predictive exponential tail exceeds once where `level` is exceeded so many times."""
    shape = 1 / (seen + 2)
    return float(level + mean * (max(times, 1.0) ** shape - 1) / shape)


# -- the table's line -------------------------------------------------------------------


@pytest.mark.parametrize(("run", "nats"), [*zip(RUN_LENGTHS, OF_POINTS, strict=True)])
def test_at_the_tables_points_the_limit_is_the_tables(run: float, nats: float) -> None:
    assert limit_at(calm(), math.log(run)) == pytest.approx(nats)


def test_between_them_it_is_numpys_interpolation() -> None:
    for log_run in np.linspace(math.log(30), math.log(3e5), 97):
        assert limit_at(calm(), log_run) == pytest.approx(np.interp(log_run, np.log(RUN_LENGTHS), OF_POINTS))


def test_beyond_its_ends_it_goes_on_as_a_line() -> None:
    slope = (OF_POINTS[-1] - OF_POINTS[-2]) / math.log(3)
    assert limit_at(calm(), math.log(3e5) + 4.0) == pytest.approx(OF_POINTS[-1] + 4.0 * slope)
    steep = (OF_POINTS[1] - OF_POINTS[0]) / math.log(100 / 30)
    assert limit_at(calm(), math.log(30) - 1.0) == pytest.approx(OF_POINTS[0] - steep)
    assert limit_at(calm(), -50.0) == 0.1


# -- the fit ----------------------------------------------------------------------------


def histogram(maxima: Floats) -> NDArray[np.uint32]:
    return np.bincount(np.floor(maxima / 0.1).clip(0, CALM_BINS - 1).astype(int), minlength=CALM_BINS).astype(np.uint32)


def by_formula(maxima: Floats, log_run: float) -> float:
    """Mean excess of the upper 40 % over the tenth that the least of them lies in; of the topmost 14 %, one at least, only that they are
    beyond all others counts."""
    n = len(maxima)
    tenths = np.floor(maxima / 0.1).astype(int)
    level = int(np.sort(tenths)[::-1][math.ceil(max(3, 0.4 * n)) - 1])
    upper = tenths[tenths >= level]
    most = next(edge for edge in range(level + 1, 400) if (upper >= edge).sum() <= max(1, 0.14 * n))
    seen = int((upper < most).sum())
    excess = np.where(upper < most, upper - level + 0.5, most - level).sum() * 0.1
    return promised_by(level * 0.1, (excess + 0.2 * 2) / (seen + 2), seen, math.exp(log_run) * len(upper) / (n * BLOCK))


DRAWS = {
    "of independent points": lambda dice, n: 4.5 + 0.35 * dice.gumbel(size=n).clip(-8.0),
    "heavy": lambda dice, n: 4.0 + 1.2 * dice.exponential(size=n),
    "light": lambda dice, n: 4.0 + 0.15 * dice.exponential(size=n),
    "bounded": lambda dice, n: dice.uniform(3.0, 7.0, n),
}


@pytest.mark.parametrize("n", [4, 20, 50, 200, 2_000])
@pytest.mark.parametrize("name", DRAWS)
def test_a_fit_is_that_of_the_formulas(name: str, n: int) -> None:
    dice = np.random.default_rng(n)
    for _ in range(30):
        maxima, log_run = DRAWS[name](dice, n).clip(0.0, 12.7), dice.uniform(6.0, 12.0)
        assert fit(histogram(maxima), n, log_run) == pytest.approx(by_formula(maxima, log_run))


def test_a_fit_by_hand() -> None:
    """Ten maxima: five at 5.0, two at 6.0, and 7.0, 9.0 and 10.0, of which the last may be an incident."""
    counts = np.zeros(CALM_BINS, np.uint32)
    counts[[50, 60, 70, 90, 100]] = 5, 2, 1, 1, 1
    # The upper four reach down to the bin at 6.0, which holds five with them; of the topmost only that it is beyond the next one's bin.
    mean = (2 * 0.05 + 1.05 + 3.05 + 3.1 + 0.2 * 2) / (4 + 2)
    shape = 1 / 6
    expected = 6.0 + mean * ((1e4 * 5 / 640) ** shape - 1) / shape
    assert fit(counts, 10, PROMISED) == pytest.approx(expected)


@pytest.mark.parametrize("run", [1e3, 1e4, 1e5])
@pytest.mark.parametrize("mean", [0.3, 1.0, 2.0])
def test_an_exponential_tail_is_continued_to_the_promise_or_a_little_less(run: float, mean: float) -> None:
    """Maxima beyond 2 nats, on the average by `mean`, reach 2 + mean * ln(run / 64) once in a run."""
    maxima = 2.0 + mean * np.random.default_rng(1).exponential(size=100_000)
    assert fit(histogram(maxima), 100_000, math.log(run)) == pytest.approx(2.0 + mean * math.log(run / BLOCK), rel=0.02)


def test_a_longer_run_never_asks_for_less() -> None:
    counts = histogram(DRAWS["heavy"](np.random.default_rng(2), 300))
    fits = [fit(counts, 300, log_run) for log_run in np.linspace(1.0, 15.0, 60)]
    assert fits == sorted(fits)
    assert fits[-1] > fits[0] + 8.0


@given(st.lists(st.floats(0.0, 40.0), min_size=FIRST, max_size=60), st.floats(3.5, 16.0))
def test_any_maxima_give_a_number(maxima: list[float], log_run: float) -> None:
    fitted = fit(histogram(np.array(maxima)), len(maxima), log_run)
    assert math.isfinite(fitted)
    assert fitted >= 0.0


def test_the_few_largest_count_for_no_more_than_they_have_in_common() -> None:
    usual = DRAWS["of independent points"](np.random.default_rng(4), 37)
    near, far = (fit(histogram(np.r_[usual, incidents]), 40, PROMISED) for incidents in ([8.0] * 3, [12.0] * 3))
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


def test_the_first_limit_is_half_a_nat_above_the_tables() -> None:
    c = calm()
    assert c.point_limit[0] == pytest.approx(limit_at(c, PROMISED) + 0.5)


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
    blocks(c, [0.0, 1_000.0])
    assert learned(c) == {0: 1, CALM_BINS - 1: 1}


def test_it_is_fitted_at_200_points_and_whenever_the_past_has_grown_by_three_twentieths() -> None:
    c = calm()
    dice = np.random.default_rng(1)
    changes = []
    for number in range(1, 40):
        before = int(c.calm_next[0])
        blocks(c, [float(dice.uniform(4.0, 6.0))])
        if c.calm_next[0] != before:
            changes.append(number)
    # 4 blocks are 256 points; then at 294, 368, 441, 515, ... points, each with the block that ends next.
    assert changes == [4, 5, 6, 7, 9, 11, 13, 15, 18, 21, 25, 29, 34]


@pytest.mark.parametrize(("independent", "half"), [(False, 20), (True, 2)])
@pytest.mark.parametrize("name", DRAWS)
def test_the_limit_moves_from_the_tables_to_the_fits_as_blocks_come(name: str, independent: bool, half: int) -> None:
    """Half a nat more than the table's at first, of which half is left after 15 blocks; the fit's in the end, half-way after 20 blocks (2
    of independent points); never below the table's."""
    for n in (8, 60, 400):
        c = calm()
        c.independent[0] = independent
        c.point_limit[0], c.calm_next[0] = 1e9, 10**9  # none is an alarm, and nothing is fitted meanwhile
        maxima = DRAWS[name](np.random.default_rng(n), n)
        blocks(c, maxima.tolist())
        settle(c, 0)
        known, table = n / (n + half), limit_at(c, PROMISED)
        expected = table + 0.5 * 15 / (n + 15) + known * max(by_formula(maxima, PROMISED) - table, 0.0)
        assert c.point_limit[0] == pytest.approx(expected)


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
    """One in 10,000 points was promised: a first alarm is learned, and of those that follow five, and three more for every 100 blocks, are
    not."""
    c = calm()
    blocks(c, [5.0] * 57)
    c.calm_next[0] = 10**9
    for forgiven in range(8):
        blocks(c, [50.0])
        assert (c.calm_alarms[0], c.calm_forgiven[0], c.calm_blocks[0]) == (1, forgiven, 58)
    blocks(c, [50.0])  # seven are more than 5 + 0.03 * 58
    assert (c.calm_alarms[0], c.calm_forgiven[0], c.calm_blocks[0]) == (2, 7, 59)


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
def test_independent_normal_points_raise_some_alarms_and_no_more_than_promised() -> None:
    """Single points have 0.75 / 5 of the budget where points do not depend on one another: one in 6,667 points."""
    dice = np.random.default_rng(7)
    alarms, promised, independent = [], 0.0, 0
    for _ in range(20):
        bank, row, count = judged(dice.normal(100.0, 5.0, 50_000))
        share = 0.75 * 0.2 if bank.arena.independent[row] else 0.75
        assert bank.arena.point_run[row] == pytest.approx(math.log(1_000 / share))
        promised += 50_000 / 1_000 * share
        independent += bool(bank.arena.independent[row])
        alarms.append(count)
    assert independent >= 18
    assert 0.1 < sum(alarms) / promised < 1.0  # the limit only ever goes up from the table's, so it is quieter


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
    table = limit_at(calm_of(bank.arena, bank.rules), float(bank.arena.point_run[row]))
    assert table < bank.arena.point_limit[row] < table + 1.0


def test_a_longer_run_length_has_a_higher_limit() -> None:
    values = np.random.default_rng(9).normal(size=700)
    limits = []
    for budget in ("1 per 100 points", "1 per 1000 points", "1 per 100000 points"):
        bank, row, _ = judged(values, budget)
        limits.append(float(bank.arena.point_limit[row]))
    assert all(b > a for a, b in pairwise(limits))


def test_a_full_bin_halves_the_maxima_and_all_that_is_counted_beside_them() -> None:
    c = calm()
    c.calm[0, bin_of(5.05)], c.calm[0, bin_of(6.05)] = 255, 3
    c.calm_blocks[0], c.calm_judged[0], c.calm_alarms[0], c.calm_forgiven[0] = 258, 258 * BLOCK, 40, 6
    c.calm_next[0] = 10**9
    before = float(c.point_limit[0])
    blocks(c, [5.05])
    assert learned(c) == {bin_of(5.05): 128, bin_of(6.05): 2}
    assert (c.calm_blocks[0], c.calm_alarms[0], c.calm_forgiven[0]) == (130, 20, 3)
    assert c.calm_judged[0] == pytest.approx(130 * BLOCK, rel=1e-2)
    assert c.point_limit[0] != before  # it was fitted at once
