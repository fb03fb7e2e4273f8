"""Arrays of a state as few bytes, exactly: integers by what they differ in, decimals as integers, and equal bytes of a number together.

Nothing here is entropy coded, a compressor does that; what helps it is that a number's bytes lie with those that are like them. A row is
what belongs to one series: everything but the first axis.
"""

import math
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

PLAIN, ZEROS, SMALL, INTEGERS, FLOATS = "plain", "zeros", "small", "integers", "floats"
DIGITS = (0, 1, 2, 3, 4, 6)  # after the point, of numbers that people and programs write
LARGEST = 2.0**53  # an integer up to here is a float of its own
UNITS = (1_000_000, 1_000)  # microseconds that are whole seconds or milliseconds
ENOUGH = 8  # numbers of a row; of fewer the differences are not worth their own description
PROBE = 4  # numbers of a row that are looked at before all of them are

Array = NDArray[Any]
MOST_BYTES = 1 << 33  # of a state, and so of any array
_CODING = {"f8": FLOATS, "i8": INTEGERS, "i4": INTEGERS, "u4": INTEGERS, "i2": INTEGERS, "u2": INTEGERS}
_BYTE = 256


class Shape(msgspec.Struct):
    """One array: what it was, and how its bytes lie."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    coding: str = PLAIN
    planes: int = 0  # bytes of each integer
    differences: bool = False  # of an integer to the one before it
    raw: int = 0  # rows of floats that are no short decimals


def shrink(name: str, array: Array) -> tuple[Shape, list[bytes]]:
    """The inverse of `grow`, for any array. O(size)."""
    shape = Shape(name, array.dtype.str, array.shape, _coding(array))
    if shape.coding == ZEROS:
        return shape, []
    if shape.coding == PLAIN:
        return shape, [np.ascontiguousarray(array).tobytes()]
    if shape.coding == SMALL:
        return shape, [array.astype(np.uint8).tobytes()]
    rows = _rows(array)
    if shape.coding == INTEGERS:
        return shape, _shrink_integers(shape, rows.astype(np.int64))
    digits, integers = _decimals(rows)
    raw = rows[digits < 0]
    shape.raw = len(raw)
    return shape, [digits.tobytes(), *_shrink_integers(shape, integers), _split(raw)]


def grow(shape: Shape, body: memoryview, at: int) -> tuple[Array, int]:
    """The array that lies there and where the next one begins. Raises ValueError for what `shrink` did not make. O(size)."""
    dtype = np.dtype(shape.dtype)
    if min(shape.shape, default=0) < 0 or math.prod(shape.shape) * dtype.itemsize > MOST_BYTES:
        raise ValueError(f"array {shape.name} of shape {shape.shape}")
    if shape.coding == ZEROS:
        return np.zeros(shape.shape, dtype), at
    count = math.prod(shape.shape)
    if shape.coding in (PLAIN, SMALL):
        kept = dtype if shape.coding == PLAIN else np.dtype(np.uint8)
        return np.frombuffer(body, kept, count, at).reshape(shape.shape).astype(dtype), at + count * kept.itemsize
    rows = shape.shape[0] if len(shape.shape) > 1 else 1
    if not count:
        raise ValueError(f"array {shape.name} without numbers in coding {shape.coding!r}")
    if shape.coding == INTEGERS:
        integers, at = _grow_integers(shape, body, at, rows, count // rows)
        return integers.astype(dtype).reshape(shape.shape), at
    if shape.coding != FLOATS or dtype != np.float64:
        raise ValueError(f"array {shape.name} of {dtype} in coding {shape.coding!r}")
    digits = np.frombuffer(body, np.int8, rows, at)
    integers, at = _grow_integers(shape, body, at + rows, rows, count // rows)
    raw, at = _join(body, at, 8, (shape.raw, count // rows))
    floats = integers / 10.0 ** np.maximum(digits, 0)[:, None]
    floats[digits < 0] = raw.view(np.float64)
    return floats.reshape(shape.shape), at


def _coding(array: Array) -> str:
    if not np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}").any():
        return ZEROS
    coding = _CODING.get(array.dtype.str[1:], PLAIN)
    return SMALL if coding == INTEGERS and array.min() >= 0 and array.max() < _BYTE else coding


def _rows(array: Array) -> Array:
    return array.reshape(len(array) if array.ndim > 1 else 1, -1)


def _shrink_integers(shape: Shape, rows: NDArray[np.int64]) -> list[bytes]:
    """Arithmetic is modulo 2**64, so that no range is too wide."""
    first = rows[:, :1]
    least = rows.min(axis=1, keepdims=True)
    offsets = (rows - least).view(np.uint64)
    shape.planes = _bytes(offsets)
    if rows.shape[1] >= ENOUGH and shape.planes > 1:
        steps = np.diff(rows, axis=1)
        smallest, unit = steps.min(axis=1, keepdims=True), _units(steps)
        between = (steps - smallest).view(np.uint64) // unit.view(np.uint64)
        planes = _bytes(between)
        if planes < shape.planes:
            shape.planes, shape.differences = planes, True
            return [*map(_split, (first, smallest, unit)), _split(between, planes)]
    return [_split(least), _split(offsets, shape.planes)]


def _grow_integers(shape: Shape, body: memoryview, at: int, rows: int, columns: int) -> tuple[NDArray[np.int64], int]:
    if not 1 <= shape.planes <= 8:
        raise ValueError(f"array {shape.name} with numbers of {shape.planes} bytes")
    first, at = _join(body, at, 8, (rows, 1))
    if not shape.differences:
        offsets, at = _join(body, at, shape.planes, (rows, columns))
        return (offsets + first).view(np.int64), at
    smallest, at = _join(body, at, 8, (rows, 1))
    unit, at = _join(body, at, 8, (rows, 1))
    between, at = _join(body, at, shape.planes, (rows, columns - 1))
    steps = np.concatenate([first, between * unit + smallest], axis=1)
    return np.cumsum(steps, axis=1, dtype=np.uint64).view(np.int64), at


def _units(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """The largest of `UNITS`, or 1, that divides every step of a row."""
    unit = np.ones((len(steps), 1), np.int64)
    for each in reversed(UNITS):
        whole = (steps[:, :PROBE] % each == 0).all(axis=1)
        whole[whole] = (steps[whole] % each == 0).all(axis=1)
        unit[whole] = each
    return unit


def _decimals(rows: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """How many digits behind the point each row needs, -1 where that is no way to write it, and the rows without their point."""
    digits = np.full(len(rows), -1, np.int8)
    integers = np.zeros(rows.shape, np.int64)
    left = np.arange(len(rows))
    for each in DIGITS:
        left = left[_exact(rows[left, :PROBE], each)[1]]
        whole, exact = _exact(rows[left], each)
        digits[left[exact]], integers[left[exact]] = each, whole[exact]
        left = np.flatnonzero(digits < 0)
    return digits, integers


def _exact(rows: NDArray[np.float64], digits: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    power = 10.0**digits
    with np.errstate(over="ignore", invalid="ignore"):
        whole = np.rint(rows * power)
        same = (whole / power == rows) & (np.abs(whole) < LARGEST) & ~(np.signbit(rows) & (rows == 0.0))
    return whole, same.all(axis=1)


def _bytes(numbers: NDArray[np.uint64]) -> int:
    return max(1, (int(numbers.max(initial=0)).bit_length() + 7) // 8)


def _split(numbers: Array, planes: int = 8) -> bytes:
    """The lowest byte of every number, then the next ones."""
    size = next(size for size in (1, 2, 4, 8) if size >= planes)
    narrow = numbers if numbers.dtype.itemsize == size else numbers.astype(f"<u{size}")
    return np.ascontiguousarray(np.ascontiguousarray(narrow).view(np.uint8).reshape(-1, size).T[:planes]).tobytes()


def _join(body: memoryview, at: int, planes: int, shape: tuple[int, int]) -> tuple[NDArray[np.uint64], int]:
    count = shape[0] * shape[1]
    split = np.frombuffer(body, np.uint8, planes * count, at).reshape(planes, count)
    size = next(size for size in (1, 2, 4, 8) if size >= planes)
    whole = np.zeros((count, size), np.uint8)
    whole[:, :planes] = split.T
    return whole.view(f"<u{size}").reshape(shape).astype(np.uint64), at + planes * count
