"""From a transition of the core to an event: names, deterministic ids, times, bins with their nats, and one sentence."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from math import inf, isfinite, nextafter

import numpy as np

from streamkl.core.binning import QUANTILES
from streamkl.core.episode import ACCEPTED, FORGOTTEN, OPENED, RECOVERED
from streamkl.core.explanation import Explanation, Surprise
from streamkl.core.settings import Settings
from streamkl.core.tracks import WINDOW
from streamkl.core.verdicts import Part, Transition
from streamkl.engine.confidence import confidence
from streamkl.engine.router import Seat
from streamkl.engine.sentence import say, say_features, say_level, say_points
from streamkl.engine.timestamps import YEAR_2100
from streamkl.model import MICROSECONDS, Bin, Calibration, Event, Feature, Message, Provenance, Quantiles, Span, Track

TOP_BINS = 6  # bins told in an event, by their part in the statistic
POINTS_NAME = "newest points"
DRIFT_NAME = "drift"
WINDOW_STATISTIC = "KL(window || reference)"
POINTS_STATISTIC = "surprisal of the newest points"
JOINT_STATISTIC = "surprisal of the newest points of all features"
DRIFT_STATISTIC = "log likelihood ratio of a shift"
TRACK_NAMES = ("jump", "skip", "level", "pair", "four", "window")  # of core.tracks
CRITICAL = 2.0  # score from which an episode is critical
NEW_CATEGORY = "(new)"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENDINGS = {
    RECOVERED: "recovered; in the last window, {}",
    ACCEPTED: "accepted as the new normal: {}",
    FORGOTTEN: "forgotten after a long silence",
}
_WHY = {
    OPENED: ("opened", "threshold"),
    RECOVERED: ("closed", "recovered"),
    ACCEPTED: ("closed", "accepted_as_normal"),
    FORGOTTEN: ("closed", "forgotten"),
}


def nothing_estimated(method: str, budget: str, interval_seconds: float | None = None) -> Calibration:
    """The calibration of an event that no table and no past decided."""
    return Calibration(
        method=method,
        budget=budget,
        sharers=1,
        run_length_points=None,
        interval_seconds=interval_seconds,
        table_threshold_nats=None,
        guard_factor=1.0,
        blocks=0,
        judged_points=0,
        effective_points=0.0,
        certainty=0.0,
    )


def _of_points(points: Surprise, happened: int) -> str:
    values = points.values.tolist()
    return (
        f"recovered; {say_level(values)}"
        if happened == RECOVERED
        else _ENDINGS.get(happened, "{}").format(say_points(points.track, values))
    )


@dataclass(slots=True)
class Episode:
    """An open episode of one series: what its later events must repeat."""

    id: str
    sequence: int
    started_us: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the deciding point stands: its record, and which of the record's points it is (counting from 0)."""

    topic: str
    partition: int
    offset: int
    ordinal: int
    time_us: int


def named(settings: Settings, number: int) -> tuple[str, str]:
    """What a test is called, and its statistic: the windows, the drift track, single points."""
    windows = settings.windows
    if number < len(windows):
        return windows[number].name, WINDOW_STATISTIC
    if number == len(windows):
        return DRIFT_NAME, DRIFT_STATISTIC
    return POINTS_NAME, POINTS_STATISTIC


def instant(microseconds: int) -> str:
    """ISO 8601 in UTC with the digits that are needed.

    >>> instant(1_700_000_000_250_000)
    '2023-11-14T22:13:20.250Z'
    """
    moment = _EPOCH + timedelta(microseconds=microseconds)
    fine = "seconds" if moment.microsecond == 0 else "milliseconds" if moment.microsecond % 1_000 == 0 else "microseconds"
    return moment.isoformat(timespec=fine).replace("+00:00", "Z")


def episode_id(place: Place, series: str) -> str:
    """Topic, partition, offset and ordinal of the point that opened it, and a digest of the series' name: the same in every replay."""
    digest = blake2b(series.encode(), digest_size=6).hexdigest()
    return f"{place.topic}/{place.partition}/{place.offset}/{place.ordinal}/{digest}"


def written_at(message: Message) -> str | None:
    """When a record was written, as its own time says; None where that is no time."""
    return instant(message.timestamp_ms * 1_000) if 0 <= message.timestamp_ms < YEAR_2100 // 1_000 else None


@dataclass(frozen=True, slots=True)
class Teller:
    """Makes events of one monitor's series. `clocked` False (a library user without timestamps) leaves all times null."""

    monitor: str
    settings: Settings
    config_hash: str
    clocked: bool = True
    features: tuple[str, ...] = ()  # names of those that are judged together
    most_bins: int = TOP_BINS

    def tell(self, transition: Transition, seat: Seat, place: Place, episode: Episode) -> Event:
        """The event of one transition; `episode` is the one it belongs to, its sequence already counted up."""
        why = transition.explanation
        kind, reason = _WHY.get(transition.happened, ("updated", "escalated"))
        bins = self._bins(why, seat)
        points = None if transition.happened == FORGOTTEN else why.surprise  # nobody knows them any more
        before, now = _quantiles(why.reference_quantiles), _quantiles(why.window_quantiles)
        categorical = seat.categorical
        name, statistic = named(self.settings, transition.window)
        if points is None or (points.track == WINDOW and transition.happened != RECOVERED):
            sentence = _ENDINGS.get(transition.happened, "{}").format(say(categorical, bins, before, now))
        else:
            sentence = _of_points(points, transition.happened)
        features = tuple(self._feature(part) for part in transition.features)
        return Event(
            id=f"{episode_id(place, seat.name)}/{kind}",
            episode_id=episode.id,
            sequence=episode.sequence,
            type=kind,
            kind="distribution",
            series=seat.name,
            monitor=self.monitor,
            reason=reason,
            severity="critical" if why.peak >= CRITICAL else "warning",
            started_at=self._time(episode.started_us),
            detected_at=self._time(place.time_us),
            window=Span(start=self._time(why.window_from_us), end=self._time(why.window_to_us), points=why.window_points),
            reference=Span(start=self._time(why.reference_from_us), end=self._time(why.reference_to_us), points=why.reference_points),
            window_name=name,
            statistic_name=JOINT_STATISTIC if transition.joint else statistic,
            statistic_nats=why.statistic_nats,
            threshold_nats=why.threshold_nats,
            score=transition.score,
            peak_score=why.peak,
            confidence=confidence(why.blocks, why.judged, why.run_length, why.effective_points),
            top_bins=bins,
            tracks=() if points is None else tuple(map(Track, TRACK_NAMES, points.nats.tolist())),
            features=features,
            reference_quantiles=None if categorical else before,
            window_quantiles=None if categorical else now,
            sentence=say_features([feature.name for feature in features]) + sentence,
            calibration=self._calibration(why, transition.joint),
            source=Provenance(
                topic=place.topic, partition=place.partition, first_offset=min(why.first_position, place.offset), last_offset=place.offset
            ),
            config_hash=self.config_hash,
        )

    def _feature(self, part: Part) -> Feature:
        return Feature(name=self.features[part.feature], score=part.score, share=float(f"{part.share:.4g}"))

    def _time(self, microseconds: int) -> str | None:
        return instant(microseconds) if self.clocked else None

    def _bins(self, why: Explanation, seat: Seat) -> tuple[Bin, ...]:
        order = np.argsort(-np.abs(why.nats), kind="stable")[: self.most_bins]
        return tuple(self._bin(why, seat, int(k)) for k in order if why.nats[k] != 0.0)

    def _bin(self, why: Explanation, seat: Seat, k: int) -> Bin:
        low, high = float(why.low[k]), float(why.high[k])
        atom = high == nextafter(low, inf)
        category = None
        if seat.categorical:
            category = seat.category_name(low) if atom else NEW_CATEGORY
        return Bin(
            low=None if low == -np.inf or category else _plain(low),
            high=None if high == np.inf or category else _plain(low if atom else high),
            category=category,
            reference_share=float(why.reference_share[k]),
            window_share=float(why.window_share[k]),
            nats=float(why.nats[k]),
        )

    def _calibration(self, why: Explanation, joint: bool) -> Calibration:
        settings = self.settings
        budget = settings.budget if why.interval_us > 0 else settings.budget_without_clock
        if joint:
            parts = settings.joint_parts(why.independent)
        else:
            parts = settings.parts(why.independent, why.drifts) if why.surprise is None else settings.point_parts(why.independent)
        run_length = why.run_length / parts
        return Calibration(
            method="table+tail" if why.factor > 1.0 else "table",
            budget=str(budget),
            sharers=round(run_length / budget.run_length_points(why.interval_us / MICROSECONDS)) if budget.in_all else 1,
            run_length_points=float(f"{run_length:.9g}"),  # kept as a logarithm
            interval_seconds=why.interval_us / MICROSECONDS if why.interval_us > 0 and self.clocked else None,
            table_threshold_nats=why.table_threshold_nats,
            guard_factor=why.factor,
            blocks=why.blocks,
            judged_points=why.judged,
            effective_points=float(f"{why.effective_points:.4g}"),
            certainty=settings.certainty,
        )


def _plain(edge: float) -> float:
    """Without the last digit, which only says on which side of a value an edge lies."""
    short = float(f"{edge:.15g}")
    return short if isfinite(short) else edge


def _quantiles(values: np.ndarray) -> Quantiles:
    return Quantiles(**{f"p{round(100 * q):02d}": float(v) for q, v in zip(QUANTILES, values, strict=True)})
