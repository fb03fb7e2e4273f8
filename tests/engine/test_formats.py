"""Records as well-known senders write them, each with the mapping that docs/input.md gives for it."""

import re
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from streamkl.config import InputConfig
from streamkl.engine.codec import Codec
from streamkl.engine.mapping import compile_mapping
from streamkl.model import Reason
from tests.engine.material import NOW_US, codec, mapping, message, rejections, rows
from tests.pages import blocks

PAGE = (Path(__file__).parents[2] / "docs" / "input.md").read_text(encoding="utf-8")


def documented(sender: str) -> dict[str, Any]:
    """The mapping that the page shows for a sender."""
    shown = [block.text for block in blocks(PAGE.partition("## Well-known formats")[2]) if block.kind == "toml"]
    (example,) = [example for example in shown if re.match(rf"\[input\] +# {re.escape(sender)}", example)]
    options: dict[str, Any] = tomllib.loads(example)["input"]
    return options


TELEGRAF = {"series": "{name},{tags.*},{field}", "value": "fields.*"}


def test_the_page_tells_every_reason_and_no_other() -> None:
    table = PAGE.partition("| reason | when |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [reason.value for reason in Reason]


def test_the_same_two_points_are_shown_in_both_formats_and_in_words() -> None:
    shown = PAGE.partition("## Other formats")[2].partition("## Values")[0]
    (options,), (line,), (batch,) = (re.findall(rf"```{kind}\n(.*?)```", shown, re.DOTALL) for kind in ("toml", "text", "json"))
    said = re.search(r"two points at (\S+): `(\S+)` is (\S+) and `(\S+)` is (\d+)\.", shown)
    assert said is not None
    when = 1_000_000 * int(datetime.fromisoformat(said[1]).timestamp())
    expected = [(said[2], when, float(said[3]), 0), (said[4], when, float(said[5]), 0)]
    chosen = tomllib.loads(options)["input"]
    for config, raw in ((chosen, line), ({**chosen, "format": "telegraf"}, batch)):
        reader = Codec(InputConfig.model_validate(config).mapping())
        assert rows(reader.decode([message(raw.encode())])) == expected


def test_telegraf_gives_one_series_per_number_and_skips_the_rest() -> None:
    raw = (
        b'{"fields":{"usage_idle":93.5,"n":3,"ok":true,"version":"1.2","gone":null},'
        b'"name":"cpu","tags":{"host":"raynor","cpu":"cpu0"},"timestamp":1700000000}'
    )
    assert rows(codec(**TELEGRAF).decode([message(raw)])) == [
        ("cpu,cpu=cpu0,host=raynor,usage_idle", NOW_US, 93.5, 0),
        ("cpu,cpu=cpu0,host=raynor,n", NOW_US, 3.0, 0),
        ("cpu,cpu=cpu0,host=raynor,ok", NOW_US, 1.0, 0),
    ]


def test_a_telegraf_batch_is_an_array_of_points() -> None:
    raw = (
        b'{"metrics":[{"fields":{"a":1},"name":"m","tags":{},"timestamp":1700000000},'
        b'{"fields":{"b":"text"},"name":"m","tags":{},"timestamp":1700000000},{"fields":{"c":2},"name":"m","timestamp":1700000001}]}'
    )
    decoded = codec(points="metrics", **TELEGRAF).decode([message(raw)])
    assert rows(decoded) == [("m,,a", NOW_US, 1.0, 0), ("m,,c", NOW_US + 1_000_000, 2.0, 0)]
    assert rejections(decoded) == [(0, "missing_field", "point 2 of 3 (1 bad): no number under `fields.*`")]


def test_prometheus_labels_name_the_series_whatever_their_order() -> None:
    first = b'{"timestamp":"2023-11-14T22:13:20Z","value":"9876543210","name":"up","labels":{"job":"x","__name__":"up"}}'
    other = b'{"timestamp":"2023-11-14T22:13:20Z","value":"NaN","name":"up","labels":{"__name__":"up","job":"x"}}'
    decoded = codec(**documented("prometheus-kafka-adapter")).decode([message(first, 0), message(other, 1)])
    assert rows(decoded) == [("__name__=up,job=x", NOW_US, 9876543210.0, 0)]
    assert rejections(decoded) == [(1, "not_finite", 'the value "NaN" is not a finite double')]


def test_collectd_values_are_told_apart_by_their_place() -> None:
    raw = (
        b'[{"values":[0.31,null,0.28],"dsnames":["shortterm","midterm","longterm"],"time":1700000000.495,"host":"h",'
        b'"plugin":"load","plugin_instance":"","type":"load"}]'
    )
    when = NOW_US + 495_000
    assert rows(codec(**documented("collectd")).decode([message(raw)])) == [
        ("h/load-/load/0", when, 0.31, 0),
        ("h/load-/load/2", when, 0.28, 0),
    ]


def test_metricbeat_values_lie_deep_and_keys_may_hold_signs() -> None:
    raw = (
        b'{"@timestamp":"2023-11-14T22:13:20.853Z","metricset":{"name":"cpu"},"host":{"name":"h"},'
        b'"system":{"cpu":{"total":{"norm":{"pct":0.0457}}}}}'
    )
    assert rows(codec(**documented("Metricbeat")).decode([message(raw)])) == [("h.cpu.pct", NOW_US + 853_000, 0.0457, 0)]


def test_debezium_deletions_and_tombstones_are_no_points() -> None:
    created = b'{"payload":{"before":null,"after":{"id":1,"amount":12.5},"source":{"table":"t"},"op":"c","ts_ms":1700000000000}}'
    deleted = b'{"payload":{"before":{"id":1},"after":null,"source":{"table":"t"},"op":"d","ts_ms":1700000000000}}'
    decoded = codec(**documented("Debezium")).decode([message(created, 0), message(deleted, 1), message(None, 2)])
    assert rows(decoded) == [("t.amount", NOW_US, 12.5, 0)]
    assert [(offset, reason) for offset, reason, _ in rejections(decoded)] == [(1, "missing_field"), (2, "empty")]


def test_pairs_of_time_and_value_take_their_name_from_the_record() -> None:
    raw = b'{"metric":{"name":"load"},"samples":[[1700000000,1],[1700000001,"2.5"]]}'
    reader = codec(**documented('{"metric"'))
    assert rows(reader.decode([message(raw)])) == [("load", NOW_US, 1.0, 0), ("load", NOW_US + 1_000_000, 2.5, 0)]


def test_points_may_lie_in_several_arrays() -> None:
    raw = b'{"groups":[{"points":[{"n":"a","v":1}]},{"points":[]},{"points":{"n":"b","v":2}}]}'
    reader = codec(points="groups[*].points", series="{n}", timestamp="$.at", value="v")
    assert rows(reader.decode([message(raw)])) == [("a", NOW_US, 1.0, 0), ("b", NOW_US, 2.0, 0)]


def test_a_bare_number_takes_its_name_from_key_headers_and_topic() -> None:
    reader = codec(series="{topic}/{key}/{header:host}", timestamp="", value="$")
    sent = message(b"0.5", key=b"cpu", headers=(("host", b"old"), ("host", b"new"), ("x", b"\xff")))
    assert rows(reader.decode([sent])) == [("metrics/cpu/new", NOW_US, 0.5, 0)]


def test_a_key_or_header_that_is_absent_or_not_text_is_a_fault_of_the_name() -> None:
    key, header = codec(series="{key}", value="$"), codec(series="{header:h}", value="$")
    assert rejections(key.decode([message(b"1", 0), message(b"1", 1, key=b"\xff"), message(b"1", 2, key=b"")])) == [
        (0, "missing_field", "the record has no Kafka key, which the series name needs"),
        (1, "bad_series", "the Kafka key is not UTF-8"),
        (2, "bad_series", "the series name is empty"),
    ]
    assert rejections(header.decode([message(b"1", 0), message(b"1", 1, headers=(("h", b"\xff"),))])) == [
        (0, "missing_field", "the record has no header `h`, which the series name needs"),
        (1, "bad_series", "the header `h` is not UTF-8"),
    ]


def test_different_tags_never_give_the_same_name() -> None:
    reader = codec(series="{tags.*}")
    tags = [b'{"a":"1,b=2"}', b'{"a":"1","b":"2"}', b'{"a,b":"1"}', rb'{"a":"1\\,b=2"}', b'{"a":1.5,"b":true,"c":null}']
    decoded = reader.decode([message(b'{"value":1,"tags":' + raw + b"}") for raw in tags])
    assert decoded.points.series == [r"a=1\,b\=2", "a=1,b=2", r"a\,b=1", r"a=1\\\,b\=2", "a=1.5,b=true"]


@pytest.mark.parametrize("raw", [b'{"value":1}', b'{"value":1,"tags":null}', b'{"value":1,"tags":{}}'])
def test_no_tags_are_an_empty_part_of_the_name(raw: bytes) -> None:
    assert codec(series="m,{tags.*}").decode([message(raw)]).points.series == ["m,"]


@pytest.mark.parametrize(
    ("template", "reason", "detail"),
    [
        ("{a.b}", "missing_field", "`a.b`, which the series name needs, is absent or null"),
        ("{object}", "wrong_type", "`object` is an object, which cannot be part of a series name"),
        ("{nested.*}", "wrong_type", "`x` in `nested.*` is an array, which cannot be part of a series name"),
    ],
)
def test_a_name_that_cannot_be_built_says_why(template: str, reason: str, detail: str) -> None:
    raw = b'{"value":1,"a":"text","object":{},"nested":{"x":[]}}'
    assert rejections(codec(series=template).decode([message(raw)])) == [(0, reason, detail)]


@pytest.mark.parametrize(
    ("raw", "reason", "detail"),
    [
        (b"{}", "missing_field", "`m` holds no point"),
        (b'{"m":null}', "missing_field", "`m` holds no point"),
        (b'{"m":[]}', "missing_field", "`m` holds no point"),
        (b'{"m":5}', "wrong_type", "`m` holds 5, not points"),
        (b'{"m":[5]}', "wrong_type", "the point is 5, not an object"),
        (b"[]", "missing_field", "`m` holds no point"),
    ],
)
def test_a_record_without_points_where_they_should_be_says_so(raw: bytes, reason: str, detail: str) -> None:
    assert rejections(codec(points="m").decode([message(raw)])) == [(0, reason, detail)]


def test_the_limit_on_points_counts_values_and_takes_back_the_whole_record() -> None:
    reader = codec(**TELEGRAF, max_points_per_record=3)
    fit = b'{"name":"m","timestamp":1700000000,"fields":{"a":1,"b":2,"c":3}}'
    over = b'{"name":"m","timestamp":1700000000,"fields":{"a":1,"b":2,"c":3,"d":4}}'
    decoded = reader.decode([message(over, 0), message(fit, 1), message(b"[" + fit + b"," + over + b"]", 2)])
    assert [owner for *_, owner in rows(decoded)] == [1, 1, 1]
    assert rejections(decoded) == [
        (0, "too_many_points", "the record holds more than 3 points"),
        (2, "too_many_points", "the record holds more than 3 points"),
    ]


@pytest.mark.parametrize(
    ("changes", "flat"),
    [
        ({}, True),
        ({"timestamp": ""}, True),
        ({"series": '{["a.b"]}', "timestamp": "@timestamp", "value": "v"}, True),
        ({"series": "{a}/{b}"}, False),
        ({"series": "{key}"}, False),
        ({"series": "x{series}"}, False),
        ({"value": "a.b"}, False),
        ({"value": "$.value"}, False),
        ({"points": "m"}, False),
        ({"series": "{value}"}, False),
    ],
)
def test_flat_mappings_are_recognised_and_read_like_others(changes: dict[str, str], flat: bool) -> None:
    assert (compile_mapping(mapping(**changes)).keys is not None) == flat


def test_flat_keys_may_have_any_name() -> None:
    raw = b'{"a.b":"s","@timestamp":"2023-11-14T22:13:20Z","v":1,"series":"x","value":"y","timestamp":"z"}'
    reader = codec(series='{["a.b"]}', timestamp="@timestamp", value="v")
    assert rows(reader.decode([message(raw)])) == [("s", NOW_US, 1.0, 0)]


def test_the_same_field_may_be_name_and_value() -> None:
    assert rows(codec(series="{value}").decode([message(b'{"value":"200"}')])) == [("200", NOW_US, 200.0, 0)]
