"""Timestamps as records carry them -> microseconds since 1970, and the bounds that a believable one keeps."""

import math
import re
from collections.abc import Callable
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from streamkl.engine.faults import Fault, quote
from streamkl.engine.iso8601 import LONGEST, Microseconds, from_column, from_text
from streamkl.model import Reason
from streamkl.units import format_instant

TimeUnit = Literal["auto", "s", "ms", "us", "ns", "iso8601"]

NO_TIME: Final = np.iinfo(np.int64).min  # stands for "the record has no time"
YEAR_2100: Final = 4_102_444_800_000_000

# "auto": below the first bound a number is seconds, below the next milliseconds, then microseconds, else nanoseconds.
# The same instants in each unit: 5138-11-16 for the upper bound of one, 1973-03-03 for the lower bound of the next.
AUTO_BOUNDS: Final = (10**11, 10**14, 10**17)
_UNITS: Final = ("s", "ms", "us", "ns")
_FACTORS: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}

_LARGEST = np.iinfo(np.int64).max
_INTEGER = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)


def to_microseconds(column: list[object], unit: TimeUnit, fallback: Microseconds) -> tuple[Microseconds, dict[int, Fault]]:
    """One timestamp per entry, and the faults by index (their timestamps are arbitrary).

    `None` takes the entry of `fallback` (the Kafka timestamp). Fractions beyond a microsecond: integers are cut, floats are rounded. What
    lies outside int64 microseconds becomes its largest or smallest value, so that `check_bounds` refuses it. About 60 ns a number.
    """
    kinds = set(map(type, column))
    if kinds == {int} and unit != "iso8601":
        return _from_integers(column, unit), {}
    if kinds == {float} and unit != "iso8601" and not np.isnan(floats := np.array(column, np.float64)).any():
        return from_doubles(floats, unit), {}
    result = fallback.copy()
    if kinds == {type(None)}:
        return result, {}
    return result, _fill(result, column, unit)


def latest(record_ms: Microseconds, max_ahead_us: int) -> Microseconds:
    """The latest time that a point of each of these records may have."""
    newest_ms = (YEAR_2100 - max_ahead_us) // 1_000
    return np.where((record_ms < 0) | (record_ms > newest_ms), YEAR_2100, np.minimum(record_ms, newest_ms) * 1_000 + max_ahead_us)


def check_bounds(
    moments: Microseconds, record_ms: Microseconds, column: list[object], earliest_us: int, max_ahead_us: int
) -> dict[int, Fault]:
    """The timestamps that are too old, or further ahead of their record's own Kafka timestamp than `max_ahead_us`.

    `record_ms` below 0 means that the record has no time; then, and at the latest, the year 2100 is the bound.
    """
    faults = {}
    ceiling = latest(record_ms, max_ahead_us)
    for index in np.flatnonzero((moments < earliest_us) | (moments > ceiling)).tolist():
        raw = column[index]
        named = f"the timestamp {quote(raw)}" if raw is not None else f"the Kafka timestamp {record_ms[index]} ms"
        if raw is None and moments[index] == NO_TIME:
            faults[index] = Fault(Reason.MISSING_FIELD, "the timestamp is absent or null, and the record has no Kafka timestamp")
        elif moments[index] < earliest_us:
            faults[index] = Fault(Reason.TIMESTAMP_TOO_OLD, f"{named} lies before {format_instant(earliest_us)}")
        else:
            bound = format_instant(int(ceiling[index]))
            faults[index] = Fault(Reason.TIMESTAMP_IN_FUTURE, f"{named} lies after {bound}, the latest that this record may carry")
    return faults


def _fill(result: Microseconds, column: list[object], unit: TimeUnit) -> dict[int, Fault]:
    """Columns that are not plain numbers, entry by entry into `result`; what is a number is then converted as in plain columns."""
    faults: dict[int, Fault] = {}
    integers: dict[int, int] = {}
    floats: dict[int, float] = {}
    rest = _fill_calendar(result, column) if unit in ("auto", "iso8601") else [index for index, raw in enumerate(column) if raw is not None]
    for index in rest:
        raw = column[index]
        number = _as_number(raw) if isinstance(raw, str) else raw
        if unit == "iso8601" or (number is None and unit == "auto"):
            moment = from_text(raw) if isinstance(raw, str) else None
            if moment is None:
                faults[index] = _unreadable(raw, unit)
            else:
                result[index] = moment
        elif type(number) is int:
            integers[index] = number
        elif type(number) is float and not math.isnan(number):
            floats[index] = number
        else:
            faults[index] = _unreadable(raw, unit)
    if integers:
        result[list(integers)] = _from_integers(list(integers.values()), unit)
    if floats:
        result[list(floats)] = from_doubles(np.array(list(floats.values())), unit)
    return faults


def _fill_calendar(result: Microseconds, column: list[object]) -> list[int]:
    """Times written out in the common way, all together; returns the indices of all other entries but None."""
    moments, known = from_column([raw if isinstance(raw, str) else "" for raw in column])
    result[known] = moments[known]
    return [index for index in np.flatnonzero(~known).tolist() if column[index] is not None]


def _unreadable(raw: object, unit: TimeUnit) -> Fault:
    if type(raw) in (str, int, float):
        expected = {"auto": "a number or an ISO 8601 time", "iso8601": "an ISO 8601 time"}.get(unit, f"a number of {unit}")
        return Fault(Reason.BAD_TIMESTAMP, f"the timestamp {quote(raw)} is not {expected}")
    return Fault(Reason.WRONG_TYPE, f"the timestamp is {quote(raw)}")


def _as_number(text: str) -> int | float | None:
    if len(text) > LONGEST:
        return None
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else None


def _from_integers(column: list[int] | list[object], unit: str) -> Microseconds:
    try:
        numbers = np.fromiter(column, np.int64, len(column))  # the caller has seen that all are integers
    except OverflowError:
        numbers = np.array([min(max(number, -_LARGEST), _LARGEST) for number in column if isinstance(number, int)], np.int64)
    return from_wholes(numbers, unit)


def from_wholes(numbers: npt.NDArray[np.int64], unit: str) -> Microseconds:
    """Whole numbers of a unit, or of the one that `auto` takes them for, as `to_microseconds` has them."""
    numbers = np.maximum(numbers, -_LARGEST)  # so that abs() cannot overflow
    return _by_size(numbers, _scaled) if unit == "auto" else _scaled(numbers, unit)


def _scaled(numbers: Microseconds, unit: str) -> Microseconds:
    if unit == "ns":
        return numbers // 1_000
    factor = _FACTORS[unit]
    return np.clip(numbers, -(_LARGEST // factor), _LARGEST // factor) * factor


def from_doubles(numbers: npt.NDArray[np.float64], unit: str) -> Microseconds:
    """The same of numbers with fractions, none of them NaN."""
    return _by_size(numbers, _scaled_floats) if unit == "auto" else _scaled_floats(numbers, unit)


def _scaled_floats(numbers: npt.NDArray[np.float64], unit: str) -> Microseconds:
    with np.errstate(over="ignore"):
        scaled = np.rint(numbers / 1e3 if unit == "ns" else numbers * _FACTORS[unit])
    return np.clip(scaled, -9.2e18, 9.2e18).astype(np.int64)


def _by_size(numbers: npt.NDArray[Any], scaled: Callable[[npt.NDArray[Any], str], Microseconds]) -> Microseconds:
    """Each in the unit that its size says."""
    sizes = np.abs(numbers)
    least, most = np.searchsorted(AUTO_BOUNDS, (sizes.min(), sizes.max()), side="right")
    if least == most:
        return scaled(numbers, _UNITS[least])
    chosen: Microseconds = np.choose(np.searchsorted(AUTO_BOUNDS, sizes, side="right"), [scaled(numbers, unit) for unit in _UNITS])
    return chosen
