"""What a calibration shows: tables on standard output, the worst series first."""

from collections import Counter
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from streamkl.calibrate.report import Advice, Found, Report, SeriesReport, Totals
from streamkl.units import format_duration

_PLAIN_WIDTH = 200  # where the output is no terminal: a line a series
_LONGEST_NAME = 44


def show(report: Report, top: int) -> None:
    """The tables on standard output; `top` series in each (0: all)."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PLAIN_WIDTH)
    shown = report.series[:top] if top else report.series
    name = _names(report.series)
    if shown:
        console.print(
            f"Smallest shift of the mean found within {report.within_points} points at {report.false_alarms}, the worst series first:"
        )
        console.print(_power_table(shown, name))
        console.print("\nWhat the history shows:")
        console.print(_history_table(shown, name))
        if len(shown) < len(report.series):
            console.print(f"... and {len(report.series) - len(shown):,} series more (--top 0 shows all, --json everything)")
        console.print()
    console.print(_totals_table(report.totals, report.within_points))
    for advice in report.advice:
        console.print()
        for line in advice_lines(advice):
            console.print(Text(line))


def _power_table(series: Sequence[SeriesReport], name: Callable[[SeriesReport], Text]) -> Table:
    table = _table("series", "found 1 in 2", "found 9 in 10", "threshold, nats a point", "guard factor", "episodes", "memory")
    for each in series:
        half = _found(each.power.half) if each.power else "-"
        most = _found(each.power.nine_in_ten) if each.power else "-"
        nats = "  ".join(f"{window.threshold_nats:.3g}" if window.guard_factor else "-" for window in each.windows)
        factors = "  ".join(f"{window.guard_factor:.2f}" if window.guard_factor else "silent" for window in each.windows)
        table.add_row(name(each), half, most, nats or "-", factors or "-", f"{each.episodes:,}", _bytes(each.memory_bytes))
    return table


def _history_table(series: Sequence[SeriesReport], name: Callable[[SeriesReport], Text]) -> Table:
    table = _table("series", "points", "every", "sigma", "lag 1", "effective", "ties", "hint", left=("series", "hint"))
    for each in series:
        every = format_duration(round(each.interval_seconds * 1e6)) if each.interval_seconds else "no clock"
        row = [
            f"{each.points:,}",
            every,
            "-" if each.sigma is None else f"{each.sigma:.4g}",
            "-" if each.lag1 is None else f"{each.lag1:.2f}",
            "-" if each.effective_points is None else f"{each.effective_points:,.0f}",
            "-" if each.ties is None else f"{each.ties:.0%}",
            "; ".join(filter(None, [each.period_hint, each.note])),
        ]
        table.add_row(name(each), *row)
    return table


def _table(*columns: str, left: Sequence[str] = ("series",)) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        if column == "series":
            table.add_column(column, no_wrap=True, max_width=_LONGEST_NAME)
        else:
            table.add_column(column, justify="left" if column in left else "right")
    return table


def _totals_table(totals: Totals, within: int) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column()
    known = totals.series - totals.unmeasured_series
    share = "" if totals.effective_share is None else f"worth {totals.effective_share:.1%} independent points"
    middle = _sigmas(totals.median_sigmas)
    blind = f"{totals.blind_series:,} find nothing up to 20 σ within {within} points" if totals.blind_series else ""
    rows = [
        (
            "series",
            f"{totals.series:,}",
            f"{totals.unmeasured_series:,} without a shift, see their hints" if totals.unmeasured_series else "",
        ),
        ("points", f"{totals.points:,}", share),
        ("judged", f"{totals.judged:,}", "points with a verdict"),
        ("episodes", f"{totals.episodes:,}", "opened in the history"),
        *([("median shift", middle, "found 1 in 2; " + (blind or f"worst {_sigmas(totals.worst_sigmas)}"))] if known else []),
        *(
            [("promised", f"{totals.promised_per_week:,.3g}", "false alarms per week in all")]
            if totals.promised_per_week is not None
            else []
        ),
        ("memory", _bytes(totals.memory_bytes), "of the detector's state"),
        *(("rejected", f"{count:,}", reason) for reason, count in totals.rejected.items()),
    ]
    for row in rows:
        table.add_row(*row)
    return table


def advice_lines(advice: Advice) -> list[str]:
    """The advice for one monitor's series in sentences, as shown and as written into a configuration."""
    lines = [f"{advice.monitor}: {reason}" for reason in advice.reasons]
    if not advice.changes:
        return [*lines, f"{advice.monitor}: the settings suit, nothing is changed"]
    changes = "; ".join(f"{option} = {value}" for option, value in advice.changes.items())
    figures = f"{_sigmas(advice.configured_sigmas)} as configured, {_sigmas(advice.suggested_sigmas)} with other settings"
    if advice.compared_series:
        lines.append(f"{advice.monitor}: median shift found 1 in 2 of {advice.compared_series} series: {figures}")
    return [*lines, f"{advice.monitor}: {'suggested' if advice.taken else 'not suggested'}: {changes}"]


def _sigmas(value: float | None) -> str:
    return "nothing" if value is None else f"{_short(value)} σ"


def _short(sigmas: float) -> str:
    return f"{sigmas:.2f}" if sigmas >= 0.1 else f"{sigmas:.1g}"


def _found(shift: Found) -> str:
    if shift.units is None:
        return "nothing"
    return "any change" if shift.sigmas is None else f"{_short(shift.sigmas)} σ = {shift.units:.4g}"


def _names(series: Sequence[SeriesReport]) -> Callable[[SeriesReport], Text]:
    """How each is called: with its stream where another stream has a series of the same name."""
    often = Counter(each.series for each in series)
    return lambda each: Text(each.series if often[each.series] == 1 else f"{each.series} ({each.stream})", overflow="ellipsis")


def _bytes(count: int) -> str:
    return decimal(count).replace("bytes", "B")
