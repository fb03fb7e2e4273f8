"""One detector turned to a measured alarm rate, and how long it then takes to find one change; both kept once measured."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import cusum, kept
from benchmarks.changes import CHANGES, Change
from benchmarks.contenders import CONTENDERS, KSWIN_NAME, STREAMKL, Contender, kswin_alarms
from benchmarks.zoo import series

BASES = {"normal": 0.0, "ar_0.5": 0.5}  # processes with mean 0 and variance 1, and their autocorrelation
CUSUM = "CUSUM that knows both laws"
STRETCH = 20_000  # quiet points of one series after its lead
HORIZON = 5_000  # points after a change after which it counts as missed
CUSUM_LEAD, CUSUM_TRIALS, CUSUM_QUIET, CUSUM_DRIFT_QUIET = 500, 200, 1_000_000, 200_000
STEPS = 8  # bisections of a knob
KSWIN_GRID = 60
TRIAL_SEED = 100_000  # first seed of the series that change
CODE = ("benchmarks/changes.py", "benchmarks/cusum.py", "benchmarks/contenders.py", "benchmarks/delays.py", *kept.PROCESSES)


@dataclass(frozen=True, slots=True)
class Plan:
    """A detector on a kind of series; `share`: only one part in so many of the points and trials."""

    contender: str
    base: str
    run_length: int
    share: int


@dataclass(frozen=True, slots=True)
class Tuned:
    """The knob, and what was measured with it: alarms in so many quiet points."""

    setting: float
    alarms: int
    points: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One change, tried many times. `setting` means nothing to the CUSUM, which is tuned to each change."""

    plan: Plan
    setting: float
    change: str


@dataclass(frozen=True, slots=True)
class Delays:
    """Points from the first changed one to the alarm, both counted; None: not within HORIZON. `busy`: trials in an episode before it."""

    delays: list[int | None]
    busy: int

    @property
    def median(self) -> float:
        """Infinite where half the trials missed the change."""
        return float(np.median([np.inf if delay is None else delay for delay in self.delays])) if self.delays else float("nan")


def tune(plan: Plan) -> Tuned:
    """Turn the knob until quiet data give one alarm per `run_length` points, as nearly as it can."""
    store = kept.Kept("power")
    key = {"tune": asdict(plan), **_code(plan)}
    known = store.get(key)
    if known is None:
        contender = _contender(plan)
        choices = list(_kswin_choices(contender, plan) if contender.name == KSWIN_NAME else _bisection(contender, plan))
        known = asdict(min(choices, key=lambda tuned: abs(log(max(tuned.alarms, 0.5) * plan.run_length / tuned.points))))
        store.put(key, known)
    return Tuned(**known)


def measure(trial: Trial) -> Delays:
    """All trials of one change."""
    store = kept.Kept("power")
    key = {"trial": asdict(trial), **_code(trial.plan)}
    known = store.get(key)
    if known is None:
        change = next(change for change in CHANGES if change.name == trial.change)
        known = asdict(_cusum(trial.plan, change) if trial.plan.contender == CUSUM else _delays(trial, change))
        store.put(key, known)
    return Delays(**known)


def changed(base: str, change: Change, lead: int, seed: int) -> NDArray[np.float64]:
    """`lead` quiet points, then HORIZON changed ones."""
    values = series(base, lead + HORIZON, TRIAL_SEED + seed)
    return np.concatenate([values[:lead], change.apply(values[lead:])])


def _bisection(contender: Contender, plan: Plan) -> Iterator[Tuned]:
    low, high = log(contender.low), log(contender.high)
    for _ in range(STEPS):
        setting = float(np.exp((low + high) / 2))
        alarms = points = 0
        for seed in range(contender.quiet // plan.share // STRETCH):
            rows = contender.watch(series(plan.base, contender.lead + STRETCH, seed), setting, contender.lead)
            if rows is not None:
                alarms, points = alarms + sum(1 for _ in rows), points + STRETCH
        yield Tuned(setting, alarms, points)
        if alarms * plan.run_length > points:
            low = log(setting)
        else:
            high = log(setting)


def _kswin_choices(contender: Contender, plan: Plan) -> Iterator[Tuned]:
    points = contender.quiet // plan.share
    settings = np.geomspace(contender.low, contender.high, KSWIN_GRID)
    counts = kswin_alarms(series(plan.base, points, 0), [1 / setting for setting in settings.tolist()])
    for setting, alarms in zip(settings.tolist(), counts, strict=True):
        yield Tuned(setting, alarms, points)


def _delays(trial: Trial, change: Change) -> Delays:
    contender, found, busy = _contender(trial.plan), list[int | None](), 0
    for seed in range(contender.trials // trial.plan.share):
        rows = contender.watch(changed(trial.plan.base, change, contender.lead, seed), trial.setting, contender.lead)
        if rows is None:
            busy += 1
        else:
            first = next(rows, None)
            found.append(None if first is None else first - contender.lead + 1)
    return Delays(found, busy)


def _cusum(plan: Plan, change: Change) -> Delays:
    phi = BASES[plan.base]
    quiet = series(plan.base, (CUSUM_DRIFT_QUIET if change.slope else CUSUM_QUIET) // plan.share, 0)
    threshold, found = cusum.tuned(change, quiet, phi, plan.run_length), list[int | None]()
    for seed in range(CUSUM_TRIALS // plan.share):
        rows = cusum.alarms(change, changed(plan.base, change, CUSUM_LEAD, seed), phi, threshold)
        after = rows[rows >= CUSUM_LEAD]
        found.append(int(after[0]) - CUSUM_LEAD + 1 if len(after) else None)
    return Delays(found, 0)


def _contender(plan: Plan) -> Contender:
    return next(contender for contender in CONTENDERS if contender.name == plan.contender)


def _code(plan: Plan) -> dict[str, Any]:
    """What else a result depends on."""
    ours = plan.contender.startswith(STREAMKL)
    return {"code": kept.digest(CODE, ("numpy", "scipy", "river")), "detector": kept.digest(kept.DETECTOR) if ours else None}
