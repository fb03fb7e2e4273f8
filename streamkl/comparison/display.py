"""What a comparison shows on the terminal: the features, those furthest apart first, the bins that matter, and the verdict."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streamkl.comparison.features import quantities
from streamkl.comparison.report import FeatureReport, Report

_PLAIN_WIDTH = 160  # where the output is no terminal
_LONGEST_NAME = 40
_SHOWN_BINS = 3
NAMES = {
    "kl": "KL(current ‖ reference)",
    "reverse_kl": "KL(reference ‖ current)",
    "jeffreys": "Jeffreys",
    "psi": "PSI",
    "jensen_shannon": "Jensen-Shannon",
    "total_variation": "total variation",
    "hellinger": "Hellinger",
    "chi_squared": "chi-squared",
}


def ordered(report: Report) -> list[tuple[str, FeatureReport]]:
    """Features, those furthest beyond their threshold first."""
    return sorted(report.features.items(), key=lambda item: (-ratio(item[1]), item[1].p_value, item[0]))


def ratio(feature: FeatureReport) -> float:
    """Divergence in thresholds."""
    return feature.divergence / feature.threshold if feature.threshold else 0.0


def measure_of(report: Report) -> str:
    """`KL(current ‖ reference), nats`."""
    return NAMES[report.measure] + (f", {report.unit}" if report.unit else "")


def p_text(p_value: float, draws: int) -> str:
    """`0.034`, or `< 0.0005` where no draw was as far apart.

    >>> p_text(0.0341, 2000), p_text(1 / 2001, 2000)
    ('0.034', '≤ 0.0005')
    """
    return f"≤ {1 / (draws + 1):.1g}" if p_value <= 1.001 / (draws + 1) else f"{p_value:.2g}"


def show(report: Report, top: int) -> None:
    """The tables on standard output; `top` features (0: all)."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PLAIN_WIDTH)
    features = ordered(report)
    shown = features[:top] if top else features
    console.print(Text(f"{report.current} against {report.reference}: {measure_of(report)}"))
    console.print(_table(shown))
    if len(shown) < len(features):
        console.print(f"... and {len(features) - len(shown):,} features more (--top 0 shows all, --json everything)")
    for name, feature in shown:
        if feature.drift:
            console.print(Text(f"\n{name}: " + "; ".join(bins_of(feature, report.unit))))
    console.print()
    for line in verdict(report):
        console.print(Text(line))


def _table(features: list[tuple[str, FeatureReport]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("feature", no_wrap=True, max_width=_LONGEST_NAME)
    for column in ("kind", "divergence", "threshold", "p", "reverse KL", "values", "missing", "drift", "how it moved"):
        right = column in ("divergence", "threshold", "p", "reverse KL", "values", "missing")
        table.add_column(column, justify="right" if right else "left", no_wrap=right)
    for name, each in features:
        table.add_row(
            Text(name, overflow="ellipsis"),
            each.kind,
            f"{each.divergence:.3g}",
            "-" if each.threshold is None else f"{each.threshold:.3g}",
            p_text(each.p_value, each.draws),
            f"{each.reverse_nats:.3g}",
            f"{each.reference_values:,} / {each.current_values:,}",
            missing(each),
            Text("drift", style="bold red") if each.drift else "-",
            Text("; ".join([*quantities(each.effect), *each.notes])),
        )
    return table


def missing(feature: FeatureReport) -> str:
    """`-`, or the share of each sample."""
    if not (feature.reference_missing or feature.current_missing):
        return "-"
    return f"{feature.reference_missing:.1%} / {feature.current_missing:.1%}"


def bins_of(feature: FeatureReport, unit: str) -> Iterator[str]:
    """The bins that add most, in words."""
    for each in feature.contributions[:_SHOWN_BINS]:
        if each.value > 0:
            yield f"{each.bin.label} holds {each.current:.1%}, was {each.reference:.1%} ({each.value:+.3g}{f' {unit}' if unit else ''})"


def verdict(report: Report) -> Iterator[str]:
    """What was found, in sentences."""
    joint = report.joint
    if joint is not None:
        pair = joint.pairs[0]
        finding = "not as it was" if joint.drift else "as it was"
        limit = "-" if joint.threshold is None else f"{joint.threshold:.3g}"
        strongest = f"{pair.features[0]} and {pair.features[1]}, {pair.deviations:+.1f} sd from chance, {pair.nats:.3g} nats"
        yield f"dependence of features: {finding} (p {p_text(joint.p_value, joint.draws)}, limit {limit} sd); strongest: {strongest}"
    for name, reason in report.skipped.items():
        yield f"not compared: {name}: {reason}"
    yield from report.notes
    found = len(report.drifted)
    what = f"{found:,} of {len(report.features):,} features" + (" and their dependence" if joint is not None and joint.drift else "")
    if report.drift and not found:
        what = "in how features depend on one another"
    yield f"drift: {what}" if report.drift else "no drift found"
    yield promise(report)


def promise(report: Report) -> str:
    """What the verdict is worth."""
    if report.control == "holm":
        return f"Two samples without drift are found to drift at most once in {1 / report.alpha:,.3g} comparisons, all features together."
    if report.control == "bh":
        return f"Of the features found, at most {report.alpha:.0%} are expected to be without drift."
    return f"Each feature without drift is found to drift once in {1 / report.feature_alpha:,.3g} comparisons."
