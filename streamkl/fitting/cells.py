"""Data as a model is compared with them: shares of cells. A whole number is a cell of its own, continuous values are cut into cells."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamkl.config.fitting import CELLS_FACTOR, CELLS_POWER, FEWEST_CELLS, KINDS, MOST_CELLS, REPEATED_SHARE, Kind
from streamkl.core.arrays import numbers
from streamkl.core.divergence import entropy
from streamkl.errors import InputError

Array = NDArray[np.float64]
_LARGEST = 1e100  # squares of values and of their inverses are numbers too


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells with their shares, all above 0, in ascending order; and the distinct values they were made of, with their counts.

    Discrete: cell `i` is the value `values[i]`, and reaches half a unit to both sides for models of continuous values. Continuous: the
    first and the last cell have no outer end.
    """

    low: Array
    high: Array
    share: Array
    discrete: bool
    values: Array
    counts: NDArray[np.int64]
    total: int
    mean: float  # of the values
    deviation: float  # of the values, above 0
    grouped: bool = False  # discrete values in groups: a cell is an interval, as for continuous ones

    @property
    def entropy(self) -> float:
        """Of the shares, in nats."""
        return float(entropy(self.share))

    def groups(self, fewest: int) -> "Cells":
        """Neighbours put together until each group holds at least so many values. Together they cover every number there is."""
        held = np.round(self.share * self.total).astype(np.int64)
        ends, sum_ = [], 0
        for index, count in enumerate(held.tolist()):
            sum_ += count
            if sum_ >= fewest:
                ends.append(index)
                sum_ = 0
        last = np.array(ends[:-1], np.int64)  # the rest belongs to the last group
        edges = self.high[last]
        share = np.diff(np.r_[0, np.cumsum(held)[last], self.total]) / self.total
        return replace(self, low=np.r_[-np.inf, edges], high=np.r_[edges, np.inf], share=share, grouped=True)


def cut(values: ArrayLike, counts: ArrayLike | None, kind: Kind, cells: int | None) -> Cells:
    """Values (n,), each as often as `counts` says (once), as cells; `cells` at most so many, for continuous ones. O(n log n).

    Raises InputError for what is no list of finite numbers, and where fewer than two values differ.
    """
    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    distinct, often = _distinct(_list("values", values), counts)
    if len(distinct) < 2:
        raise InputError(f"values must differ, but each of the {often.sum():,} is {distinct[0]:.15g}: one number says it all, fit no model")
    if np.abs(distinct).max() > _LARGEST or np.ptp(distinct) < 1 / _LARGEST:
        raise InputError(f"values must lie within ±{_LARGEST:g}, and further apart than {1 / _LARGEST:g}: choose another unit")
    whole = bool((distinct == np.floor(distinct)).all())
    if kind == "discrete" and not whole:
        odd = distinct[distinct != np.floor(distinct)][0]
        raise InputError(f'values must be whole numbers to be discrete, but one is {odd:.15g}: use kind "continuous", or round them first')
    if kind == "discrete" or (kind == "auto" and whole and often[often > 1].sum() >= REPEATED_SHARE * often.sum()):
        if cells is not None:
            raise InputError("cells has no effect on discrete values: each is a cell of its own")
        return _cells(distinct - 0.5, distinct + 0.5, often, True, distinct, often)
    return _cut_evenly(distinct, often, cells)


def _cut_evenly(distinct: Array, often: NDArray[np.int64], cells: int | None) -> Cells:
    """Cells of about equally many values, with edges half-way between two neighbours."""
    total = int(often.sum())
    if cells is None:
        cells = min(max(round(CELLS_FACTOR * total**CELLS_POWER), FEWEST_CELLS), MOST_CELLS)
    elif not FEWEST_CELLS <= cells <= MOST_CELLS:
        raise InputError(f"cells must be between {FEWEST_CELLS} and {MOST_CELLS}, not {cells}")
    below = np.cumsum(often)
    last = np.unique(np.searchsorted(below, total * np.arange(1, cells) / cells))  # the last distinct value of each cell but the last
    last = last[last < len(distinct) - 1]
    edges = distinct[last] + (distinct[last + 1] - distinct[last]) / 2
    held = np.diff(np.r_[0, below[last], total])
    return _cells(np.r_[-np.inf, edges], np.r_[edges, np.inf], held, False, distinct, often)


def _cells(low: Array, high: Array, held: NDArray[np.int64], discrete: bool, values: Array, counts: NDArray[np.int64]) -> Cells:
    total = int(counts.sum())
    weights = counts / total
    mean = float(values @ weights)
    deviation = float(np.sqrt((values - mean) ** 2 @ weights))
    return Cells(low, high, held / total, discrete, values, counts, total, mean, deviation)


def _distinct(values: Array, counts: ArrayLike | None) -> tuple[Array, NDArray[np.int64]]:
    if counts is None:
        distinct, often = np.unique(values, return_counts=True)
        return distinct, often.astype(np.int64)
    given = _list("counts", counts)
    if given.shape != values.shape:
        raise InputError(f"counts must be as many as values ({len(values)}), but are {len(given)}")
    if (bad := given[(given < 0) | (given != np.floor(given)) | (given > 2**53)]).size:
        raise InputError(f"counts must be whole numbers of 0 or more, but one is {bad[0]:.15g}: say how often each value was seen")
    distinct, where = np.unique(values, return_inverse=True)
    often = np.bincount(where, given, len(distinct)).astype(np.int64)
    if not often.any():
        raise InputError("counts must not all be 0: there is no value to fit")
    return distinct[often > 0], often[often > 0]


def _list(name: str, given: ArrayLike) -> Array:
    found = numbers(name, given)
    if found.ndim != 1 or not found.size:
        raise InputError(f"{name} must be a list of at least one number, but has the shape {found.shape}")
    return found + 0.0  # -0.0 is 0.0
