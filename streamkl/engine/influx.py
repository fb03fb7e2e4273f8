"""One message's bytes -> the points of InfluxDB line protocol, as Telegraf's JSON would write them; no byte sequence raises.

The grammar is that of https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/.
"""

import re
from typing import Final, TypedDict

from streamkl.engine.faults import Fault, quote
from streamkl.engine.jsontext import integer
from streamkl.model import Reason

_NAME = r"(?:\\[, ]|[^, \r\n])++"
_KEY = r"(?:\\[,= ]|[^,= \r\n])++"
_TEXT = r'"(?:[^"\\]|\\.)*+"'
_FIELD = rf'(?:{_KEY}=(?:{_TEXT}|[^," \t\r\n]++))'
_END = r"[ \r]*+(?:\n|\Z)"

_BLANK = re.compile(r"[ \t\r]*+(?:#[^\n]*+)?(?:\n|\Z)")
_HEAD = re.compile(rf"[ \t]*+({_NAME})((?:,{_KEY}={_KEY})*+) ++")
_FIELDS = re.compile(rf"({_FIELD}(?:,{_FIELD})*+)(?: ++([^ \r\n]++))?{_END}", re.DOTALL)
_TAG = re.compile(rf",({_KEY})=({_KEY})")
_PAIR = re.compile(rf'({_KEY})=(?:"((?:[^"\\]|\\.)*+)"|([^,]++))', re.DOTALL)

_UNESCAPE_NAME = re.compile(r"\\([, ])")
_UNESCAPE_KEY = re.compile(r"\\([,= ])")
_UNESCAPE_TEXT = re.compile(r'\\(["\\])')

_FLOAT = re.compile(r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_WHOLE = re.compile(r"([+-]?[0-9]++)i|\+?([0-9]++)u")
_TIME = re.compile(r"[+-]?[0-9]++")
_TRUTH: Final = dict.fromkeys(("t", "T", "true", "True", "TRUE"), True) | dict.fromkeys(("f", "F", "false", "False", "FALSE"), False)


class Point(TypedDict, total=False):
    """What a line holds, as Telegraf's JSON has it."""

    name: str
    tags: dict[str, str]
    fields: dict[str, float | str]
    timestamp: float


def parse_lines(raw: bytes | None) -> list[Point | Fault] | Fault:
    r"""A point for each line that is neither blank nor a comment, or the `Fault` in it; a `Fault` for a record without any.

    A point has `name` and `fields`, and `tags` and `timestamp` where the line has them. A string field may hold line ends, so lines are
    found by reading them; a line that cannot be read ends at its first line end. About 1 µs a line and 0.6 µs a field.

    >>> parse_lines(b'cpu,host=a idle=93.5,n=3i,up=t 1700000000000000000\nmem free=')
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'name': 'cpu', 'tags': {'host': 'a'}, 'fields': {'idle': 93.5, 'n': 3, 'up': True}, 'timestamp': 1700000000000000000},
     Fault(reason=<Reason.INVALID_LINE: 'invalid_line'>, detail='"free=" are no fields: write name=value, with commas between')]
    """
    if not raw:
        return Fault(Reason.EMPTY, "the record has no value")
    text = raw.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    points: list[Point | Fault] = []
    at = 0
    while at < len(text):
        point, at = read_line(text, at)
        if point is not None:
            points.append(point)
    return points or Fault(Reason.MISSING_FIELD, "the record holds no line, or only comments")


def read_line(text: str, at: int = 0) -> tuple[Point | Fault | None, int]:
    """The point of the line that begins at `at` (None: it is blank or a comment), and where the next line begins.

    What is not UTF-8 stands in `text` as `surrogateescape` has it.
    """
    blank = _BLANK.match(text, at)
    if blank is not None:
        return None, blank.end()
    head = _HEAD.match(text, at)
    body = _FIELDS.match(text, head.end()) if head is not None else None
    if head is None or body is None:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        return _complaint(text[at:end] if head is None else text[head.end() : end], head is not None), end + 1
    if not text.isascii() and _not_utf8(text[at : body.end()]):
        return Fault(Reason.INVALID_LINE, "the line is not UTF-8"), body.end()
    fields = _fields(body[1])
    if isinstance(fields, Fault):
        return fields, body.end()
    point: Point = {"name": _UNESCAPE_NAME.sub(r"\1", head[1])}
    if head[2]:
        point["tags"] = {_unescape(key): _unescape(value) for key, value in _TAG.findall(head[2])}
    point["fields"] = fields
    if body[2] is not None:
        if not _TIME.fullmatch(body[2]):
            return Fault(Reason.BAD_TIMESTAMP, f"the timestamp {quote(body[2])} is no whole number"), body.end()
        point["timestamp"] = integer(body[2])
    return point, body.end()


def _fields(text: str) -> dict[str, float | str] | Fault:
    fields: dict[str, float | str] = {}
    for key, string, bare in _PAIR.findall(text):
        value = _value(bare) if bare else _UNESCAPE_TEXT.sub(r"\1", string)
        if value is None:
            return Fault(Reason.INVALID_LINE, f"field {quote(_unescape(key))} is {quote(bare)}: text stands in double quotes")
        fields[_unescape(key)] = value
    return fields


def _value(bare: str) -> float | None:
    """What stands without quotes: a number or a truth value; None for anything else."""
    if bare in _TRUTH:
        return _TRUTH[bare]
    if _FLOAT.fullmatch(bare):
        return float(bare)
    whole = _WHOLE.fullmatch(bare)
    return integer(whole[1] or whole[2]) if whole is not None else None


def _complaint(rest: str, has_head: bool) -> Fault:
    """What is wrong with a line: with all of it, or with what follows measurement and tags."""
    if has_head:
        return Fault(Reason.INVALID_LINE, f"{quote(rest)} are no fields: write name=value, with commas between")
    return Fault(Reason.INVALID_LINE, f"{quote(rest)} is no line: write measurement,tag=value field=value time")


def _unescape(text: str) -> str:
    return _UNESCAPE_KEY.sub(r"\1", text) if "\\" in text else text


def _not_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
