"""Single points in a bank: what they are promised, when they speak, and what an alarm of theirs shows."""

import math
from dataclasses import replace

import numpy as np
import pytest

from streamkl.core.arena import calm_of
from streamkl.core.bank import Bank
from streamkl.core.dependence import is_independent
from streamkl.core.episode import OPENED, RECOVERED
from streamkl.core.explanation import Explanation
from streamkl.core.run_length import RUN_LENGTHS, Table, TableKey
from streamkl.core.surprise import limit_at
from streamkl.units import parse_budget
from tests.small import FIXED, NEVER, OF_POINTS, feed, settings

MINUTE_US = 60_000_000
LONG = replace(FIXED, size=300)


def noise(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(100.0, 1.0, n)


# -- parts of a budget ------------------------------------------------------------------


def test_where_points_depend_the_parts_are_one_budget() -> None:
    """Three windows have a quarter of it in all, single points three quarters; of two features each has half of that."""
    chosen = settings(point_share=0.75)
    assert (chosen.parts(False, False), chosen.point_parts(False)) == pytest.approx((12.0, 4.0 / 3.0))
    assert 3.0 / chosen.parts(False, False) + 1.0 / chosen.point_parts(False) == pytest.approx(1.0)
    assert settings(point_share=0.75, features=2).point_parts(False) == pytest.approx(8.0 / 3.0)


def test_where_they_do_not_windows_have_most_of_it() -> None:
    """Single points keep a fifth of their share, 0.15; windows share the rest, and of five of their alarms two coincide."""
    chosen = settings(point_share=0.75)
    assert chosen.point_parts(True) == pytest.approx(1 / 0.15)
    assert chosen.parts(True, False) == pytest.approx(3 * 0.6 / 0.85)


@pytest.mark.parametrize("independent", [True, False])
def test_the_drift_track_counts_as_one_more_window(independent: bool) -> None:
    chosen = settings(point_share=0.75, drift=True)
    assert chosen.parts(independent, True) == pytest.approx(4 / 3 * chosen.parts(independent, False))
    assert settings(drift=True).parts(independent, True) == 4.0


@pytest.mark.parametrize("changes", [{"point_share": 0.0}, {"point_share": 0.75, "categorical": True}])
@pytest.mark.parametrize("independent", [True, False])
def test_without_single_points_windows_have_equal_parts_of_all(changes: dict[str, object], independent: bool) -> None:
    assert settings(**changes).parts(independent, False) == 3.0
    assert not settings(**changes).pointwise


def walk(n: int, dice: np.random.Generator) -> np.ndarray:
    return np.cumsum(dice.normal(size=n))


@pytest.mark.parametrize("draw", ["normal", "exponential", "standard_cauchy", "random"])
def test_independent_draws_pass_for_independent(draw: str) -> None:
    found = [is_independent(getattr(np.random.default_rng(seed), draw)(size=500)) for seed in range(40)]
    assert sum(found) > 30


def test_what_depends_does_not() -> None:
    for seed in range(20):
        dice = np.random.default_rng(seed)
        values = dice.normal(size=500)
        assert not is_independent(walk(500, dice))
        assert not is_independent(values + np.arange(500) / 100)
        assert not is_independent(values * np.repeat([1.0, 5.0], 250))  # loud and quiet
        assert not is_independent(np.round(values))
        assert not is_independent(np.full(500, 3.0))


def test_values_of_any_size_can_be_told() -> None:
    values = np.random.default_rng(1).normal(size=500)
    for scale in (1e-300, 1.0, 2e307):
        assert is_independent(scale * values)
    assert not is_independent(np.zeros(500))


# -- a promise --------------------------------------------------------------------------


def test_a_warm_series_knows_its_interval_and_what_it_was_promised() -> None:
    """A point a minute and one alarm a day: single points have three quarters, so one in 1,920 points."""
    bank = Bank(settings(point_share=0.75, reference=LONG, budget=parse_budget("1 per day")), NEVER, 1)
    row, times = bank.birth(), MINUTE_US * np.arange(400)
    feed(bank, row, noise(99), times[:99])
    assert (bank.arena.interval[row], bank.arena.point_run[row]) == (0, 0.0)
    feed(bank, row, noise(1), times[99:100], 99)
    assert bank.arena.interval[row] == MINUTE_US
    assert math.exp(bank.arena.point_run[row]) == pytest.approx(1_440 / 0.75)
    feed(bank, row, noise(300, 2), times[100:], 100)
    expected = 1_440 / 0.15 if bank.arena.independent[row] else 1_440 / 0.75
    assert math.exp(bank.arena.point_run[row]) == pytest.approx(expected)


def test_a_short_reference_comes_first() -> None:
    """Sixty points are learned before a hundred have come: windows are judged, single points are still silent."""
    bank = Bank(settings(point_share=0.75), NEVER, 1)
    verdicts = feed(bank, bank.birth(), noise(110))
    assert (verdicts.window[65:100] < 3).all()
    assert bank.arena.calm_judged[0] == 10


def test_more_sharers_of_a_budget_raise_the_limit_at_once() -> None:
    bank = Bank(settings(point_share=0.75, budget=parse_budget("5 per day in all")), NEVER, 1)
    row = bank.birth()
    feed(bank, row, noise(300), MINUTE_US * np.arange(300))
    run, limit = float(bank.arena.point_run[row]), float(bank.arena.point_limit[row])
    bank.share(10)
    assert bank.arena.point_run[row] == pytest.approx(run + math.log(10.0))
    assert bank.arena.point_limit[row] > limit
    bank.share(1)
    assert bank.arena.point_run[row] == pytest.approx(run)
    assert bank.arena.point_limit[row] == pytest.approx(limit)


def test_no_table_of_single_points_is_asked_for_where_none_are_judged() -> None:
    asked: list[TableKey] = []

    def table(key: TableKey) -> Table:
        asked.append(key)
        return OF_POINTS if key == TableKey(1, 0, 0) else (1e9,) * len(RUN_LENGTHS)

    for changes, expected in (({"point_share": 0.5}, 1), ({"point_share": 0.0}, 0), ({"point_share": 0.5, "categorical": True}, 0)):
        asked.clear()
        bank = Bank(settings(**changes), table, 1)
        feed(bank, bank.birth(), np.arange(200) % 3)
        assert asked.count(TableKey(1, 0, 0)) == expected


# -- an alarm ---------------------------------------------------------------------------


def spiked(at: int, n: int, **changes: object) -> tuple[Bank, list[tuple[int, int]], list[Explanation]]:
    bank = Bank(settings(point_share=0.75, **changes), NEVER, 1)
    values = noise(n)
    values[at] = 150.0
    transitions = feed(bank, bank.birth(), values, MINUTE_US * np.arange(n)).transitions
    return bank, [(t.index, t.happened) for t in transitions], [t.explanation for t in transitions]


def test_an_alarm_of_a_judged_series_shows_tracks_and_limit() -> None:
    bank, story, shown = spiked(250, 300)
    assert [happened for _, happened in story] == [OPENED, RECOVERED]
    assert story[0][0] == 250
    opened = shown[0]
    assert opened.surprise is not None
    assert opened.surprise.values[-1] == 150.0
    assert opened.surprise.values[:-1].tolist() == noise(250)[-63:].tolist()
    assert opened.statistic_nats == pytest.approx(float((opened.surprise.nats**5).sum() ** 0.2))
    assert opened.surprise.track == int(np.argmax(opened.surprise.nats))
    assert opened.run_length == pytest.approx(1_000 / (0.15 if bank.arena.independent[0] else 0.75))
    line = np.interp(math.log(opened.run_length), np.log(RUN_LENGTHS), OF_POINTS)
    assert opened.table_threshold_nats == pytest.approx(line)
    assert opened.threshold_nats == pytest.approx(opened.factor * line)
    assert opened.judged == 250 - 99
    assert opened.blocks == (250 - 99) // 64
    assert opened.window_to_us == 250 * MINUTE_US
    assert opened.first_position == 250 - opened.window_points + 1
    assert len(opened.nats) > 0


def test_an_alarm_of_a_learning_series_shows_what_it_has_learned() -> None:
    _, story, shown = spiked(150, 200, reference=LONG)
    assert [happened for _, happened in story] == [OPENED, RECOVERED]
    opened = shown[0]
    assert (story[0][0], opened.reference_points, len(opened.nats)) == (150, 151, 0)
    assert (opened.reference_from_us, opened.reference_to_us) == (0, 150 * MINUTE_US)
    assert opened.interval_us == MINUTE_US
    learned = np.r_[noise(150), 150.0]
    assert opened.reference_quantiles[2] == np.quantile(learned, 0.5, method="inverted_cdf")


def test_limits_are_of_the_row_that_is_asked() -> None:
    bank = Bank(settings(point_share=0.75), NEVER, 2)
    calm, loud = bank.birth(), bank.birth()
    feed(bank, calm, noise(1_500))
    feed(bank, loud, np.random.default_rng(2).standard_cauchy(1_500))
    assert bank.arena.point_limit[loud] > bank.arena.point_limit[calm] > limit_at(calm_of(bank.arena, bank.rules), 3.0)


def test_more_features_of_one_verdict_raise_the_limit_at_once() -> None:
    bank = Bank(settings(point_share=0.75), NEVER, 1)
    row = bank.birth()
    feed(bank, row, noise(300))
    runs, limit = (float(bank.arena.log_run[row]), float(bank.arena.point_run[row])), float(bank.arena.point_limit[row])
    bank.divide(4)
    assert (bank.arena.log_run[row], bank.arena.point_run[row]) == pytest.approx([run + math.log(4.0) for run in runs])
    assert bank.arena.point_limit[row] > limit
    feed(bank, bank.birth(), noise(300))
    assert bank.arena.log_run[row + 1] == bank.arena.log_run[row]
