"""Judges a demo by the events of the topic alone: did the right episodes open and close, and only when they should?"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from streamkl.model import Event

QUIET_SECONDS = 60.0  # before the incident, in which nothing may open on its series


class Times(NamedTuple):
    """When the incident was, in seconds since 1970."""

    began: float
    ended: float


class Finding(NamedTuple):
    """What the events say about one series of the incident: what is wrong, or nothing and the seconds until it was noticed."""

    series: str
    problem: str | None
    detection_seconds: float | None = None


def seconds_of(time: str | None) -> float:
    """An event's ISO 8601 time in seconds since 1970.

    >>> seconds_of("1970-01-01T00:01:00.500Z")
    60.5
    """
    if time is None:
        raise ValueError("the event has no time")
    moment = datetime.fromisoformat(time)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def still_open(events: Iterable[Event]) -> set[str]:
    """The ids of episodes that opened and did not close."""
    held: set[str] = set()
    for event in events:
        if event.type == "opened":
            held.add(event.episode_id)
        elif event.type == "closed":
            held.discard(event.episode_id)
    return held


def judge(events: Iterable[Event], series: Sequence[str], times: Times) -> list[Finding]:
    """One finding for each series, in their order. O(events)."""
    held = list(events)
    return [_judge_one([event for event in held if event.series == name], name, times) for name in series]


def _judge_one(events: Sequence[Event], series: str, times: Times) -> Finding:
    opened = [(seconds_of(event.detected_at), event) for event in events if event.type == "opened"]
    early = [at for at, _ in opened if times.began - QUIET_SECONDS <= at < times.began]
    if early:
        return Finding(series, f"an episode opened {times.began - early[0]:.1f} s before the incident began")
    during = [(at, event) for at, event in opened if times.began <= at < times.ended]
    if not during:
        return Finding(series, "no episode opened while the incident lasted")
    delay = during[0][0] - times.began
    if still_open(events):
        return Finding(series, "its episode did not close", delay)
    closed = [seconds_of(event.detected_at) for event in events if event.type == "closed"]
    if max(closed) < times.ended:
        return Finding(series, f"its episode closed {times.ended - max(closed):.1f} s before the incident ended", delay)
    return Finding(series, None, delay)
