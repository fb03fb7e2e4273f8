"""What callers hand over of a classifier, checked: rows of probabilities, labels, targets, and how finely to look."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamkl.core.arrays import numbers, refuse
from streamkl.errors import InputError

Array = NDArray[np.float64]
BINS, DRAWS, LEVEL = 10, 999, 0.01
_ROUNDED = 1e-3  # rows may sum to 1 as well as four digits do
_FEWEST_IN_BIN = 10


def rows_of(name: str, values: ArrayLike) -> Array:
    """(n, k), each row with the sum 1."""
    found = numbers(name, values)
    if found.ndim == 1:
        refuse(name, found, lambda p: (p >= 0) & (p <= 1), "between 0 and 1", "give the probability of class 1")
        found = np.column_stack((1 - found, found))
    if found.ndim != 2 or found.shape[0] == 0 or found.shape[1] < 2:
        raise InputError(f"{name} must be (n, k) for k classes, or (n,) for class 1 of two, but has the shape {found.shape}")
    refuse(name, found, lambda p: p >= 0, "0 or more", "give probabilities, not logits")
    totals = found.sum(axis=1)
    refuse(f"the sum of {name}", totals, lambda t: np.abs(t - 1) <= _ROUNDED, "1 in each row", "give the probabilities of all classes")
    return np.asarray(found / totals[:, None], np.float64)


def targets_of(labels: ArrayLike, predicted: Array) -> Array:
    """(n, k) shares of each class: 1 for the label, or as they are given."""
    found = numbers("labels", labels)
    if found.ndim == 2:
        found = rows_of("labels", found)
        if found.shape != predicted.shape:
            raise InputError(f"labels must have the shape of probabilities, {predicted.shape}, but have {found.shape}")
        return found
    return np.eye(predicted.shape[1])[labels_of("labels", found, predicted)]


def labels_of(name: str, found: Array, predicted: Array) -> NDArray[np.int64]:
    """(n,) classes from 0 to k - 1."""
    n, k = predicted.shape
    if found.shape != (n,):
        raise InputError(f"{name} must be one for each of the {n} rows of probabilities, but have the shape {found.shape}")
    fix = "number the classes in the order of the columns"
    refuse(name, found, lambda x: (x == np.floor(x)) & (x >= 0) & (x < k), f"whole numbers from 0 to {k - 1}", fix)
    return found.astype(np.int64)


def bins_for(wanted: int, points: int) -> int:
    """As many as wanted, if that leaves ten points in each."""
    return max(1, min(wanted, points // _FEWEST_IN_BIN))


def require(bins: int, level: float, draws: int) -> None:
    """InputError for what says nothing."""
    if not (isinstance(bins, int | np.integer) and bins >= 1):
        raise InputError(f"bins must be a whole number of at least 1, not {bins!r}")
    if not 0 < level < 1:
        raise InputError(f"level must be between 0 and 1, not {level!r}")
    if not (isinstance(draws, int | np.integer) and draws + 1 >= 1 / level):
        raise InputError(f"draws must be a whole number of at least {round(1 / level) - 1} for level {level}, not {draws!r}")
