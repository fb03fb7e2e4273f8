"""The front door: what `score`, `evaluate` and `Detector` accept, refuse and promise beside the arithmetic."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

import streamkl
from streamkl import DetectorConfig, InputError, ReferenceConfig
from streamkl.units import parse_window

NOW = 1_700_000_000


def shifted(n: int = 1_500, incident: int = 60, seed: int = 4) -> np.ndarray:
    values = np.random.default_rng(seed).normal(100.0, 5.0, n + incident)
    values[n:] += 40.0
    return values


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["a"], "must be numbers"),
        ([[1.0], [2.0, 3.0]], "must be numbers"),
        (np.zeros((2, 2, 2)), r"must have the shape \(n,\) or \(n, d\), got \(2, 2, 2\)"),
        (np.zeros((3, 0)), "must have the shape"),
        (1.0, "must have the shape"),
    ],
)
def test_values_that_are_no_columns_are_refused(values: ArrayLike, words: str) -> None:
    with pytest.raises(InputError, match=f"values: {words}"):
        streamkl.score(values)


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([1], r"must have the shape \(2,\) of the values' rows, got \(1,\)"),
        (["a", "b"], "must be seconds as integers or finite numbers"),
        ([0.0, np.nan], "must be seconds as integers or finite numbers"),
        ([0, 1_700_000_000_000], "must be seconds; divide milliseconds by 1000"),
        ([0, 1.7e18], "must be seconds; divide milliseconds by 1000"),
        ([-(2**63), 0], "must be seconds; divide milliseconds by 1000"),
        (np.array(["2020-01-01", "NaT"], "datetime64[s]"), "must not be NaT"),
        (np.array(["2020-01-01", "9000-01-01"], "datetime64[s]"), "must not be NaT, nor lie beyond the years 1 to 3938"),
    ],
)
def test_timestamps_that_are_no_seconds_are_refused(times: ArrayLike, words: str) -> None:
    with pytest.raises(InputError, match=f"timestamps: {words}"):
        streamkl.score([1.0, 2.0], times)


@pytest.mark.parametrize("shape", [(0,), (0, 3)])
def test_nothing_gives_nothing(shape: tuple[int, ...]) -> None:
    assert streamkl.score(np.zeros(shape)).shape == (0,)


@pytest.mark.parametrize("start", [-62_000_000_000, 0, 61_000_000_000])
def test_events_name_every_time_that_is_accepted(start: int) -> None:
    values = shifted()
    result = streamkl.evaluate(values, start + 60 * np.arange(len(values)))
    detected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=start + 60 * int(np.flatnonzero(result.opened)[0]))
    assert result.events[0].detected_at == detected.isoformat().replace("+00:00", "Z")


def test_times_may_be_whole_seconds_fractions_or_dates() -> None:
    values = shifted()
    seconds = NOW + 60 * np.arange(len(values))
    expected = streamkl.evaluate(values, seconds)
    for same in (seconds.astype(float), seconds.astype("datetime64[s]"), (seconds * 1_000).astype("datetime64[ms]")):
        found = streamkl.evaluate(values, same)
        assert found.score.tobytes() == expected.score.tobytes()
        assert found.events == expected.events


def test_a_detector_gives_what_evaluate_gives() -> None:
    values = shifted()
    values[[100, 700]] = np.nan
    result = streamkl.evaluate(values, NOW + 60 * np.arange(len(values)))
    detector = streamkl.Detector()
    scores, events, judged, inside = [], [], [], []
    for i, value in enumerate(values):
        events += detector.update(NOW + 60 * i, value)
        scores.append(detector.score)
        judged.append(detector.judged)
        inside.append(detector.open)
    assert scores == result.score.tolist()
    assert events == result.events
    assert judged == result.judged.tolist()
    assert inside == result.in_episode.tolist()
    assert detector.ready
    assert detector.ratio == result.ratio[-1]


def test_a_detector_without_times_writes_none() -> None:
    detector = streamkl.Detector(name="load")
    events = [event for value in shifted() for event in detector.update(None, value)]
    assert events[0].series == "load"
    assert events[0].started_at is events[0].detected_at is events[0].window.start is events[0].reference.end is None
    assert events[0].calibration.interval_seconds is None
    assert events[0].calibration.budget == "1 per 10000 points"


def test_a_detector_takes_dates_with_and_without_a_zone() -> None:
    results = []
    for zone in (UTC, None):
        detector = streamkl.Detector()
        start = datetime(2024, 1, 1, tzinfo=zone)
        results.append([e for i, value in enumerate(shifted()) for e in detector.update(start + timedelta(minutes=i), float(value))])
    assert results[0] == results[1]
    assert results[0][0].detected_at is not None
    assert results[0][0].detected_at.startswith("2024-01-02T01:")


@pytest.mark.parametrize("timestamp", [float("nan"), float("inf"), 1e15, "now"])
def test_a_detector_refuses_times_that_are_none(timestamp: object) -> None:
    with pytest.raises(InputError, match="timestamp: must be seconds since 1970, a datetime or None, got"):
        streamkl.Detector().update(timestamp, 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["high", None, [1.0, 2.0], 10**400, 10**5_000], ids=["text", "none", "two", "long", "longer"])
def test_a_detector_refuses_values_that_are_no_numbers(value: object) -> None:
    with pytest.raises(InputError, match="value: must be a number, got"):
        streamkl.Detector().update(0, value)  # type: ignore[arg-type]


def test_a_number_that_no_float_holds_is_none() -> None:
    with pytest.raises(InputError, match=r"value: must be 2 numbers, got \[0\.0, 10{73}…$"):
        streamkl.Detector(features=2).update(0, [0.0, 10**400])


def test_a_late_point_is_said_to_be_late() -> None:
    detector = streamkl.Detector()
    detector.update(NOW, 1.0)
    detector.update(NOW - 7_200, 1.0)
    assert (detector.late, detector.judged, detector.open, detector.ready) == (True, False, False, False)
    result = streamkl.evaluate([1.0, 1.0, 1.0], [NOW, NOW - 7_200, NOW])
    assert result.late.tolist() == [False, True, False]


def test_windows_by_time_need_timestamps() -> None:
    config = DetectorConfig(windows=(parse_window("5m"),))
    with pytest.raises(InputError, match=r"timestamps: .* needs them"):
        streamkl.score([1.0], config=config)


@pytest.mark.parametrize("call", [streamkl.score, streamkl.evaluate, streamkl.Detector])
def test_a_reference_from_a_file_is_refused_with_what_to_do_instead(call: Any) -> None:
    config = DetectorConfig(reference=ReferenceConfig(kind="file", path=Path("normal.csv")))
    given = {} if call is streamkl.Detector else {"values": [1.0]}
    with pytest.raises(InputError, match=r'config: reference.kind = "file" is read by .* only; put the values of the file before yours'):
        call(**given, config=config)


def test_an_event_of_several_features_names_the_one_that_drove_it() -> None:
    quiet = np.random.default_rng(8).normal(0.0, 1.0, 1_560)
    result = streamkl.evaluate(np.column_stack([quiet, shifted()]))
    assert {event.series for event in result.events} == {"value"}
    assert result.events[0].features[0].name == "value[1]"
    assert result.score[result.opened].min() >= 1.0
    assert 1_500 <= np.flatnonzero(result.opened)[0] < 1_520
    assert result.in_episode[np.flatnonzero(result.opened)[0]]
