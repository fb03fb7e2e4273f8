"""Plans, records and engines for tests of many series: small settings, flat thresholds, one minute between points."""

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from streamkl.core.run_length import Table, TableKey
from streamkl.core.settings import Settings
from streamkl.engine.engine import Engine
from streamkl.engine.fleet import Fleet
from streamkl.engine.outgoing import encode_event
from streamkl.engine.plan import Kind, Monitor, Plan
from streamkl.engine.silence import Silence
from streamkl.model import Event, Message, Outgoing, Partition
from tests.engine.material import NOW_MS, codec
from tests.small import flat, settings

WEEK_US = 7 * 86_400_000_000
MINUTE_MS = 60_000
HERE = Partition("metrics", 0)
COUNTED = Fleet(series=0, partitions=1)


def monitor(match: str = "*", kind: Kind = "auto", name: str = "default", judged: Settings | None = None, **normal: Any) -> Monitor:
    return Monitor(name, match, kind, judged or settings(), normal)


def plan(
    *monitors: Monitor,
    table: Callable[[TableKey], Table] | None = None,
    max_series: int = 1_000,
    evict_after_us: int = WEEK_US,
    config_hash: str = "0123456789ab",
    fleet: Fleet = COUNTED,
    silences: tuple[Silence, ...] = (),
) -> Plan:
    """The last monitor has to match every name; without any, one judges every series by the small settings."""
    return Plan(config_hash, codec(), monitors or (monitor(),), table or flat(6.0), max_series, evict_after_us, fleet, silences)


def engine(made: Plan | None = None, snapshot: bytes | None = None) -> Engine:
    return Engine(HERE, made or plan(), snapshot)


def record(series: str, value: Any, minute: int, offset: int) -> Message:
    at = NOW_MS + MINUTE_MS * minute
    body = json.dumps({"series": series, "timestamp": at, "value": value}).encode()
    return Message(*HERE, offset, at, None, body)


def records(columns: dict[str, Iterable[Any]], first_offset: int = 0, first_minute: int = 0) -> list[Message]:
    """One record a series and minute, the series taking turns; a value of None is left out."""
    rows = zip(*columns.values(), strict=True)
    points = [(name, value, minute) for minute, row in enumerate(rows, first_minute) for name, value in zip(columns, row, strict=True)]
    points = [point for point in points if point[1] is not None]
    return [record(*point, offset) for offset, point in enumerate(points, first_offset)]


def shifted(seed: int, normal: int, incident: int, after: int = 0, by: float = 8.0) -> list[float]:
    """Normal values with an incident in them."""
    values = np.random.default_rng(seed).normal(100.0, 1.0, normal + incident + after)
    values[normal : normal + incident] += by
    return [float(value) for value in values]


def feed(one: Engine, messages: Sequence[Message], pieces: Iterable[int] = ()) -> list[Event]:
    """Events of the messages, received in pieces that end before the given indices."""
    cuts = [0, *sorted(pieces), len(messages)]
    return [event for a, b in pairwise(cuts) for event in one.receive(messages[a:b]).events]


def written(events: Iterable[Event]) -> list[Outgoing]:
    """The events as they leave, byte for byte."""
    return [encode_event(event, "anomalies", "urn:streamkl:test") for event in events]
