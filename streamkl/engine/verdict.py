"""One record looked at closely: what became of each of its points, how far each window was from its threshold, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import msgspec
import numpy as np

from streamkl.core.absence import HEARTBEAT
from streamkl.core.arena import LEARNING
from streamkl.core.episode import NOTHING
from streamkl.core.explanation import explain
from streamkl.core.kernel import JUDGED, LATE, SILENCED
from streamkl.core.verdicts import Transition, Verdicts
from streamkl.engine.engine import Engine, Look
from streamkl.engine.plan import Plan
from streamkl.engine.points import Points
from streamkl.engine.router import SHED
from streamkl.engine.story import Episode, Place, instant, named, written_at
from streamkl.model import Bin, Calibration, Event, Message, Quantiles, Rejected, Span, Track

ALL_BINS = 1 << 20


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One window (or the newest points) of a series as it stands behind a point; the members mean what those of an event mean."""

    window_name: str | None
    score: float
    statistic_name: str
    statistic_nats: float | None
    threshold_nats: float | None
    confidence: float
    window: Span
    reference: Span
    top_bins: tuple[Bin, ...]  # all of them
    tracks: tuple[Track, ...]
    reference_quantiles: Quantiles | None
    window_quantiles: Quantiles | None
    sentence: str
    calibration: Calibration
    first_offset: int


class PointVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one point. `output` is the alarm output, `score` the highest of the `channels` that have a threshold."""

    ordinal: int
    series: str
    monitor: str | None
    time: str
    value: float | str
    fate: Annotated[str, "judged, learning, waiting, late, silenced, ignored, heartbeat, shed or refused"]
    why: str
    output: float
    score: float
    decided_by: str | None
    episode_open: bool
    channels: tuple[Channel, ...]


class RecordVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one record: its points, the events it caused, and the dead letter it became."""

    topic: str
    partition: int
    offset: int
    record_time: str | None
    rejected: str | None  # the reason
    detail: str | None
    points: tuple[PointVerdict, ...]
    events: tuple[Event, ...]


def examine(engine: Engine, plan: Plan, points: Points, message: Message, rejected: Sequence[Rejected]) -> RecordVerdict:
    """The verdict on one record by an engine that has seen all before it, and sees this one now.

    `points` and `rejected` are what the record gave. The events are the engine's own; each point is looked at in a copy that is fed point
    by point, which by the law of batches comes to the same state. Costs a snapshot, and O(bins) a window and point.
    """
    copy = Engine(engine.partition, plan, engine.snapshot())
    output = engine.receive_points(points, [message], rejected)
    letter = next(iter(output.rejected), None)
    return RecordVerdict(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        record_time=written_at(message),
        rejected=letter.reason.value if letter else None,
        detail=letter.detail if letter else None,
        points=tuple(_examine_points(copy, points, message)),
        events=tuple(output.events),
    )


def _examine_points(copy: Engine, points: Points, message: Message) -> Iterator[PointVerdict]:
    heard: list[Verdicts] = []
    copy.overhear(heard.append)
    for i, series in enumerate(points.series):
        heard.clear()
        text = {0: points.text[i]} if i in points.text else {}
        one = Points([series], points.timestamp_us[i : i + 1], points.value[i : i + 1], text, np.zeros(1, np.int32))
        refused = copy.receive_points(one, [message]).rejected
        place = Place(message.topic, message.partition, message.offset, i, int(points.timestamp_us[i]))
        value = points.text.get(i, float(points.value[i]))
        look = copy.look(series)
        verdict = heard[0] if heard else None
        fate, why = _fate(copy, series, look, verdict, refused)
        channels = tuple(_channels(look, place)) if look is not None and fate == "judged" else ()
        window = int(verdict.window[0]) if verdict is not None and fate == "judged" else -1
        yield PointVerdict(
            ordinal=i,
            series=series,
            monitor=look.teller.monitor if look else None,
            time=instant(place.time_us),
            value=value,
            fate=fate,
            why=why,
            output=float(verdict.output[0]) if verdict is not None else 0.0,
            score=float(verdict.ratio[0]) if verdict is not None else 0.0,
            decided_by=named(look.bank.settings, window)[0] if look is not None and window >= 0 else None,
            episode_open=bool(look.bank.arena.open[look.seat.row]) if look else False,
            channels=channels,
        )


def _fate(copy: Engine, series: str, look: Look | None, verdict: Verdicts | None, refused: Sequence[Rejected]) -> tuple[str, str]:
    if refused:
        return "refused", refused[0].detail
    if look is None or verdict is None:
        return _UNSEATED.get(copy.place_of(series), ("ignored", "a monitor of kind ignore takes it"))
    fate, row = int(verdict.fate[0]), look.seat.row
    if fate in _FATES:
        return _FATES[fate]
    if look.bank.arena.phase[row] == LEARNING:
        return "learning", f"{int(look.bank.arena.learned[row])} of {look.bank.settings.reference.size} points are learned"
    return "waiting", "no window has a threshold yet: each waits for maxima of the series' own past"


_FATES = {
    JUDGED: ("judged", "compared with its threshold"),
    LATE: ("late", "older than the grace period: dropped"),
    SILENCED: ("silenced", "a silence covers it: passed over"),
}
_UNSEATED = {
    SHED: ("shed", "state.max_series is reached, and the series is new"),
    HEARTBEAT: ("heartbeat", "it only moves the partition's clock"),
}


def _channels(look: Look, place: Place) -> Iterator[Channel]:
    """Every window, the drift track and the single points that have a threshold, by score."""
    arena, row = look.bank.arena, look.seat.row
    teller = replace(look.teller, most_bins=ALL_BINS)
    scores = arena.ratio[row]
    for number in np.argsort(-scores, kind="stable").tolist():
        ready = scores[number] > 0 and (number == len(scores) - 1 or arena.length[row, number] > 0)
        if not ready:
            continue
        why = explain(arena, look.bank.pool, look.bank.rules, row, number)
        told = teller.tell(Transition(0, row, NOTHING, float(scores[number]), number, why), look.seat, place, Episode("", 0, why.since_us))
        shared = {name: getattr(told, name) for name in Channel.__struct_fields__ if name != "first_offset"}
        yield Channel(**shared, first_offset=told.source.first_offset)
