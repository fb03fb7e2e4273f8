"""All named series: those that the detector was built on, and those kept out of that."""

import zlib

import numpy as np
from numpy.typing import NDArray

from benchmarks.held_out import HELD_OUT
from benchmarks.processes import PROCESSES

EVERY = PROCESSES | HELD_OUT


def series(name: str, n: int, seed: int) -> NDArray[np.float64]:
    """Series number `seed` of the process `name`: float64 (n,), the same on every run.

    >>> series("poisson_3", 5, seed=0).tolist() == series("poisson_3", 5, seed=0).tolist()
    True

    Raises KeyError for a name that is not in `EVERY`. O(n).
    """
    return EVERY[name].draw(np.random.default_rng([zlib.crc32(name.encode()), seed]), n)
