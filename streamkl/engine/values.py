"""Values as records carry them -> doubles, or text for categorical series, or the fault in them."""

import re
from array import array
from typing import Final

import numpy as np
import numpy.typing as npt

from streamkl.engine.faults import Fault, quote
from streamkl.model import Reason

MAX_TEXT_BYTES: Final = 256  # of one category

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = frozenset(("nan", "inf", "infinity"))
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def to_doubles(column: list[object]) -> tuple[npt.NDArray[np.float64], dict[int, str], dict[int, Fault]]:
    """The doubles (NaN where there is text or a fault), the text by index, and the faults by index.

    true is 1 and false is 0; -0.0 becomes 0.0, so that equal values are equal bits. About 40 ns an entry for numbers.
    """
    try:
        doubles = np.frombuffer(array("d", column)) + 0.0  # type: ignore[type-var]  # what is no number raises, at no cost to numbers
    except (TypeError, OverflowError):
        pass
    else:
        if np.isfinite(doubles).all():
            return doubles, {}, {}
    doubles = np.full(len(column), np.nan)
    text: dict[int, str] = {}
    faults: dict[int, Fault] = {}
    for index, raw in enumerate(column):
        value = _from_text(raw) if isinstance(raw, str) else _from_number(raw)
        if isinstance(value, float):
            doubles[index] = value
        elif isinstance(value, str):
            text[index] = value
        else:
            faults[index] = value
    return doubles, text, faults


def _from_number(raw: object) -> float | Fault:
    if raw is None:
        return Fault(Reason.MISSING_FIELD, "the value is absent or null")
    if not isinstance(raw, int | float):
        return Fault(Reason.WRONG_TYPE, f"the value is {quote(raw)}")
    try:
        value = float(raw) + 0.0
    except OverflowError:
        value = np.inf
    return value if np.isfinite(value) else Fault(Reason.NOT_FINITE, f"the value {quote(raw)} is not a finite double")


def _from_text(raw: str) -> float | str | Fault:
    text = raw.strip() if len(raw) <= MAX_TEXT_BYTES else raw  # a long one may be the same for thousands of points
    if not text:
        return Fault(Reason.MISSING_FIELD, "the value is empty text")
    if len(text) > MAX_TEXT_BYTES or _FORBIDDEN.search(text) or len(text.encode()) > MAX_TEXT_BYTES:
        return Fault(
            Reason.NOT_A_NUMBER,
            f"the value {quote(raw)} is no number, and as a category it has a control character, half a surrogate pair or more than "
            f"{MAX_TEXT_BYTES} bytes",
        )
    if text.lstrip("+-").lower() in _NOT_FINITE:
        return Fault(Reason.NOT_FINITE, f"the value {quote(raw)} is not a finite double")
    return _from_number(float(text)) if _NUMBER.fullmatch(text) else text
