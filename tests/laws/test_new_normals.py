"""What a reference learns and what it must not: constants are quiet, incidents are not learned, lasting changes are accepted once."""

from dataclasses import replace

import numpy as np
import pytest

import streamkl
from streamkl import DetectorConfig, ReferenceConfig
from streamkl.core.bank import Bank
from streamkl.core.episode import OPENED, RECOVERED
from streamkl.core.masses import units
from streamkl.units import parse_budget, parse_window
from tests.small import BY_COUNT, DECAYED, SEASONAL, TRAILING, feed, flat, settings
from tests.zoo import every_minute

KINDS = ("fixed", "trailing", "decayed", "seasonal")


def config(kind: str) -> DetectorConfig:
    """With a budget so small that no false alarm comes between."""
    return DetectorConfig(reference=ReferenceConfig(kind=kind), false_alarms=parse_budget("1 per 30000 points"))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0.0, -0.0, 42.0, 1e308, 5e-324, -7e-12])
def test_a_constant_series_never_alarms(kind: str, value: float) -> None:
    result = streamkl.evaluate(np.full(20_000, value), 60 * np.arange(20_000), config=config(kind))
    assert result.events == []
    assert result.judged[4_500:].all()
    assert result.ratio.max() < 0.3  # what a seasonal reference says of it moves as its hours fill


def test_a_constant_series_never_alarms_in_windows_by_time() -> None:
    by_time = DetectorConfig(windows=(parse_window("64 points"), parse_window("64m")), max_window_points=64)
    result = streamkl.evaluate(np.full(20_000, 3.0), 60 * np.arange(20_000), config=by_time)
    assert result.events == []


@pytest.mark.parametrize("reference", [TRAILING, DECAYED], ids=["trailing", "decayed"])
def test_a_reference_never_learns_an_open_episode(reference: object) -> None:
    judged_by = settings(reference=reference, windows=BY_COUNT[2:], episodes=replace(settings().episodes, accept_after=10**6))
    bank = Bank(judged_by, flat(6.0), 1)
    row = bank.birth()
    dice = np.random.default_rng(3)
    usual = dice.integers(0, 30, 1_600).astype(float)
    usual[700:800] += 1_000.0
    while_open, tails, happened = set(), [], {}
    for i, value in enumerate(usual):
        for transition in feed(bank, row, value, every_minute(1_600)[i], i).transitions:
            happened.setdefault(transition.happened, i)
        masses, total = units(bank.arena, bank.rules, row), float(bank.arena.total[row])
        if bank.arena.open[row] and 700 <= i < 820:
            while_open.add(masses.tobytes())
        if i >= 60:
            tails.append(masses[-1] / total)
    assert 700 < happened[OPENED] < 720
    assert happened[RECOVERED] >= 800
    assert len(while_open) == 1
    # The incident lies in the upper tail, where nothing else ever falls: its mass never rises above that of the learned reference.
    assert max(tails) <= tails[0] * (1 + 1e-12)


@pytest.mark.parametrize("reference", [TRAILING, DECAYED, SEASONAL], ids=["trailing", "decayed", "seasonal"])
def test_a_moving_reference_goes_on_after_an_episode(reference: object) -> None:
    judged_by = settings(reference=reference, windows=BY_COUNT[2:])
    bank = Bank(judged_by, flat(6.0), 1)
    row = bank.birth()
    dice = np.random.default_rng(3)
    values = np.r_[dice.normal(0, 1, 700), dice.normal(50, 1, 40), dice.normal(0, 1, 260)]
    images = []
    for piece in (slice(0, 710), slice(710, 760), slice(760, 1_000)):
        feed(bank, row, values[piece], every_minute(1_000)[piece])
        images.append((units(bank.arena, bank.rules, row).tobytes(), bank.arena.slot_count[row].tobytes()))
    assert not bank.arena.open[row]
    assert images[2] != images[1]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("before", [1_000, 6_000])
@pytest.mark.parametrize("kind", KINDS)
def test_a_lasting_shift_is_told_once_then_accepted_and_a_second_one_is_found(kind: str, before: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=before + 12_000)
    first, second = before, before + 8_000
    values[first:] += 8.0
    values[second:] += 8.0
    result = streamkl.evaluate(values, 60 * np.arange(len(values)), config=config(kind))
    story = [(event.type, event.reason, event.source.last_offset) for event in result.events if event.source.last_offset >= first]
    opened = [at for what, _, at in story if what == "opened"]
    closed = [(why, at) for what, why, at in story if what == "closed"]
    assert [why for why, _ in closed] == ["accepted_as_normal", "accepted_as_normal"]
    assert first <= opened[0] < first + 16
    assert second <= opened[1] < second + 16
    assert len(opened) == 2
    # Open for as long as is configured: 2000 judged points.
    assert [at - since for since, (_, at) in zip(opened, closed, strict=True)] == [2_000, 2_000]
    assert result.in_episode[opened[0] : closed[0][1]].all()
    assert not result.in_episode[closed[0][1] : opened[1]].any()


def test_what_was_accepted_is_what_is_normal_now() -> None:
    values = np.random.default_rng(1).normal(size=8_000)
    values[3_000:] += 8.0
    result = streamkl.evaluate(values)
    accepted = next(event for event in result.events if event.type == "closed")
    values[7_000:] -= 8.0  # back to where it once was: news now
    again = streamkl.evaluate(values)
    reopened = next(event for event in again.events if event.type == "opened" and event.source.last_offset >= 7_000)
    assert accepted.sentence.startswith("accepted as the new normal: ")
    assert reopened.reference_quantiles is not None
    assert reopened.reference_quantiles.p50 == pytest.approx(8.0, abs=0.2)
