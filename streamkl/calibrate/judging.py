"""One history through a bank of its own: the thresholds afterwards, copies of its state on the way. Nobody else here touches the bank."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.calibrate.history import History
from streamkl.core.arena import JUDGING, NO_SLOT, Arena, Pool
from streamkl.core.bank import Bank
from streamkl.core.batch import NONE_SILENT, Batch, State, outcome
from streamkl.core.episode import OPENED
from streamkl.core.explanation import explain
from streamkl.core.kernel import JUDGED, walk
from streamkl.core.native import Memory, entry
from streamkl.core.run_length import Table, TableKey
from streamkl.engine.plan import Monitor
from streamkl.engine.story import named

MOST_STRETCHES = 32  # held-out stretches of a series: bounds the cost, and is enough for "9 in 10"
FEWEST_STRETCHES = 5
MATURE_STRETCHES = 16  # where the later half has room for so many, the earlier half, whose thresholds were young, is left out

RowState = dict[str, NDArray[Any]]  # one row of the arena


@dataclass(frozen=True, slots=True)
class WindowThreshold:
    """One window after the history: KL per point that is reached at the budget. `factor` 0: its past is too short, it is silent."""

    name: str
    points: int
    table_nats: float
    factor: float
    blocks: int

    @property
    def threshold_nats(self) -> float:
        """Nats per point, guard factor included; 0 where the window is silent."""
        return self.table_nats * self.factor


@dataclass(frozen=True, slots=True)
class Stretch:
    """Points that the state beside them has not seen yet, and in which no episode opened."""

    state: RowState
    values: NDArray[np.float64]
    times: NDArray[np.int64]


@dataclass(slots=True)
class Judged:
    """A history that went through its bank. `run_length`: points between false alarms that the series is promised (0: not learned)."""

    bank: Bank
    windows: tuple[WindowThreshold, ...] = ()
    run_length: float = 0.0
    interval_us: int = 0
    judged: int = 0
    opened: int = 0
    late: int = 0
    memory_bytes: int = 0
    stretches: list[Stretch] = field(default_factory=list)


def judge(history: History, monitor: Monitor, table: Callable[[TableKey], Table], sharers: int, within: int) -> Judged:
    """Run a history through a new bank, and cut out stretches of `within` points that follow a state which is learned and quiet.

    `sharers` series share a budget that is meant for all. O(points), about a microsecond each, and the stretches' states.
    """
    bank = Bank(replace(monitor.settings, categorical=history.categories is not None), table, 1)
    if monitor.settings.budget.in_all:
        bank.share(sharers)
    given = monitor.normal.get(history.name)
    row = bank.birth() if given is None else bank.birth(given.values, given.times)
    out = Judged(bank)
    learned = monitor.settings.reference.size if given is None else 0
    at = 0
    for start in _starts(len(history.values), learned, within):
        _feed(out, history, row, at, start)
        at = start + within
        state = _state(bank, row) if _is_ready(bank, row) else None
        if _feed(out, history, row, start, at) == 0 and state is not None:
            out.stretches.append(Stretch(state, history.values[start:at], history.times[start:at]))
    _feed(out, history, row, at, len(history.values))
    out.memory_bytes = _memory(bank)
    if bank.arena.phase[row] == JUDGING:
        out.interval_us = int(bank.arena.interval[row])
        out.run_length = bank.promises.run_length(out.interval_us)
        tests = len(bank.settings.windows) + int(bank.arena.drifts[row])
        out.windows = tuple(_window(bank, row, w) for w in range(tests))
    return out


def _starts(points: int, learned: int, within: int) -> list[int]:
    """Where stretches begin: evenly over the later half of what is judged, or over all of it where that has room for few; none overlap."""
    begin = learned + (points - learned) // 2
    if (points - begin) // within < MATURE_STRETCHES:
        begin = learned
    room = max(0, points - begin) // within
    count = min(room, MOST_STRETCHES)
    return (begin + (np.arange(count) * room // max(count, 1)) * within).tolist()


def _feed(out: Judged, history: History, row: int, start: int, stop: int) -> int:
    """Judge a piece; returns how many episodes opened in it."""
    piece = slice(start, stop)
    positions = np.arange(start, min(stop, len(history.values)), dtype=np.int64)
    verdicts = out.bank.run(np.full(len(positions), row), history.times[piece], history.values[piece], positions)
    opened = sum(transition.happened == OPENED for transition in verdicts.transitions)
    out.judged += int((verdicts.fate == JUDGED).sum())
    out.late += verdicts.late
    out.opened += opened
    return opened


def _is_ready(bank: Bank, row: int) -> bool:
    a = bank.arena
    judging = a.phase[row] == JUDGING and not a.open[row] and a.cooling[row] == 0
    return bool(judging and a.slot[row] == NO_SLOT and (a.factor[row] > 0).any())


def _state(bank: Bank, row: int) -> RowState:
    return {name: getattr(bank.arena, name)[row].copy() for name in Arena._fields}


def _window(bank: Bank, row: int, w: int) -> WindowThreshold:
    name, _ = named(bank.settings, w)
    if bank.arena.length[row, w] == 0 or bank.arena.limit[row, w] == 0:
        return WindowThreshold(name, 0, 0.0, 0.0, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        told = explain(bank.arena, bank.pool, bank.rules, row, w)
    return WindowThreshold(name, told.window_points, told.table_threshold_nats, told.factor, told.blocks)


def _memory(bank: Bank) -> int:
    """Bytes of a series' row, and of the buffer that it has while it learns and while an episode is open."""
    rows = len(bank.arena.phase)
    size = bank.settings.reference.size
    return sum(each.nbytes for each in bank.arena) // rows + sum(each.dtype.itemsize for each in bank.pool) * size


class Trials:
    """Many states at once, each followed by points of its own, as often as wanted; `stretches` are not changed."""

    def __init__(self, bank: Bank, stretches: list[Stretch]) -> None:
        """States of rows of this bank."""
        self._rules = bank.rules
        self._states = Arena(**{name: np.stack([each.state[name] for each in stretches]) for name in Arena._fields})
        self._pool = Pool(**{name: getattr(bank.pool, name)[:0] for name in Pool._fields})
        self.times = np.stack([each.times for each in stretches])

    def opens(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether an episode opens in each stretch when these values (stretches, points) come instead of its own."""
        count, length = values.shape
        n = count * length
        arena = Arena(**{name: getattr(self._states, name).copy() for name in Arena._fields})
        rows, positions = np.repeat(np.arange(count), length), np.arange(n, dtype=np.int64)
        state = Memory(State(arena, self._pool, self._rules))
        batch = Memory(Batch(rows, self.times.ravel(), values.ravel(), positions, NONE_SILENT, outcome(n)))
        judge = entry(walk, state, batch)
        found = np.zeros(count, np.bool_)
        at = 0
        while at < n:  # as a bank does, but an episode is not explained and what follows it is left out: four times faster
            at, happened = judge(state, batch, at, n)
            if happened == OPENED:
                row = int(rows[at - 1])
                found[row] = True
                at = (row + 1) * length
        return found
