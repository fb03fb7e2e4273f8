"""What is wrong with a record or a point, and how foreign text is quoted so that it can harm neither a log nor a header."""

import json
from typing import Final, NamedTuple

from streamkl.model import Reason

MAX_DETAIL: Final = 200
_MAX_QUOTE = 60


class Fault(NamedTuple):
    """Why a record or one of its points cannot be used; `detail` is one sentence, not yet escaped."""

    reason: Reason
    detail: str


def escape(text: str, limit: int = MAX_DETAIL) -> str:
    r"""Printable ASCII of at most `limit` characters: everything else becomes a backslash escape, what is too long is cut.

    >>> escape("two\nlines, \u202eright to left")
    'two\\nlines, \\u202eright to left'
    """
    return text[:limit].encode("unicode_escape").decode("ascii")[:limit]


def quote(raw: object) -> str:
    """A value of a record as it is named in a detail: scalars are shown (cut), containers are only named.

    >>> quote("up"), quote(None), quote([1, 2])
    ('"up"', 'null', 'an array')
    """
    match raw:
        case str():
            return f'"{raw}"' if len(raw) <= _MAX_QUOTE else f'"{raw[:_MAX_QUOTE]}..." ({len(raw)} characters)'
        case None | bool() | int() | float():
            text = json.dumps(raw)
            return text if len(text) <= _MAX_QUOTE else f"a number of {len(text)} digits"
        case _:
            return "an array" if isinstance(raw, list) else "an object"
