"""What a classifier's predictions cost beside what happened, and whether it predicts as it did."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamkl.core.divergence import contributions, kl_divergence
from streamkl.core.predictions import BINS, DRAWS, LEVEL, bins_for, require, rows_of, targets_of
from streamkl.core.shuffling import Drift, counted, drift
from streamkl.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Losses:
    """Nats per point; arrays have one entry a class. `cross_entropy = entropy + kl` is also the sum of `share * class_cross_entropy`."""

    points: int
    cross_entropy: float  # mean of -Σ t ln p over points; with labels the log loss; inf where something happened that was given no chance
    entropy: float  # mean entropy of the targets, 0 for labels
    kl: float  # mean KL(target || prediction)
    share: Array  # of each class among the targets
    predicted: Array  # mean probability of each class
    class_cross_entropy: Array  # mean of -ln p over the points of the class; nan where there are none
    marginal_kl: float  # KL(share || predicted): what is wrong with the frequencies alone
    class_kl: Array  # additive parts of it: positive where a class happens more often than predicted
    impossible: int  # points to whose class probability 0 was given


@dataclass(frozen=True, slots=True)
class PredictionDrift:
    """How predictions differ from those of a reference period, without labels; lists have one entry a class."""

    classes: list[Drift]  # KL(now || before) of the distribution of each class's probability
    p_value: float  # smallest of the classes' p-values times their number (Bonferroni)
    reference_share: Array  # mean probability of each class before
    share: Array  # and now
    share_kl: float  # KL(share || reference_share)
    share_parts: Array  # its additive parts


def classifier_losses(probabilities: ArrayLike, labels: ArrayLike) -> Losses:
    """Cross-entropy and KL of predictions, in all and for each class, in nats. O(n k).

    `probabilities`: (n, k), rows that sum to 1, or (n,) for class 1 of two. `labels`: (n,) whole numbers from 0 to k - 1, or targets
    (n, k) whose rows sum to 1 (what several annotators said, or the reference model's probabilities). Raises InputError.

    >>> losses = classifier_losses([[0.7, 0.3], [0.4, 0.6], [0.9, 0.1], [0.2, 0.8]], [0, 1, 0, 0])
    >>> round(losses.cross_entropy, 4), losses.class_cross_entropy.round(4).tolist()
    (0.6456, [0.6905, 0.5108])
    """
    predicted = rows_of("probabilities", probabilities)
    target = targets_of(labels, predicted)
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = np.where(target > 0, -target * np.log(predicted), 0.0).sum(axis=0)
        entropy = -np.where(target > 0, target * np.log(target), 0.0).sum() / len(target) + 0.0
        per_class = cost / target.sum(axis=0)
    share, mean = target.mean(axis=0), predicted.mean(axis=0)
    return Losses(
        points=len(target),
        cross_entropy=float(cost.sum() / len(target)),
        entropy=float(entropy),
        kl=float(np.mean(kl_divergence(target, predicted))),
        share=share,
        predicted=mean,
        class_cross_entropy=per_class,
        marginal_kl=float(kl_divergence(share, mean)),
        class_kl=contributions(share, mean),
        impossible=int(((target > 0) & (predicted == 0)).any(axis=1).sum()),
    )


def prediction_drift(
    reference: ArrayLike, current: ArrayLike, *, bins: int = BINS, level: float = LEVEL, draws: int = DRAWS, seed: int = 0
) -> PredictionDrift:
    """Whether a classifier predicts as in a reference period, where labels are not known yet.

    `reference` (n, k) and `current` (m, k), or (n,) and (m,), are probabilities as in `classifier_losses`. For each class the distribution
    of its probability is compared over bins of both periods together, with a threshold and a p-value for these sizes (see
    `core.shuffling`; exact where points are independent). O((n + m) k log + draws k bins). Raises InputError.

    >>> rng = np.random.default_rng(1)
    >>> before, same, surer = (rng.beta(a, a, size=400) for a in (2, 2, 1))
    >>> prediction_drift(before, same).p_value > 0.05, prediction_drift(before, surer).p_value
    (True, 0.002)
    """
    require(bins, level, draws)
    old, new = rows_of("reference", reference), rows_of("current", current)
    if old.shape[1] != new.shape[1]:
        raise InputError(f"reference and current must have the same classes, but have {old.shape[1]} and {new.shape[1]}")
    rng = np.random.default_rng(seed)
    found = []
    for before, now in zip(old.T, new.T, strict=True):
        counts = counted(before, now, bins_for(bins, len(old) + len(new)))
        found.append(drift(*counts, level=level, draws=draws, rng=rng))
    share, before_share = new.mean(axis=0), old.mean(axis=0)
    return PredictionDrift(
        classes=found,
        p_value=min(1.0, len(found) * min(each.p_value for each in found)),
        reference_share=before_share,
        share=share,
        share_kl=float(kl_divergence(share, before_share)),
        share_parts=contributions(share, before_share),
    )
