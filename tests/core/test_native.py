"""Compiled code finds the arrays of a memory, whatever becomes of the memory's owner: growth, copies, threads, the end."""

import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from streamkl.core.bank import Bank
from streamkl.core.compiled import inlined, outlined
from streamkl.core.desk import Desk
from streamkl.core.native import Memory, entry, held
from streamkl.core.run_length import RUN_LENGTHS, Table, TableKey
from tests.small import flat, settings

COPIES = [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]  # noqa: S301


class Inner(NamedTuple):
    plain: NDArray[np.int32]
    strided: NDArray[Any]
    empty: NDArray[np.uint16]


class Outer(NamedTuple):
    inner: Inner
    whole: int
    part: float
    yes: bool
    no: bool
    flags: NDArray[np.bool_]


class Deep(NamedTuple):
    before: NDArray[np.int16]
    outer: Outer
    after: float


@outlined
def probe(memory: Memory[Outer], i: int, j: int) -> tuple[float, float, int, int, int, int, float, bool, bool, bool]:
    """Read everything, and write to an element of each array."""
    inner, whole, part, yes, no, flags = held(memory)
    plain, strided, empty = held(inner)
    was = plain[i, j], strided[j, i], plain.size, strided.shape[0], len(empty), whole, part, yes, no, flags[i]
    plain[i, j] += 1
    strided[j, i] *= 2
    flags[i] = not flags[i]
    return was


@inlined
def told(outer: Outer, i: int, j: int) -> float:
    """What a function is told that is given a tuple of a tuple."""
    outer.inner.plain[i, j] += outer.whole
    return float(outer.inner.strided[j, i] + outer.part) if outer.flags[i] and outer.yes and not outer.no else 0.0


@outlined
def probe_deep(memory: Memory[Deep], i: int, j: int) -> tuple[float, float, int, int]:
    """By name, and as whole tuples."""
    deep = held(memory)
    whole = held(deep.outer)
    return told(deep.outer, i, j), deep.after, deep.before[i, j], whole.whole


def outer(strided: NDArray[Any]) -> Outer:
    inner = Inner(np.arange(6, dtype=np.int32).reshape(2, 3), strided, np.zeros((0, 4), np.uint16))
    return Outer(inner, -7, 0.1, True, False, np.ones(2, bool))


@pytest.mark.parametrize(
    "strided", [np.arange(24.0).reshape(4, 6)[:3, ::3], np.arange(24.0).reshape(6, 4).T[1:], np.arange(8, dtype=np.uint8).reshape(4, 2)]
)
def test_compiled_code_reads_and_writes_what_python_holds(strided: NDArray[Any]) -> None:
    state = outer(strided)
    memory = Memory(state)
    value = strided[2, 1]
    found = [call(memory, 1, 2) for call in (probe, entry(probe, memory))]
    assert found[0] == (5, value, 6, len(strided), 0, -7, 0.1, True, False, True)
    assert found[1] == (6, 2 * value, 6, len(strided), 0, -7, 0.1, True, False, False)
    assert (state.inner.plain[1, 2], strided[2, 1], state.flags.tolist()) == (7, 4 * value, [True, True])


def test_tuples_within_a_memory_are_found_by_name() -> None:
    deep = Deep(np.arange(6, dtype=np.int16).reshape(3, 2), outer(np.arange(24.0).reshape(4, 6)[:3, ::3]), 2.5)
    memory = Memory(deep)
    plain = np.arange(6).reshape(2, 3)
    for times in (1, 2):
        assert entry(probe_deep, memory)(memory, 1, 1) == (9.0 + 0.1, 2.5, 3, -7)
        plain[1, 1] -= 7
        assert deep.outer.inner.plain.tolist() == plain.tolist(), times
    assert probe_deep(memory, 0, 1) == (6.0 + 0.1, 2.5, 1, -7)


def test_a_memory_keeps_its_arrays_and_a_copy_has_others() -> None:
    memory = Memory(outer(np.ones((3, 2))))
    gc.collect()
    for duplicate in COPIES:
        twin = duplicate(memory)
        assert int(twin) != int(memory)
        assert twin.code == memory.code
        assert probe(twin, 1, 2)[0] == 5
        assert not np.shares_memory(twin.state.inner.plain, memory.state.inner.plain)
    assert memory.state.inner.plain[1, 2] == 5


def shifted(seed: int, n: int = 900) -> list[float]:
    values = np.random.default_rng(seed).normal(size=n)
    values[-120:-60] += 5.0
    return [float(value) for value in values]


def followed(take: Callable[[int, float], Any], values: list[float]) -> list[tuple[float, float, int, int]]:
    said = []
    for at, value in enumerate(values):
        out = take(at, value)
        said.append((out.output.item(), out.ratio.item(), out.fate.item(), len(out.transitions)))
    return said


def test_a_bank_may_grow_shrink_and_be_restored_between_two_points() -> None:
    values = shifted(1)
    calm, busy = (Bank(settings(point_share=0.75), flat(5.0), 1) for _ in range(2))
    first, desk = (Desk(bank, np.array([bank.birth()])) for bank in (calm, busy))
    expected = followed(lambda at, value: first.take(60_000_000 * at, (value,), at), values)
    born: list[int] = []

    def disturbed(at: int, value: float) -> Any:
        born.extend(busy.birth() for _ in range(7))
        if at % 100 == 99:
            for row in born:
                busy.death(row)
            born.clear()
        if at % 150 == 30:  # within the learning of the reference, too
            busy.adopt(busy.arena, type(busy.pool)(*[array.copy() for array in busy.pool]))
        return desk.take(60_000_000 * at, (value,), at)

    assert followed(disturbed, values) == expected
    assert sum(moved for *_, moved in expected) > 1


def level(_: TableKey) -> Table:
    return (5.0,) * len(RUN_LENGTHS)


@pytest.mark.parametrize("when", [20, 300, 800])
def test_copies_of_a_bank_go_on_alike_and_apart(when: int) -> None:
    """New ones, pickled ones, and earlier copies that are overwritten, whether they are as large or not."""
    values = shifted(4)
    bank = Bank(settings(point_share=0.75), level, 1)
    row = bank.birth()

    def after(one: Bank, start: int, points: list[float]) -> Any:
        desk = Desk(one, np.array([row]))
        return followed(lambda at, value: desk.take(60_000_000 * (start + at), (value,), start + at), points)

    before = bank.copy()
    after(bank, 0, values[:when])
    large = bank.copy()
    for _ in range(40):
        large.birth()
    after(before, 0, values[300:700])
    twins = [bank.copy(), copy.deepcopy(bank), pickle.loads(pickle.dumps(bank)), bank.copy(before), bank.copy(large)]  # noqa: S301
    assert (twins[3] is before, twins[4] is large) == (True, False)
    after(bank.copy(), when, [9.0] * 100)
    expected = after(bank, when, values[when:])
    assert sum(moved for *_, moved in expected) > 0
    assert [after(twin, when, values[when:]) for twin in twins] == [expected] * 5
    assert all(twin.birth() != row for twin in twins)
