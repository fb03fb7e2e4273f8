"""Records that are alike but for their numbers become what they become when each is read by itself, whatever their numbers are."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamkl.core.numerals import WHOLE
from streamkl.engine import known
from streamkl.engine.codec import Codec
from streamkl.engine.skeleton import match, scan
from streamkl.model import Message
from tests.engine.material import NOW_MS, codec, message, rejections, rows

NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=6).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(
        ["0", "-0", "-0.0", "9223372036854775807", "9223372036854775808", "9007199254740993.0", "9007199254740993e-1", "1e999"]
    ),
)
NO_NUMBERS = st.sampled_from(["01", "1.", "-", ".5", "1e", "--1", "\x02", "1 2", "null", "true", '"7"', '"1.5"', "NaN", "[1]", "{}"])
TIMES = st.sampled_from(["1700000000", "1700000000.25", "1700000000123", "1700000000123456", "1700000000123456789", "17", "1.7e9"])
FLAT = '[{"series":"a","timestamp":T,"value":V},{"value":V,"series":"b","timestamp":T,"unit":"s","weight":V}]'
SHAPES = {
    "flat": (FLAT, '{"series":"c","timestamp":T,"value":V}', '[{"series":"d","value":V},{"series":"d","value":V}]'),
    "numbers as names": ('{"series":V,"timestamp":T,"value":V}', '[{"series":"e","timestamp":T,"value":V},{"series":"f","value":V}]'),
    "telegraf": (
        '{"metrics":[{"fields":{"x":V,"y":V,"s":"7"},"name":"m","tags":{"host":"1"},"timestamp":T},{"fields":{"z":V},"name":"n","tags":{}}]}',
        '{"fields":{"x":V,"b":true},"name":"m","tags":{"host":"2"},"timestamp":T}',
        '{"fields":{"x":V,"x":V},"name":"m","tags":{"host":"2"},"timestamp":T}',
    ),
    "lines": ('m,host=1 x=V,y=Vi,s="7=8, 9" T\n\nn,host=2 z=V', "m,cpu=0 x=V T\nm,cpu=1 x=V T\n", "m x=V,x=V", 'm x=V,s="T" T'),
}
READERS: dict[str, dict[str, Any]] = {
    "flat": {},
    "numbers as names": {},
    "telegraf": {"format": "telegraf", "series": "{name},{tags.*},{field}", "value": "fields.*"},
    "lines": {"format": "influx", "series": "{name},{tags.*},{field}", "value": "fields.*"},
}


@pytest.fixture(scope="module", autouse=True)
def short_ones_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known, "LEAST_BYTES", 0)
        yield


@st.composite
def filled(draw: st.DrawFn, shape: str) -> bytes:
    """One of the shape's records; now and then with something else in place of a number, or with a byte of its own."""
    odd = draw(st.integers(0, 9))
    text = ""
    for sign in draw(st.sampled_from(SHAPES[shape])):
        if sign == "T":
            text += draw(TIMES)
        elif sign == "V":
            text += draw(NO_NUMBERS if odd == 0 and draw(st.booleans()) else NUMBERS)
        else:
            text += sign
    raw = text.encode()
    at = draw(st.integers(0, len(raw)))
    return raw[:at] + draw(st.sampled_from([b"\x02", b"\x03", b"\\", b"\xff", b"7", b" ", b'"'])) + raw[at:] if odd == 1 else raw


def decoded(reader: Codec, messages: Sequence[Message]) -> tuple[object, object]:
    found = reader.decode(messages)
    return rows(found), rejections(found)


def without_memory(**options: Any) -> Codec:
    reader = codec(**options)
    reader._known = None
    return reader


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_batches_are_what_they_are_without_memory(shape: str, data: st.DataObject) -> None:
    reader, plain = codec(**READERS[shape]), without_memory(**READERS[shape])
    records = data.draw(st.lists(filled(shape), min_size=1, max_size=4))
    for _ in range(3):  # the third time at the latest they are known
        reader._known._resting = 0
        assert decoded(reader, [message(raw) for raw in records]) == decoded(plain, [message(raw) for raw in records])
    others = data.draw(st.lists(filled(shape), min_size=1, max_size=6))
    messages = [
        message(raw, offset, timestamp_ms=when) for offset, (raw, when) in enumerate(zip(others, (NOW_MS, -1, 0) * 2, strict=False))
    ]
    for _ in range(2):
        reader._known._resting = 0
        assert decoded(reader, messages) == decoded(plain, messages)


@pytest.mark.parametrize("shape", SHAPES)
def test_records_that_have_come_twice_are_known(shape: str) -> None:
    """Unless a number is part of a name."""
    reader = codec(**READERS[shape])
    text = SHAPES[shape][{"telegraf": 2, "lines": 1}.get(shape, 0)].replace("T", "1700000000")
    for turn in range(4):
        messages = [message(text.replace("V", str(turn)).encode())]
        reader._known._resting = 0
        found = reader._known.points(messages, np.zeros(1, np.int64))
        assert (found is not None) == (shape != "numbers as names" and turn >= 1)


@pytest.mark.parametrize("shape", ["flat", "telegraf", "lines"])
def test_names_of_known_records_are_laid_out_however_they_first_came(shape: str) -> None:
    """So that a seat is looked up once a record, not once a name."""
    text = SHAPES[shape][{"telegraf": 2, "lines": 1}.get(shape, 0)].replace("T", "1700000000").replace("V", "1.5")
    messages = [message(text.encode(), offset) for offset in range(3)]
    for firsts in ([messages], [[one] for one in messages]):
        reader = codec(**READERS[shape])
        for batch in [*firsts, messages]:
            reader._known._resting = 0
            points = reader.decode(batch).points
        assert len(points.layouts) == 3
        assert [name for layout in points.layouts for name in layout.names] == points.series


def test_what_is_known_follows_one_another_in_any_order() -> None:
    reader, plain = codec(), without_memory()
    kinds = [f'{{"series":"{name}","timestamp":1700000000,"value":V}}' for name in "abc"]
    for order in ("abc", "abc", "abc", "aabbcc", "cba", "b", "abcabc", "abcabd"):
        messages = [message(kinds["abcd".index(name) % 3].replace("V", str(at)).encode()) for at, name in enumerate(order)]
        assert decoded(reader, messages) == decoded(plain, messages)


def test_a_time_out_of_bounds_and_a_value_without_end_are_rejected_as_ever() -> None:
    reader, plain = codec(), without_memory()
    good, old, endless = (
        [f'{{"series":"a","timestamp":{when},"value":{value}}}']
        for when, value in (("1700000000", "1"), ("17", "1"), ("1700000000", "1e999"))
    )
    for batch in (good, good, good, good + old, good + endless, good):
        messages = [message(raw.encode(), offset) for offset, raw in enumerate(batch)]
        assert decoded(reader, messages) == decoded(plain, messages)


def test_what_never_repeats_is_looked_at_ever_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, looked = codec(), []
    monkeypatch.setattr(known, "scan", lambda values, lines: looked.append(len(values)) or scan(values, lines))
    for number in range(100):
        reader.decode([message(f'{{"series":"name-{chr(97 + number % 26)}{"x" * number}","timestamp":1700000000,"value":1}}'.encode())])
    assert len(looked) == 9  # of 100: after rests of 1, 3, 7, 15, 16, 16, ...


def test_what_is_known_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MOST_BYTES", 1_000)
    monkeypatch.setattr(known, "MOST_MET", 3)
    reader, plain = codec(), without_memory()
    for number in [*range(20)] * 3:
        reader._known._resting = 0
        messages = [message(f'{{"series":"name-{chr(97 + number)}","timestamp":1700000000,"value":{number}}}'.encode())] * 2
        assert decoded(reader, messages) == decoded(plain, messages)
        assert len(reader._known._known) <= 5
        assert len(reader._known._met) <= 3


@given(st.lists(NUMBERS, min_size=1, max_size=20))
@example(["9007199254740993.0", "1e22", "1e23", "123456789012345678e-22", "0.1", "4.35", "922337203685477579.9", "2.2250738585072014e-308"])
@settings(max_examples=500, deadline=None)
def test_numbers_are_the_nearest_doubles(numbers: list[str]) -> None:
    wanted = [number for number in numbers if len(number.lstrip("-")) < 19 or not number.lstrip("-").isdigit()]
    scanned = scan([f"[{','.join(wanted)}]".encode()], lines=False)
    assert list(map(repr, scanned.doubles.tolist())) == [repr(float(number)) for number in wanted]


@pytest.mark.parametrize("lines", [False, True])
def test_there_is_room_for_the_shortest_numbers(lines: bool) -> None:
    """The arrays are followed by others, which have to stay what they are."""
    for records in ([b"1"] * 5_000, [b"1-1" * 3_000], [b"m a=1 2"] * 3_000, [b"m " + b"a=1," * 2_000 + b"a=1"]):
        scanned = scan(records, lines)
        assert len(scanned.doubles) == len(scanned.wholes) == scanned.counts.sum()
        if all(scanned.skeletons()):
            matched = match(records, list(scanned.skeletons()))
            assert matched is not None
            assert matched.doubles.tolist() == scanned.doubles.tolist()


@given(st.lists(st.sampled_from(sorted(SHAPES)).flatmap(filled), min_size=1, max_size=5), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_match_is_what_a_scan_finds(records: list[bytes], lines: bool) -> None:
    scanned = scan(records, lines)
    if all(scanned.skeletons()) and not any(sign in record for record in records for sign in (b"\x02", b"\x03")):
        matched = match(records, list(scanned.skeletons()))
        assert matched is not None
        whole = scanned.kinds == WHOLE
        assert matched.wholes[whole].tolist() == scanned.wholes[whole].tolist()
        assert all(getattr(matched, name).tolist() == getattr(scanned, name).tolist() for name in ("doubles", "kinds", "counts", "cuts"))


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_skeletons_or_none(records: list[bytes], others: list[bytes], lines: bool) -> None:
    scanned = scan(records, lines)
    if all(scanned.skeletons()):
        assert [skeleton.count(2) + skeleton.count(3) for skeleton in scanned.skeletons()] >= scanned.counts.tolist()
    if len(records) == len(others):
        match(records, others)
