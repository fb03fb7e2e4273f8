"""Whole arrays at once: `score` and `evaluate`."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.adapters.tables import Tables
from streamkl.config.detector import DetectorConfig
from streamkl.core.bank import Bank, Verdicts
from streamkl.core.episode import ACCEPTED, OPENED, RECOVERED
from streamkl.core.kernel import JUDGED, LATE
from streamkl.core.settings import Settings
from streamkl.engine.router import Seat
from streamkl.engine.story import Episode, Place, Teller, episode_id
from streamkl.errors import InputError
from streamkl.library.columns import moments, numbers
from streamkl.library.settings import needs_clock, settings_of
from streamkl.model import Event


@cache
def shared_tables() -> Tables:
    """One set of threshold tables a process."""
    return Tables()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One entry a row in every column; events in row order, their offsets being row numbers.

    Attributes
    ----------
    score
        The alarm output, see `score`.
    ratio
        Statistic / threshold of the test that is furthest up; 0 where not judged.
    judged
        Whether the row has a verdict.
    late
        Dropped: older than the grace period.
    opened
        An episode opens at this row.
    in_episode
        An episode is open after this row.
    events
        What the service would have written.
    """

    score: NDArray[np.float64]
    ratio: NDArray[np.float64]
    judged: NDArray[np.bool_]
    late: NDArray[np.bool_]
    opened: NDArray[np.bool_]
    in_episode: NDArray[np.bool_]
    events: list[Event]


def score(values: Any, timestamps: Any = None, *, config: DetectorConfig | None = None) -> NDArray[np.float64]:
    """How alarming each row is, given the rows before it: a float array (n,).

    `values`: (n,) or (n, d) numbers, also as columns or a frame of pandas, polars or Arrow, or a dict of columns (see `library.columns`);
    each feature is judged on its own with an equal part of the budget, the highest counts. `timestamps`: (n,) seconds since 1970,
    datetimes, or None; they may repeat and step back. At least 1 where an episode opens, or escalates by more than the
    filling of the window last told of; below 1, in the order of how strange the newest points are, before it opens and while it goes on;
    0.0 for rows that are not judged (learning, NaN, late), which change nothing.
    Strictly causal: `score(v)[:k] == score(v[:k])`. O(n). Raises InputError for wrong shapes and types.

    >>> rng = np.random.default_rng(1)
    >>> values = np.r_[rng.normal(size=2_000), rng.normal(3.0, size=100)]
    >>> alarms = np.flatnonzero(score(values) >= 1)
    >>> bool(alarms[0] > 2_000), bool(alarms[0] < 2_020)
    (True, True)
    """
    return evaluate(values, timestamps, config=config).score


def evaluate(values: Any, timestamps: Any = None, *, config: DetectorConfig | None = None) -> Evaluation:
    """`score` with all its columns: the raw ratio statistic / threshold, what was judged, and the events. Same arguments and errors."""
    data, names = numbers(values)
    n, features = data.shape
    times = moments(timestamps, n)
    settings = settings_of(config or DetectorConfig(), features)
    require_clock(settings, timestamps is not None)
    bank = Bank(settings, shared_tables(), features)
    rows = [bank.birth() for _ in range(features)]
    verdicts = bank.run(np.tile(rows, n), np.repeat(times, features), data.ravel(), np.repeat(np.arange(n), features))
    teller = Teller("default", settings, "", clocked=timestamps is not None)
    events, opened, moves = _events(verdicts, teller, times, names)
    return Evaluation(
        score=verdicts.output.reshape(n, features).max(axis=1),
        ratio=verdicts.ratio.reshape(n, features).max(axis=1),
        judged=(verdicts.fate == JUDGED).reshape(n, features).any(axis=1),
        late=(verdicts.fate == LATE).reshape(n, features).all(axis=1),
        opened=opened,
        in_episode=np.cumsum(moves) > 0,
        events=events,
    )


def require_clock(settings: Settings, clocked: bool) -> None:
    """InputError where settings need timestamps and there are none."""
    needy = None if clocked else needs_clock(settings)
    if needy is not None:
        raise InputError(f"timestamps: {needy} needs them; pass them, or choose windows in points and another reference")


def _events(
    verdicts: Verdicts, teller: Teller, times: NDArray[np.int64], names: tuple[str, ...]
) -> tuple[list[Event], Any, NDArray[np.int64]]:
    n = len(times)
    opened, moves = np.zeros(n, bool), np.zeros(n, np.int64)
    episodes: dict[int, Episode] = {}
    seats: dict[int, Seat] = {}
    events = []
    for transition in verdicts.transitions:
        row, feature = divmod(transition.index, len(names))
        seat = seats.setdefault(transition.row, Seat(names[feature], 0, transition.row, {}, False))
        place = Place("", 0, row, feature, int(times[row]))
        if transition.happened == OPENED:
            opened[row] = True
            moves[row] += 1
            episodes[transition.row] = Episode(episode_id(place, seat.name), 0, transition.explanation.since_us)
        else:
            episodes[transition.row].sequence += 1
            moves[row] -= transition.happened in (RECOVERED, ACCEPTED)
        events.append(teller.tell(transition, seat, place, episodes[transition.row]))
    return events, opened, moves
