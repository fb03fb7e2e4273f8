"""How the arithmetic is compiled: two decorators, and why.

The state is a tuple of arrays. Left to itself the compiler counts references to every array of it at every call, which costs twenty
times the arithmetic. Nothing in these functions allocates, so reference counting is off (`_nrt=False`), and what runs once a point is
inlined. No fast-math: results are the same on every run and every batch size.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])
_njit: Any = numba.njit  # its types do not know `_nrt`
_NO_COUNTING: dict[str, Any] = {"cache": True, "_nrt": False, "no_cfunc_wrapper": True}


def inlined(function: F) -> F:
    """For what runs once a point. It has no entry from Python, which halves the time to compile: Python code that wants one of these
    takes its `py_func`."""
    return cast(F, _njit(**_NO_COUNTING, forceinline=True, no_cpython_wrapper=True)(function))


def outlined(function: F) -> F:
    """For what Python calls, and what runs seldom and would only swell the loop."""
    return cast(F, _njit(**_NO_COUNTING, nogil=True)(function))


def allocating(function: F) -> F:
    """For what makes arrays of its own."""
    return cast(F, _njit(cache=True, nogil=True)(function))
