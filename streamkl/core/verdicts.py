"""What a bank says of a batch: one verdict a point, and the episodes that moved."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamkl.core.explanation import Explanation
from streamkl.core.kernel import LATE, SILENCED


@dataclass(frozen=True, slots=True)
class Part:
    """What one of several features that are judged together had to do with it: its number, its own score in the test that decided, and its
    share of the sum of their third powers."""

    feature: int
    score: float
    share: float


@dataclass(frozen=True, slots=True)
class Transition:
    """An episode of `row` moved at point `index` of the batch: `happened` is one of core.episode's numbers above NOTHING.

    `explanation` and `score` are of the window with the highest score at that moment; when it closes, of the window last told of.
    `features`: where several are judged together, those that drove it, strongest first; the explanation is of the first.
    """

    index: int
    row: int
    happened: int
    score: float
    window: int
    explanation: Explanation
    features: tuple[Part, ...] = ()
    joint: bool = False  # whether single points of all features together decided


@dataclass(frozen=True, slots=True)
class Verdicts:
    """One entry a point: `fate` (0 not judged, 1 judged, 2 dropped as late, 3 silenced), `output` (the alarm output), `ratio` (statistic /
    threshold) and the `window` it comes from (-1: none); and the transitions, in order. `learned`: points that completed a learning, and
    the interval in microseconds that was learned."""

    fate: NDArray[np.int8]
    output: NDArray[np.float64]
    ratio: NDArray[np.float64]
    window: NDArray[np.int8]
    transitions: list[Transition]
    learned: list[tuple[int, int]] = field(default_factory=list)

    @property
    def late(self) -> int:
        """Points dropped as late."""
        return int(np.count_nonzero(self.fate == LATE))

    @property
    def silenced(self) -> int:
        """Points passed over."""
        return int(np.count_nonzero(self.fate == SILENCED))
