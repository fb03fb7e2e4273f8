"""Points handed over to the compiled loop, and what it says of each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import Arena, Pool, Rules

Row = NDArray[np.float64] | tuple[float, ...]  # one value a feature
NONE_SILENT = np.zeros(0, np.bool_)


class State(NamedTuple):
    """All that the loop reads and moves."""

    arena: Arena
    pool: Pool
    rules: Rules


class Outcome(NamedTuple):
    """One entry a point, see `core.verdicts.Verdicts`."""

    fate: NDArray[np.int8]
    output: NDArray[np.float64]
    ratio: NDArray[np.float64]
    window: NDArray[np.int8]


class Batch(NamedTuple):
    """Points in order: rows, microseconds, values, positions (n,), and `silent` (n,) or empty."""

    rows: NDArray[np.int64]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    positions: NDArray[np.int64]
    silent: NDArray[np.bool_]
    outcome: Outcome


def outcome(n: int) -> Outcome:
    """Room for what is said of so many points."""
    return Outcome(np.zeros(n, np.int8), np.zeros(n), np.zeros(n), np.zeros(n, np.int8))


def room(rows: NDArray[np.int64]) -> Batch:
    """A batch to be filled again and again with one point of each of these rows."""
    n = len(rows)
    return Batch(rows, np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.int64), NONE_SILENT, outcome(n))
