"""The words of a comparison, as they stand in its JSON: one entry a feature, the joint figure, and what could not be compared."""

import msgspec

from streamkl.comparison.columns import Kind
from streamkl.config.compare import Measure


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """Values that are counted together. Numbers: from `low` to `high`, both of which occur (microseconds since 1970 for times)."""

    label: str
    low: float | None = None
    high: float | None = None


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """What one bin adds to the divergence, in the report's unit, and its share of each sample."""

    bin: Bin
    value: float
    reference: float
    current: float


class ShareChange(msgspec.Struct, frozen=True, kw_only=True):
    """One category's share of each sample's values."""

    category: str
    reference: float
    current: float


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """How far a feature moved, in its own unit: quantiles for numbers and times (seconds), shares for categories."""

    unit: str | None = None  # null: the feature's own
    median_shift: float | None = None
    relative_shift: float | None = None  # in interquartile ranges of the reference
    reference_quantiles: tuple[float, ...] = ()  # p05, p25, p50, p75, p95
    current_quantiles: tuple[float, ...] = ()
    changes: tuple[ShareChange, ...] = ()  # the largest ones
    new_categories: tuple[str, ...] = ()  # the most frequent first
    vanished_categories: tuple[str, ...] = ()
    new_share: float = 0.0  # of the current sample's values


class FeatureReport(msgspec.Struct, frozen=True, kw_only=True):
    """One feature. `drift` says that `divergence` reaches `threshold`, which is that `p_value` is at most the report's `level`."""

    kind: Kind
    drift: bool
    divergence: float  # by the report's measure, in its unit
    threshold: float | None  # of the same; null: with so few values nothing could be found
    p_value: float  # how often chance alone gives such a divergence; never below 1 / (draws + 1)
    adjusted_p_value: float  # with all features looked at, to compare with the report's `feature_alpha`
    draws: int
    divergence_nats: float  # KL of the current sample from the reference
    reverse_nats: float  # KL of the reference from the current sample
    contributions: tuple[Contribution, ...]  # all bins, the largest first; their sum is `divergence`
    effect: Effect
    reference_values: int
    current_values: int
    reference_missing: float  # share of its rows
    current_missing: float
    notes: tuple[str, ...] = ()


class PairReport(msgspec.Struct, frozen=True, kw_only=True):
    """How much more two features diverge together than each by itself; `deviations` from what chance gives, in standard deviations."""

    features: tuple[str, str]
    nats: float
    deviations: float


class JointReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether features depend on one another as they did. `statistic` is the largest deviation of all pairs."""

    drift: bool
    statistic: float
    threshold: float | None
    p_value: float
    draws: int
    rows: tuple[int, int]  # looked at, of the reference and of the current sample
    features: int
    pairs: tuple[PairReport, ...]  # the largest deviations first, at most ten


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison. `drift`: any feature, or the joint figure, is further apart than chance gives at `alpha`."""

    drift: bool
    reference: str
    current: str
    measure: Measure
    unit: str  # nats, bits, or nothing
    align: str
    alpha: float
    feature_alpha: float  # the features' part of it
    level: float  # a feature drifts where its p-value is at most this
    control: str
    features: dict[str, FeatureReport]
    joint: JointReport | None
    skipped: dict[str, str]  # feature: why it could not be compared
    notes: tuple[str, ...]

    @property
    def drifted(self) -> list[str]:
        """Names of the features that drift."""
        return [name for name, feature in self.features.items() if feature.drift]
