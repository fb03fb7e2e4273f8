"""One message's bytes -> one JSON document, or the fault in them; no byte sequence raises."""

import json
import re
from typing import Final

import msgspec
import numpy as np

from streamkl.engine.faults import Fault, escape
from streamkl.model import Reason

MAX_DEPTH: Final = 256  # far below Python's recursion limit, so that the verdict never depends on how deep the caller's stack is

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # the closing quote is optional, so an open string costs one pass
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_MAX_DIGITS = 400  # no double has more before the point

_decode = msgspec.json.Decoder().decode


def integer(digits: str) -> int | float:
    """A whole number, infinite where it is beyond any double; no number of digits raises or takes long."""
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


# Python's own reader accepts what msgspec refuses as a whole: NaN, Infinity, 1e999, lone surrogates. With it, the one bad number of a
# record can be named and its other points used. It reads refused records only.
_lenient = json.JSONDecoder(parse_int=integer).decode


def too_deep(raw: bytes) -> bool:
    """Whether the document is nested deeper than `MAX_DEPTH`. Two counts for nearly every message, else one pass.

    >>> too_deep(b"[" * 256 + b"]" * 256), too_deep(b"[" * 100_000), too_deep(b'"' + b"[" * 300 + b'"')
    (False, True, False)
    """
    if len(raw) <= MAX_DEPTH or raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return False
    outside = _STRING.sub(b"", raw) if b"\\" in raw else b"".join(raw.split(b'"')[::2])  # three times as fast
    brackets = np.frombuffer(outside.translate(None, _NO_BRACKET), np.uint8)
    steps = np.where((brackets == ord("{")) | (brackets == ord("[")), 1, -1)
    return bool(np.cumsum(steps).max(initial=0) > MAX_DEPTH)


def presentable(raw: bytes) -> bool:
    """Whether the whole text is UTF-8 and not too deep: a typed decoder does not look at the members that it skips.

    Always true for ASCII of at most `MAX_DEPTH` bytes.
    """
    if too_deep(raw):
        return False
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def parse(raw: bytes | None) -> object:
    """The document, or a `Fault` (which no document is). Numbers may be infinite or NaN and strings may hold lone surrogates.

    Of duplicate keys the last one counts. A byte order mark is skipped.
    """
    if not raw:
        return Fault(Reason.EMPTY, "the record has no value")
    if too_deep(raw):
        return Fault(Reason.INVALID_JSON, f"nested deeper than {MAX_DEPTH} levels")
    try:
        return _decode(raw)
    except (ValueError, RecursionError) as refusal:
        try:
            return _lenient(raw.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return Fault(Reason.INVALID_JSON, escape(str(refusal)))
