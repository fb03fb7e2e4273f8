"""Pairs of samples without drift, of many kinds and sizes, and pairs with a little: how often a comparison finds drift."""

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from streamkl import CompareConfig, compare

SIZES = ((50, 50), (200, 200), (50, 10_000), (1_000, 1_000), (10_000, 10_000))
RIVAL_PAIRS = 100  # of each cell: evidently takes ten times as long
Make = Callable[[np.random.Generator, int], Any]


class Cell(NamedTuple):
    """One kind of samples at one pair of sizes."""

    kind: str
    reference: int
    current: int
    pairs: int


class Rates(NamedTuple):
    """Shares of pairs in which drift was found."""

    ours: float
    fixed: float | None  # evidently's kl_div at its threshold of 0.1
    chosen: float | None  # evidently's choice of a test for the column


class Power(NamedTuple):
    """One change: how often it is found, at one level."""

    change: str
    size: int
    ours: float
    kolmogorov_smirnov: float


def _levels(rng: np.random.Generator, n: int) -> Any:
    shares = 1 / np.arange(1, 301) ** 1.1
    return np.array([f"level {i}" for i in range(300)])[rng.choice(300, n, p=shares / shares.sum())]


def _row_of_eight(rng: np.random.Generator, n: int) -> Any:
    z = rng.normal(size=(n, 6))
    return {
        "a": z[:, 0],
        "b": 0.6 * z[:, 0] + 0.8 * z[:, 1],
        "c": z[:, 0] ** 2 + z[:, 2],
        "d": np.exp(z[:, 3]),
        "e": rng.poisson(3, n),
        "f": np.array(list("stuvwxyz"))[np.minimum(7, np.abs(3 * z[:, 0]).astype(int))],
        "g": np.where(rng.random(n) < 0.7, 0, z[:, 4]),
        "h": z[:, 5] > 0.5,
    }


WHOLE = "eight features, some dependent, and the joint figure"
ALIGNED = "continuous, aligned in location and scale"
KINDS: dict[str, Make] = {
    "continuous": lambda rng, n: {"v": rng.lognormal(size=n)},
    "counts (Poisson 3)": lambda rng, n: {"v": rng.poisson(3, n)},
    "300 categories": lambda rng, n: {"v": _levels(rng, n)},
    "7 of 10 values are 0": lambda rng, n: {"v": np.where(rng.random(n) < 0.7, 0.0, rng.exponential(size=n))},
    "one in five missing": lambda rng, n: {"v": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))},
    ALIGNED: lambda rng, n: {"v": rng.gamma(3, size=n)},
    WHOLE: _row_of_eight,
}


def measure(cell: Cell) -> Rates:
    """All pairs of one cell."""
    warnings.simplefilter("ignore")
    ours, fixed, chosen = 0, 0, 0
    rival = find_spec("evidently") is not None and cell.kind not in (WHOLE, ALIGNED)
    number = list(KINDS).index(cell.kind)
    align = "scale" if cell.kind == ALIGNED else "none"
    for pair in range(cell.pairs):
        rng = np.random.default_rng((number, cell.reference, cell.current, pair, 26))
        reference, current = (KINDS[cell.kind](rng, size) for size in (cell.reference, cell.current))
        ours += compare(reference, current, config=CompareConfig(seed=pair, align=align)).drift
        if rival and pair < RIVAL_PAIRS:
            for_fixed, for_chosen = _evidently(reference["v"], current["v"])
            fixed, chosen = fixed + for_fixed, chosen + for_chosen
    rates = [count / min(cell.pairs, RIVAL_PAIRS) if rival else None for count in (fixed, chosen)]
    return Rates(ours / cell.pairs, *rates)


def _evidently(reference: Any, current: Any) -> tuple[bool, bool]:
    import pandas as pd  # noqa: PLC0415  comes with evidently
    from evidently.legacy.calculations.stattests import get_stattest, kl_div_stat_test  # noqa: PLC0415
    from evidently.legacy.core import ColumnType  # noqa: PLC0415

    old, new = pd.Series(reference).dropna(), pd.Series(current).dropna()
    kind = ColumnType.Numerical if old.dtype.kind in "iuf" else ColumnType.Categorical
    _, fixed = kl_div_stat_test.func(old, new, kind, 0.1)
    test = get_stattest(old, new, kind, None)
    _, chosen = test.func(old, new, kind, test.default_threshold)
    return bool(fixed), bool(chosen)


CHANGES: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "none": lambda rng, n: rng.normal(size=n),
    "mean up": lambda rng, n: rng.normal(3.5 / np.sqrt(n), 1, n),
    "wider": lambda rng, n: rng.normal(0, 1 + 3 / np.sqrt(n), n),
    "rare tail at 5 sigma": lambda rng, n: np.where(rng.random(n) < 1 / np.sqrt(n), 5.0, 0.0) + rng.normal(size=n),
    "two modes": lambda rng, n: np.where(
        rng.random(n) < min(1.0, 8 / np.sqrt(n)), np.sign(rng.normal(size=n)) * 0.9 + 0.43 * rng.normal(size=n), rng.normal(size=n)
    ),
}


def power(change: str, size: int, pairs: int) -> Power:
    """How often a change is found at a level of 0.05, beside the test that is most used for it."""
    ours, theirs = 0, 0
    for pair in range(pairs):
        rng = np.random.default_rng((list(CHANGES).index(change), size, pair, 27))
        reference, current = rng.normal(size=size), CHANGES[change](rng, size)
        ours += compare({"v": reference}, {"v": current}, config=CompareConfig(seed=pair)).drift
        theirs += stats.ks_2samp(reference, current).pvalue <= 0.05
    return Power(change, size, ours / pairs, theirs / pairs)
