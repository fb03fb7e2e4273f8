"""Series names: the template that builds one from a record, and what a name may be."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import TypeGuard

import numpy as np

from streamkl.engine.faults import Fault, quote
from streamkl.engine.paths import EVERY, Path
from streamkl.model import Message, Reason

_PIECE = re.compile(r'(?P<escaped>\{\{|\}\})|\{(?P<hole>(?:[^{}"]|"(?:[^"\\]|\\.)*")*)\}|(?P<literal>[^{}]+)|(?P<stray>[{}])')
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ESCAPED = str.maketrans({sign: f"\\{sign}" for sign in "\\,="})  # so that two different sets of tags never give the same name
_NAME = itemgetter(0)

Piece = Callable[[object, object, Message], str | Fault]


@dataclass(frozen=True, slots=True)
class Template:
    """A series name with holes: `{path}`, `{path.*}`, `{field}`, `{key}`, `{header:NAME}`, `{topic}`; `{{` and `}}` are braces.

    `{field}` is the name of the value; it cuts the template into segments, which `str.join` puts together again for each value of a point.
    """

    text: str
    segments: tuple[tuple[str | Fault | Piece, ...], ...]  # a piece is known, or a function for a hole
    absolute: bool  # a hole's path starts at the record
    path: Path | None  # set if the whole template is one `{path}`

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Read a template; ValueError (with the fix) if it is none."""
        segments: list[list[str | Fault | Piece]] = [[]]
        for found in _PIECE.finditer(text):
            hole = found["hole"]
            if found["stray"]:
                raise ValueError(f"{text!r} has a single {found['stray']!r}: write {{{{ or }}}} for a brace in the name")
            if hole == "field":
                segments.append([])
            else:
                segments[-1].append(_piece(text, hole) if hole is not None else found["literal"] or found["escaped"][0])
        only = segments[0][0] if len(segments) == len(segments[0]) == 1 else None
        absolute = any(_is_absolute(piece) for segment in segments for piece in segment)
        return cls(text, tuple(map(tuple, segments)), absolute, only.path if isinstance(only, _Field) else None)

    @property
    def paths(self) -> list[Path]:
        """The paths in its holes."""
        return [piece.path for segment in self.segments for piece in segment if isinstance(piece, _Field | _Pairs)]

    @property
    def members(self) -> tuple[str, ...] | None:
        """The members of a point that make its name, sorted; None where it takes more than those: key, header, topic, the record."""
        pieces = [piece for segment in self.segments for piece in segment if callable(piece)]
        roots = {path.steps[0] for path in self.paths if not path.absolute}
        names = sorted(root for root in roots if isinstance(root, str))
        return tuple(names) if len(names) == len(roots) and len(pieces) == len(self.paths) and not self.absolute else None

    @property
    def names_the_field(self) -> bool:
        """Whether several values of one point get different names."""
        return len(self.segments) > 1

    def bind(self, record: object, message: Message) -> "Template":
        """The template for all points of one record: holes that start at the record are filled, once."""
        segments = (tuple(piece(None, record, message) if _is_absolute(piece) else piece for piece in segment) for segment in self.segments)
        return replace(self, segments=tuple(segments))

    def render(self, point: object, record: object, message: Message, max_bytes: int) -> list[str] | Fault:
        """The segments of this point's names: `field.join(segments)` is the name of the value `field`.

        No piece is longer than `max_bytes`, so that a long one is not copied for each of thousands of points.
        """
        parts = []
        for segment in self.segments:
            pieces = []
            for piece in segment:
                text = piece(point, record, message) if callable(piece) else piece
                if isinstance(text, Fault):
                    return text
                if len(text) > max_bytes:
                    return _too_long(max_bytes)
                pieces.append(text)
            parts.append("".join(pieces))
        return parts


@dataclass(frozen=True, slots=True)
class _Field:
    """The hole `{path}`."""

    path: Path

    def __call__(self, point: object, record: object, _message: Message) -> str | Fault:
        raw = self.path.find(point, record)
        if type(raw) is str:
            return raw
        if raw is None:
            return Fault(Reason.MISSING_FIELD, f"`{self.path.text}`, which the series name needs, is absent or null")
        text = _as_text(raw)
        if text is None:
            return Fault(Reason.WRONG_TYPE, f"`{self.path.text}` is {quote(raw)}, which cannot be part of a series name")
        return text


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The hole `{path.*}`: sorted `name=value` pairs."""

    path: Path

    def __call__(self, point: object, record: object, _message: Message) -> str | Fault:
        pairs = []
        for name, raw in sorted(self.path.find_all(point, record), key=_NAME):
            text = raw if type(raw) is str else _as_text(raw)
            if text is None:
                return Fault(Reason.WRONG_TYPE, f"`{name}` in `{self.path.text}` is {quote(raw)}, which cannot be part of a series name")
            pairs.append(f"{name.translate(_ESCAPED)}={text.translate(_ESCAPED)}")
        return ",".join(pairs)


@dataclass(frozen=True, slots=True)
class _Header:
    """The hole `{header:NAME}`: the last header of that name."""

    name: str

    def __call__(self, _point: object, _record: object, message: Message) -> str | Fault:
        return _decoded(next((value for name, value in reversed(message.headers) if name == self.name), None), f"header `{self.name}`")


def check_names(names: list[str | Fault], max_bytes: int) -> dict[int, Fault]:
    """The names that cannot be used, by index. Some 40 ns a name where all are plain ASCII."""
    try:
        joined = "".join(names)  # type: ignore[arg-type]  # a Fault among them raises, which is what the except is for
    except TypeError:
        pass
    else:
        if joined.isascii() and all(names) and max(map(len, names), default=0) <= max_bytes:
            octets = joined.encode("ascii")
            if b"\x7f" not in octets and np.frombuffer(octets, np.uint8).min(initial=0xFF) >= 0x20:
                return {}
    return {index: fault for index, name in enumerate(names) if (fault := _name_fault(name, max_bytes)) is not None}


def _name_fault(name: str | Fault, max_bytes: int) -> Fault | None:
    if isinstance(name, Fault):
        return name
    if not name:
        return Fault(Reason.BAD_SERIES, "the series name is empty")
    if len(name) > max_bytes:
        return _too_long(max_bytes)
    if _FORBIDDEN.search(name):
        return Fault(Reason.BAD_SERIES, f"the series name {quote(name)} holds a control character or half a surrogate pair")
    return _too_long(max_bytes) if len(name.encode()) > max_bytes else None


def _too_long(max_bytes: int) -> Fault:
    return Fault(Reason.BAD_SERIES, f"the series name is longer than {max_bytes} bytes")


def _is_absolute(piece: object) -> TypeGuard[Piece]:
    return isinstance(piece, _Field | _Pairs) and piece.path.absolute


def _piece(text: str, hole: str) -> Piece:
    if hole == "key":
        return _key
    if hole == "topic":
        return _topic
    if hole.startswith("header:"):
        if hole == "header:":
            raise ValueError(f"{text!r} names no header: write {{header:NAME}}")
        return _Header(hole.removeprefix("header:"))
    if not hole:
        raise ValueError(f"{text!r} has an empty hole: name a field in it, as in {{series}}")
    path = Path.parse(hole)
    if not path.steps or EVERY in path.steps[:-1]:
        raise ValueError(f"{text!r}: in {{{hole}}} a wildcard may only be the last step, as in {{tags.*}}")
    return _Pairs(path) if path.wildcard else _Field(path)


def _topic(_point: object, _record: object, message: Message) -> str:
    return message.topic


def _key(_point: object, _record: object, message: Message) -> str | Fault:
    return _decoded(message.key, "Kafka key")


def _decoded(raw: bytes | None, what: str) -> str | Fault:
    if raw is None:
        return Fault(Reason.MISSING_FIELD, f"the record has no {what}, which the series name needs")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Fault(Reason.BAD_SERIES, f"the {what} is not UTF-8")


def _as_text(raw: object) -> str | None:
    """Numbers and truth values as part of a name."""
    match raw:
        case bool():
            return "true" if raw else "false"
        case int() | float():
            return str(raw)
        case _:
            return None
