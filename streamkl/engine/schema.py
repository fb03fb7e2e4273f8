"""The JSON Schema of events, derived from the model; `docs/schema/event.schema.json` is its published copy."""

import json
from typing import Any

import msgspec

from streamkl.engine.outgoing import EVENT_SCHEMA_URI
from streamkl.model import SCHEMA_VERSION, Event


def event_schema() -> str:
    """The schema as text (draft 2020-12). Members that a later version adds are allowed: readers ignore what they do not know."""
    (event,), parts = msgspec.json.schema_components((Event,), ref_template="#/$defs/{name}")
    root: dict[str, Any] = parts.pop(event["$ref"].rpartition("/")[2])
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": EVENT_SCHEMA_URI.format(version=SCHEMA_VERSION),
        **root,
        "title": "streamkl anomaly event",
        "$defs": dict(sorted(parts.items())),
    }
    return json.dumps(schema, indent=2) + "\n"
