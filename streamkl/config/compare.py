"""How two samples are compared, as an operator chooses it: what is promised, by which divergence, and what is adjusted before."""

from typing import Annotated, Literal

from pydantic import Field

from streamkl.config.kinds import Real, Whole
from streamkl.config.section import Section

Measure = Literal["kl", "reverse_kl", "jeffreys", "psi", "jensen_shannon", "total_variation", "hellinger", "chi_squared"]


class CompareConfig(Section):
    """`streamkl compare`: two samples, feature by feature."""

    alpha: Annotated[Real, Field(ge=0.000_1, le=0.5)] = 0.05
    """How often a comparison of equally distributed samples may find drift, all features and the joint figure together."""
    control: Literal["holm", "bh", "none"] = "holm"
    """What keeps many features at `alpha`: `holm`; `bh` (Benjamini-Hochberg: share of false ones among the features found); `none`: each
    feature by itself may be found at `alpha`."""
    divergence: Measure = "kl"
    """What is compared with the threshold, of the current sample from the reference; KL in both directions is always shown."""
    unit: Literal["nats", "bits"] = "nats"
    """What divergences are counted in, where they are logarithms."""
    align: Literal["none", "location", "scale"] = "none"
    """`location`: numbers are compared after each sample's median is taken off; `scale`: and divided by its interquartile range."""
    bins: Annotated[Whole, Field(ge=0, le=1_000)] = 0
    """Bins of equal mass for numbers and times; 0: as many as the sizes are worth, 4 to 32."""
    most_categories: Annotated[Whole, Field(ge=2, le=1_000)] = 50
    """Categories with a bin of their own, the most frequent ones; others share one."""
    smoothing: Annotated[Real, Field(gt=0, le=10)] = 0.5
    """Pseudo-counts in each bin of both samples, so that no divergence is infinite."""
    joint_share: Annotated[Real, Field(ge=0, le=0.9)] = 0.2
    """Share of `alpha` for the joint figure (how features depend on one another); 0: it is left out."""
    joint_rows: Annotated[Whole, Field(ge=100, le=1_000_000)] = 4_000
    """Rows of each sample, drawn by chance, that the joint figure looks at."""
    joint_features: Annotated[Whole, Field(ge=2, le=200)] = 40
    """Features, the first ones, that the joint figure looks at."""
    align_values: Annotated[Whole, Field(ge=100, le=1_000_000)] = 4_000
    """Values of each sample, drawn by chance, that an aligned comparison looks at."""
    seed: Annotated[Whole, Field(ge=0, le=4_294_967_295)] = 0
    """Of everything that is drawn by chance: the same seed and samples give the same report."""
