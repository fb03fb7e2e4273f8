"""Whatever array is made small comes back bit for bit; and what a series holds gets small."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from streamkl.engine.shrinking import FLOATS, INTEGERS, PLAIN, SMALL, ZEROS, Shape, grow, shrink

DTYPES = ("|b1", "|i1", "|u1", "<i4", "<u4", "<i8", "<f4", "<f8")


def again(array: NDArray[Any]) -> tuple[Shape, NDArray[Any], int]:
    """How it lay, what came back, and in how many bytes it was; between other bytes."""
    shape, parts = shrink("a", array)
    body = b"".join(parts)
    found, end = grow(shape, memoryview(b"before" + body + b"after"), 6)
    assert end == 6 + len(body)
    return shape, found, len(body)


def same(array: NDArray[Any]) -> tuple[Shape, int]:
    shape, found, size = again(array)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == array.tobytes()
    return shape, size


@given(st.sampled_from(DTYPES).flatmap(lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=12))))
def test_any_array_comes_back(array: NDArray[Any]) -> None:
    same(array)


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([1, 1_000, 1_000_000, 7]),
    arrays(np.int64, (3, 20), elements=st.integers(-300, 2**40)),
)
def test_runs_of_integers_come_back_however_far_they_wrap_around(start: int, unit: int, steps: NDArray[np.int64]) -> None:
    with np.errstate(over="ignore"):
        same(np.int64(start) + np.cumsum(steps * unit, axis=1))


@given(arrays(np.float64, (3, 10), elements=st.decimals(-(10**9), 10**9, places=4).map(float)), st.integers(0, 2))
def test_decimals_come_back_also_beside_a_row_of_others(numbers: NDArray[np.float64], other: int) -> None:
    numbers[other] = np.pi * np.arange(10)
    same(numbers)


@pytest.mark.parametrize("value", [-0.0, np.nan, np.inf, -np.inf, 5e-324, 1e308, 0.1 + 0.2, 2.0**53 + 2])
def test_floats_that_are_no_short_decimals_keep_every_bit(value: float) -> None:
    same(np.array([[1.5, value, 2.25], [1.0, 2.0, 3.0]]))


def test_regular_times_need_a_byte_each_or_less() -> None:
    times = 1_700_000_000_000_000 + 10_000_000 * np.arange(257)[None, :] + np.arange(50)[:, None] * 1_000

    shape, size = same(times.astype(np.int64))

    assert (shape.coding, shape.differences) == (INTEGERS, True)
    assert size == 50 * (3 * 8 + 256)


def test_times_with_milliseconds_are_counted_in_milliseconds() -> None:
    times = 10_000_000 * np.arange(100, dtype=np.int64)[None, :] + 1_000 * np.array([[0, 60] * 50])

    shape, size = same(times)

    assert (shape.planes, size) == (1, 3 * 8 + 99)


@pytest.mark.parametrize(
    ("array", "coding", "size"),
    [
        (np.zeros((4, 5)), ZEROS, 0),
        (np.zeros((4, 0), np.int64), ZEROS, 0),
        (np.array([[0, 255], [3, 4]]), SMALL, 4),
        (np.array([[0.125, 81.5, 3.25]]), FLOATS, 1 + 8 + 3 * 3),
        (np.array([True, False]), PLAIN, 2),
    ],
)
def test_what_is_simple_lies_simply(array: NDArray[Any], coding: str, size: int) -> None:
    shape, found = same(array)

    assert (shape.coding, found) == (coding, size)


@given(
    st.builds(
        Shape,
        name=st.just("a"),
        dtype=st.sampled_from(DTYPES),
        shape=st.lists(st.one_of(st.integers(-3, 6), st.integers(-(2**40), 2**40)), max_size=3).map(tuple),
        coding=st.sampled_from([PLAIN, ZEROS, SMALL, INTEGERS, FLOATS, ""]),
        planes=st.integers(-1, 9),
        differences=st.booleans(),
        raw=st.integers(-2, 5),
    ),
    st.binary(max_size=400),
)
@example(Shape("a", "|b1", (), FLOATS, planes=1), bytes(10))
def test_no_description_of_an_array_does_any_harm(shape: Shape, body: bytes) -> None:
    try:
        array, end = grow(shape, memoryview(body), 0)
    except ValueError:
        return
    assert (array.shape, array.dtype, 0 <= end <= len(body)) == (shape.shape, np.dtype(shape.dtype), True)


@pytest.mark.parametrize("shape", [Shape("a", "<i8", (2, 3), "else"), Shape("a", "<i8", (2, 3), INTEGERS, planes=9)])
def test_what_was_never_made_is_refused(shape: Shape) -> None:
    with pytest.raises(ValueError, match="array a"):
        grow(shape, memoryview(bytes(200)), 0)
