"""Events and rejected messages -> records to be produced, with CloudEvents attributes or a dead letter's origin in the headers."""

import re
from typing import Final

import msgspec

from streamkl.engine.faults import escape
from streamkl.model import Event, Message, Outgoing, Rejected

EVENT_SCHEMA_URI: Final = "urn:streamkl:schema:event:v{version}"
ORIGINAL_HEADER_PREFIX: Final = "streamkl.origin.header."
LARGEST_DEAD_LETTER: Final = 900_000  # bytes of key, value and own headers; brokers take 1 MiB by default

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_MAX_HEADER = 4_096

_encode = msgspec.json.Encoder().encode


def encode_event(event: Event, topic: str, source_uri: str) -> Outgoing:
    """The event as JSON, keyed by its series, with CloudEvents 1.0 attributes in the headers (binary content mode).

    Equal events give equal bytes. Type and source never come from input; text of the input stands in `ce_subject` and in the value only.
    """
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": event.id,
        "ce_source": source_uri,
        "ce_type": f"io.streamkl.anomaly.{event.type}.v{event.schema_version}",
        "ce_subject": event.series,
        "ce_time": event.detected_at,
        "ce_dataschema": EVENT_SCHEMA_URI.format(version=event.schema_version),
        "content-type": "application/json",
    }
    headers = tuple((name, _header(text)) for name, text in attributes.items() if text)
    return Outgoing(topic, event.series.encode(), _encode(event), headers)


def encode_rejected(rejected: Rejected, topic: str) -> Outgoing:
    """The message as it came (key and value byte for byte), with the reason, the origin and its own headers, prefixed, in the headers.

    A broker would refuse a record that was near its limit and has grown by these headers, and one bad record must not stop the rest: what
    exceeds `LARGEST_DEAD_LETTER` bytes is cut, first the headers it had, then the value, and its lengths are told in `streamkl.cut`.
    """
    message = _cut(rejected.message)
    headers = (
        ("streamkl.reason", rejected.reason.encode()),
        ("streamkl.detail", escape(rejected.detail).encode()),
        ("streamkl.origin.topic", _header(message.topic)),
        ("streamkl.origin.partition", b"%d" % message.partition),
        ("streamkl.origin.offset", b"%d" % message.offset),
        ("streamkl.origin.timestamp", b"%d" % message.timestamp_ms),
        *((("streamkl.cut", _lengths(rejected.message)),) if message is not rejected.message else ()),
        *((ORIGINAL_HEADER_PREFIX + name, value) for name, value in message.headers),
    )
    return Outgoing(topic, message.key, message.value, headers)


def _cut(message: Message) -> Message:
    key, value = len(message.key or b""), len(message.value or b"")
    own = sum(len(name) + len(held) + len(ORIGINAL_HEADER_PREFIX) for name, held in message.headers)
    if key + value + own <= LARGEST_DEAD_LETTER:
        return message
    kept = message._replace(headers=()) if own else message
    room = max(LARGEST_DEAD_LETTER - min(key, LARGEST_DEAD_LETTER), 0)
    return kept._replace(key=message.key and message.key[:LARGEST_DEAD_LETTER], value=message.value and message.value[:room])


def _lengths(message: Message) -> bytes:
    return b"key %d, value %d, headers %d" % (len(message.key or b""), len(message.value or b""), len(message.headers))


def _header(text: str) -> bytes:
    """UTF-8 without control characters, at most `_MAX_HEADER` characters."""
    return _CONTROL.sub(lambda found: escape(found[0]), text[:_MAX_HEADER]).encode()
