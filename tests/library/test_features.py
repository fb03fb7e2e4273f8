"""Several features judged as one series: one batch or many, what is found, and who is named."""

from datetime import UTC, datetime

import numpy as np
import pytest

import streamkl
from streamkl.errors import InputError
from streamkl.model import Event

START = 1_700_000_000


def quiet(n: int, d: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def incident() -> np.ndarray:
    """Three features; one jumps out once, later two shift for a while, and a few values are missing."""
    values = quiet(1_500, 3, 1)
    values[1_100, 2] += 15.0
    values[1_300:1_340, :2] += 4.0
    values[700:720, 1] = np.nan
    values[800] = np.nan
    return values


def test_one_batch_says_the_same_as_row_by_row() -> None:
    values, times = incident(), START + 60 * np.arange(1_500)
    whole = streamkl.evaluate(values, times)
    detector = streamkl.Detector(features=3)
    events: list[Event] = []
    scores, ratios, judged = [], [], []
    for time, row in zip(times.tolist(), values, strict=True):
        events += detector.update(time, row)
        scores.append(detector.score)
        ratios.append(detector.ratio)
        judged.append(detector.judged)
    assert scores == whole.score.tolist()
    assert ratios == whole.ratio.tolist()
    assert judged == whole.judged.tolist()
    assert events == whole.events
    assert detector.ready
    assert not detector.open


@pytest.mark.parametrize("rows", [90, 600, 1_101, 1_310])
def test_no_row_is_judged_by_what_comes_after_it(rows: int) -> None:
    values = incident()
    assert np.array_equal(streamkl.score(values[:rows]), streamkl.score(values)[:rows])


def test_a_spike_is_one_episode_and_names_its_feature() -> None:
    result = streamkl.evaluate(incident()[:1_250])
    opened = [event for event in result.events if event.type == "opened"]
    assert [int(row) for row in np.flatnonzero(result.opened)] == [1_100]
    assert [feature.name for feature in opened[0].features] == ["value[2]"]
    assert opened[0].sentence.startswith("value[2]: ")
    assert opened[0].features[0].share > 0.9


def test_a_missing_value_silences_its_feature_and_no_other() -> None:
    result = streamkl.evaluate(incident())
    assert result.judged[700:720].all()
    assert not result.judged[800]
    assert result.score[800] == 0.0


@pytest.mark.native  # half a million points
def test_many_features_that_move_a_little_are_found_where_none_of_them_is_by_itself() -> None:
    """A third of 30 features is 4 standard deviations out at once: seldom in one of them, impossible in ten."""
    found_together = found_alone = 0
    for seed in range(4):
        values = quiet(3_000, 30, 100 + seed)
        values[2_900, :10] += 4.0
        result = streamkl.evaluate(values)
        found_together += bool((result.score[2_900:2_904] >= 1).any())
        found_alone += sum(bool((streamkl.score(values[:, k])[2_900:2_904] >= 1).any()) for k in range(2))
        if result.opened[2_900]:
            event = next(event for event in result.events if event.source.last_offset == 2_900)
            assert event.statistic_name == "surprisal of the newest points of all features"
            assert {feature.name for feature in event.features} <= {f"value[{k}]" for k in range(10)}
    assert found_together >= 3
    assert found_alone <= 1


def test_a_feature_that_comes_later_is_told_of_while_an_episode_is_open() -> None:
    values = quiet(2_000, 4, 5)
    values[1_500:, 0] += 8.0
    values[1_700, 3] += 40.0
    result = streamkl.evaluate(values)
    assert result.in_episode[1_690]
    assert result.score[1_700] >= 1
    assert next(event for event in result.events if event.source.last_offset == 1_700).features[0].name == "value[3]"


@pytest.mark.parametrize("value", [1.0, [1.0], [[1.0, 2.0]], "high", ["a", "b"], None])
def test_a_detector_of_two_features_refuses_what_is_not_two_numbers(value: object) -> None:
    with pytest.raises(InputError, match="value: must be 2 numbers"):
        streamkl.Detector(features=2).update(START, value)  # type: ignore[arg-type]


def test_a_detector_has_at_least_one_feature() -> None:
    with pytest.raises(InputError, match="features: must be 1 or more, got 0"):
        streamkl.Detector(features=0)


def test_times_may_be_dates() -> None:
    detector = streamkl.Detector(features=2)
    assert detector.update(datetime(2024, 1, 1, tzinfo=UTC), [1.0, 2.0]) == []
