"""How the arithmetic is compiled: five decorators, and why.

The state is a tuple of arrays. Left to itself the compiler counts references to every array of it at every call, which costs twenty
times the arithmetic. Nothing in these functions allocates, so reference counting is off (`_nrt=False`), and what runs once a point is
inlined: such functions are optimized and become machine code within those that call them alone, which takes half the time. No fast-math:
results are the same on every run and every batch size.

The compiler keeps what has an entry on disk and looks at the function's own file to see whether it still holds, but not at the files of the
functions it calls. So what is kept is stamped with a digest of all files of this folder instead, and of the function's own file where it
lies elsewhere. And before it uses what it kept, it loads all it knows about Python and numpy, 0.4 s of each start, for nothing: machine
code needs the memory runtime alone.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.resources import files
from inspect import getsource
from typing import Any, TypeVar, cast

import numba
import numba.extending
from numba.core.caching import FunctionCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.runtime.nrt import rtsys

F = TypeVar("F", bound=Callable[..., Any])
_register: Any = numba.extending.register_jitable
_njit: Any = numba.njit  # its types do not know `_nrt`
_NO_COUNTING: dict[str, Any] = {"_nrt": False, "no_cfunc_wrapper": True}


def _digest() -> str:
    sources = sorted((file.name, file.read_bytes()) for file in files("streamkl.core").iterdir() if file.name.endswith(".py"))
    return sha256(b"".join(name.encode() + text for name, text in sources)).hexdigest()


_STAMP = _digest()


@cache
def _stamp(module: str) -> str:
    return _STAMP if module.startswith("streamkl.core.") else _STAMP + sha256(getsource(sys.modules[module]).encode()).hexdigest()


class _Kept(FunctionCache):
    """What the compiler made of one function, on disk. A disk that is full, or has only half of it, costs the time to compile, no more."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._cache_file._source_stamp = _stamp(function.__module__)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The machine code for a signature; None where there is none, and then the compiler loads what it needs by itself."""
        rtsys.initialize(target_context)
        try:
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001  files that a machine left half written when it stopped fail in any way
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the machine code for a signature, if that can be done."""
        with suppress(Exception):  # a full disk, on which what is half written could not even be removed
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]


class _Ingredient(JITCodeLibrary):
    """Code that is only ever part of other code: the optimizer and the assembler see it there."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True
        self._get_module_for_linking()  # type: ignore[no-untyped-call]  # a copy, made while the code is there
        for function in self._final_module.functions:
            if not function.is_declaration:
                function.linkage = "available_externally"
        super()._finalize_final_module()  # type: ignore[no-untyped-call]


class _Ingredients(Compiler):
    """The compiler of such code."""

    def __init__(self, typing: Any, target: Any, library: Any, *others: Any) -> None:
        ingredient: Any = _Ingredient
        super().__init__(typing, target, library or ingredient(target.codegen(), "ingredient"), *others)  # type: ignore[no-untyped-call]


def _compiled(function: F, **options: Any) -> F:
    dispatcher = _njit(**options)(function)
    if hasattr(dispatcher, "enable_caching"):  # not where compilation is switched off
        with suppress(RuntimeError):  # no folder can be written to, neither this one nor one of the user
            dispatcher._cache = _Kept(function)
    return cast(F, dispatcher)


def inlined(function: F) -> F:
    """For what runs once a point. It has no entry from Python, which halves the time to compile: Python code that wants one of these
    takes its `py_func`."""
    return cast(F, _njit(**_NO_COUNTING, forceinline=True, no_cpython_wrapper=True, pipeline_class=_Ingredients)(function))


def both(function: F) -> F:
    """For what Python and compiled code call alike, as Python and inlined: no work of its own, so not worth an entry from Python."""
    return cast(F, _register(function))


def outlined(function: F) -> F:
    """For what Python calls, and what runs seldom and would only swell the loop."""
    return _compiled(function, **_NO_COUNTING, nogil=True)


def aside(function: F) -> F:
    """For what runs seldom and is called by compiled code alone. It has no entry from Python: one that takes a whole arena costs the
    compiler more than the function."""
    return _compiled(function, **_NO_COUNTING, no_cpython_wrapper=True)


def allocating(function: F) -> F:
    """For what makes arrays of its own."""
    return _compiled(function, nogil=True)
