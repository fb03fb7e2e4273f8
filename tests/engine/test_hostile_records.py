"""Records built to cost much more than their bytes: time and memory stay in proportion to the record."""

import json
import tracemalloc

import pytest

from streamkl.engine.codec import Codec, Decoded
from streamkl.engine.jsontext import too_deep
from tests.engine.material import NOW_US, codec, message, rejections, rows

BIG = 500_000  # bytes, in records of about a megabyte
MANY = 2_000
MEGABYTE = 1_000_000
LONG_NAME = "the series name is longer than 512 bytes"

pytestmark = pytest.mark.timeout(60)  # compiling included


def decoded(reader: Codec, document: object) -> Decoded:
    """The result; what was needed for it must be less than 50 bytes for each byte of the record."""
    raw = json.dumps(document).encode()
    assert len(raw) < 2 * MEGABYTE
    tracemalloc.start()
    try:
        result = reader.decode([message(raw)])
        assert tracemalloc.get_traced_memory()[1] < 50 * len(raw) + MEGABYTE
    finally:
        tracemalloc.stop()
    return result


def test_a_long_tag_is_not_copied_for_each_field() -> None:
    reader = codec(series="{name},{tags.*},{field}", value="fields.*", max_points_per_record=MANY)
    record = {"name": "m", "tags": {"t": "x" * BIG}, "fields": {f"f{n}": n for n in range(MANY)}, "timestamp": 1_700_000_000}
    assert rejections(decoded(reader, record)) == [(0, "bad_series", f"point 1 of {MANY} ({MANY} bad): {LONG_NAME}")]


def test_a_long_name_of_the_record_is_not_copied_for_each_point() -> None:
    reader = codec(points="p", series="a{$.name}b", max_points_per_record=MANY)
    record = {"name": "x" * BIG, "p": [{"value": n} for n in range(MANY)]}
    assert rejections(decoded(reader, record)) == [(0, "bad_series", f"point 1 of {MANY} ({MANY} bad): {LONG_NAME}")]


def test_many_tags_of_the_record_are_not_sorted_for_each_point() -> None:
    reader = codec(points="p", series="{$.tags.*}", max_points_per_record=MANY)
    record = {"tags": {f"t{n}": "v" for n in range(30_000)}, "p": [{"value": n} for n in range(MANY)]}
    assert rejections(decoded(reader, record)) == [(0, "bad_series", f"point 1 of {MANY} ({MANY} bad): {LONG_NAME}")]


def test_a_fault_in_the_records_own_part_of_the_name_is_the_fault_of_each_point() -> None:
    reader = codec(points="p", series="{$.tags.*}")
    found = rejections(decoded(reader, {"tags": {"t": []}, "p": [{"value": 1}, {"value": 2}]}))
    assert found == [(0, "wrong_type", "point 1 of 2 (2 bad): `t` in `$.tags.*` is an array, which cannot be part of a series name")]


def test_a_long_time_of_the_record_is_not_read_for_each_point() -> None:
    reader = codec(points="p", timestamp="$.time", max_points_per_record=MANY)
    for time in (" " * BIG, "9" * BIG, "2023-11-14T22:13:20." + "0" * BIG):
        ((_, reason, _),) = rejections(decoded(reader, {"time": time, "p": [{"series": "a", "value": n} for n in range(MANY)]}))
        assert reason == "bad_timestamp"


@pytest.mark.native
def test_as_many_points_as_allowed_are_read_and_no_more_are_begun() -> None:
    reader = codec(max_points_per_record=MANY)
    point = {"series": "a", "timestamp": 1_700_000_000, "value": 1}
    assert rows(decoded(reader, [point] * MANY)) == [("a", NOW_US, 1.0, 0)] * MANY
    assert rejections(decoded(reader, [point] * (MANY + 1))) == [(0, "too_many_points", f"the record holds more than {MANY} points")]
    assert rejections(decoded(reader, [{}] * 300_000)) == [(0, "too_many_points", f"the record holds more than {MANY} points")]


@pytest.mark.parametrize(
    ("text", "deep"),
    [
        (b'"' + b'\\"' * BIG + b"[" * 1_000, False),
        (b'"' * (2 * BIG) + b"[" * 1_000, True),
        (b'\\"' * BIG + b"[" * 1_000, False),
        (b"[]" * BIG, False),
        (b"]" * BIG + b"[" * 1_000, False),
        (b'{"a":"\\\\"}' * 1_000 + b"[" * 257, True),
    ],
)
def test_depth_is_told_in_one_pass_over_any_quotes(text: bytes, deep: bool) -> None:
    assert too_deep(text) == deep
