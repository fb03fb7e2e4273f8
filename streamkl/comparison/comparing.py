"""Two samples in, a report out: every feature counted and judged, then how features depend on one another, then all of them as one."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isfinite, log
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from streamkl.comparison.columns import Column, Table, table_of
from streamkl.comparison.features import Counted, Rows, count
from streamkl.comparison.files import file_table
from streamkl.comparison.nulls import Found, Nulls, settle
from streamkl.comparison.page import page
from streamkl.comparison.report import Contribution, FeatureReport, JointReport, PairReport, Report
from streamkl.comparison.verdicts import adjusted, level_of
from streamkl.config.compare import CompareConfig
from streamkl.core.comparison import FEWEST_BEYOND, Measure, divergence, is_logarithmic, parts
from streamkl.core.pairs import SCALING_DRAWS, Dealer
from streamkl.errors import InputError

Watch = Callable[[str, int, int], None]  # what is being done, how much of how much
_JOINT_SETTLED = 20
_MOST_JOINT_DRAWS = 5_000
_SHOWN_PAIRS = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """Which features are compared, and which of them hold categories though their values are numbers: shell-style patterns over names."""

    only: Sequence[str] = ()
    ignore: Sequence[str] = ()
    categorical: Sequence[str] = ()


class Comparison(Report, frozen=True):
    """The report of a comparison, which can be written, and shows itself in a notebook."""

    def to_json(self) -> str:
        """Everything as one JSON document."""
        return msgspec.json.format(msgspec.json.encode(self)).decode()

    def to_html(self) -> str:
        """A page with pictures that needs nothing else: no script, no network."""
        return page(self)

    _repr_html_ = to_html


def compare(reference: Any, current: Any, *, config: CompareConfig | None = None, choice: Choice | None = None) -> Comparison:
    """Whether two samples have the same distribution, feature by feature and in how features depend on one another.

    Each sample is a DataFrame (pandas, polars, pyarrow, or another that offers an Arrow stream), a dict of arrays, an array of shape
    `(rows, features)`, or the path of a CSV, Parquet or JSON lines file. Features of the same name are compared; numbers, times,
    categories and texts (by their length) are told apart by type. Rows are taken to be independent of one another.

    `report.drift` is true for at most the share `config.alpha` of pairs of samples without any drift. Each feature has a p-value and a
    threshold for the sizes of these samples, from tables drawn by chance (`core.comparison`). O(n log n) a feature, and O(rows features²) a
    draw of the joint figure, of at most `config.joint_rows` rows. InputError for samples that cannot be compared.

    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> report = compare({"amount": rng.normal(50, 9, 400), "hour": rng.integers(0, 24, 400)},
    ...                  {"amount": rng.normal(56, 9, 300), "hour": rng.integers(0, 24, 300)})
    >>> report.drift, report.drifted
    (True, ['amount'])
    >>> amount = report.features["amount"]
    >>> amount.divergence_nats > amount.threshold, amount.p_value < 0.001, round(amount.effect.median_shift)
    (True, True, 6)
    >>> abs(sum(each.value for each in amount.contributions) - amount.divergence_nats) < 1e-12
    True
    """
    return compare_tables(_table(reference, "reference"), _table(current, "current"), config or CompareConfig(), choice or Choice())


def _table(sample: Any, origin: str) -> Table:
    return file_table(Path(sample)) if isinstance(sample, (str, Path)) else table_of(sample, origin)


def compare_tables(reference: Table, current: Table, config: CompareConfig, choice: Choice, watch: Watch = lambda *_: None) -> Comparison:
    """`compare` of tables. `watch` hears how far it is."""
    names, skipped = _common(reference, current, choice)
    joint_share = config.joint_share if len(names) > 1 and reference.rowwise and current.rowwise else 0.0
    alpha = config.alpha * (1 - joint_share)
    judged = _Judged(config, alpha if config.control == "none" else alpha / len(names), joint_share > 0)
    for number, name in enumerate(names):
        watch("comparing", number, len(names))
        reason = judged.add(name, reference.read(name), current.read(name), any(fnmatchcase(name, each) for each in choice.categorical))
        if reason:
            skipped[name] = reason
    if not judged.found:
        reasons = "; ".join(f"{name}: {skipped[name]}" for name in names[:5])
        raise InputError(f"no feature can be compared ({reasons})")
    joint = judged.joint(config.alpha * joint_share, watch)
    if joint is None:
        alpha = config.alpha
    level, features = judged.features(alpha)
    return Comparison(
        drift=any(each.drift for each in features.values()) or (joint is not None and joint.drift),
        reference=reference.origin,
        current=current.origin,
        measure=config.divergence,
        unit=config.unit if is_logarithmic(config.divergence) else "",
        align=config.align,
        alpha=config.alpha,
        feature_alpha=alpha,
        level=level,
        control=config.control,
        features=features,
        joint=joint,
        skipped=skipped,
        notes=tuple(judged.notes),
    )


def _common(reference: Table, current: Table, choice: Choice) -> tuple[list[str], dict[str, str]]:
    def wanted(name: str) -> bool:
        return (not choice.only or _fits(name, choice.only)) and not _fits(name, choice.ignore)

    everything = list(dict.fromkeys([*reference.names, *current.names]))
    for pattern in (*choice.only, *choice.ignore, *choice.categorical):
        if not any(fnmatchcase(name, pattern) for name in everything):
            raise InputError(f"no feature is called {pattern!r}; there are: {_listed(everything)}")
    skipped = {name: f"only in {reference.origin}" for name in reference.names if wanted(name) and name not in set(current.names)}
    skipped |= {name: f"only in {current.origin}" for name in current.names if wanted(name) and name not in set(reference.names)}
    names = [name for name in reference.names if wanted(name) and name not in skipped]
    if not names:
        pair = f"{reference.origin} has {_listed(reference.names)}; {current.origin} has {_listed(current.names)}"
        raise InputError(f"the two samples have no feature in common: {pair}")
    return names, skipped


def _fits(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, each) for each in patterns)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "none"


class _Judged:
    """Features as they are judged one by one; what is kept of each does not grow with the samples."""

    def __init__(self, config: CompareConfig, level: float, joint: bool) -> None:
        self._config, self._nulls, self._joint = config, Nulls(config, level), joint
        self._rows: Rows | None = None
        self._sizes: tuple[int, int] | None = None
        self.counted: dict[str, Counted] = {}
        self.found: dict[str, Found] = {}
        self.sizes: dict[str, tuple[int, int]] = {}
        self.notes: list[str] = []

    def add(self, name: str, reference: Column, current: Column, categorical: bool) -> str | None:
        """Judge one feature; the reason where it cannot be."""
        sizes = (len(reference), len(current))
        if not min(sizes):
            return f"{'the reference' if not sizes[0] else 'the current sample'} is empty"
        if reference.missing == sizes[0] and current.missing == sizes[1]:
            return "all its values are missing"
        counted = count(reference, current, self._config, self._rows_for(sizes), categorical=categorical)
        self.counted[name], self.found[name] = counted, self._nulls.find(counted)
        self.sizes[name] = sizes
        return None

    def _rows_for(self, sizes: tuple[int, int]) -> Rows | None:
        """The rows of the joint figure, drawn once; features of another length have none."""
        if self._sizes is None:
            self._sizes = sizes
            if self._joint:
                rng = np.random.default_rng((self._config.seed, 3))
                drawn = [rng.permutation(size)[: self._config.joint_rows] for size in sizes]
                self._rows = Rows(*drawn)
        return self._rows if sizes == self._sizes and len(self.counted) < self._config.joint_features else None

    def joint(self, alpha: float, watch: Watch) -> JointReport | None:
        """How features depend on one another; None where fewer than two have the same rows."""
        names = [name for name, counted in self.counted.items() if len(counted.codes)]
        if not self._joint or len(names) < 2:
            return None
        if len(names) < len(self.counted):
            self.notes.append(f"the joint figure looks at {len(names)} of {len(self.counted)} features")
        assert self._rows is not None  # noqa: S101 - for the type checker
        rows = len(self._rows.reference), len(self._rows.current)
        dealer = Dealer(np.stack([self.counted[name].codes for name in names], axis=1), rows[1], self._config.seed)
        pairs = dealer.observed()
        most = min(max(SCALING_DRAWS, round(FEWEST_BEYOND / alpha)), _MOST_JOINT_DRAWS)

        def draws(wanted: int, batch: int) -> Any:
            made = []
            for begin in range(0, wanted, 100):
                watch("joint figure", begin if batch == 1 else SCALING_DRAWS + begin, most)
                made.append(dealer.draw(min(100, wanted - begin), 1_000 * batch + begin))
            return np.concatenate(made)

        found = settle(float(pairs.deviations.max()), draws, SCALING_DRAWS, most, _JOINT_SETTLED)
        order = np.argsort(-pairs.deviations, kind="stable")[:_SHOWN_PAIRS]
        p_value = found.null.p_value(found.statistic)
        threshold = _threshold(found, alpha)
        return JointReport(
            drift=p_value <= alpha,
            statistic=found.statistic,
            threshold=threshold,
            p_value=p_value,
            draws=found.null.draws,
            rows=rows,
            features=len(names),
            pairs=tuple(
                PairReport(
                    features=(names[pairs.first[i]], names[pairs.second[i]]),
                    nats=float(pairs.nats[i]),
                    deviations=float(pairs.deviations[i]),
                )
                for i in order
            ),
        )

    def features(self, alpha: float) -> tuple[float, dict[str, FeatureReport]]:
        """The level that all are judged at, and each one's report."""
        p_values = [found.null.p_value(found.statistic) for found in self.found.values()]
        level = level_of(p_values, alpha, self._config.control)
        all_adjusted = adjusted(p_values, self._config.control)
        reports = {
            name: self._report(name, p_value, each, level) for name, p_value, each in zip(self.found, p_values, all_adjusted, strict=True)
        }
        return level, reports

    def _report(self, name: str, p_value: float, adjusted_p_value: float, level: float) -> FeatureReport:
        config, counted, found = self._config, self.counted[name], self.found[name]
        per_unit = log(2) if config.unit == "bits" and is_logarithmic(config.divergence) else 1.0
        threshold = _threshold(found, level)
        notes = list(counted.notes)
        if threshold is None:
            notes.append("so few values that no difference could be found")
        (before, now), (gone_before, gone_now) = self.sizes[name], counted.missing
        return FeatureReport(
            kind=counted.kind,
            drift=p_value <= level,
            divergence=found.statistic / per_unit,
            threshold=None if threshold is None else threshold / per_unit,
            p_value=p_value,
            adjusted_p_value=adjusted_p_value,
            draws=found.null.draws,
            divergence_nats=self._nats("kl", counted),
            reverse_nats=self._nats("reverse_kl", counted),
            contributions=_contributions(counted, config, per_unit),
            effect=counted.effect,
            reference_values=before - gone_before,
            current_values=now - gone_now,
            reference_missing=gone_before / before,
            current_missing=gone_now / now,
            notes=tuple(notes),
        )

    def _nats(self, measure: Measure, counted: Counted) -> float:
        return float(divergence(measure, counted.current, counted.reference, self._config.smoothing))


def _threshold(found: Found, level: float) -> float | None:
    value = found.null.extrapolated(level) if found.settled else found.null.threshold(level)
    return value if isfinite(value) else None


def _contributions(counted: Counted, config: CompareConfig, per_unit: float) -> tuple[Contribution, ...]:
    values = parts(config.divergence, counted.current, counted.reference, config.smoothing) / per_unit
    shares = [side / side.sum() for side in (counted.reference, counted.current)]
    return tuple(
        Contribution(bin=counted.bins[i], value=float(values[i]), reference=float(shares[0][i]), current=float(shares[1][i]))
        for i in np.argsort(-values, kind="stable").tolist()
    )
