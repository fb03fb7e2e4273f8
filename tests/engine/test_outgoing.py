"""What is written downstream: the bytes of an event, its headers, and dead letters that keep what came."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl import Detector
from streamkl.engine.outgoing import encode_event, encode_rejected
from streamkl.engine.schema import event_page, event_schema
from streamkl.model import Bin, Calibration, Event, Message, Outgoing, Provenance, Quantiles, Reason, Rejected, Span

DOCS = Path(__file__).parents[2] / "docs"
VALIDATOR = jsonschema.Draft202012Validator(
    json.loads((DOCS / "schema" / "event.schema.json").read_text()), format_checker=jsonschema.FormatChecker()
)

EVENT = Event(
    id="metrics/3/1041/0/ab12/opened",
    episode_id="metrics/3/1041/0/ab12",
    sequence=0,
    type="opened",
    kind="distribution",
    series="größe/cpu0",
    monitor="default",
    reason="threshold",
    severity="critical",
    started_at="2023-11-14T22:13:20Z",
    detected_at="2023-11-14T22:13:21.500Z",
    window=Span(start="2023-11-14T22:13:05Z", end="2023-11-14T22:13:21.500Z", points=16),
    reference=Span(start=None, end=None, points=500),
    window_name="16 points",
    statistic_nats=1.25,
    threshold_nats=0.5,
    score=2.5,
    peak_score=2.5,
    confidence=0.75,
    top_bins=(Bin(low=None, high=0.5, reference_share=0.0625, window_share=0.5, nats=1.0),),
    reference_quantiles=Quantiles(p05=1.0, p25=2.0, p50=3.0, p75=4.0, p95=5.0),
    window_quantiles=None,
    sentence="p95 rose from 120 to 480",
    calibration=Calibration(
        method="table",
        budget="1 per series per week",
        run_length_points=10080.0,
        interval_seconds=60.0,
        table_threshold_nats=0.5,
        guard_factor=1.0,
        blocks=64,
        sharers=1,
        judged_points=2048,
        effective_points=480.5,
        certainty=0.95,
    ),
    source=Provenance(topic="metrics", partition=3, first_offset=1026, last_offset=1041),
    config_hash="0123abcd",
)
HAS_DEFAULT = {"schema_version", "statistic_name", "tracks", "features"}
VALUE = (
    '{"schema_version":1,"id":"metrics/3/1041/0/ab12/opened","episode_id":"metrics/3/1041/0/ab12","sequence":0,"type":"opened",'
    '"kind":"distribution","series":"größe/cpu0","monitor":"default","reason":"threshold","severity":"critical",'
    '"started_at":"2023-11-14T22:13:20Z","detected_at":"2023-11-14T22:13:21.500Z",'
    '"window":{"start":"2023-11-14T22:13:05Z","end":"2023-11-14T22:13:21.500Z","points":16},'
    '"reference":{"start":null,"end":null,"points":500},"window_name":"16 points","statistic_name":"KL(window || reference)",'
    '"statistic_nats":1.25,"threshold_nats":0.5,"score":2.5,"peak_score":2.5,"confidence":0.75,'
    '"top_bins":[{"low":null,"high":0.5,"category":null,"reference_share":0.0625,"window_share":0.5,"nats":1.0}],"tracks":[],"features":[],'
    '"reference_quantiles":{"p05":1.0,"p25":2.0,"p50":3.0,"p75":4.0,"p95":5.0},"window_quantiles":null,'
    '"sentence":"p95 rose from 120 to 480","calibration":{"method":"table","budget":"1 per series per week","sharers":1,'
    '"run_length_points":10080.0,"interval_seconds":60.0,"table_threshold_nats":0.5,"guard_factor":1.0,"blocks":64,'
    '"judged_points":2048,"effective_points":480.5,"certainty":0.95},'
    '"source":{"topic":"metrics","partition":3,"first_offset":1026,"last_offset":1041},"config_hash":"0123abcd"}'
)


def test_an_event_is_json_keyed_by_its_series_with_cloudevents_attributes() -> None:
    outgoing = encode_event(EVENT, "anomalies", "urn:streamkl:group:prod")
    assert outgoing.topic == "anomalies"
    assert outgoing.key == "größe/cpu0".encode()
    assert outgoing.value == VALUE.encode()
    assert outgoing.headers == (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"metrics/3/1041/0/ab12/opened"),
        ("ce_source", b"urn:streamkl:group:prod"),
        ("ce_type", b"io.streamkl.anomaly.opened.v1"),
        ("ce_subject", "größe/cpu0".encode()),
        ("ce_time", b"2023-11-14T22:13:21.500Z"),
        ("ce_dataschema", b"urn:streamkl:schema:event:v1"),
        ("content-type", b"application/json"),
    )


def test_an_event_without_a_time_has_no_time_attribute() -> None:
    headers = dict(encode_event(msgspec.structs.replace(EVENT, detected_at=None), "anomalies", "urn:x").headers)
    assert "ce_time" not in headers


def test_a_hostile_name_cannot_break_out_of_a_header() -> None:
    event = msgspec.structs.replace(EVENT, series="a\r\nce_type: x\x00\x85" + "y" * 10_000)
    headers = dict(encode_event(event, "anomalies", "urn:x").headers)
    assert headers["ce_subject"].startswith(rb"a\r\nce_type: x\x00\x85yyy")
    assert len(headers["ce_subject"]) < 4_200
    assert headers["ce_type"] == b"io.streamkl.anomaly.opened.v1"


def test_equal_events_give_equal_bytes() -> None:
    again = msgspec.json.decode(msgspec.json.encode(EVENT), type=Event)
    assert encode_event(again, "anomalies", "urn:x") == encode_event(EVENT, "anomalies", "urn:x")


def test_a_dead_letter_keeps_key_value_and_headers_and_says_where_it_came_from() -> None:
    message = Message("metrics", 3, 1041, 1_700_000_000_000, b"\xffkey", b"\x00\xfe{", (("host", b"\xff\x00"), ("host", b"b")))
    outgoing = encode_rejected(Rejected(message, Reason.INVALID_JSON, "not JSON"), "metrics.dead")
    assert outgoing.topic == "metrics.dead"
    assert (outgoing.key, outgoing.value) == (b"\xffkey", b"\x00\xfe{")
    assert outgoing.headers == (
        ("streamkl.reason", b"invalid_json"),
        ("streamkl.detail", b"not JSON"),
        ("streamkl.origin.topic", b"metrics"),
        ("streamkl.origin.partition", b"3"),
        ("streamkl.origin.offset", b"1041"),
        ("streamkl.origin.timestamp", b"1700000000000"),
        ("streamkl.origin.header.host", b"\xff\x00"),
        ("streamkl.origin.header.host", b"b"),
    )


def test_a_dead_tombstone_stays_a_tombstone() -> None:
    outgoing = encode_rejected(Rejected(Message("metrics", 0, 7, -1, None, None), Reason.EMPTY, "the record has no value"), "metrics.dead")
    assert (outgoing.key, outgoing.value) == (None, None)
    assert dict(outgoing.headers)["streamkl.origin.timestamp"] == b"-1"


def test_a_dead_letters_detail_is_printable_ascii_however_it_came() -> None:
    detail = "line\nend \x1b[31m \u202e \ud800 " + "é" * 500
    headers = dict(encode_rejected(Rejected(Message("m", 0, 0, -1, None, b""), Reason.BAD_SERIES, detail), "d").headers)
    assert headers["streamkl.detail"].startswith(rb"line\nend \x1b[31m \u202e \ud800 \xe9\xe9")
    assert len(headers["streamkl.detail"]) == 200


@pytest.mark.parametrize(("published", "make"), [("schema/event.schema.json", event_schema), ("events.md", event_page)])
def test_what_is_published_of_events_is_the_models(published: str, make: Callable[[], str]) -> None:
    remedy = f'from streamkl.engine.schema import {make.__name__}; print({make.__name__}(), end="")'
    assert (DOCS / published).read_text() == make(), f"write it anew: .venv/bin/python -c '{remedy}' > docs/{published}"


def test_every_member_of_an_event_says_what_it_means() -> None:
    schema = json.loads(event_schema())
    members = {
        f"{name}.{member}": of for name, part in {"Event": schema, **schema["$defs"]}.items() for member, of in part["properties"].items()
    }
    speak_for_themselves = {"Feature.name", "Provenance.topic", "Provenance.partition", "Span.points"}
    assert {name for name, of in members.items() if not of.get("description") and not name.startswith("Quantiles.")} == speak_for_themselves


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(event_schema()))


def test_a_written_event_fits_the_schema() -> None:
    VALIDATOR.validate(json.loads(VALUE))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("type", "reopened"),
        ("kind", "mood"),
        ("severity", "fatal"),
        ("reason", ""),
        ("score", "2.5"),
        ("detected_at", "yesterday"),
        ("window", {"start": None, "end": None}),
        ("top_bins", [{"nats": 1.0}]),
        ("source", None),
    ],
)
def test_the_schema_refuses_what_no_event_says(member: str, value: object) -> None:
    assert not VALIDATOR.is_valid({**json.loads(VALUE), member: value})


@pytest.mark.parametrize("member", [field for field in json.loads(VALUE) if field not in HAS_DEFAULT])
def test_every_member_of_an_event_is_required(member: str) -> None:
    assert not VALIDATOR.is_valid({name: value for name, value in json.loads(VALUE).items() if name != member})


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.none() | st.datetimes().map(lambda moment: moment.isoformat() + "Z")
BINS = st.builds(
    Bin,
    low=st.none() | NUMBERS,
    high=st.none() | NUMBERS,
    category=st.none() | st.text(),
    reference_share=NUMBERS,
    window_share=NUMBERS,
    nats=NUMBERS,
)


@given(st.text(min_size=1), TIMES, NUMBERS, st.lists(BINS, max_size=3))
def test_any_event_fits_the_schema_and_reads_back_as_itself(series: str, when: str | None, score: float, bins: list[Bin]) -> None:
    event = msgspec.structs.replace(EVENT, series=series, started_at=when, detected_at=when, score=score, top_bins=tuple(bins))
    outgoing = encode_event(event, "anomalies", "urn:x")
    assert outgoing.value is not None
    VALIDATOR.validate(json.loads(outgoing.value))
    assert msgspec.json.decode(outgoing.value, type=Event) == event
    assert outgoing.key == series.encode()


@pytest.mark.native
@pytest.mark.timeout(600)  # the first one to use the kernel compiles it and fills the table cache
@pytest.mark.parametrize("clocked", [True, False])
def test_a_whole_episode_of_the_detector_fits_the_schema(clocked: bool) -> None:
    rng = np.random.default_rng(11)
    values = np.concatenate([rng.normal(100, 5, 1_000), rng.normal(160, 5, 60), rng.normal(100, 5, 600)])
    detector = Detector(name="latency")
    events = [event for t, value in enumerate(values) for event in detector.update(60 * t if clocked else None, value)]
    assert {"opened", "closed"} <= {event.type for event in events}
    for event in events:
        outgoing = encode_event(event, "anomalies", "urn:x")
        assert outgoing.value is not None
        VALIDATOR.validate(json.loads(outgoing.value))


def test_a_dead_letter_near_the_brokers_limit_is_cut_and_says_so() -> None:
    message = Message("metrics", 0, 7, -1, b"k" * 100, b"x" * 1_040_000, (("trace", b"t" * 50),))
    letter = encode_rejected(Rejected(message, Reason.INVALID_JSON, "no JSON"), "metrics.dead")
    assert letter.key == message.key
    assert letter.value == message.value[:899_900]
    assert dict(letter.headers)["streamkl.cut"] == b"key 100, value 1040000, headers 1"
    assert "streamkl.origin.header.trace" not in dict(letter.headers)


def test_a_dead_letter_with_an_endless_key_keeps_the_start_of_the_key() -> None:
    message = Message("metrics", 0, 7, -1, b"k" * 1_000_000, b"x", ())
    letter = encode_rejected(Rejected(message, Reason.INVALID_JSON, "no JSON"), "metrics.dead")
    assert (len(letter.key or b""), letter.value) == (900_000, b"")


def test_the_size_of_a_record_is_that_of_its_key_value_and_headers() -> None:
    assert Outgoing("topic", b"key", b"value", (("name", b"held"), ("n", b""))).size == 3 + 5 + 8 + 1
    assert Outgoing("topic", None, None, ()).size == 0
