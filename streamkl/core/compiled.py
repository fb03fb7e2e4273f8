"""How the arithmetic is compiled: two decorators, and why.

The state is a tuple of arrays. Left to itself the compiler counts references to every array of it at every call, which costs twenty
times the arithmetic. Nothing in these functions allocates, so reference counting is off (`_nrt=False`), and what runs once a point is
inlined. No fast-math: results are the same on every run and every batch size.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])
_NO_COUNTING: dict[str, Any] = {"cache": True, "_nrt": False}


def inlined(function: F) -> F:
    """For what runs once a point. Pure functions of numbers and arrays only."""
    return cast(F, njit(**_NO_COUNTING, forceinline=True)(function))


def outlined(function: F) -> F:
    """For what runs seldom: keeps the loop's code small."""
    return cast(F, njit(**_NO_COUNTING, nogil=True)(function))


def allocating(function: F) -> F:
    """For what makes arrays of its own."""
    return cast(F, njit(cache=True, nogil=True)(function))
