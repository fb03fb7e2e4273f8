"""How series are judged, as an operator chooses it: windows, reference, budget, episodes, and which series they apply to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from streamkl.config.kinds import Absence, Budget, Duration, Name, Real, Unit, Whole, Windows, duration
from streamkl.config.section import Mistake, Section
from streamkl.units import parse_budget, parse_window

Kind = Literal["fixed", "trailing", "decayed", "seasonal", "lagged", "file"]
MOST_PARTS = 400  # of the lag of a lagged reference: each holds two histograms
# Which kinds of reference read which option.
_USED_BY: dict[str, tuple[Kind, ...]] = {
    "gap": ("trailing", "decayed", "seasonal", "lagged"),
    "half_life": ("decayed",),
    "season": ("seasonal",),
    "shrinkage": ("seasonal", "lagged"),
    "lag": ("lagged",),
    "part": ("lagged",),
    "path": ("file",),
}


class ReferenceConfig(Section):
    """What the window is compared with."""

    kind: Kind = "fixed"
    """`fixed`: learned once; `trailing`: the newest points before the window; `decayed`: old points fade; `seasonal`: the same hour of the
    day or week, all that were seen; `lagged`: the same day (`part`) four weeks (`lag`) ago; `file`: read from `path`."""
    size: Annotated[Whole, Field(ge=50, le=100_000), Unit("points")] = 500
    """Points learned before the first verdict; also the length of a trailing reference, and the fewest that a file has to hold."""
    gap: Annotated[Whole, Field(ge=0, le=100_000), Unit("points")] = 0
    """`trailing`, `decayed`, `seasonal`, `lagged`: points between the newest point and the reference; 0 means the longest window
    (`max_window_points` where one is a duration)."""
    half_life: Annotated[Whole, Field(ge=50, le=10_000_000), Unit("points")] = 5_000
    """`decayed`: after so many points a point counts half."""
    season: Literal["hour_of_day", "hour_of_week"] = "hour_of_day"
    """`seasonal`: what is compared with what, in UTC."""
    shrinkage: Annotated[Real, Field(gt=0, le=10_000), Unit("points")] = 50.0
    """`seasonal`, `lagged`: points of the pooled reference that each hour's or day's own points are mixed with, so that a thin one is still
    judged."""
    lag: Annotated[Duration, Field(ge=duration("1h"), le=duration("400d"))] = duration("28d")
    """`lagged`: how long ago that lies which a point is compared with. "28d": the same weekday four weeks ago."""
    part: Annotated[Duration, Field(ge=duration("1m"), le=duration("100d"))] = duration("1d")
    """`lagged`: how much of the past is taken together, counted from midnight UTC; `lag` is a multiple of it."""
    path: Annotated[Path | None, Field(examples=["normal.csv"])] = None
    """`file`: what is normal, as CSV (series,value) or JSON lines."""

    def mistakes(self) -> Iterator[Mistake]:
        """Options that the chosen kind does not read, or lacks."""
        if self.kind == "file" and self.path is None:
            yield Mistake(("path", "kind"), 'missing; kind = "file" needs the file of what is normal, for example path = "normal.csv"')
        if self.lag % self.part or not 2 <= self.lag // self.part <= MOST_PARTS:
            yield Mistake(("part", "lag"), f'must divide lag into 2 to {MOST_PARTS} equal parts; try lag = "28d", part = "1d"')
        for option, kinds in _USED_BY.items():
            if self.kind not in kinds and getattr(self, option) != type(self).model_fields[option].default:
                wanted = " or ".join(f'kind = "{kind}"' for kind in kinds)
                yield Mistake((option, "kind"), f'has no effect with kind = "{self.kind}"; remove it or choose {wanted}')


class EpisodeConfig(Section):
    """When an episode opens, is reported again, and closes."""

    min_points: Annotated[Whole, Field(ge=1, le=10_000), Unit("points")] = 1
    """Judged points in a row at or above the threshold before an episode opens."""
    close_below: Annotated[Real, Field(gt=0, le=1)] = 0.8
    """Score (1 is the threshold) that counts as recovered."""
    close_after: Annotated[Whole, Field(ge=1, le=10_000), Unit("points")] = 3
    """Judged points in a row below `close_below` before an episode closes; also before single points may tell of an open one again."""
    cooldown: Annotated[Whole, Field(ge=0, le=1_000_000), Unit("points")] = 5
    """Judged points after closing in which nothing opens."""
    escalate_factor: Annotated[Real, Field(gt=1, le=1_000)] = 1.5
    """An update is sent when the score rises by this factor over the last one sent."""
    expect_returns: bool = True
    """Whether an alarm by equal steps after three others, as of a backup every night, is expected and not told, unless its score is
    `escalate_factor` times what theirs were or it takes twice as long."""
    accept_new_normal_after: Annotated[Whole, Field(ge=50, le=10_000_000), Unit("points")] = 2_000
    """An episode open for so many judged points is closed and the new distribution learned as the reference."""
    min_duration: Annotated[Duration, Field(ge=0, le=duration("7d"))] = duration("0s")
    """Event time for which a series must be at or above the threshold, point after point, before an episode opens. It needs a clock."""
    first_after: Annotated[Whole, Field(ge=0, le=100_000_000), Unit("points")] = 0
    """Points that a series must have had, learned ones included, before an episode may open; 0: as soon as a window has a threshold."""

    def mistakes(self) -> Iterator[Mistake]:
        """Lengths in the wrong order."""
        if self.accept_new_normal_after <= self.close_after:
            fix = f"must be more than close_after ({self.close_after}), else nothing can recover; try 2000"
            yield Mistake(("accept_new_normal_after", "close_after"), fix)


class GatesConfig(Section):
    """How far a series must have moved before an episode opens, however sure it is that it did. Categorical series have no gates."""

    min_effect: Annotated[Real, Field(ge=0, le=1e18), Unit("in the metric's own unit")] = 0.0
    """Least move of p05, p50 or p95 of the window's newest points (at most 64) from those of the reference."""
    min_relative_effect: Annotated[Real, Field(ge=0, le=1e6), Unit("times the reference's median")] = 0.0
    """The same as a part of the reference's median: 0.1 is 10 %; where the median is 0 any move will do. The larger of the two counts."""
    direction: Literal["both", "up", "down"] = "both"
    """`up`: p50 or p95 rose; `down`: p50 or p05 fell; `both`: any of the three moved, also where the distribution only became narrower."""


class DetectorConfig(Section):
    """How one series is judged."""

    windows: Annotated[Windows, Field(min_length=1, max_length=8)] = (
        parse_window("16 points"),
        parse_window("64 points"),
        parse_window("256 points"),
    )
    """Window lengths watched side by side, in points or in event time ("5m"); short ones see spikes, long ones see drift."""
    bins: Annotated[Whole, Field(ge=2, le=256)] = 16
    """Equal-frequency bins of the reference; two tails come on top."""
    false_alarms: Budget = parse_budget("1 per series per week")
    """How many false alarms are acceptable. The threshold follows from it."""
    false_alarms_without_clock: Budget = parse_budget("1 per 10000 points")
    """The same for series without timestamps."""
    least_run_length: Annotated[Whole, Field(ge=1, le=1_000_000_000), Unit("points")] = 1_000
    """Points between two false alarms that a budget per series in time is taken to ask for at least: of hourly points "1 per series per
    week" alone would be one in 168, which is no rare event. Budgets in points and those in all are kept to the letter."""
    certainty: Annotated[Real, Field(ge=0, le=0.99)] = 0.0
    """Probability that this very reference keeps the budget, for independent points: 0.95 says that 95 of 100 series do, each by itself. 0:
    they keep it on average, some raising more and some fewer. Else at least 0.5; that takes a minute of simulation, once on a machine."""
    point_share: Annotated[Real, Field(ge=0, le=0.9)] = 0.75
    """Part of the budget for single points that surprise by the series' own past: jumps over one and two points, distance from the recent
    level, means of two and four points, and with them the shortest window of at least 32 points. They are judged from the 101st point on,
    before there is a reference. 0: windows only, as for categorical series."""
    drift: bool = True
    """Whether small lasting shifts are watched for beside the windows: by how much likelier the newest points are under a reference that is
    shifted up or down by three quarters of a standard deviation (of ranks), for as long as that lasts. Not for categorical series."""
    grace: Annotated[Duration, Field(ge=0, le=duration("7d"))] = duration("1h")
    """Points out of order are placed right up to so much behind the newest; later ones are dropped and counted."""
    max_window_points: Annotated[Whole, Field(ge=16, le=1_000_000), Unit("points")] = 4_096
    """Room for a window given as a duration; what exceeds it is judged by its newest points."""
    no_data_after: Absence = None
    """A series that sends nothing for so long opens an episode of kind `no_data`: a duration ("5m"), or 3 to 10000 of its own learned
    intervals ("5 intervals"); "" for never. The clock is the event time that two other series of the partition have reached, or heartbeats.
    A duration counts as three intervals at least. The library's `score` and `Detector` know one series and do not use it."""
    reference: ReferenceConfig = ReferenceConfig()
    episodes: EpisodeConfig = EpisodeConfig()
    gates: GatesConfig = GatesConfig()

    def mistakes(self) -> Iterator[Mistake]:
        """Windows, bins, reference and budget that do not fit one another."""
        if len(set(self.windows)) < len(self.windows):
            yield Mistake(("windows",), "names one window twice; remove one")
        if self.false_alarms_without_clock.points is None:
            yield Mistake(("false_alarms_without_clock",), 'must be in points, because there is no clock; try "1 per 10000 points"')
        if 0 < self.certainty < 0.5:
            yield Mistake(("certainty",), "would let most series break the budget; try 0.95, or 0 for the average over series")
        size = self.reference.size
        if size < 2 * self.bins:
            yield Mistake(("reference.size", "bins"), f"leaves fewer than two points a bin; try {max(2 * self.bins, 500)} or fewer bins")
        longest = max((window.points for window in self.windows if window.points), default=0)
        if longest >= size:
            fix = f'must be more than the longest window ("{longest} points"); try {4 * longest}, or a shorter window'
            yield Mistake(("reference.size", "windows"), fix)
        if 0 < self.reference.gap < longest:
            fix = f'is shorter than the longest window ("{longest} points"), which would be compared with itself; try 0'
            yield Mistake(("reference.gap", "windows", "reference.kind"), fix)


class MonitorConfig(Section):
    """Which series are judged how. The first monitor whose `match` fits a series' name takes it."""

    name: Annotated[Name, Field(examples=["latency"])]
    """What events call it."""
    match: Annotated[str, Field(min_length=1, max_length=512, examples=["*/response_time"])] = "*"
    """Shell-style pattern over the series' name: `*`, `?`, `[abc]`."""
    kind: Literal["auto", "numeric", "categorical", "ignore"] = "auto"
    """`categorical`: values are names (status codes); `auto`: text that is no number makes a series categorical; `ignore`: not judged."""
    detector: DetectorConfig = DetectorConfig()
    """What differs from the table [detector]; the rest is taken from there."""
