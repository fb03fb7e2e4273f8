"""Edges of a row's bins: the two of an atom, a value and the next float after it, are kept as one number."""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import Arena
from streamkl.core.compiled import inlined

BESIDE = 2  # numbers that a reference of B bins has beside B of its atoms and stretches


def put_edges(a: Arena, row: int, edges: NDArray[np.float64]) -> None:
    """Keep ascending edges (bins - 1,), as `core.binning.learn` makes them. O(bins)."""
    at = cuts = 0
    while at < len(edges):
        a.edges[row, cuts], a.begins[row, cuts] = edges[at], at + 1
        at += 2 if at + 1 < len(edges) and edges[at + 1] == np.nextafter(edges[at], inf) else 1
        cuts += 1
    a.cuts[row], a.begins[row, cuts] = cuts, len(edges) + 1


def edges_of(a: Arena, row: int) -> NDArray[np.float64]:
    """The edges that were put (bins - 1,). O(bins)."""
    cuts = int(a.cuts[row])
    begins, numbers = a.begins[row, : cuts + 1].astype(np.int64), a.edges[row, :cuts]
    edges = np.empty(int(begins[-1]) - 1)
    edges[begins[:-1] - 1] = numbers
    atoms = np.diff(begins) == 2
    edges[begins[:-1][atoms]] = np.nextafter(numbers[atoms], inf)
    return edges


@inlined
def bin_of(a: Arena, row: int, value: float) -> int:
    """Number of edges that are <= value; O(log bins)."""
    low: Any = 0
    high: Any = np.int64(a.cuts[row])
    while low < high:
        middle = (low + high) >> 1
        if a.edges[row, middle] <= value:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return 0
    begin = int(a.begins[row, low - 1])
    beyond = value > a.edges[row, low - 1] and a.begins[row, low] - begin == 2  # an atom's own bin holds that value alone
    return begin + 1 if beyond else begin


@inlined
def edge(a: Arena, row: int, k: int) -> float:
    """Upper edge of bin `k`; O(bins)."""
    at = 0
    while at + 1 < a.cuts[row] and a.begins[row, at + 1] <= k + 1:
        at += 1
    return float(a.edges[row, at] if a.begins[row, at] == k + 1 else np.nextafter(a.edges[row, at], inf))
