"""Line protocol: what each kind of line becomes, alone and among others, by the short way and by the grammar."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamkl.engine.faults import Fault
from streamkl.engine.influx import parse_lines
from tests.engine.material import NOW_US, codec, message, rejections, rows
from tests.engine.test_codec_properties import check_accounted

NS = 1_700_000_000_000_000_000
METRIC = {"value": "fields.*", "series": "{name},{tags.*},{field}"}
# The key is empty in these tests, so that it changes nothing about the names but that they have to be built anew for every record.
LONG_WAY = METRIC | {"series": "{key}" + METRIC["series"]}
BOTH = pytest.mark.parametrize("options", [METRIC, LONG_WAY], ids=["short", "long"])

ACCEPTED: dict[str, tuple[bytes, list[tuple[str, int, float | str]]]] = {
    "tags, fields and a time": (
        b"cpu,host=a idle=93.5,user=4 %d" % NS,
        [("cpu,host=a,idle", NOW_US, 93.5), ("cpu,host=a,user", NOW_US, 4.0)],
    ),
    "no tags": (b"cpu idle=1 %d" % NS, [("cpu,,idle", NOW_US, 1.0)]),
    "no time: the Kafka timestamp": (b"cpu idle=1", [("cpu,,idle", NOW_US, 1.0)]),
    "a time in seconds": (b"cpu idle=1 1700000000", [("cpu,,idle", NOW_US, 1.0)]),
    "a time in milliseconds": (b"cpu idle=1 1700000000123", [("cpu,,idle", NOW_US + 123_000, 1.0)]),
    "a time below a microsecond": (b"cpu idle=1 1700000000000001999", [("cpu,,idle", NOW_US + 1, 1.0)]),
    "tags in any order": (b"cpu,z=1,a=2 idle=1", [("cpu,a=2,z=1,idle", NOW_US, 1.0)]),
    "integers": (b"m a=12i,b=-3i,c=0i", [("m,,a", NOW_US, 12.0), ("m,,b", NOW_US, -3.0), ("m,,c", NOW_US, 0.0)]),
    "an integer alone": (b"m a=12i %d" % NS, [("m,,a", NOW_US, 12.0)]),
    "an integer beyond 2^53": (b"m a=9007199254740993i", [("m,,a", NOW_US, 9007199254740992.0)]),
    "unsigned integers": (b"m a=18446744073709551615u", [("m,,a", NOW_US, 18446744073709551616.0)]),
    "floats": (
        b"m a=-1.5e-3,b=.5,c=1.,d=+2,e=1E3,f=-0.0",
        [
            ("m,,a", NOW_US, -0.0015),
            ("m,,b", NOW_US, 0.5),
            ("m,,c", NOW_US, 1.0),
            ("m,,d", NOW_US, 2.0),
            ("m,,e", NOW_US, 1e3),
            ("m,,f", NOW_US, 0.0),
        ],
    ),
    "truth": (
        b"m a=t,b=T,c=true,d=True,e=TRUE,f=f,g=F,h=false,i=False,j=FALSE",
        [(f"m,,{name}", NOW_US, float(name < "f")) for name in "abcdefghij"],
    ),
    "truth as JSON has it": (b"m a=true,b=false %d" % NS, [("m,,a", NOW_US, 1.0), ("m,,b", NOW_US, 0.0)]),
    "text is skipped": (b'm a=1,s="x, y=2 z",b=2', [("m,,a", NOW_US, 1.0), ("m,,b", NOW_US, 2.0)]),
    "text with quotes, backslashes and line ends": (
        b'm s="a \\"q\\" \\\\ b\nc",a=1\nn a=2',
        [("m,,a", NOW_US, 1.0), ("n,,a", NOW_US, 2.0)],
    ),
    "escaped signs": (rb"my\ m\,x,t\ a\=g=v\,\ \=1 f\ \,\=x=1", [(r"my m,x,t a\=g=v\, \=1,f ,=x", NOW_US, 1.0)]),
    "an equals sign in the measurement": (b"m=1,t=2 a=1", [("m=1,t=2,a", NOW_US, 1.0)]),
    "a backslash before any other sign": (rb"m\x,t=C:\d a=1", [(r"m\x,t=C:\\d,a", NOW_US, 1.0)]),
    "quotes in names": (b'"m",t="v" "a"=1', [('"m",t="v","a"', NOW_US, 1.0)]),
    "other scripts": ("温度,où=là é=1".encode(), [("温度,où=là,é", NOW_US, 1.0)]),
    "comments, blank lines and line ends of Windows": (
        b"# a\r\n\r\n  # b\n\t\nm a=1\r\nm b=2 %d\r\n" % NS,
        [("m,,a", NOW_US, 1.0), ("m,,b", NOW_US, 2.0)],
    ),
    "spaces before, between and behind": (b"  m  a=1   %d  \n" % NS, [("m,,a", NOW_US, 1.0)]),
    "a byte order mark": (b"\xef\xbb\xbfm a=1", [("m,,a", NOW_US, 1.0)]),
    "the last of equal fields and tags counts": (b"m,t=1,t=2 a=1,a=2", [("m,t=2,a", NOW_US, 2.0)]),
    "a field that ends like an integer": (b"m hi=1,i=2i,pi=3", [("m,,hi", NOW_US, 1.0), ("m,,i", NOW_US, 2.0), ("m,,pi", NOW_US, 3.0)]),
}

REJECTED: dict[str, tuple[bytes | None, str]] = {
    "a null value (tombstone)": (None, "empty"),
    "no bytes": (b"", "empty"),
    "only comments": (b"# a\n\n  # b", "missing_field"),
    "no fields": (b"cpu,host=a", "invalid_line"),
    "no measurement": (b",host=a v=1", "invalid_line"),
    "JSON": (b'{"name":"cpu","fields":{"a":1},"timestamp":1700000000}', "invalid_line"),
    "a tag without a value": (b"cpu,host= v=1", "invalid_line"),
    "a tag without a name": (b"cpu,=a v=1", "invalid_line"),
    "an equals sign in a tag's value": (b"cpu,host=a=b v=1", "invalid_line"),
    "a field without a value": (b"cpu v=", "invalid_line"),
    "a field without a name": (b"cpu =1", "invalid_line"),
    "a comma too many": (b"cpu v=1,", "invalid_line"),
    "two fields with a space": (b"cpu v=1, w=2", "invalid_line"),
    "text without quotes": (b"cpu v=OK", "invalid_line"),
    "text that does not end": (b'cpu v="OK', "invalid_line"),
    "text behind text": (b'cpu v="OK"x', "invalid_line"),
    "null": (b"cpu v=null", "invalid_line"),
    "a container": (b"cpu v=[1]", "invalid_line"),
    "a fraction that says it is an integer": (b"cpu v=1.5i", "invalid_line"),
    "an exponent that says it is an integer": (b"cpu v=1e3i", "invalid_line"),
    "a negative unsigned integer": (b"cpu v=-1u", "invalid_line"),
    "an underscore in a number": (b"cpu v=1_000", "invalid_line"),
    "a hexadecimal number": (b"cpu v=0x10", "invalid_line"),
    "a tabulator behind a value": (b"cpu v=1\t", "invalid_line"),
    "bytes that are not UTF-8": (b"cpu,host=\xff v=1", "invalid_line"),
    "a field that is not UTF-8": (b"cpu v\xff=1", "invalid_line"),
    "a word too many": (b"cpu v=1 1700000000 x", "invalid_line"),
    "a time that is no number": (b"cpu v=1 noon", "bad_timestamp"),
    "a time with a fraction": (b"cpu v=1 1700000000.5", "bad_timestamp"),
    "a time that is a date": (b"cpu v=1 2023-11-14", "bad_timestamp"),
    "a time of long ago": (b"cpu v=1 1", "timestamp_too_old"),
    "a time of 5,000 digits": (b"cpu v=1 " + b"9" * 5_000, "timestamp_in_future"),
    "a time far ahead": (b"cpu v=1 1800000000", "timestamp_in_future"),
    "no number": (b"cpu v=nan", "not_finite"),
    "infinity": (b"cpu v=-Inf", "not_finite"),
    "beyond a double": (b"cpu v=1e999", "not_finite"),
    "an integer of 5,000 digits": (b"cpu v=" + b"9" * 5_000 + b"i", "not_finite"),
    "only text": (b'cpu v="OK"', "missing_field"),
    "a control character in a name": (b"c\x01pu v=1", "bad_series"),
    "a name that is too long": (b"cpu,host=" + b"x" * 600 + b" v=1", "bad_series"),
}


@BOTH
@pytest.mark.parametrize("name", ACCEPTED)
def test_lines_become_points(name: str, options: dict[str, str]) -> None:
    raw, expected = ACCEPTED[name]
    reader = codec(format="influx", **options)
    for _ in range(2):  # the second time the layout is known
        decoded = reader.decode([message(raw, key=b"")])
        assert rejections(decoded) == []
        assert rows(decoded) == [(*point, 0) for point in expected]


@BOTH
@pytest.mark.parametrize("name", REJECTED)
def test_lines_that_cannot_be_used_say_why(name: str, options: dict[str, str]) -> None:
    raw, reason = REJECTED[name]
    reader = codec(format="influx", **options)
    decoded = reader.decode([message(b"good a=1", 0, key=b""), message(raw, 1, key=b""), message(b"good a=2", 2, key=b"")])
    assert rows(decoded) == [("good,,a", NOW_US, 1.0, 0), ("good,,a", NOW_US, 2.0, 2)]
    assert [(offset, found) for offset, found, _ in rejections(decoded)] == [(1, reason)]


@BOTH
@pytest.mark.parametrize("name", [name for name, (raw, _) in REJECTED.items() if raw and not raw.startswith(b"#")])
def test_a_bad_line_costs_only_itself(name: str, options: dict[str, str]) -> None:
    raw, reason = REJECTED[name]
    assert raw is not None
    decoded = codec(format="influx", **options).decode([message(b"good a=1\n" + raw + b"\ngood a=2", key=b"")])
    assert rows(decoded) == [("good,,a", NOW_US, 1.0, 0), ("good,,a", NOW_US, 2.0, 0)]
    ((_, found, detail),) = rejections(decoded)
    assert found == reason
    assert re.match(r"point 2 of 3 \(1 bad\): ", detail)


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"cpu", '"cpu" is no line: write measurement,tag=value field=value time'),
        (b"cpu v=1,", '"v=1," are no fields: write name=value, with commas between'),
        (b"cpu v=OK", 'field "v" is "OK": text stands in double quotes'),
        (b"cpu v=1 noon", 'the timestamp "noon" is no whole number'),
        (b"cpu,h=\xff v=1", "the line is not UTF-8"),
        (b"#", "the record holds no line, or only comments"),
    ],
)
def test_the_detail_names_the_part_and_the_fix(raw: bytes, detail: str) -> None:
    assert rejections(codec(format="influx", **METRIC).decode([message(raw)]))[0][2] == detail


def test_a_single_field_may_be_text() -> None:
    reader = codec(format="influx", series="{name}/{tags.host}", value="fields.status")
    assert rows(reader.decode([message(b'web,host=a status="OK",n=1\nweb,host=b status=200i')])) == [
        ("web/a", NOW_US, "OK", 0),
        ("web/b", NOW_US, 200.0, 0),
    ]


def test_the_time_unit_and_the_kafka_timestamp_can_be_chosen() -> None:
    line = message(b"m a=1 1700000000000")
    assert rows(codec(format="influx", time_unit="ms", **METRIC).decode([line])) == [("m,,a", NOW_US, 1.0, 0)]
    assert rows(codec(format="influx", timestamp="", **METRIC).decode([message(b"m a=1 5")])) == [("m,,a", NOW_US, 1.0, 0)]
    assert rejections(codec(format="influx", time_unit="s", **METRIC).decode([line]))[0][1] == "timestamp_in_future"


def test_the_limit_on_points_takes_back_the_whole_record() -> None:
    decoded = codec(format="influx", max_points_per_record=3, **METRIC).decode([message(b"m a=1,b=2\nm a=1,b=2", 0), message(b"m a=1", 1)])
    assert rows(decoded) == [("m,,a", NOW_US, 1.0, 1)]
    assert rejections(decoded) == [(0, "too_many_points", "the record holds more than 3 points")]


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\\\r\n", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=6).filter(
    lambda text: not text.startswith(("#", "\ufeff")) and text.strip(" \t") == text
)
FIELDS = st.dictionaries(
    NAMES,
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\r", exclude_categories=["Cs"]), max_size=8),
    min_size=1,
    max_size=4,
)
POINTS = st.fixed_dictionaries(
    {"name": NAMES, "fields": FIELDS},
    optional={"tags": st.dictionaries(NAMES, NAMES, min_size=1, max_size=3), "timestamp": st.integers(0, 2**63 - 1)},
)


def written(point: dict[str, object]) -> str:
    """A line as the reference says that it is written."""

    def escaped(text: object, signs: str = ",= ") -> str:
        return "".join(f"\\{sign}" if sign in signs else sign for sign in str(text))

    def value(raw: object) -> str:
        match raw:
            case bool():
                return json.dumps(raw)
            case int():
                return f"{raw}i"
            case float():
                return repr(raw)
            case _:
                return '"' + escaped(raw, '"\\') + '"'

    tags, fields, when = point.get("tags", {}), point["fields"], point.get("timestamp")
    assert isinstance(tags, dict)
    assert isinstance(fields, dict)
    line = escaped(point["name"], ", ") + "".join(f",{escaped(key)}={escaped(tag)}" for key, tag in tags.items())
    line += " " + ",".join(f"{escaped(key)}={value(field)}" for key, field in fields.items())
    return line if when is None else f"{line} {when}"


@given(st.lists(POINTS, min_size=1, max_size=4))
@settings(max_examples=150)
def test_what_is_written_is_read(points: list[dict[str, object]]) -> None:
    found = parse_lines("\n".join(map(written, points)).encode())
    assert found == points
    assert not isinstance(found, Fault)
    assert [list(map(type, point["fields"].values())) for point in found if not isinstance(point, Fault)] == [
        list(map(type, point["fields"].values()))  # type: ignore[attr-defined]  # as FIELDS makes them
        for point in points
    ]


PIECES = st.sampled_from(
    [
        b"m",
        b",",
        b"=",
        b" ",
        b"\n",
        b'"',
        b"\\",
        b"1",
        b"-",
        b".",
        b"e",
        b"i",
        b"u",
        b"t",
        b"true",
        b"null",
        b"nan",
        b"#",
        b"\r",
        b"\t",
        b"\xff",
        b"\xc3\xa9",
        b"\x00",
        b"}",
        b"{",
        b":",
        b"m a=1",
        b'="x"',
        b',s="',
        b',s="ab",',
        b'",',
        b"m,t=v a=1i,b=2 1700000000",
        b"\nm a=1\n",
        b'a="x"',
        b"\xef\xbb\xbf",
    ]
)
HOSTILE = (
    st.lists(PIECES, max_size=14).map(b"".join)
    | st.binary(max_size=40)
    | st.lists(POINTS, max_size=3).map(lambda points: "\n".join(map(written, points)).encode())
)


@given(st.lists(HOSTILE, max_size=8))
@settings(max_examples=300)
def test_any_bytes_are_accounted_for_and_the_short_way_agrees_with_the_grammar(payloads: list[bytes]) -> None:
    messages = [message(raw, offset, key=b"") for offset, raw in enumerate(payloads)]
    short, long = codec(format="influx", **METRIC), codec(format="influx", **LONG_WAY)
    check_accounted(short, messages)
    found = short.decode(messages), long.decode(messages)
    assert rows(found[0]) == rows(found[1])
    assert rejections(found[0]) == rejections(found[1])


def test_a_record_of_many_open_quotes_is_read_in_time_that_grows_with_its_length() -> None:
    """Each would be read to the end by a grammar that looks for its partner from every line anew."""
    raw = b'm a="x\\"\n' * 20_000
    found = parse_lines(raw)
    assert isinstance(found, list)
    assert all(isinstance(point, Fault) for point in found)
