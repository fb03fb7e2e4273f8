"""What is usual at each hour of the day: exact against its definition, quiet without a clock, and felt in the order of rows alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import streamkl
from streamkl.config.detector import DetectorConfig
from streamkl.core.arena import Arena
from streamkl.core.layout import allocate
from streamkl.library.settings import settings_of
from tests.kernels import departure, note

HOUR = 3_600_000_000
DAY = 24 * HOUR


def fed(times: NDArray[np.int64], values: NDArray[np.float64]) -> tuple[Arena, list[float]]:
    """The arena, and the departure after each point."""
    arena, said = allocate(settings_of(DetectorConfig(), 1), 2), []
    for time, value in zip(times.tolist(), values.tolist(), strict=True):
        note(arena, 0, time, value)
        arena.newest[0] = max(arena.newest[0], time) if arena.points[0] > 0 else time
        arena.points[0] += 1
        said.append(departure(arena, 0))
    return arena, said


def twin(times: NDArray[np.int64], values: NDArray[np.float64]) -> list[float]:
    """The same by definition: weighted means written out in full, no running sum."""
    means: dict[int, float] = {}
    newest, distances, said = 0.0, [], []
    for i, (time, value) in enumerate(zip(times.tolist(), values.tolist(), strict=True)):
        step = time - max(times[:i].tolist()) if i else 0
        if step > 0:
            hour = time // HOUR % 24
            if hour in means:
                newest = 0.7 * newest + 0.3 * (value - means[hour])
                distances.append(abs(newest))
                means[hour] += 0.2 * min(step, HOUR) / HOUR * (value - means[hour])
            else:
                means[hour] = value
        fading = 0.9999 ** np.arange(len(distances))[::-1]
        known = fading.sum() >= 400 and np.dot(fading, distances) > 0
        said.append(min(10.0, abs(newest) / (np.dot(fading, distances) / fading.sum())) if known else 0.0)
    return said


@pytest.mark.parametrize("step", [60, 300, 3600, 86_400 // 5, 86_400])
def test_departures_are_those_of_the_definition(step: int) -> None:
    dice = np.random.default_rng(step)
    times = np.cumsum(dice.integers(0, 2 * step, 1_200)) * 1_000_000
    values = 100.0 + 10.0 * np.sin(times / DAY * 2 * np.pi) + dice.normal(0.0, 1.0, 1_200)
    _, said = fed(times, values)
    np.testing.assert_allclose(said, twin(times, values), rtol=2e-3, atol=1e-6)
    assert max(said) > 1.0


def test_times_that_step_back_say_nothing_and_change_nothing() -> None:
    times = np.arange(1_000, dtype=np.int64) * 600_000_000
    arena, _ = fed(times, np.sin(np.arange(1_000.0)))
    before = [field.copy() for field in arena]
    note(arena, 0, int(times[-1]), 50.0)
    note(arena, 0, int(times[-5]), 50.0)
    for old, new in zip(before, arena, strict=True):
        np.testing.assert_array_equal(old, new)


def test_without_a_clock_nothing_is_known() -> None:
    _, said = fed(np.zeros(2_000, np.int64), np.random.default_rng(1).normal(0.0, 1.0, 2_000))
    assert said == [0.0] * 2_000


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_any_value_leaves_a_number_between_0_and_10(values: list[float]) -> None:
    _, said = fed(np.arange(500, dtype=np.int64) * DAY, np.resize(values, 500))
    assert all(0.0 <= nats <= 10.0 for nats in said)


def test_a_value_that_is_usual_by_day_ranks_higher_by_night() -> None:
    """The same height, reached slowly both times: at noon it is every day's, at midnight it is not. Nothing alarms of it."""
    minutes = np.arange(20 * 1_440)
    dice = np.random.default_rng(4)
    daily = 50.0 - 20.0 * np.cos(minutes / 1_440 * 2 * np.pi) + dice.normal(0.0, 1.0, len(minutes))
    night = slice(19 * 1_440 - 90, 19 * 1_440 + 90)
    daily[night] += 15.0 * np.sin(np.linspace(0.0, np.pi, 180))
    scores = streamkl.score(daily, minutes * 60)
    unknown = streamkl.score(daily)
    middle = slice(19 * 1_440 - 20, 19 * 1_440 + 20)
    quiet = slice(10 * 1_440, 19 * 1_440 - 120)
    assert np.median(scores[middle]) > np.quantile(scores[quiet], 0.99)
    assert np.median(unknown[middle]) < np.quantile(unknown[quiet], 0.99)
    assert (scores[night] < 1.0).all()


def test_a_constant_departs_from_nothing() -> None:
    _, said = fed(np.arange(2_000, dtype=np.int64) * 600_000_000, np.full(2_000, 7.0))
    assert said == [0.0] * 2_000


@pytest.mark.parametrize("scale", [1e300, 1e34, 1e-300])
def test_sums_of_values_beyond_four_bytes_stay_finite(scale: float) -> None:
    arena, said = fed(np.arange(60_000, dtype=np.int64) * 3_600_000_000, np.resize([scale, -scale, 0.0], 60_000))
    assert np.isfinite(said).all()
    assert np.isfinite(arena.departures[0]) and np.isfinite(arena.hourly[0]).all()
