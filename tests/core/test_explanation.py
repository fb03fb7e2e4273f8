"""Why a window was judged as it was: additive nats, the same statistic as the running one, quantiles and places."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import rel_entr

from streamkl.core.arena import FEW_RECENT, RECENT
from streamkl.core.bank import Bank
from streamkl.core.explanation import explain
from streamkl.core.settings import Gates
from tests.kernels import statistic
from tests.small import BY_TIME, DECAYED, FIXED, LAGGED, NEVER, SEASONAL, TRAILING, feed, settings
from tests.zoo import MINUTE_US, START_US, every_minute, stream


@pytest.mark.parametrize(("reference", "first"), [(FIXED, 75), (TRAILING, 75), (DECAYED, 75), (SEASONAL, 75), (LAGGED, 175)])
@pytest.mark.parametrize("windows", [settings().windows, BY_TIME])
def test_nats_add_up_to_the_statistic_that_was_judged(windows: object, reference: object, first: int) -> None:
    bank = Bank(settings(windows=windows, reference=reference), NEVER, 1)
    row = bank.birth()
    values, times = stream("steps", 300)
    for piece in range(0, 300, 25):
        feed(bank, row, values[piece : piece + 25], times[piece : piece + 25], piece)
        if piece < first:
            continue
        for w in range(len(bank.settings.windows)):
            why = explain(bank.arena, bank.pool, bank.rules, row, w)
            assert why.window_points * why.statistic_nats == pytest.approx(statistic(bank.arena, bank.rules, row, w), abs=1e-11)
            assert why.statistic_nats == pytest.approx(math.fsum(why.nats.tolist()), abs=1e-15)
            assert why.nats == pytest.approx(rel_entr(why.window_share, why.reference_share))
            assert (why.window_share.sum(), why.reference_share.sum()) == (pytest.approx(1.0), pytest.approx(1.0))
            assert len(why.low) == len(why.high) == len(why.nats)
            assert (why.low[0], why.high[-1]) == (-math.inf, math.inf)
            assert why.low[1:].tolist() == why.high[:-1].tolist()


def test_it_names_the_points_and_times_of_window_and_reference() -> None:
    bank = Bank(settings(), NEVER, 1)
    row = bank.birth()
    feed(bank, row, stream("normal", 200).values, every_minute(200), 5_000)
    why = explain(bank.arena, bank.pool, bank.rules, row, 1)
    assert (why.window_points, why.first_position) == (10, 5_190)
    assert (why.window_from_us, why.window_to_us) == (START_US + 190 * MINUTE_US, START_US + 199 * MINUTE_US)
    assert (why.reference_points, why.reference_from_us, why.reference_to_us) == (60, START_US, START_US + 59 * MINUTE_US)
    assert why.interval_us == MINUTE_US
    assert why.run_length == pytest.approx(3_000.0)  # one in a thousand for the series, split among three windows
    assert why.table_threshold_nats == pytest.approx(1e9 / 10)
    assert why.threshold_nats == why.table_threshold_nats * why.factor
    assert why.blocks == bank.arena.blocks[row, 1] > 0


@pytest.mark.parametrize(("window", "held"), [(0, 4), (1, 10), (2, 20)])
def test_quantiles_are_those_of_the_windows_newest_points(window: int, held: int) -> None:
    bank = Bank(settings(gates=Gates(0.1, 0.0, 0)), NEVER, 1)
    row = bank.birth()
    values = stream("heavy_tail", 130).values
    feed(bank, row, values, every_minute(130))
    why = explain(bank.arena, bank.pool, bank.rules, row, window)
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    newest = sorted(values[-held:])
    assert why.window_quantiles.tolist() == [newest[math.ceil(q * held - 1e-9) - 1] for q in levels]
    learned = sorted(values[:60])
    assert why.reference_quantiles.tolist() == [learned[math.ceil(q * 60 - 1e-9) - 1] for q in levels]


@pytest.mark.parametrize(
    ("changes", "kept"),
    [({"point_share": 0.75}, RECENT), ({"gates": Gates(0.1, 0.0, 0)}, RECENT), ({}, FEW_RECENT), ({"drift": True}, FEW_RECENT)],
)
def test_quantiles_of_a_long_window_are_those_of_its_newest_points(changes: dict[str, Any], kept: int) -> None:
    bank = Bank(settings(windows=BY_TIME[1:], ring_points=200, **changes), NEVER, 1)
    row = bank.birth()
    feed(bank, row, stream("normal", 60).values, every_minute(60))
    values = np.arange(100.0)
    feed(bank, row, values, int(every_minute(61)[-1]) + np.arange(100))
    why = explain(bank.arena, bank.pool, bank.rules, row, 0)
    assert why.window_points == 100 + 19
    assert why.window_quantiles[2] == np.sort(values[-kept:])[kept // 2 - 1]


@pytest.mark.parametrize(
    ("written", "shown"),
    [("0.1", 0.1), ("-273.15", -273.15), ("1e-07", 1e-7), ("123456.7891", 123456.79), ("1700000000", 1.7e9), ("1e300", 3.4028235e38)],
)
def test_values_that_decide_nothing_are_shown_to_seven_digits(written: str, shown: float) -> None:
    bank = Bank(settings(), NEVER, 1)
    row = bank.birth()
    feed(bank, row, [float(written)] * 80, every_minute(80))
    why = explain(bank.arena, bank.pool, bank.rules, row, 0)
    assert set(why.window_quantiles.tolist()) == set(why.reference_quantiles.tolist()) == {shown}


def test_values_that_gates_ask_for_are_exact() -> None:
    bank = Bank(settings(gates=Gates(0.1, 0.0, 0)), NEVER, 1)
    row = bank.birth()
    feed(bank, row, [123456.7891] * 80, every_minute(80))
    assert explain(bank.arena, bank.pool, bank.rules, row, 0).window_quantiles.tolist() == [123456.7891] * 5


@pytest.mark.parametrize(("reference", "held"), [(FIXED, 60), (TRAILING, 60), (DECAYED, 60 + 80), (SEASONAL, 60 + 80)])
def test_a_reference_has_as_many_points_as_it_has_taken_in(reference: object, held: int) -> None:
    """A hundred points after it was learned: the newest 20 of them are the gap. A trailing one has let as many go."""
    bank = Bank(settings(reference=reference), NEVER, 1)
    row = bank.birth()
    feed(bank, row, stream("normal", 160).values, every_minute(160))
    assert explain(bank.arena, bank.pool, bank.rules, row, 0).reference_points == held


def test_a_given_reference_has_as_many_points_as_were_given() -> None:
    bank = Bank(settings(), NEVER, 1)
    row = bank.birth(stream("normal", 333).values)
    feed(bank, row, stream("normal", 30, seed=1).values)
    assert explain(bank.arena, bank.pool, bank.rules, row, 0).reference_points == 333


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_a_reference_is_worth_fewer_independent_points_the_more_its_points_depend(phi: float) -> None:
    """Of an autoregression, (1 - phi) / (1 + phi) of the points: the inverse of 1 + 2 (phi + phi^2 + ...)."""
    size = 20_000
    bank = Bank(settings(reference=replace(FIXED, size=size)), NEVER, 1)
    row = bank.birth()
    values = np.random.default_rng(5).normal(size=size + 30)
    for i in range(1, len(values)):
        values[i] += phi * values[i - 1]
    feed(bank, row, values, every_minute(len(values)))
    why = explain(bank.arena, bank.pool, bank.rules, row, 0)
    assert why.effective_points == pytest.approx(size * (1 - phi) / (1 + phi), rel=0.12)
    assert why.effective_points <= why.reference_points == size


@pytest.mark.parametrize(("window", "points"), [(0, 4), (1, 10), (2, 20)])
def test_it_counts_the_points_a_window_was_judged_on_from_when_it_was_first_full(window: int, points: int) -> None:
    bank = Bank(settings(), NEVER, 1)
    row = bank.birth()
    feed(bank, row, stream("normal", 100).values, every_minute(100))
    assert (
        explain(bank.arena, bank.pool, bank.rules, row, window).judged == (60 - points + 1) + 40
    )  # run through its own reference, then 40 more
