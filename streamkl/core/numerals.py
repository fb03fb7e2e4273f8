"""Numerals of JSON -> the nearest doubles, as `float` has them, and whole numbers as they are. O(digits), no object."""

import numpy as np
from numpy.typing import NDArray

from streamkl.core.compiled import inlined

WHOLE, DOUBLE, LONG = 0, 1, 2  # kinds of numbers; of a long one the double is not found here
MINUS = ord("-")
_PLUS, _POINT, _ZERO, _NINE, _UPPER_E, _LOWER_E = b"+.09Ee"
_ROOM = (2**63 - 2**10 - 9) // 10  # digits so far to which any one can be added, so that the nearest double is no more than 63 bits long
_BEYOND = 10_000  # exponents that no double has, whatever its digits
EXACT_POWER = 22  # of ten, the largest that is a double
POWERS = 10.0 ** np.arange(EXACT_POWER + 1)
EXACT = 1 << 53  # whole numbers up to it are doubles
_SPLIT = 134217729.0  # 2^27 + 1: cuts a double into two halves whose products are doubles


@inlined
def is_digit(byte: int) -> bool:
    """Of the ten of ASCII."""
    return _ZERO <= byte <= _NINE


@inlined
def _product_error(a: float, b: float, product: float) -> float:
    """What rounding took from `a * b` (Dekker 1971)."""
    high = a * _SPLIT
    a_high = high - (high - a)
    a_low = a - a_high
    high = b * _SPLIT
    b_high = high - (high - b)
    b_low = b - b_high
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@inlined
def _divided(digits: int, power: float) -> tuple[float, bool]:
    """`digits / power` for an exact power of ten, and whether that is surely the nearest double."""
    high = float(digits)
    low = float(digits - np.int64(high))
    quotient = high / power
    product = quotient * power
    rest = ((high - product) - _product_error(quotient, power, product) + low) / power
    nearest = quotient + rest
    spread = abs(rest) * 1e-9 + abs(quotient) * 1e-25  # many times what `rest` can be wrong by
    return nearest, quotient + (rest - spread) == nearest and quotient + (rest + spread) == nearest


@inlined
def _digits(data: NDArray[np.uint8], at: int, stop: int, digits: int) -> tuple[int, int]:
    """Where the digits from `at` on end, and what they make behind `digits`: -1 beyond 63 bits, and from there on."""
    while 0 <= at < stop and is_digit(data[at]):
        digits = digits * 10 + int(data[at]) - _ZERO if 0 <= digits <= _ROOM else -1
        at += 1
    return at, digits


@inlined
def _exponent(data: NDArray[np.uint8], at: int, stop: int) -> tuple[int, int]:
    """Where the exponent behind its letter ends (-1: it is none), and what it is, or something as far beyond all use."""
    backward = at < stop and data[at] == MINUS
    if backward or (at < stop and data[at] == _PLUS):
        at += 1
    first, exponent = at, 0
    while 0 <= at < stop and is_digit(data[at]):
        if exponent <= _BEYOND:
            exponent = exponent * 10 + int(data[at]) - _ZERO
        at += 1
    return (at if at > first else -1), (-exponent if backward else exponent)


@inlined
def read(data: NDArray[np.uint8], at: int, stop: int, n: int, wholes: NDArray[np.int64], doubles: NDArray[np.float64]) -> tuple[int, int]:
    """Read the number that begins at `at` into place `n`: where it ends (-1: it is none) and its kind."""
    negative = data[at] == MINUS
    first = at + 1 if negative else at
    at, digits = _digits(data, first, stop, 0)
    if at == first or (at > first + 1 and data[first] == _ZERO):
        return -1, WHOLE
    kind, exponent = WHOLE, 0
    if at < stop and data[at] == _POINT:
        kind = DOUBLE
        first = at + 1
        at, digits = _digits(data, first, stop, digits)
        if at == first:
            return -1, WHOLE
        exponent = first - at
    if at < stop and (data[at] == _LOWER_E or data[at] == _UPPER_E):
        kind = DOUBLE
        at, raised = _exponent(data, at + 1, stop)
        if at < 0:
            return -1, WHOLE
        exponent += raised
    if digits < 0:
        return (-1 if kind == WHOLE else at), LONG
    wholes[n] = -digits if negative else digits
    value, known = _scaled(digits, exponent)
    doubles[n] = -value if negative else value
    return at, kind if known else LONG


@inlined
def _scaled(digits: int, exponent: int) -> tuple[float, bool]:
    """`digits` times a power of ten, and whether that is surely the nearest double."""
    if exponent == 0:
        return float(digits), True
    if abs(exponent) > EXACT_POWER:
        return 0.0, False
    if digits > EXACT:
        return _divided(digits, POWERS[-exponent]) if exponent < 0 else (0.0, False)
    return (float(digits) / POWERS[-exponent] if exponent < 0 else float(digits) * POWERS[exponent]), True
