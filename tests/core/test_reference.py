"""References that move: by hand, point for point."""

from dataclasses import replace

import numpy as np
import pytest

from streamkl.core.bank import Bank
from streamkl.core.masses import units as masses_of
from tests.small import DECAYED, EPISODES, FIXED, NEVER, TRAILING, feed, settings
from tests.zoo import MINUTE_US, START_US, every_minute

# Sixty values 0..5, ten of each: with six bins each is an atom. Bins: gap, 0, gap, 1, ..., 5, gap.
DIE = np.repeat(np.arange(6.0), 10)
START = [0.5, 10.0] * 6 + [0.5]
ATOM = {face: 2 * face + 1 for face in range(6)}


def learned(reference: object, **changes: object) -> tuple[Bank, int]:
    bank = Bank(settings(reference=reference, **changes), NEVER, 1)
    row = bank.birth()
    feed(bank, row, DIE, every_minute(60))
    assert units(bank, row) == START
    return bank, row


def units(bank: Bank, row: int) -> list[float]:
    return masses_of(bank.arena, bank.rules, row).tolist()


def throw(bank: Bank, row: int, faces: list[float], at: int) -> None:
    feed(bank, row, faces, every_minute(at + len(faces))[at:], at)


def test_a_fixed_reference_stays() -> None:
    bank, row = learned(FIXED)
    throw(bank, row, [5.0] * 300, 60)
    assert units(bank, row) == START


def test_a_trailing_reference_takes_a_point_when_it_lies_behind_the_gap() -> None:
    bank, row = learned(TRAILING)  # a gap of 20 points
    throw(bank, row, [5.0] * 20, 60)
    assert units(bank, row) == START
    throw(bank, row, [1.0], 80)  # pushes the first 5 behind the gap: in with it, out with the oldest 0
    assert units(bank, row) == [0.5, 9.0, *START[2:11], 11.0, 0.5]
    throw(bank, row, [1.0] * 20, 81)  # the other fives and the first new one in, all zeros and ones learned and the first two out
    assert units(bank, row) == [0.5, 0.5, 0.5, 1.0, 0.5, 9.0, 0.5, 10.0, 0.5, 10.0, 0.5, 30.0, 0.5]
    assert bank.arena.total[row] == sum(units(bank, row))


def test_a_trailing_reference_says_which_times_it_covers() -> None:
    bank, row = learned(TRAILING)
    assert (bank.arena.reference_from[row], bank.arena.reference_to[row]) == (START_US, START_US + 59 * MINUTE_US)
    throw(bank, row, [5.0] * 25, 60)
    assert (bank.arena.reference_from[row], bank.arena.reference_to[row]) == (START_US + 5 * MINUTE_US, START_US + 64 * MINUTE_US)


def test_values_never_seen_count_in_the_gap_they_fall_into() -> None:
    bank, row = learned(TRAILING)
    throw(bank, row, [2.5] * 23, 60)
    assert units(bank, row)[6] == 3.5
    assert sum(units(bank, row)) == sum(START)


def test_a_decayed_reference_halves_what_is_old_in_a_half_life() -> None:
    bank, row = learned(replace(DECAYED, half_life=100))
    throw(bank, row, [5.0] * 119, 60)  # 99 of them are handed over
    share = units(bank, row)[ATOM[0]] / float(bank.arena.total[row])
    faded, weights = 2.0**-0.99, sum(2.0 ** (-age / 100) for age in range(99))
    assert share == pytest.approx(10.0 * faded / (sum(START) * faded + weights), rel=1e-12)
    assert bank.arena.total[row] == pytest.approx(sum(units(bank, row)))


def test_what_has_faded_away_keeps_half_a_unit() -> None:
    bank, row = learned(replace(DECAYED, half_life=50))
    throw(bank, row, [5.0] * 3_000, 60)
    # After each half-life weights are scaled back, and nothing is left below half a unit then.
    scaled = np.array(units(bank, row)) / float(bank.arena.weight[row])
    assert scaled[[k for k in range(13) if k != ATOM[5]]].min() >= 0.25
    assert min(units(bank, row)) == 0.5
    # What comes in and what fades away balance: 1 / (1 - 2^(-1/50)) points.
    assert scaled[ATOM[5]] == pytest.approx(1 / (1 - 2 ** (-1 / 50)), rel=1e-3)


@pytest.mark.parametrize("reference", [TRAILING, DECAYED])
def test_what_came_while_an_episode_was_open_is_never_learned(reference: object) -> None:
    bank, row = learned(reference, episodes=replace(EPISODES, close_after=1_000, accept_after=10_000))
    throw(bank, row, [3.0] * 30, 60)
    bank.arena.open[row] = True
    bank._give_slot(row)  # as the bank does when an episode opens
    before = units(bank, row)
    throw(bank, row, [5.0] * 50, 90)
    assert units(bank, row) == before
    bank.arena.open[row] = False
    bank.arena.resume[row] = bank.arena.points[row]  # as it does when it closes
    throw(bank, row, [2.0] * 20, 140)
    assert units(bank, row) == before
    throw(bank, row, [2.0], 160)
    changed = [k for k, (a, b) in enumerate(zip(units(bank, row), before, strict=True)) if a > b]
    assert changed == [ATOM[2]]


def test_a_late_point_deeper_than_the_gap_goes_to_the_reference_at_once() -> None:
    bank, row = learned(replace(TRAILING, gap=12))
    throw(bank, row, [3.0] * 40, 60)
    before = units(bank, row)
    # The ring holds the newest 21 points; this one is older than 15 of them.
    feed(bank, row, [5.0], [int(bank.arena.newest[row]) - 15 * MINUTE_US + 1])
    after = units(bank, row)
    assert after[ATOM[5]] == before[ATOM[5]] + 1
    assert sum(after) == sum(before)
