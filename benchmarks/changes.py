"""What may happen to a series of mean 0 and variance 1: a new law of its values, their order and dependence kept, or a slow drift."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Array = NDArray[np.float64]

_GRID = np.linspace(-12.0, 12.0, 24_001)
_HALF_LOG_TAU = 0.5 * np.log(2 * np.pi)
SQRT_HALF = float(np.sqrt(0.5))
MODE = 0.9  # of a standard deviation: where the two modes lie
SLOPE = 0.002  # standard deviations a point


@dataclass(frozen=True, slots=True)
class Part:
    """One normal law of a mixture."""

    weight: float
    mean: float
    spread: float


@dataclass(frozen=True, slots=True)
class Change:
    """From the change on each value x becomes the value of the mixture `parts` with the same rank, plus `slope` for each point since."""

    name: str
    parts: Sequence[Part]
    slope: float = 0.0

    def apply(self, values: Array) -> Array:
        """What the values, standard normal each, look like from the first changed one on."""
        drift = self.slope * np.arange(1, len(values) + 1)
        return np.asarray(np.interp(values, self.original(_GRID), _GRID) + drift)

    def original(self, changed: Array) -> Array:
        """The standard normal value that became `changed` (without drift)."""
        z = [(changed - part.mean) / part.spread for part in self.parts]
        weights = [part.weight for part in self.parts]
        below, above = np.dot(weights, ndtr(z)), np.dot(weights, ndtr(np.negative(z)))
        return np.asarray(np.where(below < 0.5, ndtri(below), -ndtri(above)))

    def log_density(self, changed: Array) -> Array:
        """Of the new law (without drift), nats."""
        parts = [np.log(p.weight / p.spread) + _log_normal((changed - p.mean) / p.spread) for p in self.parts]
        return np.asarray(np.logaddexp.reduce(parts, axis=0))

    def log_likelihood_ratio(self, values: Array, phi: float) -> Array:
        """Of each point after the one before it, changed against unchanged (without drift), in an AR(1) with coefficient `phi`; exact but
        for the first changed point, whose forerunner was not changed. O(n)."""
        before = self.original(values)
        changed = _log_step(before, phi) - _log_normal(before) + self.log_density(values)
        return np.asarray(changed - _log_step(values, phi))


def _log_normal(x: Array) -> Array:
    return np.asarray(-0.5 * x * x - _HALF_LOG_TAU)


def _log_step(x: Array, phi: float) -> Array:
    """Log-density of each point of a standardised AR(1) given the one before it; of the first by itself."""
    spread = np.sqrt(1 - phi * phi)
    steps = _log_normal((x[1:] - phi * x[:-1]) / spread) - np.log(spread)
    return np.concatenate([_log_normal(x[:1]), steps])


CHANGES = (
    Change("mean + 0.5 σ", (Part(1.0, 0.5, 1.0),)),
    Change("mean + 1 σ", (Part(1.0, 1.0, 1.0),)),
    Change("mean + 2 σ", (Part(1.0, 2.0, 1.0),)),
    Change("variance × 2", (Part(1.0, 0.0, 1 / SQRT_HALF),)),
    Change("variance × ½", (Part(1.0, 0.0, SQRT_HALF),)),
    Change(
        "two modes, same mean and variance",
        (Part(0.5, -MODE, float(np.sqrt(1 - MODE**2))), Part(0.5, MODE, float(np.sqrt(1 - MODE**2)))),
    ),
    Change(f"ramp of {SLOPE:g} σ a point", (Part(1.0, 0.0, 1.0),), slope=SLOPE),
    Change("rare tail: 1 % at 5 σ", (Part(0.99, 0.0, 1.0), Part(0.01, 5.0, 0.25))),
)
LARGE_SHIFTS = ("mean + 1 σ", "mean + 2 σ")
