"""What the models say about their own options: their paths, what they accept, and how a value is written."""

from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from streamkl.config.kinds import Noun, Unit
from streamkl.config.models import Config
from streamkl.config.section import Section
from streamkl.config.trees import Path


def options(table: type[Section] = Config, path: Path = ()) -> Iterator[tuple[Path, FieldInfo]]:
    """Every option below a table with its path; those of a list of tables once, without an index."""
    for name, field in table.model_fields.items():
        nested = section_of(field)
        if nested is None:
            yield (*path, name), field
        else:
            yield from options(nested, (*path, name))


class Table(NamedTuple):
    """A table of the file: `kafka`, `detector.reference`; `listed` for those written [[monitors]]."""

    name: str
    section: type[Section]
    listed: bool


def tables(section: type[Section] = Config, above: str = "") -> Iterator[Table]:
    """Every table in the order of the file; those inside a listed one are options of it, not tables of their own."""
    for name, field in section.model_fields.items():
        inner = section_of(field)
        if inner is not None:
            table = Table(f"{above}.{name}".removeprefix("."), inner, listed=field.annotation is not inner)
            yield table
            if not table.listed:
                yield from tables(inner, table.name)


def section_of(field: FieldInfo) -> type[Section] | None:
    """The table that an option holds, or that its list holds; None for a plain value."""
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    return None


def section_at(path: Path) -> type[Section] | None:
    """The table at a path, None where there is none."""
    table: type[Section] | None = Config
    for part in path:
        if isinstance(part, str):
            field = table.model_fields.get(part) if table else None
            table = section_of(field) if field else None
    return table


def field_at(path: Path) -> tuple[Path, FieldInfo | None]:
    """The option at a path (a list's items belong to the list), and the option's own path."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    table = section_at(path[:-1])
    return path, table.model_fields.get(str(path[-1])) if table else None


def is_secret(field: FieldInfo) -> bool:
    """Whether the value must never be shown."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def accepts(field: FieldInfo) -> str:
    """What a value has to be: "a whole number between 50 and 100000 points"."""
    noun = _noun(field)
    unit = next((f" {item.name}" for item in field.metadata if isinstance(item, Unit)), "")
    kind = _without_none(field.annotation)
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(written(choice, field) for choice in get_args(kind))
    plain = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", SecretStr: "a secret"}
    name = noun.name if noun else plain.get(kind, "a path")
    return f"{name} {bounds(field)}".rstrip() + unit


def written(value: Any, field: FieldInfo) -> str:
    """A value as it stands in a configuration file."""
    noun = _noun(field)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(written(item, field) for item in value)}]"
    if isinstance(value, (bool, int, float)) and noun is None:
        return str(value).lower()
    return quoted(noun.write(value) if noun else str(value))


def _noun(field: FieldInfo) -> Noun | None:
    """What a value is called; where there may be none, what the others are."""
    notes = (*field.metadata, *getattr(_without_none(field.annotation), "__metadata__", ()))
    return next((note for note in notes if isinstance(note, Noun)), None)


def quoted(text: str) -> str:
    """A TOML string on one line."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'


def bounds(field: FieldInfo) -> str:
    """ "between 1 and 60", "of 1 to 64 characters", or nothing."""
    low = high = fewest = most = None
    for item in field.metadata:
        match item:
            case Ge(ge=value):
                low = _bound(value, field)
            case Gt(gt=value):
                low = f"{_bound(value, field)} (excluded)"
            case Le(le=value):
                high = _bound(value, field)
            case MinLen(min_length=value):
                fewest = value
            case MaxLen(max_length=value):
                most = value
            case _:
                pass
    if low and high:
        return f"between {low} and {high}"
    what = "characters" if _without_none(field.annotation) is str else "entries"
    if fewest is not None and most is not None:
        return f"of {fewest} to {most} {what}"
    return "that is not empty" if fewest else f"of at most {most} {what}" if most else ""


def _without_none(annotation: Any) -> Any:
    parts = [part for part in get_args(annotation) if part is not type(None)] if get_origin(annotation) in (Union, UnionType) else []
    return parts[0] if len(parts) == 1 else annotation


def _bound(value: Any, field: FieldInfo) -> str:
    return written(value, field).strip('"')
