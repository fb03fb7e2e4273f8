"""Gates for users of the library."""

import numpy as np
import pytest

import streamkl
from streamkl import DetectorConfig, EpisodeConfig, GatesConfig, InputError


def slower() -> tuple[np.ndarray, np.ndarray]:
    """A response time around 100, higher by 6 for its last hundred points; a point a minute."""
    values = np.random.default_rng(3).normal(100.0, 2.0, 1_600)
    values[1_500:] += 6.0
    return values, 60 * np.arange(1_600)


def opened(**tables: object) -> list[int]:
    values, seconds = slower()
    return np.flatnonzero(streamkl.evaluate(values, seconds, config=DetectorConfig(**tables)).opened).tolist()  # type: ignore[arg-type]


def test_an_episode_opens_for_the_effect_and_the_direction_asked_for() -> None:
    plain = opened()
    assert 1_500 < plain[0] < 1_520
    assert opened(gates=GatesConfig(min_effect=5.0, direction="up"))[:1] == plain[:1]
    assert opened(gates=GatesConfig(min_relative_effect=0.5)) == []
    assert opened(gates=GatesConfig(direction="down")) == []


def test_a_least_duration_delays_the_opening_by_itself() -> None:
    plain = opened()
    assert opened(episodes=EpisodeConfig(min_duration="10m"))[0] == plain[0] + 10  # type: ignore[arg-type]


def test_a_least_duration_needs_timestamps() -> None:
    config = DetectorConfig(episodes=EpisodeConfig(min_duration="5m"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"timestamps: episodes\.min_duration needs them"):
        streamkl.score(np.zeros(10), config=config)
