"""Run-length tables against published figures, an exact count, and a slow simulation that shares nothing with them."""

import json
import math
from importlib.resources import files
from itertools import pairwise, product

import numpy as np
import pytest
from scipy.special import rel_entr

from streamkl.core.rules import make_rules
from streamkl.core.run_length import (
    RUN_LENGTHS,
    SEED,
    TableKey,
    _count_alarms,
    class_of,
    classes,
    keys,
    length_nodes,
    longest_run,
    simulate,
    thresholds,
    window_path,
)
from tests.kernels import limit_for
from tests.small import BY_COUNT, BY_TIME, settings

# Independent study, reference of 500 points, continuous data: thresholds of n KL (nats) at one false alarm in 1e3, 1e4 and 1e5 points.
PUBLISHED = {
    # (window, bins): (1e3, 1e4, 1e5)
    (16, 8): (12.10, 14.93, 17.69),
    (64, 8): (11.60, 15.86, 19.80),
    (256, 8): (11.07, 17.68, 23.61),
    (16, 16): (17.05, 19.80, 22.25),
    (64, 16): (19.25, 24.01, 28.01),
    (256, 16): (19.24, 27.29, 33.40),
    (16, 32): (23.63, 26.18, 28.64),
    (64, 32): (32.46, 37.77, 42.16),
    (256, 32): (34.71, 45.02, 52.50),
}
SHIPPED = json.loads(files("streamkl.adapters").joinpath("run_lengths.json").read_text())


def at(table: tuple[float, ...], run: float) -> float:
    return table[RUN_LENGTHS.index(run)]


@pytest.mark.parametrize(("window", "bins"), PUBLISHED)
def test_shipped_thresholds_are_those_of_an_independent_study(window: int, bins: int) -> None:
    shipped = tuple(SHIPPED["tables"][f"{window}-500-{bins}"])
    for run, published, tolerance in zip((1e3, 1e4, 1e5), PUBLISHED[window, bins], (0.4, 0.6, 1.5), strict=True):
        assert at(shipped, run) == pytest.approx(published, abs=tolerance)


@pytest.mark.native
@pytest.mark.parametrize("name", ["16-500-16", "64-500-4"])
def test_shipped_tables_come_from_this_simulation_to_the_last_digit(name: str) -> None:
    assert SHIPPED["seed"] == SEED
    assert simulate(TableKey(*map(int, name.split("-")))) == tuple(SHIPPED["tables"][name])


def test_shipped_tables_grow_with_the_run_length_and_the_bins() -> None:
    for window, bins in product((16, 64, 256), (1, 2, 4, 8, 16, 32)):
        table = SHIPPED["tables"][f"{window}-500-{bins}"]
        assert table == sorted(table)
        if bins > 2:
            fewer = SHIPPED["tables"][f"{window}-500-{bins // 2}"]
            assert all(a > b for a, b in zip(table, fewer, strict=True))


def test_a_simulation_is_the_same_every_time_and_another_for_another_seed() -> None:
    key = TableKey(4, 60, 2)
    assert simulate(key, 20_000) == simulate(key, 20_000)
    assert simulate(key, 20_000) != simulate(key, 20_000, seed=1)


# -- a slow simulation ------------------------------------------------------------------


def slow_alarms(bins: list[int], units: list[float], window: int, level: float) -> int:
    """False alarms at one level, statistic by statistic: armed again after a window's length and once below."""
    total, alarms, armed, ready = sum(units), 0, True, 0
    for i in range(window - 1, len(bins)):
        counts = [bins[i + 1 - window : i + 1].count(k) for k in range(len(units))]
        value = math.fsum(c * math.log(c * total / (window * u)) for c, u in zip(counts, units, strict=True) if c)
        if value >= level - 1e-9 and armed:
            alarms, armed, ready = alarms + 1, False, i + window
        elif value < level - 1e-9 and not armed and i >= ready:
            armed = True
    return alarms


@pytest.mark.parametrize("window", [2, 3, 8])
def test_alarms_are_counted_as_a_slow_count_does(window: int) -> None:
    dice = np.random.default_rng(window)
    units = np.array([1.0, 20.0, 19.0, 20.0, 1.0])
    bins = np.searchsorted(np.cumsum(units) / units.sum(), dice.random(2_500))
    levels = np.linspace(0.0, 20.0, 41)[1:]
    fast = _count_alarms(window_path(bins, units, window), levels, window)
    assert fast.tolist() == [slow_alarms(bins.tolist(), units.tolist(), window, float(level)) for level in levels]
    assert fast.max() > 100


def test_thresholds_are_the_lowest_levels_that_keep_the_run_length() -> None:
    levels = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    # 1e5 points scored; the first level is passed over: there the statistic is seldom below, so there are few alarms but endless ones.
    table = thresholds(levels, np.array([10, 5_000, 900, 90, 30]), 100_000)
    by_run = dict(zip(RUN_LENGTHS, table, strict=True))
    assert (by_run[30.0], by_run[100.0], by_run[300.0], by_run[1e3], by_run[3e3]) == (3.0, 3.0, 4.0, 4.0, 5.0)
    # Beyond 1e5 / 30 points: the line through the last level and the one e^2 or more before it.
    slope = (5.0 - 3.0) / math.log(900 / 30)
    assert by_run[1e5] == pytest.approx(5.0 + slope * math.log(1e5 / (1e5 / 30)), abs=1e-3)


def test_without_enough_alarms_there_is_one_level_for_all() -> None:
    assert set(thresholds(np.array([1.0, 2.0]), np.array([3, 1]), 1_000)) == {1.0}


def exact_run(window: int, size: int, level: float) -> float:
    """Points per point at or above a level, exactly: two bins and two tails, masses Dirichlet, so a window's counts are a Polya draw."""
    cut = 1 + round((size - 1) / 2)
    units = [1, cut - 1, size - cut, 1]
    total = sum(units)
    share = 0.0
    for counts in product(range(window + 1), repeat=4):
        if sum(counts) != window:
            continue
        value = math.fsum(c * math.log(c * total / (window * u)) for c, u in zip(counts, units, strict=True) if c)
        if value >= level - 1e-9:
            ways = math.lgamma(window + 1) - math.fsum(math.lgamma(c + 1) for c in counts)
            urn = math.fsum(math.lgamma(u + c) - math.lgamma(u) for u, c in zip(units, counts, strict=True))
            share += math.exp(ways + urn - math.lgamma(total + window) + math.lgamma(total))
    return 1.0 / share if share > 0.0 else math.inf


@pytest.mark.native
@pytest.mark.parametrize("window", [2, 3, 4])
def test_a_tiny_table_is_that_of_an_exact_count(window: int) -> None:
    """One alarm is at least one point at or above the level and, where these are rare, at most a window of them."""
    size = 60
    table = simulate(TableKey(window, size, 2), points=2_000_000)
    step = (4.0 * 4 + 60.0 + 4.0 * window) / 800  # of the levels tried: four bins, a window shorter than 16
    reached = 0
    for run, level in zip(RUN_LENGTHS, table, strict=True):
        if 300 <= run <= 1e4 and exact_run(window, size, level - step) < math.inf:
            assert exact_run(window, size, level - 2 * step) <= 1.15 * run
            assert window * exact_run(window, size, level) >= run / 1.15
            reached += 1
    assert reached >= window - 1  # longer runs than a window can keep are beyond its highest statistic


@pytest.mark.native
def test_a_long_slow_simulation_finds_the_promised_run_length() -> None:
    window, size, bins = 4, 40, 2
    key = TableKey(window, size, bins)
    table = simulate(key, points=1_000_000)
    dice = np.random.default_rng(77)
    cut = 1 + round((size - 1) / 2)
    units = [1.0, cut - 1.0, float(size - cut), 1.0]
    level = at(table, 100.0)
    alarms = points = 0
    for _ in range(300):
        ordered = np.sort(dice.random(size))
        stream = dice.random(200)
        codes = np.searchsorted([ordered[0], ordered[cut - 1], ordered[-1]], stream, side="right")
        alarms += slow_alarms(codes.tolist(), units, window, level)
        points += len(stream) - window + 1
    assert 0.8 * 100 <= points / alarms <= 3 * 100  # at least as promised; a lattice of few values may keep more


# -- between the tables ------------------------------------------------------------------


def test_a_window_by_time_has_tables_on_a_grid_of_lengths() -> None:
    assert length_nodes(settings()) == [[4], [10], [20]]
    assert length_nodes(settings(windows=BY_TIME, ring_points=256)) == [[16, 32, 64, 128, 256]] * 2
    assert length_nodes(settings(windows=BY_TIME[:1], ring_points=16)) == [[16]]


def test_series_use_the_next_table_with_at_least_their_bins() -> None:
    made = settings(bins=16)
    assert classes(made) == (1, 2, 4, 8, 16, 32)
    assert [classes(made)[class_of(made, occupied)] for occupied in (1, 2, 3, 9, 16, 17, 33)] == [1, 2, 4, 16, 16, 32, 32]
    assert keys(made, 4) == [[TableKey(4, 60, 16)], [TableKey(10, 60, 16)], [TableKey(20, 60, 16)]]
    assert classes(settings(bins=2)) == (1, 2, 4)


LINE = tuple(2.0 * math.log(run) for run in RUN_LENGTHS)


@pytest.mark.parametrize("log_run", [1.0, math.log(30), 5.0, math.log(1e4), 12.0, 20.0])
def test_between_run_lengths_and_beyond_a_limit_is_a_line_in_the_logarithm(log_run: float) -> None:
    rules = make_rules(settings())
    rules.limits[0, 0, 0] = LINE
    assert limit_for(rules, 0, 0, 4, log_run) == pytest.approx(2.0 * log_run)


@pytest.mark.parametrize(
    ("points", "expected"), [(8, 10.0), (16, 10.0), (32, 12.0), (64, 14.0), (48, 12.0 + 2 * math.log2(1.5)), (500, 14.0)]
)
def test_between_lengths_a_limit_is_a_line_in_the_logarithm(points: int, expected: float) -> None:
    rules = make_rules(settings(windows=BY_TIME[:1], ring_points=64))
    for node, level in enumerate((10.0, 12.0, 14.0)):
        rules.limits[0, 0, node] = level
    assert limit_for(rules, 0, 0, points, 7.0) == pytest.approx(expected)


def test_a_limit_is_never_nothing() -> None:
    rules = make_rules(settings(windows=(*BY_COUNT[:1], BY_TIME[0])))
    rules.limits[:] = 0.0
    assert [limit_for(rules, 0, w, 16, 7.0) for w in (0, 1)] == [1e-3, 1e-3]


# -- what can be promised -----------------------------------------------------------------


def test_a_window_of_one_point_can_promise_half_a_reference() -> None:
    """Two values only: in a tail (one point in (size + 1) / 2) or not."""
    assert longest_run(TableKey(1, 499, 16)) == pytest.approx(250.0)
    dice = np.random.default_rng(5)
    references = np.sort(dice.random((40_000, 49)), axis=1)
    points = dice.random(40_000)
    outside = np.mean((points < references[:, 0]) | (points >= references[:, -1]))
    assert longest_run(TableKey(1, 49, 2)) == pytest.approx(1 / outside, rel=0.06)


def test_longer_windows_and_references_can_promise_more_up_to_a_limit() -> None:
    runs = [longest_run(TableKey(window, 500, 16)) for window in (1, 2, 4, 16, 64, 10_000)]
    assert all(a < b for a, b in pairwise(runs[:-1]))
    assert math.isfinite(runs[-1])
    assert longest_run(TableKey(2, 1_000, 16)) > longest_run(TableKey(2, 500, 16))


# -- this very reference ------------------------------------------------------------------


def kept_by(level: float, key: TableKey, run: float, references: int, points: int) -> float:
    """Share of fresh references whose own stream raises at most one alarm in `run` points; every window counted anew, no shared code."""
    dice = np.random.default_rng(4)
    ranks = [1 + round(j * (key.reference - 1) / key.bins) for j in range(key.bins + 1)]
    units = np.array([1, *np.diff(ranks), 1])
    kept = 0
    for _ in range(references):
        learned = np.sort(dice.random(key.reference))
        codes = np.searchsorted(learned[np.array(ranks) - 1], dice.random(points), side="right")
        seen = np.zeros((points + 1, len(units)))
        seen[1:] = np.cumsum(codes[:, None] == np.arange(len(units)), axis=0)
        counts = seen[key.window :] - seen[: -key.window]
        value = rel_entr(counts / key.window, units / units.sum()).sum(axis=1) * key.window
        above, below = np.flatnonzero(value >= level), np.flatnonzero(value < level)
        alarms, at = 0, 0
        while (i := int(np.searchsorted(above, at))) < len(above):
            alarms += 1
            quiet = int(np.searchsorted(below, above[i] + key.window))
            at = int(below[quiet]) if quiet < len(below) else points
        kept += alarms * run <= len(value)
    return kept / references


@pytest.mark.native
def test_a_certainty_is_the_share_of_references_that_keep_the_promise_each_by_itself() -> None:
    """Each is watched for 200 times the run length, so that chance moves its count by 7 %; pooled, a good part of them raise too many."""
    run, plain = 100.0, TableKey(16, 60, 4)
    sure = simulate(plain._replace(certainty=0.9), points=6_000_000)
    assert 0.84 <= kept_by(at(sure, run), plain, run, 250, 20_000) <= 0.95
    assert kept_by(at(simulate(plain, points=2_000_000), run), plain, run, 250, 20_000) <= 0.8


@pytest.mark.native
def test_more_certainty_asks_for_higher_thresholds_never_below_the_pooled_ones() -> None:
    key = TableKey(8, 60, 2)
    tables = [simulate(key._replace(certainty=certainty), points=800_000) for certainty in (0.5, 0.8, 0.95)]
    pooled = simulate(key, points=800_000)
    for lower, higher in pairwise([pooled, *tables]):
        assert all(a <= b for a, b in zip(lower, higher, strict=True))
    assert tables[0] != tables[2]
    assert all(table == tuple(sorted(table)) for table in tables)


def test_the_tables_of_settings_that_ask_for_a_certainty_are_their_own() -> None:
    sure = keys(settings(certainty=0.95), 0)
    assert sure == [[TableKey(4, 60, 1, 0.95)], [TableKey(10, 60, 1, 0.95)], [TableKey(20, 60, 1, 0.95)]]
    assert [key._replace(certainty=0.0) for (key,) in sure] == [key for (key,) in keys(settings(), 0)]
