"""Quantiles of durations, as times that were measured and not between two of them."""

from collections.abc import Sequence

import numpy as np

from benchmarks.report import Cell


def seconds(durations: Sequence[float]) -> dict[str, Cell]:
    """Median, 99th percentile, the longest, and how many there are. Of fewer than a hundred the 99th percentile is the longest.

    >>> seconds([0.4, 0.1, 0.3, 0.2])
    {'p50, s': 0.2, 'p99, s': 0.4, 'longest, s': 0.4, 'count': 4}
    """
    if not durations:
        return {"p50, s": None, "p99, s": None, "longest, s": None, "count": 0}
    median, high = np.quantile(np.array(durations), [0.5, 0.99], method="inverted_cdf").tolist()
    return {"p50, s": median, "p99, s": high, "longest, s": max(durations), "count": len(durations)}
