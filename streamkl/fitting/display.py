"""A fit for people: a bar while a file is read, then the models in a table, the best first, each with its curve."""

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from streamkl.fitting.reading import Watch
from streamkl.fitting.report import Curve, FitReport, ModelFit

_PLAIN_WIDTH = 160
_HEIGHTS = "▁▂▃▄▅▆▇█"
_CURVE_WIDTH = 17


@contextmanager
def progress(*, shown: bool) -> Iterator[Watch]:
    """A bar over what has to be read. It needs a terminal."""
    console = Console(stderr=True, highlight=False)
    off = not (shown and console.is_terminal)
    with Progress(BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console, transient=True, disable=off) as live:
        task = live.add_task("", total=None)
        yield lambda done, total: live.update(task, completed=done, total=total)


def show(report: FitReport) -> None:
    """The report on standard output."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
    for line in _what(report):
        console.print(Text(line), soft_wrap=True)
    possible = [each for each in report.models if each.impossible is None]
    if possible:
        console.print()
        console.print(_table(possible))
        console.print()
    for each in report.models:
        if each.impossible is not None:
            console.print(Text(f"{each.model}: {each.impossible}"), soft_wrap=True)
    console.print(Text(_verdict(report)), soft_wrap=True)


def _what(report: FitReport) -> Iterator[str]:
    entropy = f"entropy {report.entropy_bits:.3f} bits = {report.entropy_nats:.3f} nats"
    if report.kind == "discrete":
        yield f"{report.values:,} values, discrete: {report.distinct:,} different numbers, {entropy}"
    else:
        yield f"{report.values:,} values, continuous: in {len(report.cells):,} cells of about equally many, {entropy} of the cells"


def _table(models: Sequence[ModelFit]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    names = ("model", "parameters", "lost: bits", "nats", "cross-entropy, bits", "free", "+ parameters", "p-value", "curve")
    for name in names:
        left = name in ("model", "parameters", "curve")
        table.add_column(name, justify="left" if left else "right", no_wrap=name != "parameters")
    for each in models:
        parameters = ", ".join(f"{name} {value:.4g}" for name, value in each.parameters.items())
        table.add_row(
            each.model,
            parameters,
            f"{each.kl_bits:.3f}",
            f"{each.kl_nats:.4f}",
            f"{each.cross_entropy_bits:.3f}",
            str(each.free_parameters),
            f"{each.description_nats:.4f}",
            "-" if each.p_value is None else f"{each.p_value:.2g}",
            "" if each.curve is None else _sparkline(each.curve),
        )
    return table


def _sparkline(curve: Curve) -> str:
    """The curve in a few characters, between the ends of the parameter: lowest is best."""
    step = (len(curve.nats) - 1) / (_CURVE_WIDTH - 1)
    nats = [curve.nats[round(index * step)] for index in range(_CURVE_WIDTH)]
    low, high = min(curve.nats), max((each for each in nats if math.isfinite(each)), default=0.0)
    heights = [round((len(_HEIGHTS) - 1) * min((each - low) / (high - low or 1.0), 1.0) ** 0.5) for each in nats]
    return f"{curve.parameter} {curve.at[0]:.3g} {''.join(_HEIGHTS[each] for each in heights)} {curve.at[-1]:.3g}"


def _verdict(report: FitReport) -> str:
    best = report.best
    if best is None:
        return "No model can have given these values."
    said = f"Best: {best.model}, which loses {best.kl_bits:.3g} bits ({best.kl_nats:.3g} nats) a value"
    if best.p_value is None:
        return f"{said}. The values are too few to say more of it."
    often = f"{best.p_value:.2g}" if best.p_value >= 1e-6 else "less than 0.000001"
    return f"{said}. If it were the truth, as much would be lost by chance with a probability of {often}."
