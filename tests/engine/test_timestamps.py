"""Timestamps in every unit and spelling, each against an instant worked out by hand."""

from typing import get_args

import numpy as np
import pytest

from streamkl.engine.timestamps import AUTO_BOUNDS, NO_TIME, TimeUnit, check_bounds, to_microseconds
from tests.engine.material import HOUR_US, NOW_MS, NOW_US, YEAR_2000_US, codec, message, rejections, rows

LARGEST = 2**63 - 1

READABLE: list[tuple[object, TimeUnit, int]] = [
    (1_700_000_000, "auto", NOW_US),
    (1_700_000_000_123, "auto", NOW_US + 123_000),
    (1_700_000_000_123_456, "auto", NOW_US + 123_456),
    (1_700_000_000_123_456_789, "auto", NOW_US + 123_456),
    (1_700_000_000.5, "auto", NOW_US + 500_000),
    (1_517_512_718.495, "auto", 1_517_512_718_495_000),
    (1_700_000_000_123.25, "auto", NOW_US + 123_250),
    (1_700_000_000_123_456.0, "auto", NOW_US + 123_456),
    (1.7e18, "auto", NOW_US),
    ("1700000000", "auto", NOW_US),
    (" +1700000000.5 ", "auto", NOW_US + 500_000),
    ("1544712660300000000", "auto", 1_544_712_660_300_000),
    ("1.7e12", "auto", NOW_US),
    ("2023-11-14T22:13:20Z", "auto", NOW_US),
    ("2023-11-14t22:13:20z", "auto", NOW_US),
    ("2023-11-14T22:13:20", "auto", NOW_US),
    ("2023-11-14 22:13:20.123456", "auto", NOW_US + 123_456),
    ("2023-11-14T22:13:20.123456789Z", "auto", NOW_US + 123_456),
    ("2023-11-14T22:13:20,5Z", "auto", NOW_US + 500_000),
    ("2023-11-15T00:13:20+02:00", "auto", NOW_US),
    ("2023-11-14T16:43:20-0530", "auto", NOW_US),
    ("2023-11-14", "auto", NOW_US - 80_000 * 1_000_000),
    ("2023-11-14T22:13:20Z", "iso8601", NOW_US),
    (0, "auto", 0),
    (-1, "auto", -1_000_000),
    (99_999_999_999, "auto", 99_999_999_999_000_000),
    (100_000_000_000, "auto", 100_000_000_000_000),
    (99_999_999_999_999, "auto", 99_999_999_999_999_000),
    (100_000_000_000_000, "auto", 100_000_000_000_000),
    (99_999_999_999_999_999, "auto", 99_999_999_999_999_999),
    (100_000_000_000_000_000, "auto", 100_000_000_000_000),
    (99_999_999_999.0, "auto", 99_999_999_999_000_000),
    (100_000_000_000.0, "auto", 100_000_000_000_000),
    (-1_700_000_000_000, "auto", -NOW_US),
    (5, "s", 5_000_000),
    (5, "ms", 5_000),
    (5, "us", 5),
    (5_999, "ns", 5),
    (-1, "ns", -1),
    (2.5, "s", 2_500_000),
    (2.5, "ms", 2_500),
    (2.6, "us", 3),
    (2_600.0, "ns", 3),
    ("7", "ms", 7_000),
]
UNREADABLE: list[tuple[object, TimeUnit, str]] = [
    ("", "auto", "bad_timestamp"),
    ("now", "auto", "bad_timestamp"),
    ("12:00", "auto", "bad_timestamp"),
    ("1_700_000_000", "auto", "bad_timestamp"),
    ("nan", "auto", "bad_timestamp"),
    ("inf", "auto", "bad_timestamp"),
    ("0x6553f100", "auto", "bad_timestamp"),
    ("2023-02-29", "auto", "bad_timestamp"),
    ("2023-11-14T22:13:60Z", "auto", "bad_timestamp"),
    ("2023-11-14T22:13:20Z" + " " * 100, "auto", "bad_timestamp"),
    (float("nan"), "auto", "bad_timestamp"),
    ("2023-11-14T22:13:20Z", "ms", "bad_timestamp"),
    (1_700_000_000, "iso8601", "bad_timestamp"),
    (1.7e9, "iso8601", "bad_timestamp"),
    ("1700000000", "iso8601", "bad_timestamp"),
    (True, "auto", "wrong_type"),
    (True, "iso8601", "wrong_type"),
    ([1], "auto", "wrong_type"),
    ({}, "s", "wrong_type"),
]


def column(*raw: object, unit: TimeUnit = "auto") -> tuple[list[int], dict[int, str]]:
    moments, faults = to_microseconds(list(raw), unit, np.full(len(raw), -77, np.int64))
    assert moments.dtype == np.int64
    return moments.tolist(), {index: fault.reason.value for index, fault in faults.items()}


@pytest.mark.parametrize(("raw", "unit", "expected"), READABLE)
def test_a_readable_timestamp_is_the_same_instant_alone_and_in_a_mixed_column(raw: object, unit: TimeUnit, expected: int) -> None:
    assert column(raw, unit=unit) == ([expected], {})
    moments, faults = column(None, raw, raw, True, unit=unit)
    assert moments[:3] == [-77, expected, expected]
    assert faults == {3: "wrong_type"}


@pytest.mark.parametrize(("raw", "unit", "reason"), UNREADABLE)
def test_an_unreadable_timestamp_is_a_fault_alone_and_in_a_mixed_column(raw: object, unit: TimeUnit, reason: str) -> None:
    assert column(raw, unit=unit)[1] == {0: reason}
    assert column(None, raw, "x", unit=unit)[1] == {1: reason, 2: "bad_timestamp"}


def test_units_are_told_apart_one_by_one_within_a_column() -> None:
    assert column(1_700_000_000, 1_700_000_000_000, 1_700_000_000_000_000, 1_700_000_000_000_000_000) == ([NOW_US] * 4, {})
    assert column(1.7e9, 1.7e12, 1.7e15, 1.7e18) == ([NOW_US] * 4, {})


@pytest.mark.parametrize("unit", [unit for unit in get_args(TimeUnit) if unit != "iso8601"])
@pytest.mark.parametrize("raw", [LARGEST, 2**63, 10**400, 1e300, float("inf"), "9" * 30, "1e308"])
def test_times_beyond_the_calendar_stay_beyond_it_and_on_their_side(unit: TimeUnit, raw: int | float | str) -> None:
    negative = f"-{raw}" if isinstance(raw, str) else -raw
    (high, low), faults = column(raw, negative, unit=unit)
    assert faults == {}
    assert high > 4_102_444_800_000_000
    assert low < 0


def test_the_bounds_of_auto_are_the_documented_instants() -> None:
    assert AUTO_BOUNDS == (100_000_000_000, 100_000_000_000_000, 100_000_000_000_000_000)
    assert column(AUTO_BOUNDS[0])[0] == [100_000_000_000_000]  # 1973-03-03T09:46:40Z


def bounds(moment_us: int, record_ms: int, *, raw: object = "x", ahead_us: int = HOUR_US) -> list[str]:
    faults = check_bounds(np.array([moment_us]), np.array([record_ms]), [raw], YEAR_2000_US, ahead_us)
    return [fault.reason.value for fault in faults.values()]


def test_a_timestamp_may_be_as_old_as_the_earliest_and_not_a_microsecond_older() -> None:
    assert bounds(YEAR_2000_US, NOW_MS) == []
    assert bounds(YEAR_2000_US - 1, NOW_MS) == ["timestamp_too_old"]


def test_a_timestamp_may_be_as_far_ahead_as_allowed_and_not_a_microsecond_further() -> None:
    assert bounds(NOW_US + HOUR_US, NOW_MS) == []
    assert bounds(NOW_US + HOUR_US + 1, NOW_MS) == ["timestamp_in_future"]
    assert bounds(NOW_US, NOW_MS, ahead_us=0) == []
    assert bounds(NOW_US + 1, NOW_MS, ahead_us=0) == ["timestamp_in_future"]


@pytest.mark.parametrize("record_ms", [-1, -(2**63), 4_102_444_800_000, LARGEST])
def test_without_a_believable_record_time_the_year_2100_is_the_bound(record_ms: int) -> None:
    assert bounds(4_102_444_800_000_000, record_ms) == []
    assert bounds(4_102_444_800_000_001, record_ms) == ["timestamp_in_future"]


def test_a_lead_of_centuries_is_cut_at_the_year_2100() -> None:
    assert bounds(4_102_444_800_000_000, NOW_MS, ahead_us=10**18) == []
    assert bounds(4_102_444_800_000_001, NOW_MS, ahead_us=10**18) == ["timestamp_in_future"]


def test_a_point_without_any_time_misses_a_field() -> None:
    assert bounds(NO_TIME, -1, raw=None) == ["missing_field"]
    decoded = codec().decode([message(b'{"series":"a","value":1}', timestamp_ms=-1)])
    assert rows(decoded) == []
    assert rejections(decoded) == [(0, "missing_field", "the timestamp is absent or null, and the record has no Kafka timestamp")]


def test_an_empty_path_takes_the_kafka_timestamp_and_judges_it_too() -> None:
    reader = codec(timestamp="")
    raw = b'{"series":"a","timestamp":"ignored","value":1}'
    decoded = reader.decode([message(raw, 0), message(raw, 1, timestamp_ms=0), message(raw, 2, timestamp_ms=LARGEST)])
    assert rows(decoded) == [("a", NOW_US, 1.0, 0)]
    assert rejections(decoded) == [
        (1, "timestamp_too_old", "the Kafka timestamp 0 ms lies before 2000-01-01T00:00:00Z"),
        (
            2,
            "timestamp_in_future",
            f"the Kafka timestamp {LARGEST} ms lies after 2100-01-01T00:00:00Z, the latest that this record may carry",
        ),
    ]


def test_details_say_what_was_written_and_what_is_allowed() -> None:
    raw = [f'{{"series":"a","value":1,"timestamp":{when}}}'.encode() for when in ("1", '"2033-01-01"', '"soon"', "true")]
    decoded = codec().decode([message(value, offset) for offset, value in enumerate(raw)])
    assert rejections(decoded) == [
        (0, "timestamp_too_old", "the timestamp 1 lies before 2000-01-01T00:00:00Z"),
        (1, "timestamp_in_future", 'the timestamp "2033-01-01" lies after 2023-11-14T23:13:20Z, the latest that this record may carry'),
        (2, "bad_timestamp", 'the timestamp "soon" is not a number or an ISO 8601 time'),
        (3, "wrong_type", "the timestamp is true"),
    ]
