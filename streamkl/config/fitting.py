"""The defaults and limits of `streamkl fit`: which models are tried, and into how many cells continuous values are cut."""

from typing import Final, Literal

Kind = Literal["auto", "discrete", "continuous"]

KINDS: Final = ("auto", "discrete", "continuous")
KIND: Final[Kind] = "auto"
# Values are discrete by themselves where they are whole numbers, and at least this share of them occur more than once.
REPEATED_SHARE: Final = 0.5
DISCRETE_MODELS: Final = ("uniform", "binomial", "poisson", "geometric", "negative-binomial", "normal", "mixture")
CONTINUOUS_MODELS: Final = ("uniform", "exponential", "normal", "lognormal", "gamma", "mixture")
# Cells of continuous values: 2 n^(2/5), after Mann & Wald 1942, which grow slowly enough to hold more and more values each.
CELLS_FACTOR: Final = 2.0
CELLS_POWER: Final = 0.4
FEWEST_CELLS, MOST_CELLS = 2, 1_000
# Values in a group of cells, for the p-value: chi-squared is no good description of fewer.
FEWEST_TOGETHER: Final = 5
CURVE_POINTS: Final = 101
