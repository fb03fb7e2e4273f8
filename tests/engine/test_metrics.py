"""Telegraf's JSON, one metric or a batch, and mapped JSON of the same shape: the short way gives what the mapping gives, and remembers
only so much."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamkl.engine import layouts
from streamkl.engine.codec import Codec
from streamkl.model import Message
from tests.engine.material import NOW_US, codec, message, rejections, rows
from tests.engine.test_codec_properties import PAYLOADS, VALUES, check_accounted

TELEGRAF = {"format": "telegraf", "value": "fields.*", "series": "{name},{tags.*},{field}"}
SHAPES: dict[str, dict[str, Any]] = {
    "telegraf": TELEGRAF,
    "telegraf, Kafka's time": TELEGRAF | {"timestamp": ""},
    "telegraf, one tag": TELEGRAF | {"series": "{tags.host}/{field}"},
    "mapped": TELEGRAF | {"format": "json"},
    "mapped, batch": TELEGRAF | {"format": "json", "points": "metrics"},
    "mapped, no name": {"value": "fields.*", "series": "m/{field}", "timestamp": ""},
}
ONE = {"name": "cpu", "tags": {"host": "a"}, "fields": {"idle": 93.5, "n": 3, "up": True, "os": "linux"}, "timestamp": 1_700_000_000}
POINTS = [("cpu,host=a,idle", NOW_US, 93.5, 0), ("cpu,host=a,n", NOW_US, 3.0, 0), ("cpu,host=a,up", NOW_US, 1.0, 0)]


def sent(document: object, offset: int = 0) -> Message:
    return message(json.dumps(document).encode(), offset, key=b"")


def long_way(options: dict[str, Any]) -> Codec:
    """The same names from the empty key and the rest, which no layout is kept of."""
    return codec(**options | {"series": "{key}" + options["series"]})


@pytest.mark.parametrize(
    "document",
    [ONE, [ONE], {"metrics": [ONE]}, {"metrics": ONE}, {"metrics": [ONE], "sender": "x"}],
    ids=lambda each: json.dumps(each)[:20],
)
def test_a_metric_may_come_alone_or_in_a_batch(document: object) -> None:
    reader = codec(**TELEGRAF)
    for _ in range(2):  # the second time the layout is known
        decoded = reader.decode([sent(document)])
        assert rows(decoded) == POINTS
        assert rejections(decoded) == []


def test_a_bad_metric_costs_only_itself() -> None:
    document = {"metrics": [ONE, {"name": "cpu"}, 5, ONE | {"timestamp": "noon"}, ONE | {"fields": {"idle": 1}}]}
    decoded = codec(**TELEGRAF).decode([sent(document)])
    assert rows(decoded) == [*POINTS, ("cpu,host=a,idle", NOW_US, 1.0, 0)]
    assert rejections(decoded) == [(0, "missing_field", "point 4 of 9 (5 bad): no number under `fields.*`")]


def test_a_record_that_is_no_metric_says_what_it_lacks() -> None:
    decoded = codec(**TELEGRAF).decode([sent({"metrics": []}, 0), sent({"metrics": None}, 1), sent({"fields": {"a": 1}}, 2)])
    assert rejections(decoded) == [
        (0, "missing_field", "`metrics` holds no point"),
        (1, "missing_field", "`metrics` holds no point"),
        (2, "missing_field", "`name`, which the series name needs, is absent or null"),
    ]


def test_members_that_name_a_point_are_read_as_bytes_but_never_taken_for_one_another() -> None:
    """Equal bytes in other places, white space, escapes and duplicates."""
    raw = [
        b'{"name":"a","tags":{"b":"c"},"fields":{"v":1}}',
        b'{"tags":{"b":"c"},"name":"a","fields":{"v":1}}',
        b'{"name":"a","tags":{"b" : "c"},"fields":{"v":1}}',
        rb'{"name":"\u0061","tags":{"b":"c"},"fields":{"v":1}}',
        b'{"name":"x","name":"a","tags":{"b":"c"},"fields":{"v":1}}',
        b'{"name":{"b":"c"},"tags":"a","fields":{"v":1}}',
        b'{"name":"a","fields":{"v":1}}',
        b'{"name":"a","tags":null,"fields":{"v":1}}',
        b'{"tags":"a","fields":{"v":1}}',
    ]
    decoded = codec(**TELEGRAF).decode([message(each, offset) for offset, each in enumerate(raw)])
    assert decoded.points.series == ["a,b=c,v"] * 5 + ["a,,v"] * 2
    assert [offset for offset, *_ in rejections(decoded)] == [5, 8]


def test_deep_and_broken_members_are_refused_like_any_others() -> None:
    deep = b'{"name":"a","tags":{"x":' + b"[" * 300 + b"]" * 300 + b',"host":"h"},"fields":{"v":1}}'
    broken = b'{"name":"a","tags":{"host":"\xff"},"fields":{"v":1}}'
    unread = b'{"name":"a","tags":{"host":"h"},"fields":{"v":1,"text":"\xff"}}'
    for options in (TELEGRAF, SHAPES["telegraf, one tag"], SHAPES["mapped"]):
        decoded = codec(**options).decode([message(deep, 0), message(broken, 1), message(unread, 2)])
        assert [reason for _, reason, _ in rejections(decoded)] == ["invalid_json"] * 3


METRICS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "b", "", "\ud800", "x" * 600, None, 5]) | VALUES,
        "tags": st.dictionaries(st.sampled_from(["host", "b", "c,d"]), st.sampled_from(["a", "b", "x=y", 1, None]), max_size=3) | VALUES,
        "fields": st.dictionaries(
            st.text(max_size=3), st.floats() | st.integers() | st.booleans() | st.text(max_size=3) | VALUES, max_size=4
        ),
        "timestamp": st.sampled_from([1_700_000_000, 1_700_000_000_000, "2023-11-14T22:13:20Z", None, True, 5, 2**70]),
        "x": VALUES,
    },
)
DOCUMENTS = METRICS | st.lists(METRICS, max_size=3) | st.fixed_dictionaries({"metrics": st.lists(METRICS, max_size=4) | VALUES})
RECORDS = st.lists(DOCUMENTS.map(lambda document: json.dumps(document).encode()) | PAYLOADS, max_size=8)


@pytest.mark.parametrize("shape", SHAPES)
@given(payloads=RECORDS)
@settings(max_examples=100)
def test_the_short_way_and_the_long_way_agree_on_any_bytes(shape: str, payloads: list[bytes | None]) -> None:
    messages = [message(raw, offset, key=b"") for offset, raw in enumerate(payloads)] * 2
    messages = [one._replace(offset=offset) for offset, one in enumerate(messages)]
    short = codec(**SHAPES[shape])
    check_accounted(short, messages)
    found, expected = short.decode(messages), long_way(SHAPES[shape]).decode(messages)
    assert rows(found) == rows(expected)
    assert rejections(found) == rejections(expected)


@pytest.mark.parametrize("shape", ["telegraf", "mapped"])
def test_layouts_are_kept_within_bounds_and_forgetting_them_changes_nothing(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "MOST_BYTES", 20_000)
    reader = codec(**SHAPES[shape])
    assert reader._short is not None
    kept = reader._short.__self__._layouts  # type: ignore[attr-defined]  # what is remembered shows nowhere else
    most = 0
    for number in range(2_000):
        decoded = reader.decode([sent(ONE | {"tags": {"host": f"host-{number % 300}"}})])
        assert decoded.points.series[0] == f"cpu,host=host-{number % 300},idle"
        most = max(most, len(kept._known))
    assert 10 < most < 100
    assert len(decoded.points.layouts) == 1


def test_equal_metrics_share_a_layout_and_a_bad_point_undoes_it() -> None:
    decoded = codec(**TELEGRAF).decode([sent(ONE), sent([ONE, ONE])])
    first, *others = decoded.points.layouts
    assert all(other is first for other in others)
    assert [name for layout in decoded.points.layouts for name in layout.names] == decoded.points.series
    assert codec(**TELEGRAF).decode([sent(ONE), sent(ONE | {"timestamp": 5})]).points.layouts == []
