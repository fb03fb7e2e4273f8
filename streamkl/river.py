"""streamkl in river's words: a drift detector, an anomaly detector with its filter, and a histogram that rolls.

It needs river, which `pip install 'streamkl[river]'` brings. All of it is the arithmetic of `streamkl.Detector`, without a clock: budgets
are in points. Models can be cloned, copied and pickled like river's own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.binning import learn
from streamkl.core.divergence import kl_divergence
from streamkl.core.episode import OPENED
from streamkl.engine.router import Seat
from streamkl.engine.story import Episode, Place, Teller, episode_id
from streamkl.errors import InputError
from streamkl.library.columns import shown
from streamkl.library.judge import Judge, highest
from streamkl.library.settings import config_in_points, settings_of
from streamkl.model import Event

try:
    from river import base
    from river.stats.base import Univariate
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"streamkl.river needs river ({error}): pip install 'streamkl[river]'", name=error.name) from error

VALUE = "value"  # what a drift detector's only series is called


class KLDrift(base.DriftAndWarningDetector):
    """Says when the distribution of a stream has changed: its mean, its spread or its shape, at a rate of false alarms that is promised.

    The newest points are compared with the first ones: the Kullback-Leibler divergence of several windows, and the likelihood of a small
    lasting shift. The threshold comes from `points_per_false_alarm` and from the stream's own past, so that one setting serves independent
    and autocorrelated streams. A lone outlier is no drift. After a drift it starts over with the next point, and sees nothing while it
    learns `reference_size` points; a window of 64 is judged from 1,000 points on, one of 256 from 4,000. O(windows) a point.

    Parameters
    ----------
    points_per_false_alarm
        On average one false drift in at most so many points, 2 to 1e15.
    points_per_warning
        The same for `warning_detected`, which lasts for as long as that looser test is up. 0: no warnings, at half the cost.
    reference_size
        Points that are learned, 50 to 100,000. More of them make smaller changes visible.
    windows
        Lengths in points of the windows watched side by side, each shorter than `reference_size`; one is enough.
    bins
        Equal-frequency bins of the reference, 2 to 256.
    drift_track
        Whether small shifts of the mean are watched for beside the windows.

    Notes
    -----
    Tables of thresholds for other sizes than these defaults are simulated once on a machine, a second or two each.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> stream = np.r_[rng.normal(0, 1, 3_000), rng.normal(0, 2, 1_000)]  # the mean stays what it was
    >>> detector = KLDrift()
    >>> for i, x in enumerate(stream):
    ...     detector.update(x)
    ...     if detector.drift_detected:
    ...         print(i, detector.event.sentence)
    3030 p05 fell from -1.688 to -5.059

    References
    ----------
    Kullback and Leibler 1951 (the divergence), Page 1954 (the sum that finds small shifts); docs/how-it-works.md has the rest.
    """

    def __init__(
        self,
        points_per_false_alarm: int = 10_000,
        points_per_warning: int = 1_000,
        reference_size: int = 500,
        windows: tuple[int, ...] = (16, 64, 256),
        bins: int = 16,
        drift_track: bool = True,
    ) -> None:
        super().__init__()
        self.points_per_false_alarm = points_per_false_alarm
        self.points_per_warning = points_per_warning
        self.reference_size = reference_size
        self.windows = windows
        self.bins = bins
        self.drift_track = drift_track
        self.n_detections = 0
        self.event: Event | None = None  # what the newest drift was, with its bins and calibration
        self._seen = 0
        self._reset()

    def _reset(self) -> None:
        super()._reset()
        self.score = 0.0  # statistic / threshold at the last update; 0 while it learns
        self._alarm = self._judge("points_per_false_alarm")
        self._warning = self._judge("points_per_warning") if self.points_per_warning else None

    def _judge(self, name: str) -> Judge:
        points, drift = getattr(self, name), self.drift_track
        config = config_in_points(points, size=self.reference_size, windows=self.windows, bins=self.bins, drift=drift, name=name)
        return Judge(settings_of(config))

    def update(self, x: float) -> None:
        """Take in one point. NaN is not judged and changes nothing. Raises InputError for what is no number."""
        if self.drift_detected:
            self._reset()
        point = {VALUE: _number(x, "x")}
        verdicts = _met(self._alarm, point)
        self.score = highest(verdicts)
        opened = [transition for transition in verdicts.transitions if transition.happened == OPENED]
        self._drift_detected = bool(opened)
        if opened:
            place = Place("", 0, self._seen, 0, 0)
            episode = Episode(episode_id(place, VALUE), 0, opened[0].explanation.since_us)
            teller = Teller("default", self._alarm.settings, "", clocked=False)
            self.event = teller.tell(opened[0], Seat(VALUE, 0, opened[0].row, {}, False), place, episode)
            self.n_detections += 1
        if self._warning is not None:
            _met(self._warning, point)
            self._warning_detected = self._warning.is_open(VALUE) and not self._drift_detected
        self._seen += 1


class KLAnomaly(base.AnomalyDetector):
    """Scores records of numeric features: statistic / threshold of the feature that is furthest up, so that 1.0 is the boundary everywhere.

    Each feature is a series of its own, judged by single points and windows against what it has learned; the budget is divided by the
    features seen so far, so `points_per_false_alarm` holds for the record as a whole. While an incident goes on the score stays up, and its
    points are not learned as normal; one that stays for 2,000 records becomes the new normal. The first 100 records score 0.

    `score_one` judges as if the record came next and changes nothing; `learn_one` takes it in. A record equal to the one learned last keeps
    the score that it was judged with: whoever learns first and asks then, as river's pipelines do, asks about that record. A feature that a
    record lacks, or that is NaN, says nothing in that turn. O(features) a record, and 5 to 10 kB a feature.

    Parameters
    ----------
    points_per_false_alarm
        Records between two false alarms, on average and at least.
    reference_size, windows, bins, drift_track
        As for `KLDrift`.
    point_share
        Part of the budget for single points, 0 to 0.9; 0: windows only.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> model = KLAnomaly()
    >>> for _ in range(1_000):
    ...     model.learn_one({"latency": rng.normal(100, 5), "load": rng.normal(2, 0.1)})
    >>> model.score_one({"latency": 101.0, "load": 2.05}) < 1 <= model.score_one({"latency": 101.0, "load": 3.5})
    True
    """

    def __init__(
        self,
        points_per_false_alarm: int = 10_000,
        reference_size: int = 500,
        windows: tuple[int, ...] = (16, 64, 256),
        bins: int = 16,
        drift_track: bool = True,
        point_share: float = 0.75,
    ) -> None:
        self.points_per_false_alarm = points_per_false_alarm
        self.reference_size = reference_size
        self.windows = windows
        self.bins = bins
        self.drift_track = drift_track
        self.point_share = point_share
        config = config_in_points(
            points_per_false_alarm, size=reference_size, windows=windows, bins=bins, drift=drift_track, point_share=point_share
        )
        self._judge = Judge(settings_of(config))
        self._learned: tuple[dict[str, float], float] = {}, 0.0  # the last record and the score it was judged with
        self._tried: tuple[dict[str, float], float] | None = None  # the last one asked about, and its score
        self._after: Judge | None = None  # what learning it would lead to

    def learn_one(self, x: Mapping[Any, Any]) -> None:
        """Judge a record and take it in. Raises InputError for a feature that is no number."""
        point = _record(x)
        if self._after is not None and self._tried is not None and self._tried[0] == point and not point.keys() - self._judge.rows.keys():
            score = self._tried[1]
            self._judge, self._after = self._after, self._judge
        else:
            score = highest(_met(self._judge, point))
        self._learned, self._tried = (point, score), None

    def score_one(self, x: Mapping[Any, Any]) -> float:
        """At least 1 for an anomaly, 0.0 where nothing is judged yet; it learns nothing. Raises InputError for what is no number."""
        point = {name: value for name, value in _record(x).items() if name in self._judge.rows}
        if point == self._learned[0]:
            return self._learned[1]
        if self._tried is None or self._tried[0] != point:
            self._after = self._judge.copy(self._after)
            self._tried = point, highest(self._after.take(point))
        return self._tried[1]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_tried": None, "_after": None}


class KLFilter(base.AnomalyFilter):
    """Keeps records that are anomalous at the calibrated boundary, 1.0, from what comes after it in a pipeline.

    Unlike river's filters it hands every record to its detector: that one keeps incidents out of its reference by itself, and has to see
    them in order to know when they end, or are the new normal.

    Parameters
    ----------
    anomaly_detector
        A `KLAnomaly`, or a pipeline that ends in one. By default one with its own defaults.

    Examples
    --------
    >>> from river import linear_model, preprocessing
    >>> model = KLFilter() | preprocessing.StandardScaler() | linear_model.LinearRegression()
    >>> rng = np.random.default_rng(5)
    >>> for i in range(1_200):
    ...     x = float(rng.normal())
    ...     broken = i >= 1_000 and i % 50 == 0
    ...     model.learn_one({"x": 1e6 if broken else x}, 3 * x)
    >>> 2.8 < model.predict_one({"x": 1.0}) < 3.2
    True
    """

    def __init__(self, anomaly_detector: base.AnomalyDetector | None = None) -> None:
        super().__init__(anomaly_detector or KLAnomaly(), protect_anomaly_detector=False)

    def classify(self, score: float) -> bool:
        """Whether a score of `KLAnomaly` is one of an anomaly."""
        return score >= 1.0

    def learn_one(self, *args: Any, **learn_kwargs: Any) -> None:
        """Hand the record to the detector."""
        self.anomaly_detector.learn_one(*args, **learn_kwargs)


class KLHistogram(Univariate):
    """The divergence of the values it holds from a reference, in nats; values can be taken back, so that `river.utils.Rolling` and
    `TimeRolling` make a window of it.

    Bins are equal-frequency in the reference, with two tails and a bin of its own for each value of much mass (see `core.binning`); no bin
    of the reference is empty, so the divergence is never infinite. `update` and `revert` are O(log bins), `get` is O(bins).

    Parameters
    ----------
    reference
        Finite numbers, at least two, in any order.
    bins
        Equal-frequency bins of the reference, at least 2.

    Examples
    --------
    >>> from river import utils
    >>> rng = np.random.default_rng(3)
    >>> rolling = utils.Rolling(KLHistogram, window_size=100, reference=rng.normal(size=1_000))
    >>> for x in rng.normal(size=500):
    ...     rolling.update(x)
    >>> quiet = rolling.get()
    >>> for x in rng.normal(2, 1, size=100):
    ...     rolling.update(x)
    >>> bool(quiet < 0.2 < 1.0 < rolling.get())
    True
    """

    def __init__(self, reference: Sequence[float] | NDArray[np.float64], bins: int = 16) -> None:
        self.reference = reference
        self.bins = bins
        try:
            values = np.asarray(reference, np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"reference: must be two or more finite numbers, in one column ({error})") from error
        if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
            raise InputError("reference: must be two or more finite numbers, in one column")
        if bins < 2:
            raise InputError(f"bins: must be 2 or more, got {bins}")
        learned = learn(values, bins)
        self.edges, self._units = learned.edges, learned.units
        self.counts = np.zeros(len(learned.units), np.int64)

    def update(self, x: float) -> None:
        """Take in a value. NaN is in no bin and changes nothing."""
        self._move(x, 1)

    def revert(self, x: float) -> None:
        """Take a value back. Raises InputError where its bin is empty, so that it cannot have been taken in."""
        self._move(x, -1)

    def get(self) -> float | None:
        """D(values || reference) in nats, at least 0; None without values."""
        return float(kl_divergence(self.counts, self._units)) if self.counts.any() else None

    def _move(self, x: float, by: int) -> None:
        value = _number(x, "x")
        if np.isnan(value):
            return
        index = int(np.searchsorted(self.edges, value, side="right"))
        if self.counts[index] + by < 0:
            raise InputError(f"x: {value} was not taken in, so it cannot be taken back")
        self.counts[index] += by

    @classmethod
    def _unit_test_params(cls) -> Any:
        yield {"reference": (1.0, 2.0, 3.0, 4.0)}


def _met(judge: Judge, point: dict[str, float]) -> Any:
    judge.meet(list(point))
    return judge.take(point)


def _record(x: Mapping[Any, Any]) -> dict[str, float]:
    """By name, so that the order of features means nothing; without those that say nothing."""
    if not isinstance(x, Mapping):
        raise InputError(f"x: must be a dict of features, got {type(x).__name__}")
    values = {str(name): _number(value, f'the feature "{name}"') for name, value in x.items()}
    return {name: value for name, value in values.items() if value == value}  # noqa: PLR0124  # NaN is not itself


def _number(value: Any, what: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        fix = "" if what == "x" else "; select numbers first, as with compose.SelectType(int, float)"
        raise InputError(f"{what}: must be a number, got {shown(value)}{fix}") from error
