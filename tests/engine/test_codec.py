"""The default input contract: what each kind of record becomes, alone, inside a batch, and on the general path."""

import json
from collections.abc import Callable

import pytest

from streamkl.engine import layouts
from streamkl.engine.codec import Codec
from tests.engine.material import NOW_US, Row, codec, mapped_codec, message, rejections, rows

S = 1_000_000
GOOD = b'{"series":"good","timestamp":1700000000,"value":0.5}'


def record(value: str, timestamp: str = "1700000000", series: str = '"a"') -> bytes:
    return f'{{"series":{series},"timestamp":{timestamp},"value":{value}}}'.encode()


ACCEPTED: dict[str, tuple[bytes, list[tuple[str, int, float | str]]]] = {
    "an integer": (record("42"), [("a", NOW_US, 42.0)]),
    "a float": (record("-1.5e-3"), [("a", NOW_US, -0.0015)]),
    "true is one": (record("true"), [("a", NOW_US, 1.0)]),
    "false is zero": (record("false"), [("a", NOW_US, 0.0)]),
    "a numeric string": (record('"0.31"'), [("a", NOW_US, 0.31)]),
    "a numeric string with an exponent": (record('"1e3"'), [("a", NOW_US, 1000.0)]),
    "a numeric string with spaces around it": (record('" +.5 "'), [("a", NOW_US, 0.5)]),
    "text": (record('"degraded"'), [("a", NOW_US, "degraded")]),
    "text that only resembles a number": (record('"1_000"'), [("a", NOW_US, "1_000")]),
    "text of other digits": (record('"١٢"'), [("a", NOW_US, "١٢")]),
    "an escaped text": (record(r'"caf\u00e9"'), [("a", NOW_US, "café")]),
    "the largest double": (record("1.7976931348623157e308"), [("a", NOW_US, 1.7976931348623157e308)]),
    "the smallest double": (record("5e-324"), [("a", NOW_US, 5e-324)]),
    "an underflow": (record("1e-999"), [("a", NOW_US, 0.0)]),
    "an integer beyond 64 bits": (record("18446744073709551616"), [("a", NOW_US, 18446744073709551616.0)]),
    "an integer of 300 digits": (record("1" + "0" * 299), [("a", NOW_US, 1e299)]),
    "extra members": (b'{"x":{"y":[1,"}"]},"series":"a","z":null,"timestamp":1700000000,"value":1}', [("a", NOW_US, 1.0)]),
    "an extra member that is no double": (b'{"series":"a","timestamp":1700000000,"value":1,"x":1e999}', [("a", NOW_US, 1.0)]),
    "braces in the name": (record("1", series=r'"up{job=\"x\"}"'), [('up{job="x"}', NOW_US, 1.0)]),
    "a number as name": (record("1", series="17"), [("17", NOW_US, 1.0)]),
    "a name in another script": (record("1", series='"温度"'), [("温度", NOW_US, 1.0)]),
    "white space and a line end": (b' {"series" : "a",\r\n"timestamp":\t1700000000, "value":1 } \n', [("a", NOW_US, 1.0)]),
    "a byte order mark": (b"\xef\xbb\xbf" + record("1"), [("a", NOW_US, 1.0)]),
    "duplicate keys, the last counts": (
        b'{"series":"x","series":"a","timestamp":5,"value":"no","timestamp":1700000000,"value":1}',
        [("a", NOW_US, 1.0)],
    ),
    "duplicate keys of another type": (b'{"series":[],"series":"a","timestamp":1700000000,"value":{},"value":1}', [("a", NOW_US, 1.0)]),
    "no timestamp: the Kafka timestamp": (b'{"series":"a","value":1}', [("a", NOW_US, 1.0)]),
    "a null timestamp: the Kafka timestamp": (record("1", "null"), [("a", NOW_US, 1.0)]),
    "an array of points": (
        b"[" + record("1") + b"," + record("2", "1700000001", '"b"') + b"]",
        [("a", NOW_US, 1.0), ("b", NOW_US + S, 2.0)],
    ),
    "an array of one point": (b"[" + record("1") + b"]", [("a", NOW_US, 1.0)]),
    "an array with a categorical point": (b"[" + record("1") + b"," + record('"up"') + b"]", [("a", NOW_US, 1.0), ("a", NOW_US, "up")]),
    "256 levels of an unused member": (
        b'{"series":"a","timestamp":1700000000,"value":1,"x":' + b"[" * 255 + b"]" * 255 + b"}",
        [("a", NOW_US, 1.0)],
    ),
    "many brackets inside a string": (
        b'{"series":"a","timestamp":1700000000,"value":1,"x":"' + b"[" * 500 + b'\\"[{"}',
        [("a", NOW_US, 1.0)],
    ),
}

REJECTED: dict[str, tuple[bytes | None, str]] = {
    "a null value (tombstone)": (None, "empty"),
    "no bytes": (b"", "empty"),
    "only white space": (b"  \n", "invalid_json"),
    "no JSON": (b"cpu,host=a usage=1 1700000000", "invalid_json"),
    "a truncated record": (GOOD[:-1], "invalid_json"),
    "two documents with a comma": (GOOD + b"," + GOOD, "invalid_json"),
    "two documents without one": (GOOD + GOOD, "invalid_json"),
    "two documents on two lines": (GOOD + b"\n" + GOOD, "invalid_json"),
    "the end of an array": (GOOD + b"]", "invalid_json"),
    "a record that closes an array and opens the next": (GOOD + b"],[" + GOOD, "invalid_json"),
    "bare numbers with a comma": (b"1,2", "invalid_json"),
    "a trailing NUL": (GOOD + b"\x00", "invalid_json"),
    "single quotes": (b"{'series':'a'}", "invalid_json"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "invalid_json"),
    "bytes that are not UTF-8": (record("1", series='"?"').replace(b"?", b"\xff\xfe"), "invalid_json"),
    "a surrogate in UTF-8": (record("1", series='"?"').replace(b"?", b"\xed\xa0\x80"), "invalid_json"),
    "an unused member that is not UTF-8": (b'{"series":"a","value":1,"x":"\xff"}', "invalid_json"),
    "an unused key that is not UTF-8": (b'{"series":"a","value":1,"\xff":1}', "invalid_json"),
    "a raw NUL in the name": (record("1", series='"a\x00b"'), "invalid_json"),
    "257 levels": (b"[" * 257 + b"]" * 257, "invalid_json"),
    "257 levels below an unused member": (b'{"series":"a","value":1,"x":' + b"[" * 256 + b"]" * 256 + b"}", "invalid_json"),
    "100,000 levels": (b"[" * 100_000 + b"]" * 100_000, "invalid_json"),
    "100,000 levels of objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "invalid_json"),
    "100,000 open brackets": (b'{"series":"a","value":1,"x":' + b"[" * 100_000, "invalid_json"),
    "a number": (b"5", "wrong_type"),
    "a text": (b'"up"', "wrong_type"),
    "null": (b"null", "wrong_type"),
    "an empty object": (b"{}", "missing_field"),
    "an empty array": (b"[]", "missing_field"),
    "an array of numbers": (b"[1,2]", "wrong_type"),
    "an array of arrays": (b"[[1,2]]", "missing_field"),
    "no value": (b'{"series":"a","timestamp":1700000000}', "missing_field"),
    "a null in place of the value": (record("null"), "missing_field"),
    "empty text": (record('""'), "missing_field"),
    "blank text": (record('" \\t"'), "missing_field"),
    "an object as value": (record('{"mean":1}'), "wrong_type"),
    "an array as value": (record("[1]"), "wrong_type"),
    "NaN": (record("NaN"), "not_finite"),
    "Infinity": (record("Infinity"), "not_finite"),
    "-Infinity": (record("-Infinity"), "not_finite"),
    "1e999": (record("1e999"), "not_finite"),
    "-1e999": (record("-1e999"), "not_finite"),
    "an integer of 400 digits": (record("9" * 400), "not_finite"),
    "an integer of 5000 digits": (record("9" * 5000), "not_finite"),
    "a staleness marker": (record('"NaN"'), "not_finite"),
    "an infinite string": (record('"+Inf"'), "not_finite"),
    "a string beyond a double": (record('"1e999"'), "not_finite"),
    "text of 257 bytes": (record('"' + "x" * 257 + '"'), "not_a_number"),
    "text of 129 characters and 258 bytes": (record('"' + "é" * 129 + '"'), "not_a_number"),
    "text with a control character": (record(r'"a\u0007b"'), "not_a_number"),
    "text with half a surrogate pair": (record(r'"a\ud800b"'), "not_a_number"),
    "a million digits in a string": (record('"' + "9" * 1_000_000 + '"'), "not_a_number"),
    "no name": (b'{"timestamp":1700000000,"value":1}', "missing_field"),
    "a null name": (record("1", series="null"), "missing_field"),
    "an empty name": (record("1", series='""'), "bad_series"),
    "an object as name": (record("1", series="{}"), "wrong_type"),
    "a name with NUL": (record("1", series=r'"a\u0000b"'), "bad_series"),
    "a name with a line end": (record("1", series=r'"a\nb"'), "bad_series"),
    "a name with DEL": (record("1", series='"a\x7fb"'), "bad_series"),
    "a name with a C1 control": (record("1", series=r'"a\u009bb"'), "bad_series"),
    "a name with half a surrogate pair": (record("1", series=r'"a\udfffb"'), "bad_series"),
    "a name of 64 kB": (record("1", series='"' + "x" * 65_536 + '"'), "bad_series"),
    "a name of 513 bytes": (record("1", series='"' + "x" * 511 + 'é"'), "bad_series"),
    "the timestamp 0": (record("1", "0"), "timestamp_too_old"),
    "a negative timestamp": (record("1", "-1700000000"), "timestamp_too_old"),
    "1970 in milliseconds": (record("1", '"1970-01-02T00:00:00Z"'), "timestamp_too_old"),
    "2100": (record("1", "4102444800"), "timestamp_in_future"),
    "ten years ahead": (record("1", '"2033-11-14T22:13:20Z"'), "timestamp_in_future"),
    "a timestamp of 5000 digits": (record("1", "9" * 5000), "timestamp_in_future"),
    "a timestamp of 1e300": (record("1", "1e300"), "timestamp_in_future"),
    "a negative timestamp of 1e300": (record("1", "-1e300"), "timestamp_too_old"),
    "an infinite timestamp": (record("1", "1e999"), "timestamp_in_future"),
    "a NaN timestamp": (record("1", "NaN"), "bad_timestamp"),
    "an unreadable timestamp": (record("1", '"yesterday"'), "bad_timestamp"),
    "an empty timestamp": (record("1", '""'), "bad_timestamp"),
    "a leap second": (record("1", '"2016-12-31T23:59:60Z"'), "bad_timestamp"),
    "a month 13": (record("1", '"2023-13-01T00:00:00Z"'), "bad_timestamp"),
    "true as timestamp": (record("1", "true"), "wrong_type"),
    "an object as timestamp": (record("1", "{}"), "wrong_type"),
    "101 points": (b"[" + b",".join([GOOD] * 101) + b"]", "too_many_points"),
    "101 points, one of them bad": (b"[" + b",".join([GOOD] * 100 + [b"5"]) + b"]", "too_many_points"),
}

PATHS: dict[str, Callable[[], Codec]] = {"flat": codec, "mapped": mapped_codec}


@pytest.fixture(params=list(PATHS))
def reader(request: pytest.FixtureRequest) -> Codec:
    return PATHS[request.param]()


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_record_becomes_its_points_alone_and_inside_a_batch(reader: Codec, name: str) -> None:
    raw, expected = ACCEPTED[name]
    alone = reader.decode([message(raw)])
    among = reader.decode([message(GOOD, 0), message(raw, 1), message(GOOD, 2)])
    good = ("good", NOW_US, 0.5)
    assert rows(alone) == [(*point, 0) for point in expected]
    assert rows(among) == [(*good, 0), *((*point, 1) for point in expected), (*good, 2)]
    assert alone.rejected == among.rejected == []


@pytest.mark.parametrize("name", REJECTED)
def test_a_bad_record_is_rejected_once_for_one_reason_and_costs_only_itself(reader: Codec, name: str) -> None:
    raw, reason = REJECTED[name]
    alone = reader.decode([message(raw, 1)])
    among = reader.decode([message(GOOD, 0), message(raw, 1), message(GOOD, 2)])
    assert rows(alone) == []
    assert rows(among) == [("good", NOW_US, 0.5, 0), ("good", NOW_US, 0.5, 2)]
    assert rejections(alone) == rejections(among)
    (rejected,) = among.rejected
    assert rejected.reason == reason
    assert rejected.message.value == raw
    assert 0 < len(rejected.detail) <= 200
    assert rejected.detail.isascii()
    assert rejected.detail.isprintable()


def test_a_record_with_good_and_bad_points_gives_the_good_ones_and_is_rejected_once(reader: Codec) -> None:
    raw = b"[" + b",".join([record("1"), record("null"), record("2", series='"b"'), record("NaN"), record('"up"')]) + b"]"
    decoded = reader.decode([message(GOOD, 7), message(raw, 8)])
    expected: list[Row] = [("good", NOW_US, 0.5, 0), ("a", NOW_US, 1.0, 1), ("b", NOW_US, 2.0, 1), ("a", NOW_US, "up", 1)]
    assert rows(decoded) == expected
    assert rejections(decoded) == [(8, "missing_field", "point 2 of 5 (2 bad): the value is absent or null")]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (record("null", '"never"', '""'), "bad_series"),
        (record("null", '"never"'), "bad_timestamp"),
        (record("null", "0"), "timestamp_too_old"),
    ],
)
def test_of_several_faults_the_name_counts_first_then_the_timestamp_then_the_value(reader: Codec, raw: bytes, reason: str) -> None:
    assert [rejected.reason for rejected in reader.decode([message(raw)]).rejected] == [reason]


def test_messages_that_are_one_document_only_when_joined_stay_apart(reader: Codec) -> None:
    head, tail = b'{"series":"a","timestamp":1700000000,"x":[{}', b'{}],"value":1}'
    twice = GOOD + b"," + GOOD
    decoded = reader.decode([message(head, 0), message(tail, 1), message(twice, 2), message(GOOD, 3)])
    assert rows(decoded) == [("good", NOW_US, 0.5, 3)]
    assert [(offset, reason) for offset, reason, _ in rejections(decoded)] == [
        (0, "invalid_json"),
        (1, "invalid_json"),
        (2, "invalid_json"),
    ]


def test_an_empty_batch_has_no_points(reader: Codec) -> None:
    decoded = reader.decode([])
    assert rows(decoded) == []
    assert decoded.rejected == []


def test_the_verdict_on_a_deep_record_does_not_depend_on_how_deep_the_caller_stands(reader: Codec) -> None:
    deep = [message(b'{"series":"a","timestamp":1700000000,"value":1,"x":' + b"[" * n + b"]" * n + b"}", n) for n in (255, 256, 600, 900)]

    def at(depth: int) -> list[int]:
        return at(depth - 1) if depth else [rejected.message.offset for rejected in reader.decode(deep).rejected]

    assert at(0) == at(300) == [256, 600, 900]


def test_details_are_escaped_and_cut() -> None:
    raw = record("1", r'"\u202e\u0007' + "é" * 300 + '"')
    ((_, reason, detail),) = rejections(codec().decode([message(raw)]))
    assert reason == "bad_timestamp"
    assert detail.startswith(r'the timestamp "\u202e\x07\xe9\xe9')
    assert len(detail) == 200


@pytest.mark.parametrize("value", ["-0.0", "-0", '"-0.0"', "-1e-999"])
def test_zero_has_no_sign_so_that_equal_values_are_equal_bits(reader: Codec, value: str) -> None:
    alone, mixed = reader.decode([message(record(value))]), reader.decode([message(record(value)), message(record('"up"'))])
    assert str(alone.points.value[0]) == str(mixed.points.value[0]) == "0.0"


def array(*series: str) -> bytes:
    return json.dumps([{"series": name, "timestamp": 1700000000, "value": 1} for name in series]).encode()


def names(reader: Codec, raw: bytes) -> list[str]:
    return [series for series, *_ in rows(reader.decode([message(raw)]))]


def test_names_that_come_again_in_the_same_order_share_a_layout() -> None:
    reader, raw = codec(), array("a", "b", "c", "d")
    laid_out = [reader.decode([message(raw)]).points.layouts for _ in range(3)]
    assert [len(each) for each in laid_out] == [0, 1, 1]
    assert laid_out[1] == laid_out[2]
    assert laid_out[1][0].names == ["a", "b", "c", "d"]
    assert names(reader, array("b", "a", "c", "d")) == ["b", "a", "c", "d"]
    mixed = reader.decode([message(raw, 0), message(GOOD, 1)])
    assert mixed.points.series == ["a", "b", "c", "d", "good"]
    assert mixed.points.layouts == []


def test_names_with_signs_that_no_name_may_hold_are_never_taken_for_others() -> None:
    reader = codec()
    for _ in range(3):
        assert names(reader, array("a", "b", "c", "d", "e")) == ["a", "b", "c", "d", "e"]
        assert names(reader, array("a\0b", "c", "d", "e")) == ["c", "d", "e"]
        assert names(reader, array("a", "b\0c", "d", "e", "f")) == ["a", "d", "e", "f"]
        assert names(reader, array("a", "b", "c", "d", "")) == ["a", "b", "c", "d"]


def test_of_names_that_come_once_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "MOST_MET", 10)
    reader = codec()
    kept = reader._short.__self__._layouts  # type: ignore[union-attr]  # what is remembered shows nowhere else
    for number in range(100):
        assert names(reader, array("a", "b", "c", f"d{number}"))[3] == f"d{number}"
        assert len(kept._met) <= 10
    assert kept._known == {}


def test_long_records_are_looked_at_whole_whatever_members_they_have() -> None:
    """Other members may be there, but not what no record may hold; and one record says nothing of the next."""
    plain = array(*"abcdefgh")
    deep, bad = b"[" * 300 + b"]" * 300, b'"\xff"'

    def with_member(value: bytes) -> bytes:
        return plain.replace(b"{", b'{"x":' + value + b",", 1)

    payloads = [
        plain,
        with_member(b"[1]"),
        with_member(deep),
        with_member(bad),
        plain.replace(b"a", b"\xff"),
        plain.replace(b": 1}", b": " + bad + b"}", 1),
        plain.replace(b": 1}", b": " + deep + b"}", 1),
        plain,
        plain + b"x",
    ]
    messages = [message(raw, offset) for offset, raw in enumerate(payloads)]
    assert all(len(raw) > 256 for raw in payloads)
    for order in (messages, messages[::-1]):
        found, expected = codec().decode(order), mapped_codec().decode(order)
        assert rows(found) == rows(expected)
        assert rejections(found) == rejections(expected)
    assert [reason for _, reason, _ in rejections(codec().decode(messages))] == ["invalid_json"] * 6
