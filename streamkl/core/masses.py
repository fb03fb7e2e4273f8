"""The mass of a bin of the reference, in rank units: whole halves, kept as integers of two bytes, or floats where the reference fades."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import DECAYED, Arena, Rules
from streamkl.core.compiled import inlined


@inlined
def unit(a: Arena, rules: Rules, row: int, code: int) -> float:
    """A bin's mass."""
    return float(a.units[row, code]) if rules.kind == DECAYED else 0.5 * a.halves[row, code]


@inlined
def log_unit(a: Arena, rules: Rules, row: int, code: int) -> float:
    """Its logarithm."""
    return float(a.log_units[row, code] if rules.kind == DECAYED else rules.log_halves[a.halves[row, code]])


@inlined
def below(a: Arena, rules: Rules, row: int, code: int) -> float:
    """The mass of all lower bins; O(bins)."""
    if rules.kind == DECAYED:
        total = 0.0
        for k in range(code):
            total += a.units[row, k]
        return total
    halves: Any = 0
    for k in range(code):
        halves += np.int64(a.halves[row, k])
    return float(0.5 * halves)


def units(a: Arena, rules: Rules, row: int) -> NDArray[np.float64]:
    """The masses of all bins in use (bins,), a copy."""
    bins = int(a.bins[row])
    return a.units[row, :bins].copy() if rules.kind == DECAYED else a.halves[row, :bins].astype(np.float64) / 2.0


def put_units(a: Arena, rules: Rules, row: int, masses: NDArray[np.float64]) -> None:
    """Begin with these masses (bins,), whole halves; sums of windows that hold points are not moved."""
    bins = len(masses)
    a.bins[row] = bins
    a.total[row] = masses.sum()
    if rules.kind == DECAYED:
        a.units[row, :bins], a.log_units[row, :bins] = masses, np.log(masses)
    else:
        a.halves[row, :bins] = np.rint(2.0 * masses)
