"""Events and rejected messages -> records to be produced, with CloudEvents attributes or a dead letter's origin in the headers."""

import re
from typing import Final

import msgspec

from streamkl.engine.faults import escape
from streamkl.model import Event, Outgoing, Rejected

EVENT_SCHEMA_URI: Final = "urn:streamkl:schema:event:v{version}"
ORIGINAL_HEADER_PREFIX: Final = "streamkl.origin.header."

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
    """The message as it came (key and value byte for byte), with the reason, the origin and its own headers, prefixed, in the headers."""
    message = rejected.message
    headers = (
        ("streamkl.reason", rejected.reason.encode()),
        ("streamkl.detail", escape(rejected.detail).encode()),
        ("streamkl.origin.topic", _header(message.topic)),
        ("streamkl.origin.partition", b"%d" % message.partition),
        ("streamkl.origin.offset", b"%d" % message.offset),
        ("streamkl.origin.timestamp", b"%d" % message.timestamp_ms),
        *((ORIGINAL_HEADER_PREFIX + name, value) for name, value in message.headers),
    )
    return Outgoing(topic, message.key, message.value, headers)


def _header(text: str) -> bytes:
    """UTF-8 without control characters, at most `_MAX_HEADER` characters."""
    return _CONTROL.sub(lambda found: escape(found[0]), text[:_MAX_HEADER]).encode()
