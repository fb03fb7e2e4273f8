"""The tail guard against its formulas written a second time in numpy, against tails that are known, and its rules of censoring."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from streamkl.core.arena import TAIL_BINS, Arena
from streamkl.core.layout import allocate
from streamkl.core.tail import FIRST_BLOCKS, fit
from tests.kernels import observe
from tests.small import settings

Floats = NDArray[np.float64]
BLOCK = 128.0
WINDOW = 4  # points: a block is 8
DRAWS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "exponential": lambda dice, n: 0.5 + 0.3 * dice.exponential(size=n),
    "gumbel": lambda dice, n: 1.0 + 0.2 * dice.gumbel(size=n),
    "pareto": lambda dice, n: 0.8 + 0.32 * dice.pareto(4.0, n),
    "bounded": lambda dice, n: dice.uniform(0.2, 2.5, n),
}


def histogram(maxima: Floats) -> NDArray[np.uint32]:
    """Bins of 5 % from e^-2 on; the last one holds what is beyond e^4."""
    bins = np.floor(20.0 * (np.log(maxima.clip(1e-9)) + 2.0)).clip(0, 119).astype(int)
    return np.bincount(bins, minlength=TAIL_BINS).astype(np.uint32)


def by_formula(maxima: Floats, block: float, run: float) -> float:
    """Probability-weighted moments of the upper 30 % (of more than 400: fewer) above the next lower maximum, shrunk and widened as the
    research page has it; what was reached more often than promised lies below."""
    falling = np.sort(maxima)[::-1]
    n = len(maxima)
    k = max(3, math.floor(0.3 * n * min(1.0, math.sqrt(400 / n))))
    excesses = np.sort(falling[:k] - falling[k])
    m0 = excesses.mean()
    m1 = (excesses * (1 - (np.arange(1, k + 1) - 0.35) / k)).mean()
    shape = np.clip(2 - m0 / (m0 - 2 * m1), -0.5, 0.4) * k / (k + 20)
    shape = shape / 2 if shape < 0 else shape
    scale = m0 * (1 - shape)
    wide = shape + 1 / k
    tail = falling[k] + scale * (max(k / (n * block) * run, 1.0) ** wide - 1) / wide
    promised = n * block / run + 0.5
    return float(max(1.0, tail, falling[math.floor(promised)] if promised < n else 0.0))


@pytest.mark.parametrize("blocks", [8, 10, 30, 100, 1_000, 10_000])
@pytest.mark.parametrize("name", DRAWS)
def test_a_fit_is_that_of_the_formulas_but_for_the_width_of_the_bins(name: str, blocks: int) -> None:
    dice = np.random.default_rng(blocks)
    ratios = []
    for _ in range(60):
        maxima, run = DRAWS[name](dice, blocks), BLOCK * 10.0 ** dice.uniform(1, 4)
        ratios.append(fit(histogram(maxima), blocks, BLOCK, math.log(run)) / by_formula(maxima, BLOCK, run))
    assert np.median(ratios) == pytest.approx(1.0, abs=0.07)
    if blocks >= 100:  # fewer excesses are no wider than the bins
        assert 0.75 < min(ratios) <= max(ratios) < 1.3


@pytest.mark.parametrize("run", [1e4, 1e6, 1e8])
def test_an_exponential_tail_is_found_again(run: float) -> None:
    maxima = 0.5 + 0.3 * np.random.default_rng(1).exponential(size=200_000)
    factor = fit(histogram(maxima), 200_000, BLOCK, math.log(run))
    assert factor == pytest.approx(0.5 + 0.3 * math.log(run / BLOCK), rel=0.06)  # so far out a bin is a quarter of the mean excess


@pytest.mark.parametrize(("shape", "scale"), [(0.2, 0.2), (0.1, 0.4)])
def test_a_generalised_pareto_tail_is_found_again(shape: float, scale: float) -> None:
    uniform = np.random.default_rng(1).random(200_000)
    maxima = 0.9 + scale * (uniform**-shape - 1) / shape
    for run in (1e4, 1e6):
        factor = fit(histogram(maxima), 200_000, BLOCK, math.log(run))
        quantile = 0.9 + scale * ((run / BLOCK) ** shape - 1) / shape
        assert factor == pytest.approx(quantile, rel=0.08)


@pytest.mark.parametrize("ratio", [1e-6, 0.2, 0.9])
def test_a_factor_is_never_below_one(ratio: float) -> None:
    assert fit(histogram(np.full(50, ratio)), 50, BLOCK, math.log(BLOCK)) == 1.0


def test_a_longer_run_never_asks_for_less() -> None:
    maxima = DRAWS["gumbel"](np.random.default_rng(3), 300)
    factors = [fit(histogram(maxima), 300, BLOCK, log_run) for log_run in np.linspace(0, 30, 100)]
    assert factors == sorted(factors)
    assert factors[0] < factors[-1]


@pytest.mark.parametrize("maxima", [[1e-9] * 8, [1e9] * 8, [0.1] * 7 + [1e9], list(np.geomspace(1e-3, 1e3, 8))])
def test_maxima_of_any_size_give_a_number(maxima: list[float]) -> None:
    factor = fit(histogram(np.array(maxima)), 8, 8.0, math.log(1e4))
    assert math.isfinite(factor)
    assert factor >= 1.0


# -- blocks and censoring -------------------------------------------------------------


def guard(log_run: float = math.log(1e4)) -> Arena:
    arena = allocate(settings(), 1)
    arena.length[0, :3] = (WINDOW, 10, 20)
    arena.log_run[0] = log_run
    return arena


def blocks(arena: Arena, maxima: list[float]) -> None:
    """Whole blocks of 8 points with these maxima."""
    for maximum in maxima:
        for at in range(2 * WINDOW):
            observe(arena, 0, 0, maximum if at == 3 else 0.1 * maximum, 2 * WINDOW)


def recorded(arena: Arena) -> dict[int, int]:
    return {int(i): int(arena.tail[0, 0, i]) for i in np.flatnonzero(arena.tail[0, 0])}


def bin_of(ratio: float) -> int:
    return int(np.flatnonzero(histogram(np.array([ratio])))[0])


def test_a_block_is_two_windows_and_gives_its_largest_ratio() -> None:
    arena = guard()
    for ratio in (0.3, 0.9, 0.2, 0.2, 0.1, 0.4, 0.2):
        observe(arena, 0, 0, ratio, 2 * WINDOW)
    assert recorded(arena) == {}
    observe(arena, 0, 0, 0.5, 2 * WINDOW)
    assert recorded(arena) == {bin_of(0.9): 1}
    assert (arena.blocks[0].tolist(), arena.judged[0].tolist()) == ([1, 0, 0], [8, 0, 0])


def test_a_window_is_silent_until_eight_blocks_are_over() -> None:
    arena = guard()
    blocks(arena, [0.5] * (FIRST_BLOCKS - 1))
    assert arena.factor[0, 0] == 0.0
    blocks(arena, [0.5])
    assert arena.factor[0, 0] >= 1.0
    assert arena.factor[0, 1] == 0.0


def test_the_factor_is_that_of_the_fit_over_all_that_was_judged() -> None:
    arena = guard()
    maxima = np.random.default_rng(1).uniform(0.3, 0.9, FIRST_BLOCKS)
    blocks(arena, maxima.tolist())
    expected = fit(histogram(maxima), FIRST_BLOCKS, 8.0, math.log(1e4))
    assert arena.factor[0, 0] == expected


def test_it_is_fitted_again_whenever_the_past_has_grown_by_a_third_and_not_between() -> None:
    arena = guard()
    dice = np.random.default_rng(1)
    changes, last = [], 0.0
    for number in range(1, 60):
        blocks(arena, [float(dice.uniform(0.3, 0.9))])
        if arena.factor[0, 0] != last:
            changes.append(number)
            last = float(arena.factor[0, 0])
    # 8 blocks are 64 points; then at 83.2, 114.4, 156, 208, 270.4, 353.6 points, each in the block that ends next.
    assert changes == [8, 11, 15, 20, 26, 34, 45, 59]


def test_an_open_episode_keeps_the_threshold_it_was_opened_with() -> None:
    arena = guard()
    blocks(arena, [0.5] * FIRST_BLOCKS)
    before = float(arena.factor[0, 0])
    arena.open[0] = True
    blocks(arena, [5.0] * 30)
    assert arena.factor[0, 0] == before
    arena.open[0] = False
    blocks(arena, [0.5])
    assert arena.factor[0, 0] > before


def fitted() -> Arena:
    arena = guard()
    blocks(arena, [0.6, 0.5, 0.7, 0.4] * 8)
    return arena


def test_a_maximum_above_the_factor_counts_for_what_it_is_up_to_half_as_much_again() -> None:
    arena = fitted()
    factor = float(arena.factor[0, 0])
    before = recorded(arena)
    arena.open[0] = True  # so that the factor stays
    blocks(arena, [1.2 * factor, 0.5, 50.0])
    assert recorded(arena) == before | {bin_of(1.2 * factor): 1, bin_of(0.5): before[bin_of(0.5)] + 1, bin_of(1.5 * factor): 1}


def test_of_blocks_in_a_row_above_the_factor_the_first_counts() -> None:
    arena = fitted()
    arena.open[0] = True
    before = int(arena.blocks[0, 0])
    blocks(arena, [50.0] * 10)
    assert arena.blocks[0, 0] == before + 1
    blocks(arena, [0.5] + [50.0] * 10)
    assert arena.blocks[0, 0] == before + 1 + 1 + 1


def test_an_alarm_moves_the_factor_at_once() -> None:
    arena = fitted()
    arena.next_fit[0] = 10**9
    factor = float(arena.factor[0, 0])
    blocks(arena, [2.0 * factor])
    assert arena.factor[0, 0] > factor


def test_what_was_reached_more_often_than_promised_lies_below_the_factor() -> None:
    """Nine of ten maxima at 0.5 and the rest at 3: a statistic of two values, which no smooth tail describes."""
    maxima = np.array([0.5] * 900 + [3.0] * 100)
    assert fit(histogram(maxima), 1_000, BLOCK, math.log(BLOCK * 100)) > 3.0  # reached 100 times where 10 were promised
    assert fit(histogram(maxima), 1_000, BLOCK, math.log(BLOCK * 2)) < 3.0


def test_a_full_bin_halves_the_maxima_and_what_they_stand_for() -> None:
    arena, at = allocate(settings(), 2), int(np.flatnonzero(histogram(np.array([0.5])))[0])
    arena.tail[1, 0, at], arena.tail[1, 0, 100] = 255, 1
    arena.blocks[1, 0], arena.judged[1, 0], arena.next_fit[1, 0] = 256, 2_560, 10**9
    for _ in range(10):
        observe(arena, 1, 0, 0.5, 10)
    assert arena.tail[1, 0, at] == 128
    assert arena.tail[1, 0, 100] == 1
    assert arena.blocks[1, 0] == 129
    assert arena.judged[1, 0] == pytest.approx(1_290, abs=10)
    assert arena.factor[1, 0] >= 1.0  # it was fitted at once
