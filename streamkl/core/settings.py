"""What the arithmetic has to be told before it starts: plain frozen values, every one without a default."""

from dataclasses import astuple, dataclass
from enum import IntEnum

from streamkl.units import Budget

VOICE_POINTS = 32  # the least that a window holds which speaks with single points: of fewer the divergence takes few values
IF_INDEPENDENT = 0.2  # of their share of the budget, what single points keep where points do not depend on one another
OVERLAP = 0.6  # there, alarms of several windows together by those of each: they hold the same points


class ReferenceKind(IntEnum):
    """How the reference moves after it was learned."""

    FIXED = 0
    TRAILING = 1
    DECAYED = 2
    SEASONAL = 3


@dataclass(frozen=True, slots=True)
class Window:
    """One window: the newest `points` points, or (points == 0) those of the newest `span_us` microseconds of event time."""

    name: str
    points: int
    span_us: int


@dataclass(frozen=True, slots=True)
class Reference:
    """`size` points are learned; `gap` points lie between the newest point and a moving reference.

    `half_life` (points) is for a decayed reference; `slots` equal parts of `period_us`, offset by `phase_us`, and `shrinkage` (points of
    the pooled distribution mixed into each slot) are for a seasonal one. `lagged`: a slot expects what it was one period ago, and not what
    it was in all periods before.
    """

    kind: ReferenceKind
    size: int
    gap: int
    half_life: int
    slots: int
    period_us: int
    phase_us: int
    shrinkage: float
    lagged: bool


@dataclass(frozen=True, slots=True)
class Episodes:
    """When an episode opens, is sent again and closes; lengths in judged points."""

    min_points: int
    close_below: float
    close_after: int
    cooldown: int
    escalate_factor: float
    expect_returns: bool  # see core.returns
    accept_after: int
    first_after: int  # points a series must have had before its first episode
    min_duration_us: int  # event time for which it must have been above the threshold


@dataclass(frozen=True, slots=True)
class Gates:
    """How far a distribution must have moved before an episode opens (see `core.gate`): in the metric's unit, as a multiple of the
    reference's median, and where to: 1 up, -1 down, 0 either. All 0: no gate."""

    min_effect: float
    min_relative_effect: float
    direction: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a bank of series is judged by. `features` splits the budget further when several rows make one verdict; `certainty` is the
    probability that a very reference keeps the promise (0: references keep it on average)."""

    windows: tuple[Window, ...]
    bins: int
    ring_points: int
    grace_us: int
    reference: Reference
    episodes: Episodes
    gates: Gates
    budget: Budget
    budget_without_clock: Budget
    least_run: float  # points that a series' budget in time comes to at least, however seldom points come
    certainty: float
    point_share: float  # of the budget, for single points; the windows, and the drift track, have equal parts of the rest
    drift: bool
    categorical: bool
    features: int
    together: bool = False  # whether rows of the same bank are judged together (`core.panel`)

    @property
    def pointwise(self) -> bool:
        """Whether single points are judged; names have no distance from one another."""
        return self.point_share > 0.0 and not self.categorical

    @property
    def gated(self) -> bool:
        """Whether a change has to be large, or to have a direction; names have no distance from one another."""
        return any(astuple(self.gates)) and not self.categorical

    @property
    def voice(self) -> int:
        """The shortest window in points that speaks with single points, by its own past; -1: there is none."""
        counts = [(window.points, number) for number, window in enumerate(self.windows) if window.points >= VOICE_POINTS]
        return min(counts)[1] if counts else -1

    @property
    def drifting(self) -> bool:
        """Whether small lasting shifts are watched for; names are in no order."""
        return self.drift and not self.categorical

    def parts(self, independent: bool, drifts: bool) -> float:
        """By how much the run length promised to one window, or to the drift track where it is judged, is longer than the whole series'.

        Where points do not depend on one another, thresholds of windows are exact, and they take most of what single points had.
        """
        tests = self.features * (len(self.windows) + drifts)
        if not self.pointwise:
            return float(tests)
        return tests * (OVERLAP if independent else 1.0) / (1.0 - self._point_share(independent))

    def point_parts(self, independent: bool) -> float:
        """The same for single points, where they are judged."""
        return self.features / self._point_share(independent)

    def joint_parts(self, independent: bool) -> float:
        """The same for each of the two ways in which single points of several features are judged together."""
        return 2.0 / self._point_share(independent)

    def _point_share(self, independent: bool) -> float:
        return self.point_share * (IF_INDEPENDENT if independent else 1.0)
