"""Named, seeded streams: every shape of series that the arithmetic has to survive, each the same on every run."""

import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Dice = np.random.Generator

START_US = 1_700_000_000_000_000  # 2023-11-14T22:13:20Z
MINUTE_US = 60_000_000


class Stream(NamedTuple):
    """Points in the order in which they arrive; times in microseconds."""

    values: Floats
    times: Longs


def every_minute(n: int) -> Longs:
    return START_US + MINUTE_US * np.arange(n, dtype=np.int64)


def _in_order(values: Callable[[Dice, int], Floats]) -> Callable[[Dice, int], Stream]:
    return lambda dice, n: Stream(values(dice, n), every_minute(n))


def _at(times: Callable[[Dice, int], Longs]) -> Callable[[Dice, int], Stream]:
    return lambda dice, n: Stream(dice.normal(100.0, 5.0, n), times(dice, n))


def _steps(dice: Dice, n: int) -> Floats:
    return dice.normal(0.0, 1.0, n) + 5.0 * (np.arange(n) // max(1, n // 5) % 2)


def _moved_for_good(dice: Dice, n: int) -> Floats:
    return dice.normal(0.0, 1.0, n) + 50.0 * (np.arange(n) >= n // 2)


def _autocorrelated(dice: Dice, n: int) -> Floats:
    noise, out = dice.normal(0.0, 1.0, n), np.zeros(n)
    for i in range(1, n):
        out[i] = 0.9 * out[i - 1] + noise[i]
    return out


def _mostly_zero(dice: Dice, n: int) -> Floats:
    return np.where(dice.random(n) < 0.95, 0.0, dice.exponential(1.0, n))


def _seasonal(dice: Dice, n: int) -> Floats:
    return 10.0 * np.sin(2 * np.pi * np.arange(n) / 1440) + dice.normal(0.0, 1.0, n)


def _with_holes(dice: Dice, n: int) -> Floats:
    values = dice.normal(0.0, 1.0, n)
    for hole in (np.nan, np.inf, -np.inf):
        values[dice.random(n) < 0.05] = hole
    return values


def _huge(dice: Dice, n: int) -> Floats:
    return dice.choice([-1.0, 1.0], n) * 10.0 ** dice.uniform(300.0, 308.2, n)


def _denormal(dice: Dice, n: int) -> Floats:
    return dice.integers(-40, 41, n) * 5e-324


def _late(dice: Dice, n: int) -> Longs:
    """One point in ten is up to two hours old: some within an hour's grace, some not."""
    return every_minute(n) - np.where(dice.random(n) < 0.1, dice.integers(0, 7_200_000_000, n), 0)


def _out_of_order(dice: Dice, n: int) -> Longs:
    """Every point is up to eight minutes old."""
    return every_minute(n) - dice.integers(0, 8 * MINUTE_US, n)


def _duplicates(dice: Dice, n: int) -> Longs:
    """Four points share every time, and the fours come in pairs swapped now and then."""
    return START_US + MINUTE_US * ((np.arange(n, dtype=np.int64) + dice.integers(0, 6, n)) // 4)


def _clock_steps_back(dice: Dice, n: int) -> Longs:
    """At two thirds of the stream the clock is set back by a day, for good."""
    return every_minute(n) - np.where(np.arange(n) >= 2 * n // 3, 86_400_000_000, 0)


def _gaps(dice: Dice, n: int) -> Longs:
    """Now and then nothing comes for six hours."""
    return every_minute(n) + np.cumsum(np.where(dice.random(n) < 0.02, 21_600_000_000, 0))


ZOO: dict[str, Callable[[Dice, int], Stream]] = {
    "constant": _in_order(lambda _, n: np.full(n, 42.0)),
    "normal": _in_order(lambda dice, n: dice.normal(0.0, 1.0, n)),
    "steps": _in_order(_steps),
    "moved_for_good": _in_order(_moved_for_good),
    "ramp": _in_order(lambda dice, n: np.arange(n) * 0.1 + dice.normal(0.0, 1.0, n)),
    "heavy_tail": _in_order(lambda dice, n: dice.standard_cauchy(n)),
    "autocorrelated": _in_order(_autocorrelated),
    "integers": _in_order(lambda dice, n: dice.integers(0, 1_000, n).astype(np.float64)),
    "poisson": _in_order(lambda dice, n: dice.poisson(3.0, n).astype(np.float64)),
    "mostly_zero": _in_order(_mostly_zero),
    "seasonal": _in_order(_seasonal),
    "two_atoms": _in_order(lambda dice, n: np.where(dice.random(n) < 0.3, 500.0, 200.0)),
    "new_value": _in_order(lambda dice, n: np.where(dice.random(n) < 0.5 * (np.arange(n) > n // 2), 404.0, 200.0)),
    "signed_zeros": _in_order(lambda dice, n: dice.choice([0.0, -0.0, 1.0], n)),
    "neighbouring_floats": _in_order(lambda dice, n: 1.0 + dice.integers(0, 3, n) * 2.0**-52),
    "holes": _in_order(_with_holes),
    "denormal": _in_order(_denormal),
    "huge": _in_order(_huge),
    "late": _at(_late),
    "out_of_order": _at(_out_of_order),
    "duplicate_times": _at(_duplicates),
    "no_clock": _at(lambda _, n: np.zeros(n, np.int64)),
    "clock_steps_back": _at(_clock_steps_back),
    "gaps": _at(_gaps),
    "before_1970": _at(lambda _, n: every_minute(n) - 2 * START_US),
}


def stream(name: str, n: int, seed: int = 0) -> Stream:
    """The named stream's first points: the same for the same name, length and seed."""
    return ZOO[name](np.random.default_rng((zlib.crc32(name.encode()), seed)), n)
