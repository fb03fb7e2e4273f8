"""State that compiled code finds again: the numbers of a tuple of arrays, written down once and read at every call.

A compiled function that takes a tuple of arrays has each of them looked at by the compiler's own glue, at every call: with the hundred of
an arena that is twenty times the arithmetic of a point. So addresses, shapes and strides are written into a `Memory`, which costs about a
microsecond an array, and compiled code takes the memory's address alone. `held` gives it the tuple back, whose tuples stay addresses too:
an array of theirs is read where it is asked for by its name. A tuple of a hundred arrays, handed from function to function, would be most
of what the compiler has to do.

A memory never changes and is never copied: where an array is replaced, another memory is made. It keeps its arrays alive, and compiled code
counts no references.
"""

from array import array
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Any, Generic, Self, TypeVar, cast

import numpy as np
from numba import extending, types
from numba.core import cgutils, imputils
from numba.core.typing import templates
from numba.np.arrayobj import make_array
from numba.np.numpy_support import from_dtype

T = TypeVar("T", bound=tuple[Any, ...])
_extending: Any = extending  # without types, as those below
_build: Any = cgutils
_lowering: Any = imputils
_typing: Any = templates
_array: Any = make_array
_named: Any = types.NamedTuple
_entries: dict[tuple[Any, ...], Callable[..., Any]] = {}


class Memory(int, Generic[T]):
    """A named tuple of arrays, numbers and tuples of such, as compiled code has it: the number of its address. O(arrays)."""

    state: T
    kind: "Held"
    code: int  # one number for equal kinds

    def __new__(cls, state: T) -> Self:
        """Write down where its arrays lie, and its numbers."""
        numbers: list[int] = []
        kind = _kind(_write(state, numbers))
        kept = array("q", numbers)
        memory = super().__new__(cls, kept.buffer_info()[0])
        memory.__dict__.update(state=state, kind=kind, code=kind._code, _numbers=kept)
        return memory

    def __reduce__(self) -> tuple[Any, ...]:
        return Memory, (self.state,)  # a copy of the state lies elsewhere


def held(memory: Memory[T] | T) -> T:
    """The tuple of a memory, for Python and compiled code alike; of a tuple in it, itself."""
    return memory.state if isinstance(memory, Memory) else memory


def entry(function: Callable[..., Any], *memories: Memory[Any]) -> Callable[..., Any]:
    """A function of these memories and then of integers, as machine code that looks at no types: for memories of the same kinds alone."""
    key = (function, *[memory.code for memory in memories])
    found = _entries.get(key)
    if found is None:
        found = _entries[key] = _compiled(function, [memory.kind for memory in memories])
    return found


def _compiled(function: Callable[..., Any], kinds: list["Held"]) -> Callable[..., Any]:
    if not hasattr(function, "compile"):  # compilation is switched off
        return function
    integers = function.__code__.co_argcount - len(kinds)
    return cast(Callable[..., Any], function.compile((*kinds, *[types.int64] * integers)))


# -- what Python writes ------------------------------------------------------------


def _write(value: Any, numbers: list[int]) -> Any:
    """Append what compiled code has to know of a value; returns what tells its type apart."""
    if isinstance(value, np.ndarray):
        numbers += (value.ctypes.data, *value.shape, *value.strides)
        return value.dtype.str, value.ndim, value.flags.c_contiguous
    if isinstance(value, tuple):
        return type(value), *[_write(each, numbers) for each in value]
    numbers.append(int(np.float64(value).view(np.int64)) if isinstance(value, float) else int(value))
    return type(value)


@cache
def _kind(form: Any) -> "Held":
    return Held(_type(form))


def _type(form: Any) -> Any:
    if not isinstance(form, tuple):
        return {int: types.int64, float: types.float64, bool: types.boolean}[form]
    if isinstance(form[0], str):
        dtype, ndim, contiguous = form
        return types.Array(from_dtype(np.dtype(dtype)), ndim, "C" if contiguous else "A")
    return _named([_type(each) for each in form[1:]], form[0])


# -- what compiled code reads ------------------------------------------------------


class Held(types.Type):
    """The compiler's type of a memory: a pointer, of which is known what lies there."""

    _code: int  # given by numba

    def __init__(self, state: Any) -> None:
        self.state = state
        super().__init__(f"Held({sha256(str(state).encode()).hexdigest()[:16]})")  # names of machine code repeat it

    @property
    def key(self) -> Any:
        """What makes it equal to another."""
        return self.state


def _kind_of(memory: Memory[Any], _: Any) -> Held:
    return memory.kind


def _address(_: Held, memory: Any, c: Any) -> Any:
    found = c.pyapi.long_as_voidptr(memory)  # Python's own look-up of an attribute would take a tenth of a microsecond
    return _extending.NativeValue(found, is_error=_build.is_null(c.builder, found))


@cache
def _seen(wanted: Any) -> Any:
    """The type of a member as compiled code has it."""
    return Held(wanted) if isinstance(wanted, types.NamedTuple) else wanted


def _numbers_of(wanted: Any) -> int:
    """How many numbers are written for a value of that type."""
    if isinstance(wanted, types.NamedTuple):
        return sum(map(_numbers_of, wanted))
    return 1 + 2 * wanted.ndim if isinstance(wanted, types.Array) else 1


def _type_of_held(_: Any) -> Callable[..., Any]:
    return lambda memory: _named([_seen(each) for each in memory.state], memory.state.instance_class) if isinstance(memory, Held) else None


def _read_all(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    reader = _Reader(context, builder, arguments[0], 0)
    return context.make_tuple(builder, signature.return_type, [reader.value(each) for each in signature.args[0].state])


def _read_one(context: Any, builder: Any, memory: "Held", address: Any, name: str) -> Any:
    at = memory.state.fields.index(name)
    return _Reader(context, builder, address, sum(map(_numbers_of, memory.state[:at]))).value(memory.state[at])


class _NamesOfHeld(templates.AttributeTemplate):
    """A member of a memory by its name."""

    key = Held

    def generic_resolve(self, memory: "Held", name: str) -> Any:  # type: ignore[override]
        fields = memory.state.fields
        return _seen(memory.state[fields.index(name)]) if name in fields else None


class _Reader:
    """Reads the numbers one after the other. None of them ever changes, so that the optimizer may leave out and move what it likes."""

    def __init__(self, context: Any, builder: Any, memory: Any, first: int) -> None:
        self._context, self._builder = context, builder
        self._numbers = builder.bitcast(memory, _build.intp_t.as_pointer())
        self._constant = builder.module.add_metadata([])
        self._at = first

    def value(self, wanted: Any) -> Any:
        if isinstance(wanted, types.Array):
            return self._array(wanted)
        if isinstance(wanted, types.NamedTuple):
            place = self._builder.bitcast(self._place(), _build.voidptr_t)
            self._at += _numbers_of(wanted)
            return place
        number = self._next()
        if wanted == types.float64:
            return self._builder.bitcast(number, self._context.get_value_type(types.float64))
        return _build.is_not_null(self._builder, number) if wanted == types.boolean else number

    def _array(self, wanted: Any) -> Any:
        found = _array(wanted)(self._context, self._builder)
        found.data = self._builder.inttoptr(self._next(), found.data.type)
        shape = [self._next() for _ in range(wanted.ndim)]
        found.shape = _build.pack_array(self._builder, shape)
        found.strides = _build.pack_array(self._builder, [self._next() for _ in range(wanted.ndim)])
        found.nitems = shape[0]
        for length in shape[1:]:
            found.nitems = self._builder.mul(found.nitems, length)
        found.itemsize = self._context.get_constant(types.intp, np.dtype(str(wanted.dtype)).itemsize)
        found.meminfo = _build.get_null_value(found.meminfo.type)  # nobody counts references to what is borrowed
        found.parent = _build.get_null_value(found.parent.type)
        return found._getvalue()

    def _next(self) -> Any:
        number = self._builder.load(self._place())
        number.set_metadata("invariant.load", self._constant)
        self._at += 1
        return number

    def _place(self) -> Any:
        return _build.gep_inbounds(self._builder, self._numbers, self._at)


_extending.register_model(Held)(_extending.models.OpaqueModel)
_extending.typeof_impl.register(Memory)(_kind_of)
_extending.unbox(Held)(_address)
_extending.type_callable(held)(_type_of_held)
_extending.lower_builtin(held, Held)(_read_all)
_typing.infer_getattr(_NamesOfHeld)
_lowering.lower_getattr_generic(Held)(_read_one)
