"""A fit as charts: the data with the models over them, and what is lost along the parameter of each."""

import math
from collections.abc import Sequence

from streamkl.fitting.report import FitReport, ModelFit
from streamkl.svg import Bars, Chart, Line, picture

_MOST_MODELS = 5
_HIGHEST = 4.0  # curves are shown up to so many times the largest minimum
_LEAST_BITS = 0.05


def draw(report: FitReport) -> str:
    """The best models, at most five, as SVG text. There is a chart of curves where a model has a share `p` for its first parameter."""
    models = [each for each in report.models if each.impossible is None][:_MOST_MODELS]
    charts = [_beside(report, models)]
    if any(_share(each) is not None for each in models):
        charts.append(_curves(models))
    return picture(charts)


def _beside(report: FitReport, models: Sequence[ModelFit]) -> Chart:
    """Shares of whole numbers, or densities over cells; the outer cells are drawn as far as there are values."""
    discrete = report.kind == "discrete"
    lows = [report.lowest if cell.low is None else cell.low for cell in report.cells]
    highs = [report.highest if cell.high is None else cell.high for cell in report.cells]
    widths = [1.0 if discrete else high - low for low, high in zip(lows, highs, strict=True)]
    middles = [(low + high) / 2 for low, high in zip(lows, highs, strict=True)]
    heights = [cell.share / width for cell, width in zip(report.cells, widths, strict=True)]
    lines = [
        Line(each.model, [(x, share / width) for x, share, width in zip(middles, each.shares, widths, strict=True)]) for each in models
    ]
    up = "share of the values" if discrete else "share of the values per unit"
    top = 1.15 * max(heights + [y for line in lines for _, y in line.points if y < 3 * max(heights)])
    bars = Bars(list(zip(lows, highs, heights, strict=True)))
    return Chart(f"{report.values:,} values, and what models say", "value", up, bars, lines, top)


def _curves(models: Sequence[ModelFit]) -> Chart:
    """Bits lost along p; a model without it is a level line where nothing can be chosen, and an empty one otherwise, for its colour."""
    lines = []
    for each in models:
        curve = each.curve
        if curve is None:
            lines.append(Line(each.model, [(0.0, each.kl_bits), (1.0, each.kl_bits)], text=f"{each.kl_bits:.3f} bits"))
        elif _share(each) is None:
            lines.append(Line(each.model, []))
        else:
            points = [(x, nats / math.log(2)) for x, nats in zip(curve.at, curve.nats, strict=True)]
            text = f"{each.kl_bits:.3f} bits at p = {each.parameters['p']:.4g}"
            lines.append(Line(each.model, points, (each.parameters["p"], each.kl_bits), text))
    top = _HIGHEST * max([line.mark[1] for line in lines if line.mark] + [_LEAST_BITS])
    return Chart("Information lost, along p", "p", "bits per value", None, lines, top)


def _share(each: ModelFit) -> float | None:
    return each.parameters["p"] if each.curve is not None and each.curve.parameter == "p" else None
