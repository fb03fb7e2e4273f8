"""Which reference size, windows and bins would suit a monitor's series: rules propose, and measuring decides whether it is suggested.

1. *Reference*: the smallest of `SIZES` that is worth `WANTED_EFFECTIVE` independent points for three quarters of the series, not smaller
   than configured, and at most half of the median history, so that the other half can be judged.
2. *Windows*: 16 points and their multiples by four, each shorter than `LONGEST_SHARE` of the reference. Windows by time stay as they are.
3. *Bins*: 16, or 8 where the reference is worth fewer than `WANTED_EFFECTIVE` points: fewer than 25 a bin.

The proposal is measured on up to `COMPARED` series. It is taken where the median series then needs a shift that is smaller by `WORTH` or
more; a series that cannot be measured any more counts as one that finds nothing. Fewer than `FEWEST_TRIALS` stretches decide nothing. A day
or a week that shows is only told: whether a seasonal reference suits is the operator's to try.
"""

from collections.abc import Callable, Sequence
from math import inf, isinf
from statistics import median_high, median_low, quantiles
from typing import NamedTuple

from streamkl.calibrate.measuring import middle, size
from streamkl.calibrate.report import Advice, Found, SeriesReport
from streamkl.config import DetectorConfig
from streamkl.units import WindowLength

SIZES = (500, 1_000, 2_000, 5_000, 10_000)
WANTED_EFFECTIVE = 400
SHORTEST_WINDOW, WINDOW_RATIO, LONGEST_SHARE = 16, 4, 0.6
BINS, FEW_BINS = 16, 8
COMPARED = 8
FEWEST_TRIALS = 30  # stretches in all
WORTH = 0.05
BLIND = Found(units=None, sigmas=None)


class Proposal(NamedTuple):
    """What the rules say: the detector, the options that differ from the configured one, and why."""

    detector: DetectorConfig
    changes: dict[str, str]
    reasons: tuple[str, ...]


def propose(detector: DetectorConfig, series: Sequence[SeriesReport]) -> Proposal:
    """Apply the rules to what is known of a monitor's numeric series (at least one). O(series log series)."""
    numeric = [each for each in series if each.effective_points]
    turns = sorted(each.points / each.effective_points for each in numeric if each.effective_points)
    turn = turns[0] if len(turns) == 1 else quantiles(turns, n=4, method="inclusive")[2]
    reasons = [f"three quarters of the series need at most {turn:.1f} points to tell as much as one independent point"]
    points = _reference(detector, turn, median_low(each.points for each in numeric))
    windows = _windows(detector, points)
    bins = BINS if points / turn >= WANTED_EFFECTIVE else FEW_BINS
    reasons.append(f"a reference of {points} points is then worth {points / turn:.0f}, {points / turn / bins:.0f} in each of {bins} bins")
    reasons += _periods(detector, numeric)
    changed = {
        "reference.size": (detector.reference.size, points),
        "windows": (detector.windows, windows),
        "bins": (detector.bins, bins),
    }
    reference = detector.reference.model_copy(update={"size": points})
    new = detector.model_copy(update={"reference": reference, "windows": windows, "bins": bins})
    changes = {option: _shown(after) for option, (before, after) in changed.items() if before != after}
    return Proposal(type(detector).model_validate(new.model_dump()), changes, tuple(reasons))


def _periods(detector: DetectorConfig, series: Sequence[SeriesReport]) -> list[str]:
    told = []
    for period, season in (("day", "hour_of_day"), ("week", "hour_of_week")):
        count = sum(period in (each.period_hint or "") for each in series)
        if count and detector.reference.kind != "seasonal":
            told.append(
                f'a {period} shows in {count} of {len(series)} series: try reference.kind = "seasonal", season = "{season}" on them'
            )
    return told


def _reference(detector: DetectorConfig, turn: float, history: int) -> int:
    size_now = detector.reference.size
    if detector.reference.kind == "file":
        return size_now
    possible = [each for each in SIZES if size_now < each <= history / 2]
    wanted = WANTED_EFFECTIVE * turn
    if size_now >= wanted or not possible:
        return size_now
    return next((each for each in possible if each >= wanted), possible[-1])


def _windows(detector: DetectorConfig, points: int) -> tuple[WindowLength, ...]:
    if any(each.points is None for each in detector.windows):
        return detector.windows
    room = LONGEST_SHARE * points
    if detector.reference.gap:
        room = min(room, detector.reference.gap)
    lengths = []
    length = SHORTEST_WINDOW
    while length <= room:
        lengths.append(WindowLength(length, None))
        length *= WINDOW_RATIO
    return tuple(lengths) or detector.windows


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def compared(series: Sequence[SeriesReport]) -> list[SeriesReport]:
    """The series to measure a proposal on: at most `COMPARED`, evenly over the ranks of those whose shift is known."""
    known = sorted((each for each in series if each.power is not None), key=SeriesReport.rank)
    count = min(len(known), COMPARED)
    return [known[i * len(known) // count] for i in range(count)]


def advise(monitor: str, proposal: Proposal, before: Sequence[SeriesReport], remeasure: Callable[[SeriesReport], SeriesReport]) -> Advice:
    """Measure the proposal on the series of `before` and say whether it is worth it. Costs one measuring a series."""
    trials = sum(each.power.stretches for each in before if each.power is not None)
    reasons = list(proposal.reasons)
    if proposal.changes and trials < FEWEST_TRIALS:
        reasons.append(f"{trials} stretches to measure on are too few to decide by; {FEWEST_TRIALS} are needed")
    measured = before if proposal.changes and trials >= FEWEST_TRIALS else ()
    after = [(each.power, remeasure(each).power) for each in measured]
    pairs = [(b.half, a.half if a else BLIND) for b, a in after if b is not None]
    return Advice(
        monitor=monitor,
        taken=bool(pairs) and median_high(_ratio(size(b), size(a)) for b, a in pairs) <= 1 - WORTH,
        changes=proposal.changes,
        reasons=tuple(reasons),
        compared_series=len(pairs),
        configured_sigmas=middle([b for b, _ in pairs]),
        suggested_sigmas=middle([a for _, a in pairs]),
    )


def _ratio(before: float, after: float) -> float:
    if before == after:
        return 1.0
    return inf if isinf(after) or before == 0 else after / before
