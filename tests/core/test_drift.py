"""The drift track against its formulas written a second time, against what is known of sums of likelihood ratios, and its events."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate

import streamkl
from streamkl import DetectorConfig
from streamkl.core.bank import Bank
from streamkl.core.drift import HIGHEST, LOG_PSI, MOST_TURN, TILT
from streamkl.core.edges import edges_of
from streamkl.core.masses import units as masses_of
from streamkl.core.run_length import DRIFT, REARM, RUN_LENGTHS, TableKey, _drift_path, simulate
from tests.small import DECAYED, FIXED, SEASONAL, TRAILING, feed, flat, settings
from tests.zoo import every_minute

WINDOWS = 3
LIMIT = 30.0  # nats, of every test


def bank_of(**changes: object) -> tuple[Bank, int]:
    bank = Bank(settings(drift=True, **changes), flat(LIMIT), 1)
    return bank, bank.birth()


def test_one_point_multiplies_a_density_that_still_sums_to_one() -> None:
    """exp(TILT r) / psi over ranks r that are uniform with variance 1."""
    width = math.sqrt(3.0)
    total, _ = integrate.quad(lambda r: math.exp(TILT * r - LOG_PSI) / (2.0 * width), -width, width)
    assert total == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("reference", [FIXED, TRAILING, DECAYED], ids=["fixed", "trailing", "decayed"])
def test_the_sums_are_those_of_the_formula(reference: object) -> None:
    bank, row = bank_of(reference=reference)
    dice = np.random.default_rng(4)
    values = np.r_[dice.normal(size=200), dice.normal(0.4, 1.0, 200)]
    feed(bank, row, values[:60], every_minute(400)[:60])
    a = bank.arena
    up, down, seen = a.drift[row, 0], a.drift[row, 1], 0.0
    for i in range(60, 400):
        highest = LIMIT * (HIGHEST * float(a.factor[row, WINDOWS]) if a.factor[row, WINDOWS] > 0 else 1.5)
        feed(bank, row, values[i], every_minute(400)[i], i)
        units = masses_of(a, bank.rules, row)  # as they are when the point has come: a moving reference has moved
        code = int(np.searchsorted(edges_of(a, row), values[i], side="right"))
        rank = math.sqrt(3.0) * ((units[:code].sum() + units[: code + 1].sum()) / units.sum() - 1.0)
        up = min(max(up + TILT * rank - LOG_PSI, 0.0), highest)
        down = min(max(down - TILT * rank - LOG_PSI, 0.0), highest)
        assert a.drift[row].tolist() == pytest.approx([up, down], abs=1e-12)
        seen = max(seen, up)
    assert seen > 5.0


def test_seasonal_ranks_are_those_of_the_hour() -> None:
    """Nights lie at 0 and days at 100: each is in the middle of its own hour's reference, so nothing climbs."""
    bank, row = bank_of(reference=replace(SEASONAL, size=300, shrinkage=0.01))
    dice = np.random.default_rng(4)
    times = np.arange(3_000) * 600_000_000
    day = (times // 43_200_000_000) % 2
    values = 100.0 * day + dice.normal(size=3_000)
    feed(bank, row, values[:300], times[:300])
    assert not bank.arena.drifts[row]  # days are dependence; to see the ranks it is judged all the same
    bank.arena.drifts[row] = True
    highest = 0.0
    for at in range(300, 3_000, 9):
        feed(bank, row, values[at : at + 9], times[at : at + 9], at)
        highest = max(highest, float(bank.arena.drift[row].max()))
    assert 0.5 < highest < 12.0  # half a day on one side of the pooled reference would be 72 points of .38 nats


def test_the_sum_says_when_the_shift_began() -> None:
    bank, row = bank_of(budget_without_clock=streamkl.DetectorConfig().false_alarms_without_clock)
    dice = np.random.default_rng(2)
    feed(bank, row, dice.normal(size=400))
    feed(bank, row, dice.normal(1.5, 1.0, 20), first=400)
    assert 18 <= bank.arena.drift_points[row, 0] <= 26
    assert bank.arena.drift[row, 1] == 0.0


def test_where_points_depend_strongly_it_is_not_judged() -> None:
    dice = np.random.default_rng(3)
    for phi, judged in ((0.0, True), (0.95, False)):
        noise = dice.normal(size=900)
        for i in range(1, 900):
            noise[i] += phi * noise[i - 1]
        bank, row = bank_of(reference=replace(FIXED, size=400))
        feed(bank, row, noise)
        assert bool(bank.arena.drifts[row]) is judged
        assert (bank.arena.judged[row, WINDOWS] > 0) == judged
        assert (bank.arena.effective[row] * MOST_TURN >= 400) == judged


def slow_alarms(path: np.ndarray, level: float) -> int:
    alarms, armed, ready = 0, True, 0
    for i, value in enumerate(path):
        if value >= level and armed:
            alarms, armed, ready = alarms + 1, False, i + REARM
        elif value < level and not armed and i >= ready:
            armed = True
    return alarms


def test_a_table_keeps_its_run_length_on_other_draws() -> None:
    """With ranks that are exact the sums are those of independent uniform ranks; a reference of 500 points costs a little more."""
    table = dict(zip(RUN_LENGTHS, simulate(TableKey(DRIFT, 500, 16), points=2_000_000), strict=True))
    dice = np.random.default_rng(9)
    units = np.r_[1.0, np.diff(1 + np.round(np.arange(17) * 499 / 16)), 1.0]
    alarms = 0
    for _ in range(40):
        masses = np.cumsum(dice.standard_gamma(units))
        bins = np.searchsorted(masses[:-1] / masses[-1], dice.random(10_000), side="right").astype(np.int64)
        alarms += slow_alarms(_drift_path(bins, units), table[1e3])
    assert alarms / (400_000 / 1e3) == pytest.approx(1.0, abs=0.25)


@pytest.mark.native
def test_a_small_shift_is_told_of_by_the_drift_track_and_explained() -> None:
    dice = np.random.default_rng(11)
    values = np.r_[dice.normal(200.0, 10.0, 6_000), dice.normal(206.0, 10.0, 400)]
    result = streamkl.evaluate(values)
    opened = next(event for event in result.events if event.type == "opened" and event.source.last_offset >= 6_000)
    assert (opened.window_name, opened.statistic_name) == ("drift", "log likelihood ratio of a shift")
    assert opened.source.last_offset < 6_120
    assert abs(opened.source.first_offset - 6_000) < 40  # where the sum left 0
    assert opened.statistic_nats == pytest.approx(opened.score * opened.threshold_nats)
    assert sum(each.window_share for each in opened.top_bins) <= 1.0 + 1e-9
    without = streamkl.evaluate(values, config=DetectorConfig(drift=False))
    later = next(event.source.last_offset for event in without.events if event.type == "opened" and event.source.last_offset >= 6_000)
    assert later > opened.source.last_offset


def test_after_an_episode_both_sums_begin_anew() -> None:
    bank, row = bank_of()
    dice = np.random.default_rng(5)
    values = np.r_[dice.normal(size=700), dice.normal(9.0, 1.0, 40), dice.normal(size=100)]
    seen = []
    for i, value in enumerate(values.tolist()):
        was_open = bool(bank.arena.open[row])
        feed(bank, row, value, first=i)
        if was_open and not bank.arena.open[row]:
            seen.append(bank.arena.drift[row].tolist())
    assert seen
    assert all(sums == [0.0, 0.0] for sums in seen)


def test_what_was_independent_and_is_not_any_more_leaves_no_score_of_the_track() -> None:
    """A shift, accepted as a new normal that wanders: the track is not judged then, and its last score must not keep episodes open."""
    bank, row = bank_of()
    dice = np.random.default_rng(6)
    walk = 30.0 + np.cumsum(dice.normal(size=600)) / 10.0
    feed(bank, row, dice.normal(size=700))
    assert bank.arena.drifts[row]
    at = 700
    while bank.arena.drifts[row] and at < 1_300:
        feed(bank, row, walk[at - 700], first=at)
        at += 1
    assert not bank.arena.drifts[row]
    assert bank.arena.ratio[row, WINDOWS] == 0.0
