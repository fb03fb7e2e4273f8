"""Many features, one promise: the level at which each is judged, and p-values that say what all of them together amount to."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

Control = Literal["holm", "bh", "none"]


def level_of(p_values: Sequence[float], alpha: float, control: Control) -> float:
    """The p-value up to which features drift. Whatever is below it is found by the procedure, and nothing else.

    `holm` (Holm 1979): the chance that any feature without drift is found is at most `alpha`, however features depend on one another.
    `bh` (Benjamini & Hochberg 1995): of the features found, at most the share `alpha` is expected to be without drift.

    >>> level_of([0.001, 0.03, 0.4], 0.05, "holm")  # one found: the next would have to be at 0.05 / 2
    0.025
    """
    m = len(p_values)
    if control == "none" or m < 2:
        return alpha
    ordered = np.sort(np.asarray(p_values))
    if control == "holm":
        passes = ordered <= alpha / (m - np.arange(m))
        found = m if passes.all() else int(np.argmin(passes))
        return alpha / max(1, m - found)
    passing = np.flatnonzero(ordered <= alpha * (np.arange(m) + 1) / m)
    return alpha * max(1, int(passing[-1]) + 1 if len(passing) else 0) / m


def adjusted(p_values: Sequence[float], control: Control) -> list[float]:
    """P-values to be compared with the whole `alpha`.

    >>> adjusted([0.01, 0.04, 0.03], "holm"), adjusted([0.01, 0.04, 0.03], "bh")
    ([0.03, 0.06, 0.06], [0.03, 0.04, 0.04])
    """
    p, m = np.asarray(p_values, np.float64), len(p_values)
    order = np.argsort(p, kind="stable")
    if control == "holm":
        p[order] = np.maximum.accumulate(p[order] * (m - np.arange(m)))
    elif control == "bh":
        p[order] = np.minimum.accumulate((p[order] * m / (np.arange(m) + 1))[::-1])[::-1]
    return [float(each) for each in np.minimum(p, 1.0).round(12)]
