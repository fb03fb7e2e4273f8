"""One human sentence about a window that differs from its reference, or about the newest points."""

import sys
from collections.abc import Sequence
from math import fsum

from streamkl.core.tracks import JUMP, SKIP, SPAN
from streamkl.model import Bin, Quantiles

LARGEST = sys.float_info.max
STEADY = 0.25  # of the reference's inner range: a quantile that moved less is not worth naming


def say(categorical: bool, bins: Sequence[Bin], before: Quantiles, now: Quantiles) -> str:
    """What changed, in the metric's own unit.

    >>> quiet = Quantiles(p05=90, p25=100, p50=110, p75=115, p95=120)
    >>> say(False, (), quiet, Quantiles(p05=95, p25=108, p50=112, p75=117, p95=480))
    'p95 rose from 120 to 480'
    >>> say(False, (), quiet, Quantiles(p05=40, p25=50, p50=55, p75=58, p95=60))
    'median fell from 110 to 55'
    """
    if categorical and bins:
        top = bins[0]
        moved = "rose" if top.window_share > top.reference_share else "fell"
        return f"share of {top.category} {moved} from {_percent(top.reference_share)} to {_percent(top.window_share)}"
    inner = max(before.p95 / 4 - before.p05 / 4, abs(before.p50) / 4 * 1e-9)  # quarters, of which no difference is too large for a float
    moves = {"median": (before.p50, now.p50), "p95": (before.p95, now.p95), "p05": (before.p05, now.p05)}
    shifts = {name: (after / 4 - past / 4) / inner if inner > 0 else float(after != past) for name, (past, after) in moves.items()}
    if shifts["p05"] >= STEADY and shifts["p95"] <= -STEADY:
        return f"values narrowed: p05 to p95 spans {_spanned(now)} instead of {_spanned(before)}"
    same_way = shifts["p95"] * shifts["p05"] > 0 and abs(shifts["median"]) >= STEADY
    name = "median" if same_way else max(shifts, key=lambda key: abs(shifts[key]))
    if abs(shifts[name]) < STEADY:
        return _shape(bins)
    past, after = moves[name]
    return f"{name} {'rose' if after > past else 'fell'} from {number(past)} to {number(after)}"


def say_points(track: int, values: Sequence[float]) -> str:
    """What the newest points did, by the track that found it; `values` are the newest, oldest first.

    >>> say_points(0, [34.0, 35.2, 120.0])
    'jumped from 35.2 to 120'
    >>> say_points(1, [35.2, 80.0, 120.0])
    'moved from 35.2 to 120 within two points'
    >>> say_points(2, [34.0, 35.2, 34.6, 35.0, 34.8, 52.0])
    'at 52, far above its recent level of 34.72'
    >>> say_points(4, [34.0, 36.0, 12.0, 10.0, 11.0, 13.0])
    'mean of the newest 4 points fell to 11.5, from 35'
    """
    if track == JUMP and len(values) > 1:
        return f"jumped from {number(values[-2])} to {number(values[-1])}"
    if track == SKIP and len(values) > 2:
        return f"moved from {number(values[-3])} to {number(values[-1])} within two points"
    span = SPAN[track]
    now, before = mean(values[-span:]), mean(values[:-span] or values)
    if span == 1:
        return f"at {number(now)}, far {'above' if now > before else 'below'} its recent level of {number(before)}"
    return f"mean of the newest {span} points {'rose' if now > before else 'fell'} to {number(now)}, from {number(before)}"


def say_level(values: Sequence[float]) -> str:
    """Where the newest points lie, once nothing about them is surprising any more; `values` are the newest, oldest first.

    >>> say_level([34.0, 36.0, 35.0, 35.6])
    'the newest value is 35.6, the mean of those before it 35'
    """
    return f"the newest value is {number(values[-1])}, the mean of those before it {number(mean(values[:-1] or values))}"


def say_features(names: Sequence[str]) -> str:
    """Whose change the sentence after it tells of, and how many features more had a part in it; nothing where there is one series.

    >>> say_features(["value[2]"]), say_features(["value[2]", "value[0]", "value[7]"]), say_features([])
    ('value[2]: ', 'value[2] and 2 more: ', '')
    """
    if not names:
        return ""
    return f"{names[0]} and {len(names) - 1} more: " if len(names) > 1 else f"{names[0]}: "


def mean(values: Sequence[float]) -> float:
    """The mean, also of values whose sum is too large for a float: each is divided first, by a power of two, which rounds nothing.

    >>> mean([1.0, 2.0, 6.0]), mean([1.5e308, 1.7e308])
    (3.0, 1.6e+308)
    """
    parts = 1 << len(values).bit_length()
    return fsum(value / parts for value in values) / len(values) * parts


def _spanned(values: Quantiles) -> str:
    return number(min(values.p95 - values.p05, LARGEST))


def _shape(bins: Sequence[Bin]) -> str:
    if not bins:
        return "the distribution changed shape"
    top = bins[0]
    moved = "rose" if top.window_share > top.reference_share else "fell"
    return f"share of values {_range(top)} {moved} from {_percent(top.reference_share)} to {_percent(top.window_share)}"


def _range(one: Bin) -> str:
    if one.low is None:
        return f"below {number(one.high or 0.0)}"
    if one.high is None:
        return f"of {number(one.low)} and more"
    if one.low == one.high:
        return f"equal to {number(one.low)}"
    return f"from {number(one.low)} to {number(one.high)}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def number(value: float) -> str:
    """A number with at most four digits that matter.

    >>> number(1234567.0), number(0.000123), number(480.0)
    ('1.235e+06', '0.000123', '480')
    """
    return f"{value:.4g}"
