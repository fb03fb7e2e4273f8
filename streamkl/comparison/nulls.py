"""What chance gives for each feature: tables drawn until the verdict is settled, and kept for features with the same pooled counts."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.comparison.features import Counted
from streamkl.config.compare import CompareConfig
from streamkl.core.alignment import draw_aligned
from streamkl.core.comparison import FIRST_DRAWS, MOST_VALUES, SETTLED, Null, divergence, draw, draws_for, null_of
from streamkl.errors import InputError

Draws = Callable[[int, int], NDArray[np.float64]]  # how many, and the number of the batch


class Found(NamedTuple):
    """A statistic in nats (or without a unit), and what chance gives. `settled`: clearly not rare, so that few draws were made."""

    statistic: float
    null: Null
    settled: bool


def settle(statistic: float, draws: Draws, first: int, most: int, enough: int) -> Found:
    """Draw `first`; unless `enough` of them reach the statistic, draw up to `most`.

    Such a p-value keeps its promise at every level: whoever stops early has one above all that can still be had (Besag & Clifford 1991).
    """
    values = draws(first, 1)
    null = null_of(values)
    if most <= first or null.p_value(statistic) * (null.draws + 1) > enough:
        return Found(statistic, null, most > first)
    return Found(statistic, null_of(np.concatenate([values, draws(most - first, 2)])), False)


class Nulls:
    """Draws for features of one comparison. Continuous features of equal sizes have the same pooled counts, and so share their draws."""

    def __init__(self, config: CompareConfig, level: float) -> None:
        self._config, self._most = config, draws_for(level)
        self._kept: dict[tuple[int, ...], NDArray[np.float64]] = {}

    def find(self, counted: Counted) -> Found:
        """The statistic of one feature and its null. InputError for more values than can be drawn from."""
        measure, smoothing = self._config.divergence, self._config.smoothing
        statistic = float(divergence(measure, counted.current, counted.reference, smoothing))
        pooled, current = counted.reference + counted.current, int(counted.current.sum())
        if pooled.sum() > MOST_VALUES:
            raise InputError(f"there are more than {MOST_VALUES:,} values in both samples; compare a part of the rows")

        def drawn(draws: int, batch: int) -> NDArray[np.float64]:
            seed = (self._config.seed, batch)
            if counted.aligned is not None:
                reference, moved, pieces = counted.aligned
                return draw_aligned(measure, reference, moved, pieces, self._config.align == "scale", smoothing, draws, seed)
            key = (draws, batch, current, *sorted(pooled.tolist()))
            if key not in self._kept:
                self._kept[key] = draw(measure, np.sort(pooled), current, smoothing, draws, seed)
            return self._kept[key]

        return settle(statistic, drawn, FIRST_DRAWS, self._most, SETTLED)
