"""The smallest shift of the mean that would be found: added to held-out stretches of a series' own past, and halved until it is missed."""

from dataclasses import dataclass
from math import inf, log

import numpy as np
from numpy.typing import NDArray

from streamkl.calibrate.character import Support
from streamkl.calibrate.judging import FEWEST_STRETCHES, Judged, Trials

SMALLEST, LARGEST = 0.001, 20.0  # standard deviations searched
STEPS = 10  # halvings of the ratio between them: the answer is known to 1 %
CONSTANT_SPREAD = 1e-6  # a constant has no standard deviation: this share of its value stands for it


@dataclass(frozen=True, slots=True)
class Shift:
    """Smallest shifts in the metric's units that are found in half, and in nine of ten stretches; inf: none up to `LARGEST`."""

    half: float
    most: float


@dataclass(frozen=True, slots=True)
class Power:
    """`up` and `down` over the same `stretches` (None: the detector's gates do not listen to that direction); `worse` is what is found
    whichever way the mean moves of those that are listened to."""

    stretches: int
    up: Shift | None
    down: Shift | None

    @property
    def worse(self) -> Shift:
        """The larger of the two, each."""
        ways = [way for way in (self.up, self.down) if way is not None]
        return Shift(max(way.half for way in ways), max(way.most for way in ways))


def measure_power(judged: Judged, sigma: float, support: Support) -> Power | None:
    """How large a shift has to be to open an episode within a stretch, given the state before it. None: fewer than 5 quiet stretches.

    The same history gives the same answer: nothing is drawn. About 2 * stretches * points * 12 judged points.
    """
    count = len(judged.stretches)
    if count < FEWEST_STRETCHES:
        return None
    values = np.stack([each.values for each in judged.stretches])
    unit = sigma or max(float(np.abs(values).max()), 1.0) * CONSTANT_SPREAD
    listened = judged.bank.settings.gates.direction
    signs = [sign for sign in (1.0, -1.0) if sign != -listened]
    trials = Trials(judged.bank, judged.stretches * len(signs))
    sizes = _smallest(trials, np.tile(values, (len(signs), 1)), np.repeat(signs, count) * unit, support)
    ways = {sign: _shift(part) for sign, part in zip(signs, np.split(sizes, len(signs)), strict=True)}
    return Power(count, ways.get(1.0), ways.get(-1.0))


def _smallest(trials: Trials, values: NDArray[np.float64], units: NDArray[np.float64], support: Support) -> NDArray[np.float64]:
    """Per stretch, how far its mean moves in the smallest shift that opens an episode; inf where the largest opens none.

    Bisection in logarithms of the multiple of `units`.
    """

    def moved(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(over="ignore"):
            return support.shift(values, (sizes * units)[:, None])

    low, high = np.full(len(units), log(SMALLEST)), np.full(len(units), log(LARGEST))
    never = ~trials.opens(moved(np.exp(high)))
    high = np.where(trials.opens(moved(np.exp(low))), low, high)
    for _ in range(STEPS):
        middle = (low + high) / 2
        hit = trials.opens(moved(np.exp(middle)))
        low, high = np.where(hit, low, middle), np.where(hit, middle, high)
    if not len(support.known):
        return np.where(never, inf, np.exp(high) * np.abs(units))
    return np.where(never, inf, np.abs((moved(np.exp(high)) - values).mean(axis=1)))


def _shift(sizes: NDArray[np.float64]) -> Shift:
    ordered = np.sort(sizes)
    at = [int(np.ceil(share * len(ordered) - 1e-9)) - 1 for share in (0.5, 0.9)]
    return Shift(float(ordered[at[0]]), float(ordered[at[1]]))
