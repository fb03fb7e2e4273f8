"""What an event's members mean, derived from the model: as a JSON Schema, and as a page; `docs/` has a published copy of each."""

import json
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from typing import Any

import msgspec

from streamkl.engine.outgoing import EVENT_SCHEMA_URI
from streamkl.model import SCHEMA_VERSION, Event

_PAGE_HEAD = """# Events

One event a record: JSON, keyed by the series, with the CloudEvents attributes (`ce_id`, `ce_type`, `ce_source`, ...) in the record's
headers. This page and the [JSON Schema](schema/event.schema.json) are made from the same source. In Python, `streamkl.Event` has
attributes of the same names. Later versions may add members: ignore what you do not know.
"""


def event_schema() -> str:
    """The schema as text (draft 2020-12). Members that a later version adds are allowed: readers ignore what they do not know."""
    (event,), parts = msgspec.json.schema_components((Event,), ref_template="#/$defs/{name}")
    for part in parts.values():
        part["description"] = cleandoc(part["description"])
    root: dict[str, Any] = parts.pop(_name(event))
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": EVENT_SCHEMA_URI.format(version=SCHEMA_VERSION),
        **root,
        "title": "streamkl anomaly event",
        "$defs": dict(sorted(parts.items())),
    }
    return json.dumps(schema, indent=2) + "\n"


def event_page() -> str:
    """The same for readers: Markdown, a table for the event and for each of its parts."""
    schema = json.loads(event_schema())
    parts = {"Event": schema, **schema["$defs"]}
    return _PAGE_HEAD + "".join(f"\n{line}" for name, part in parts.items() for line in _table(name, part))


def _table(name: str, part: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"## {name}", "", part["description"], "", "| member | type | meaning |", "|---|---|---|")
    for member, of in part["properties"].items():
        words = ", ".join(f"`{word}`" for word in of.get("enum", ()))
        meaning = of.get("description", "").replace("|", "\\|")
        yield f"| `{member}` | {words or _type(of)} | {meaning} |"
    yield ""


def _type(of: Mapping[str, Any]) -> str:
    if "anyOf" in of:
        return " or ".join(map(_type, of["anyOf"]))
    if "$ref" in of:
        return f"[{_name(of)}](#{_name(of).lower()})"
    if of["type"] == "array":
        return f"list of {_type(of['items'])}"
    return "time" if of.get("format") == "date-time" else str(of["type"])


def _name(of: Mapping[str, Any]) -> str:
    return str(of["$ref"].rpartition("/")[2])
