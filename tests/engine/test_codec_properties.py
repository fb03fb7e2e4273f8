"""What holds for any bytes: nothing raises, nothing is lost, and how records are batched or read changes nothing."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from streamkl.engine.codec import Codec
from streamkl.model import Message
from tests.engine.material import codec, mapped_codec, message, one_by_one, rejections, rows
from tests.engine.test_codec import ACCEPTED, REJECTED

TELEGRAF = codec(points="metrics", series="{name},{tags.*},{field}", value="fields.*")

SHORT = [raw for raw, _ in [*ACCEPTED.values(), *REJECTED.values()] if raw is None or len(raw) < 2_000]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["a", "0.5", "NaN", "2023-11-14T22:13:20Z", 1_700_000_000, 1_700_000_000_000, 0.25]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=6
)
POINTS = st.fixed_dictionaries({}, optional={"series": VALUES, "timestamp": VALUES, "value": VALUES, "x": VALUES})
NESTED = st.fixed_dictionaries({}, optional={"name": VALUES, "tags": VALUES, "fields": VALUES, "timestamp": VALUES})
JSON_TEXT = st.one_of(
    POINTS, st.lists(POINTS, max_size=6), NESTED, st.fixed_dictionaries({"metrics": st.lists(NESTED, max_size=4)}), VALUES
).map(lambda document: json.dumps(document).encode())


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """JSON with a piece cut out, doubled or overwritten."""
    raw = draw(JSON_TEXT)
    start, end = sorted((draw(st.integers(0, len(raw))), draw(st.integers(0, len(raw)))))
    return raw[:start] + draw(st.sampled_from([b"", raw[start:end] * 2, b"\x00", b"\xff", b"{", b"]", b'"', b",", b"1e999"])) + raw[end:]


PAYLOADS = st.one_of(st.sampled_from(SHORT), JSON_TEXT, damaged(), st.binary(max_size=40))
MESSAGES = st.lists(
    st.builds(
        lambda raw, when, key: message(raw, timestamp_ms=when, key=key),
        PAYLOADS,
        st.sampled_from([1_700_000_000_000, -1, 0, 2**63 - 1]),
        st.none() | st.binary(max_size=4),
    ),
    max_size=12,
).map(lambda messages: [single._replace(offset=offset) for offset, single in enumerate(messages)])


def check_accounted(reader: Codec, messages: list[Message]) -> None:
    decoded = reader.decode(messages)
    owners = [owner for *_, owner in rows(decoded)]
    refused = [offset for offset, *_ in rejections(decoded)]
    assert owners == sorted(owners)
    assert refused == sorted(set(refused))
    assert {*owners, *refused} == set(range(len(messages)))
    assert (rows(decoded), rejections(decoded)) == one_by_one(reader, messages)
    for series in decoded.points.series:
        assert 1 <= len(series.encode()) <= 512


@given(MESSAGES)
@settings(max_examples=150)
def test_a_batch_is_the_sum_of_its_messages_and_every_message_is_accounted_for(messages: list[Message]) -> None:
    check_accounted(codec(), messages)


@given(MESSAGES)
@settings(max_examples=80)
def test_the_same_holds_for_several_values_per_record(messages: list[Message]) -> None:
    check_accounted(TELEGRAF, messages)


@given(MESSAGES)
@settings(max_examples=150)
def test_the_flat_way_and_the_general_way_agree(messages: list[Message]) -> None:
    reader, mapped = codec(), mapped_codec().decode(messages)
    for _ in range(3):  # what has come before is remembered
        flat = reader.decode(messages)
        assert rows(flat) == rows(mapped)
        assert rejections(flat) == rejections(mapped)


@given(st.lists(st.binary(max_size=200), max_size=8))
@settings(max_examples=100)
def test_arbitrary_bytes_never_raise(payloads: list[bytes]) -> None:
    messages = [message(raw, offset, key=raw, headers=(("h", raw),)) for offset, raw in enumerate(payloads)]
    check_accounted(codec(series="{key}{header:h}{topic}", value="$"), messages)
