"""Whether a classifier's probabilities are frequencies, and whether they still mean what they meant."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamkl.core.arrays import numbers
from streamkl.core.predictions import BINS, DRAWS, LEVEL, bins_for, labels_of, require, rows_of
from streamkl.core.shuffling import even_bins, p_value, threshold
from streamkl.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far probabilities are from frequencies; arrays have one entry a bin, bins by rising confidence."""

    error: float  # expected calibration error: mean |frequency - confidence| over bins, weighted by their points; 0 to 1
    by_chance: float  # its mean if every probability were true
    threshold: float  # what it then exceeds only in a share `level` of the draws
    p_value: float  # how often it would then be as large
    points: NDArray[np.int64]
    confidence: Array  # mean probability in each bin
    frequency: Array  # how often it came true


@dataclass(frozen=True, slots=True)
class CalibrationDrift:
    """How the gap between frequency and confidence has changed; arrays have one entry a bin, bins by rising confidence."""

    change: float  # mean |gap now - gap before| over bins that both periods have, weighted by their points; 0 to 2
    threshold: float  # what it exceeds only in a share `level` of the draws if nothing has changed
    p_value: float
    points: NDArray[np.int64]  # of both periods
    confidence: Array  # mean probability, both periods together
    reference_gap: Array  # frequency - confidence; nan where the period has no points
    gap: Array


def calibration_error(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    of: int | None = None,
    bins: int = BINS,
    level: float = LEVEL,
    draws: int = DRAWS,
    seed: int = 0,
) -> Calibration:
    """Whether probabilities are frequencies: the expected calibration error, with what it would be by chance.

    `probabilities` (n, k) or (n,), `labels` (n,) as in `classifier_losses`. What is checked is the probability of the predicted class, of
    class `of`, or (for probabilities (n,)) of class 1. Bins hold about equally many points, at least ten.

    A perfect classifier has an error too, and a larger one the fewer the points, so no fixed limit on it means anything. Here labels are
    drawn from the probabilities themselves, `draws` times, and the error is compared with theirs: exact where points are independent
    (consistency resampling, Bröcker & Smith 2007). O(n draws). The same seed gives the same figures. Raises InputError.

    >>> rng = np.random.default_rng(1)
    >>> p = rng.uniform(size=500)
    >>> true, sharpened = (calibration_error(q, rng.random(500) < p) for q in (p, np.clip(1.6 * p - 0.3, 0, 1)))
    >>> true.p_value > 0.05, true.error < true.threshold, sharpened.p_value
    (True, True, 0.001)
    """
    require(bins, level, draws)
    confidence, happened = _events(probabilities, labels, of, "")
    place = even_bins(confidence, bins_for(bins, len(confidence)))
    points = np.bincount(place)

    def error(came_true: NDArray[np.bool_]) -> float:
        return float(np.abs(np.bincount(place, came_true - confidence)).sum() / len(confidence))

    rng = np.random.default_rng(seed)
    by_chance = np.array([error(rng.random(len(confidence)) < confidence) for _ in range(draws)])
    observed = error(happened)
    return Calibration(
        error=observed,
        by_chance=float(by_chance.mean()),
        threshold=threshold(by_chance, level),
        p_value=p_value(by_chance, observed),
        points=points,
        confidence=np.bincount(place, confidence) / points,
        frequency=np.bincount(place, happened) / points,
    )


def calibration_drift(
    reference_probabilities: ArrayLike,
    reference_labels: ArrayLike,
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    of: int | None = None,
    bins: int = BINS,
    level: float = LEVEL,
    draws: int = DRAWS,
    seed: int = 0,
) -> CalibrationDrift:
    """Whether probabilities still mean what they meant in a reference period, calibrated or not. Arguments as for `calibration_error`.

    In bins of the confidence (about equally many points of both periods together) the gap between frequency and confidence is compared.
    Points are shuffled between the periods within their bins: exact where points are independent and alike within a bin, so that other
    confidences alone (an easier or a harder month) are no drift. O(n log n · draws). Raises InputError.

    >>> rng = np.random.default_rng(1)
    >>> p, q = rng.uniform(size=(2, 500))
    >>> before, same, changed = rng.random(500) < p**2, rng.random(500) < q**2, rng.random(500) < q
    >>> calibration_drift(p, before, q, same).p_value > 0.05, calibration_drift(p, before, q, changed).p_value
    (True, 0.001)
    """
    require(bins, level, draws)
    before = _events(reference_probabilities, reference_labels, of, "reference_")
    now = _events(probabilities, labels, of, "")
    confidence = np.r_[before[0], now[0]]
    residual = np.r_[before[1], now[1]] - confidence
    place = even_bins(confidence, bins_for(bins, len(confidence)))
    kinds = int(place.max()) + 1
    is_now = np.arange(len(confidence)) >= len(before[0])
    points, current = np.bincount(place), np.bincount(place[is_now], minlength=kinds)
    sums = np.bincount(place, residual)
    both = (current > 0) & (current < points)
    if not both.any():
        raise InputError("probabilities share no bin with reference_probabilities: there is nothing to compare; try fewer bins")

    def sums_of(bins_: NDArray[np.int64], parts: Array) -> Array:
        return np.asarray(np.bincount(bins_, parts, minlength=kinds), np.float64)

    def gaps(now_sums: Array) -> tuple[Array, Array]:
        return _means(sums - now_sums, points - current), _means(now_sums, current)

    def change(now_sums: Array) -> float:
        old, new = gaps(now_sums)
        return float(np.abs(new - old)[both] @ points[both] / points[both].sum())

    rng = np.random.default_rng(seed)
    sorted_place = np.sort(place)
    taken = np.arange(len(place)) - (np.cumsum(points) - points)[sorted_place] < current[sorted_place]  # the first of each bin
    by_chance = np.empty(draws)
    for draw in range(draws):
        shuffled = residual[np.argsort(place + rng.random(len(place)))]
        by_chance[draw] = change(sums_of(sorted_place[taken], shuffled[taken]))
    observed_sums = sums_of(place[is_now], residual[is_now])
    old, new = gaps(observed_sums)
    return CalibrationDrift(
        change=change(observed_sums),
        threshold=threshold(by_chance, level),
        p_value=p_value(by_chance, change(observed_sums)),
        points=points,
        confidence=np.bincount(place, confidence) / points,
        reference_gap=old,
        gap=new,
    )


def _means(sums: Array, points: NDArray[np.int64]) -> Array:
    """nan where there are no points."""
    return np.asarray(np.divide(sums, points, out=np.full(len(sums), np.nan), where=points > 0), np.float64)


def _events(probabilities: ArrayLike, labels: ArrayLike, of: int | None, side: str) -> tuple[Array, NDArray[np.bool_]]:
    """What was given a probability, (n,), and whether it happened."""
    predicted = rows_of(f"{side}probabilities", probabilities)
    label = labels_of(f"{side}labels", numbers(f"{side}labels", labels), predicted)
    if of is None and np.ndim(probabilities) == 1:
        of = 1
    if of is not None and not (isinstance(of, int | np.integer) and 0 <= of < predicted.shape[1]):
        raise InputError(f"of must be a class from 0 to {predicted.shape[1] - 1}, not {of!r}")
    chosen = predicted.argmax(axis=1) if of is None else np.full(len(predicted), of)
    return predicted[np.arange(len(predicted)), chosen], label == chosen
