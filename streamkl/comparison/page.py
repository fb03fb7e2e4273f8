"""A comparison as a page: one HTML file with its pictures drawn in it, without scripts and without anything to load."""

from collections.abc import Iterator
from html import escape

from streamkl.comparison.display import bins_of, measure_of, missing, ordered, p_text, promise, ratio, verdict
from streamkl.comparison.features import quantities
from streamkl.comparison.report import Contribution, FeatureReport, JointReport, Report

_LABEL, _BARS, _PARTS, _ROW = 210, 300, 200, 22
_LONGEST_LABEL = 34
_FURTHEST = 2.0  # thresholds, the width of the bars in the overview
_DRAWN_IN_FULL = 60  # features; of others only those that drift have pictures

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2733;--soft:#5d6b7a;--line:#d9e0e7;--paper:#fff;
--old:#8fa3b8;--new:#d9480f;--good:#2b8a3e;--less:#1971c2}
@media (prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#9aa8b6;--line:#33404d;--paper:#141b22;
--old:#61758a;--new:#ff8a4c;--good:#69db7c;--less:#74c0fc}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1000px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .3rem;padding-top:.8rem;border-top:1px solid var(--line)}
p{margin:.3rem 0}.soft{color:var(--soft)}.drift{color:var(--new);font-weight:600}.calm{color:var(--good);font-weight:600}
table{border-collapse:collapse;width:100%;margin:1rem 0;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}.scroll{overflow-x:auto}a{color:inherit}
svg{max-width:100%;height:auto;font:12px system-ui,sans-serif}svg text{fill:var(--ink)}svg .soft{fill:var(--soft)}
.old{fill:var(--old)}.new{fill:var(--new)}.less{fill:var(--less)}.rule{stroke:var(--line)}.limit{stroke:var(--ink);stroke-dasharray:3 3}
"""


def page(report: Report) -> str:
    """The whole page."""
    features = ordered(report)
    drawn = features if len(features) <= _DRAWN_IN_FULL else [each for each in features if each[1].drift]
    parts = [*_head(report), *_overview(features, {name for name, _ in drawn})]
    if report.joint is not None:
        parts += _joint(report.joint)
    for name, feature in drawn:
        parts += _feature(name, feature, report)
    parts += _foot(report)
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(report.current)} against {_text(report.reference)}</title>\n"
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _head(report: Report) -> Iterator[str]:
    found, state = len(report.drifted), "drift" if report.drift else "calm"
    words = f"Drift in {found} of {len(report.features)} features" if found else "Drift in how features depend on one another"
    yield f'<h1 class="{state}">{words if report.drift else "No drift found"}</h1>'
    yield f"<p>{_text(report.current)} (current) against {_text(report.reference)} (reference)</p>"
    aligned = {"none": "", "location": ", medians adjusted", "scale": ", medians and interquartile ranges adjusted"}[report.align]
    yield f'<p class="soft">{_text(measure_of(report))}{aligned}. {_text(promise(report))}</p>'


def _overview(features: list[tuple[str, FeatureReport]], drawn: set[str]) -> Iterator[str]:
    yield '<div class="scroll"><table><tr><th>feature</th><th>kind</th><th class="n">divergence</th><th class="n">threshold</th>'
    yield '<th>in thresholds</th><th class="n">p</th><th class="n">missing</th><th>how it moved</th></tr>'
    for name, each in features:
        title = f'<a href="#{_anchor(name)}">{_text(name)}</a>' if name in drawn else _text(name)
        moved = "; ".join(quantities(each.effect))
        yield (
            f'<tr><td class="{"drift" if each.drift else ""}">{title}</td><td>{each.kind}</td><td class="n">{each.divergence:.3g}</td>'
            f'<td class="n">{"-" if each.threshold is None else f"{each.threshold:.3g}"}</td><td>{_gauge(each)}</td>'
            f'<td class="n">{p_text(each.p_value, each.draws)}</td><td class="n">{missing(each)}</td><td>{_text(moved)}</td></tr>'
        )
    yield "</table></div>"


def _gauge(feature: FeatureReport) -> str:
    """A bar that ends at the divergence, and a line at the threshold."""
    width = 60 * min(ratio(feature), _FURTHEST)
    colour = "new" if feature.drift else "old"
    return (
        f'<svg width="124" height="14" role="img" aria-label="{ratio(feature):.2f} thresholds"><rect class="{colour}" y="2" '
        f'width="{width:.1f}" height="10"/><line class="limit" x1="60" x2="60" y1="0" y2="14"/></svg>'
    )


def _joint(joint: JointReport) -> Iterator[str]:
    state = '<span class="drift">drift</span>' if joint.drift else '<span class="calm">no drift</span>'
    limit = "-" if joint.threshold is None else f"{joint.threshold:.2f}"
    yield f'<h2 id="joint">How features depend on one another: {state}</h2>'
    yield (
        f'<p class="soft">p {p_text(joint.p_value, joint.draws)}; {joint.rows[0]:,} and {joint.rows[1]:,} rows, {joint.features} features. '
        f"The largest deviation of all pairs is {joint.statistic:.2f} standard deviations from what chance gives; limit {limit}.</p>"
    )
    yield '<table><tr><th>pair</th><th class="n">deviation</th><th class="n">nats beyond the features themselves</th></tr>'
    for pair in joint.pairs[:5]:
        yield f'<tr><td>{_text(" × ".join(pair.features))}</td><td class="n">{pair.deviations:+.1f}</td>'
        yield f'<td class="n">{pair.nats:.3g}</td></tr>'
    yield "</table>"


def _feature(name: str, feature: FeatureReport, report: Report) -> Iterator[str]:
    state = '<span class="drift">drift</span>' if feature.drift else '<span class="calm">no drift</span>'
    yield f'<h2 id="{_anchor(name)}">{_text(name)}: {state}</h2>'
    unit = f" {report.unit}" if report.unit else ""
    limit = "no threshold" if feature.threshold is None else f"threshold {feature.threshold:.3g}"
    yield (
        f'<p class="soft">{feature.kind}; {feature.divergence:.4g}{unit}, {limit}, p {p_text(feature.p_value, feature.draws)}; '
        f"KL {feature.divergence_nats:.3g} nats, reversed {feature.reverse_nats:.3g}; "
        f"{feature.reference_values:,} and {feature.current_values:,} values</p>"
    )
    said = [*quantities(feature.effect), *(bins_of(feature, report.unit) if feature.drift else ()), *feature.notes]
    if said:
        yield f"<p>{_text('; '.join(said))}</p>"
    yield _bars(feature, unit)


def _bars(feature: FeatureReport, unit: str) -> str:
    """A line a bin: its share of each sample, and what it adds to the divergence (to the left: takes away)."""
    bins = sorted(feature.contributions, key=lambda each: (each.bin.low is None, each.bin.low or 0.0))
    most = max(max(each.reference, each.current) for each in bins) or 1.0
    largest = max(abs(each.value) for each in bins) or 1.0
    height = _ROW * (len(bins) + 1) + 4
    width = _LABEL + _BARS + _PARTS + 80
    middle = _LABEL + _BARS + 60 + _PARTS / 2
    lines = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="shares and contributions">',
        f'<rect class="old" x="{_LABEL}" y="4" width="10" height="10"/><text x="{_LABEL + 14}" y="13">reference</text>',
        f'<rect class="new" x="{_LABEL + 85}" y="4" width="10" height="10"/><text x="{_LABEL + 99}" y="13">current</text>',
        f'<text class="soft" x="{middle}" y="13" text-anchor="middle">adds{_text(unit)}</text>',
        f'<line class="rule" x1="{middle}" x2="{middle}" y1="{_ROW}" y2="{height}"/>',
    ]
    for number, each in enumerate(bins, start=1):
        lines += _bin(each, number * _ROW, most, largest, middle)
    return "".join([*lines, "</svg>"])


def _bin(each: Contribution, y: int, most: float, largest: float, middle: float) -> Iterator[str]:
    label = each.bin.label if len(each.bin.label) <= _LONGEST_LABEL else each.bin.label[: _LONGEST_LABEL - 1] + "…"
    old, new = (max(0.0, _BARS * share / most) for share in (each.reference, each.current))
    part = _PARTS / 2 * abs(each.value) / largest
    x, colour = (middle, "new") if each.value >= 0 else (middle - part, "less")
    yield f"<g><title>{_text(each.bin.label)}: {each.reference:.2%}, now {each.current:.2%}, adds {each.value:+.4g}</title>"
    yield f'<text x="{_LABEL - 8}" y="{y + 14}" text-anchor="end">{_text(label)}</text>'
    yield f'<rect class="old" x="{_LABEL}" y="{y + 2}" width="{old:.1f}" height="8"/>'
    yield f'<rect class="new" x="{_LABEL}" y="{y + 10}" width="{new:.1f}" height="8"/>'
    yield f'<rect class="{colour}" x="{x:.1f}" y="{y + 5}" width="{part:.1f}" height="10"/></g>'


def _foot(report: Report) -> Iterator[str]:
    yield '<h2>How it was judged</h2><ul class="soft">'
    for line in verdict(report):
        yield f"<li>{_text(line)}</li>"
    yield "<li>Each p-value: how often two samples of these sizes, with these ties, are so far apart by chance. "
    yield f"Features drift where it is at most {report.level:.2g}.</li>"
    yield "<li>Rows are taken to be independent of one another.</li></ul>"


def _anchor(name: str) -> str:
    return "feature-" + "".join(c if c.isalnum() and c.isascii() else f"_{ord(c):x}" for c in name)


def _text(text: str) -> str:
    return escape("".join(c if c.isprintable() else "\ufffd" for c in text))
