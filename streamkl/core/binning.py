"""From a value to its bin: equal-frequency bins of the reference, two tails, and a bin of its own for every value with much mass.

A reference of n points x_(1) <= ... <= x_(n) is cut at the order statistics of rank r_j = 1 + round(j (n - 1) / B), j = 0..B. Bin j then
has the mass (r_j - r_(j-1)) / (n + 1), and each tail 1 / (n + 1): the expected masses of those gaps, whatever the distribution is. No
mass is zero, so no divergence is infinite. Values that tie share a bin, which counts them all. A value that occurs at least n / B times is
an *atom*: it gets the bin [v, next float after v), and the stretches between atoms are cut like smaller references. With at most B
distinct values each of them is an atom.
"""

from math import inf, nextafter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HALF = 0.5  # rank units of a stretch in which the reference has no point, beside an atom
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Learned(NamedTuple):
    """A learned reference. `edges` (k - 1,) ascending; bin i holds edges[i-1] <= v < edges[i]; `units` (k,) are rank masses, summing to
    about n + 1; `occupied` counts the inner bins that hold reference points; `quantiles` are those of QUANTILES."""

    edges: NDArray[np.float64]
    units: NDArray[np.float64]
    occupied: int
    quantiles: NDArray[np.float64]


def bin_capacity(bins: int) -> int:
    """Most bins that `learn` can make: B atoms or stretches, a gap beside each, and the tails."""
    return 2 * bins + 3


def learn(values: NDArray[np.float64], bins: int, every_value: bool = False) -> Learned:
    """Cut a reference into bins. `values` (n,) finite, any order; O(n log n).

    `every_value` makes each distinct value an atom (categories), the rarest ones being left to the stretches between them, one bin each,
    when there are more than `bins`.

    >>> learned = learn(np.arange(1.0, 101.0), bins=4)
    >>> learned.edges
    array([  1.,  26.,  51.,  75., 100.])
    >>> learned.units  # tails of one unit each; 101 in all
    array([ 1., 25., 25., 24., 25.,  1.])
    >>> learn(np.array([200.0] * 98 + [404.0, 500.0]), bins=4).units
    array([ 0.5, 98. ,  0.5,  1. ,  0.5,  1. ,  0.5])
    """
    ordered = np.sort(values)
    n = len(ordered)
    atoms, counts = _atoms(ordered, bins, every_value)
    edges: list[float] = []
    units: list[float] = []
    cut = 0 if every_value else bins  # categories have no order worth cutting: what lies between two of them is one bin
    below = 0  # reference points left of the current place
    for atom, count in zip(atoms, counts, strict=True):
        first = int(np.searchsorted(ordered, atom))
        _cut(ordered[below:first], cut, n, edges, units, opens=below == 0, closes=False)
        edges += [atom, nextafter(atom, inf)]
        units.append(float(count))
        below = first + int(count)
    _cut(ordered[below:], cut, n, edges, units, opens=below == 0, closes=True)
    mass = np.array(units)
    inner = mass[1:-1] if len(mass) > 2 else mass
    quantiles = np.quantile(ordered, QUANTILES, method="inverted_cdf")
    return Learned(np.array(edges), mass, max(1, int((inner >= 1).sum())), quantiles)


def _atoms(ordered: NDArray[np.float64], bins: int, every_value: bool) -> tuple[list[float], list[int]]:
    distinct, counts = np.unique(ordered, return_counts=True)
    heavy = counts * bins >= len(ordered)
    if every_value:
        heavy = np.zeros(len(distinct), bool)
        heavy[np.argsort(-counts, kind="stable")[:bins]] = True
    elif heavy.any() and len(distinct) <= bins:
        heavy[:] = True  # a handful of discrete values: every one of them is a bin
    return distinct[heavy].tolist(), counts[heavy].tolist()


def _cut(part: NDArray[np.float64], bins: int, total: int, edges: list[float], units: list[float], *, opens: bool, closes: bool) -> None:
    """Append the bins of one stretch between atoms. `opens`/`closes`: it reaches to minus/plus infinity and so has a tail there."""
    m = len(part)
    if m == 0:
        units.append(HALF)
        return
    pieces = max(1, round(m * bins / total))
    ranks = 1 + np.round(np.arange(pieces + 1) * (m - 1) / pieces).astype(np.int64)
    cuts = np.unique(part[ranks[:-1] - 1])  # values that tie below an atom's mass share an edge
    counts = np.diff(np.r_[np.searchsorted(part, cuts), m]).astype(np.float64)
    if opens:
        units.append(1.0)
        edges += cuts.tolist()
    else:
        edges += cuts[1:].tolist()
    if closes:
        # The largest point itself belongs to the last bin; its rank is the border between that bin and the tail.
        counts[-1] = max(counts[-1] - 1.0, HALF)
        edges.append(nextafter(part[-1], inf))
    units += counts.tolist()
    if closes:
        units.append(1.0)
