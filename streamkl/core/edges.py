"""Edges of a row's bins: the two of an atom, a value and the next float after it, are kept as one number."""

from math import inf, nextafter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import Arena
from streamkl.core.compiled import inlined

BESIDE = 2  # numbers that a reference of B bins has beside B of its atoms and stretches


def put_edges(a: Arena, row: int, edges: NDArray[np.float64]) -> None:
    """Keep ascending edges (bins - 1,), as `core.binning.learn` makes them. O(bins)."""
    at = cuts = 0
    a.atoms[row] = 0
    while at < len(edges):
        a.edges[row, cuts] = edges[at]
        atom = at + 1 < len(edges) and edges[at + 1] == nextafter(edges[at], inf)
        a.atoms[row, cuts >> 3] |= np.uint8(atom << (cuts & 7))
        at += 2 if atom else 1
        cuts += 1
    a.cuts[row] = cuts


def edges_of(a: Arena, row: int) -> NDArray[np.float64]:
    """The edges that were put (bins - 1,). O(bins)."""
    numbers = a.edges[row, : a.cuts[row]]
    atoms = np.unpackbits(a.atoms[row], count=len(numbers), bitorder="little").astype(np.bool_)
    with np.errstate(over="ignore"):
        both = np.column_stack([numbers, np.nextafter(numbers, inf)])
    edges: NDArray[np.float64] = both[np.column_stack([np.ones(len(numbers), np.bool_), atoms])]
    return edges


@inlined
def bin_of(a: Arena, row: int, value: float) -> int:
    """Number of edges that are <= value; O(log bins), with atoms O(bins)."""
    low: Any = 0
    high: Any = np.int64(a.cuts[row])
    while low < high:
        middle = (low + high) >> 1
        if a.edges[row, middle] <= value:
            low = middle + 1
        else:
            high = middle
    if low == 0 or a.cuts[row] == a.bins[row] - 1:
        return int(low)
    code: Any = low
    for at in range(low - 1):
        code += _is_atom(a, row, at)
    return int(code + (_is_atom(a, row, low - 1) if value > a.edges[row, low - 1] else 0))


@inlined
def edge(a: Arena, row: int, k: int) -> float:
    """Upper edge of bin `k`; O(bins)."""
    at: Any = 0
    first: Any = 0
    while first + _is_atom(a, row, at) < k:
        first += 1 + _is_atom(a, row, at)
        at += 1
    return float(a.edges[row, at] if first == k else np.nextafter(a.edges[row, at], inf))


@inlined
def _is_atom(a: Arena, row: int, at: int) -> int:
    return (int(a.atoms[row, at >> 3]) >> (at & 7)) & 1
