"""How the arithmetic is compiled: three decorators, and why.

The state is a tuple of arrays. Left to itself the compiler counts references to every array of it at every call, which costs twenty
times the arithmetic. Nothing in these functions allocates, so reference counting is off (`_nrt=False`), and what runs once a point is
inlined. No fast-math: results are the same on every run and every batch size.

The compiler keeps what it made on disk and looks at the function's own file to see whether it still holds, but not at the files of the
functions it calls. So what is kept is stamped with a digest of all files of this folder instead.
"""

from collections.abc import Callable
from hashlib import sha256
from importlib.resources import files
from typing import Any, TypeVar, cast

import numba
import numba.extending

F = TypeVar("F", bound=Callable[..., Any])
_register: Any = numba.extending.register_jitable
_njit: Any = numba.njit  # its types do not know `_nrt`
_NO_COUNTING: dict[str, Any] = {"_nrt": False, "no_cfunc_wrapper": True}


def _digest() -> str:
    sources = sorted((file.name, file.read_bytes()) for file in files("streamkl.core").iterdir() if file.name.endswith(".py"))
    return sha256(b"".join(name.encode() + text for name, text in sources)).hexdigest()


_STAMP = _digest()


def _compiled(function: F, **options: Any) -> F:
    dispatcher = _njit(cache=True, **options)(function)
    kept = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)  # None: nowhere to keep it, or compilation is switched off
    if kept is not None:
        kept._source_stamp = _STAMP
    return cast(F, dispatcher)


def inlined(function: F) -> F:
    """For what runs once a point. It has no entry from Python, which halves the time to compile: Python code that wants one of these
    takes its `py_func`."""
    return _compiled(function, **_NO_COUNTING, forceinline=True, no_cpython_wrapper=True)


def both(function: F) -> F:
    """For what Python and compiled code call alike, as Python and inlined: no work of its own, so not worth an entry from Python."""
    return cast(F, _register(function))


def outlined(function: F) -> F:
    """For what Python calls, and what runs seldom and would only swell the loop."""
    return _compiled(function, **_NO_COUNTING, nogil=True)


def allocating(function: F) -> F:
    """For what makes arrays of its own."""
    return _compiled(function, nogil=True)
