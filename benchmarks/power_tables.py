"""The power benchmark's result for people: settings, delays beside one another, and whether the goals are met."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, isnan

import numpy as np

from benchmarks.changes import CHANGES, LARGE_SHIFTS
from benchmarks.contenders import CONTENDERS, PAGE_HINKLEY_DELTA, STREAMKL
from benchmarks.delays import BASES, CUSUM, HORIZON, Delays, Plan, Trial, Tuned
from benchmarks.report import Row, Section

Found = Mapping[Trial, Delays]
Settings = Mapping[Plan, Tuned]
FIRST_GOAL, NEAR_GOAL, CUSUM_GOAL = 6, 1.3, 2.0


def rows(found: Found, tuned: Settings) -> Iterator[Row]:
    """Every detector on every change, for programs."""
    for trial, delays in found.items():
        setting = tuned.get(trial.plan)
        hit = [delay for delay in delays.delays if delay is not None]
        quartiles = np.quantile(hit, [0.25, 0.75]).tolist() if hit else [None, None]
        yield {
            "base": trial.plan.base,
            "change": trial.change,
            "detector": trial.plan.contender,
            "setting": setting.setting if setting else None,
            "median delay": _finite(delays.median),
            "quarter of those found within": quartiles[0],
            "three quarters of those found within": quartiles[1],
            "trials": len(delays.delays),
            "missed": len(delays.delays) - len(hit),
            "left out, in an episode before": delays.busy,
        }


def sections(found: Found, tuned: Settings) -> Iterator[Section]:
    """A table of delays for each kind of series, then the settings."""
    for base in BASES:
        medians = _medians(found, base)
        yield Section(f"Median points to the alarm, {base}", [_line(change.name, medians) for change in CHANGES])
    yield Section("Settings", [_setting(plan, each) for plan, each in tuned.items()])


def goals(found: Found) -> Iterator[str]:
    """One sentence for each kind of series: first how often, how near to the best rival, how near to the CUSUM."""
    for base in BASES:
        medians = _medians(found, base)
        near = {change.name: _over(medians[STREAMKL][change.name], _best_rival(medians, change.name)) for change in CHANGES}
        large = {name: _over(medians[STREAMKL][name], medians[CUSUM][name]) for name in LARGE_SHIFTS}
        far = ", ".join(f"{name} {_times(factor)}" for name, factor in near.items() if not factor <= NEAR_GOAL)
        yield (
            f"{base}: first on {sum(factor <= 1 for factor in near.values())} of {len(near)} changes (goal {FIRST_GOAL}); within "
            f"{NEAR_GOAL:g} times the best rival on {sum(factor <= NEAR_GOAL for factor in near.values())}"
            + (f" (not: {far})" if far else "")
            + "; against the CUSUM "
            + ", ".join(f"{name} {_times(factor)}" for name, factor in large.items())
            + f" (goal {CUSUM_GOAL:g})."
        )


def notes(run_length: int) -> list[str]:
    """What a reader has to know."""
    return [
        f"Each detector's one knob was turned until it alarmed once per {run_length:,} quiet points, measured on other series of the same "
        "kind; that setting then meets all changes. What was reached stands in the table of settings.",
        f"streamkl: default settings but for the budget. PageHinkley is told the scale: delta = {PAGE_HINKLEY_DELTA:g} standard "
        "deviations. ADWIN and KSWIN: defaults but for the knob.",
        "The CUSUM knows the law before and the law after each change, and how points depend on one another, and is tuned to every change "
        "by itself: what could be reached, not a rival.",
        f"Delay: from the first changed point to the alarm, both counted; a change not found within {HORIZON:,} points counts as "
        "infinitely late. Values keep mean 0 and variance 1 before the change, their order and dependence stay the same after it.",
        "Best rival: of ADWIN, PageHinkley and KSWIN, the fastest on this change; first: not slower than that.",
    ]


def _medians(found: Found, base: str) -> dict[str, dict[str, float]]:
    medians: dict[str, dict[str, float]] = {}
    for trial, delays in found.items():
        if trial.plan.base == base:
            medians.setdefault(trial.plan.contender, {})[trial.change] = delays.median
    return medians


def _line(change: str, medians: Mapping[str, Mapping[str, float]]) -> Row:
    ours = medians[STREAMKL][change]
    return {
        "change": change,
        **{name: _text(of[change]) for name, of in medians.items()},
        "÷ best rival": _times(_over(ours, _best_rival(medians, change))),
        "÷ CUSUM": _times(_over(ours, medians[CUSUM][change])),
    }


def _best_rival(medians: Mapping[str, Mapping[str, float]], change: str) -> float:
    rivals = (of[change] for name, of in medians.items() if name != CUSUM and not name.startswith(STREAMKL))
    return min(rivals, default=float("inf"))


def _over(delay: float, other: float) -> float:
    """How many times as long; 0 where only this one finds it."""
    return delay / other if isfinite(other) else (0.0 if isfinite(delay) else float("nan"))


def _times(factor: float) -> str:
    return "-" if isnan(factor) else f"{factor:.2f}"


def _text(delay: float) -> str:
    return f"{delay:,.0f}" if isfinite(delay) else f"> {HORIZON:,}"


def _finite(delay: float) -> float | None:
    return delay if isfinite(delay) else None


def _setting(plan: Plan, tuned: Tuned) -> Row:
    knob: Sequence[str] = [contender.knob for contender in CONTENDERS if contender.name == plan.contender]
    reached = tuned.points / tuned.alarms if tuned.alarms else None
    return {
        "series": plan.base,
        "detector": plan.contender,
        "knob": knob[0],
        "setting": tuned.setting,
        "quiet points": tuned.points,
        "alarms": tuned.alarms,
        "points per alarm": reached,
    }
