"""Whole arrays at once: `score` and `evaluate`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.config.detector import DetectorConfig
from streamkl.core.episode import ACCEPTED, OPENED, RECOVERED
from streamkl.core.kernel import JUDGED, LATE
from streamkl.core.settings import Settings
from streamkl.core.verdicts import Verdicts
from streamkl.engine.router import Seat
from streamkl.engine.story import Episode, Place, Teller, episode_id
from streamkl.errors import InputError
from streamkl.library.columns import NAME, moments, numbers
from streamkl.library.series import series_of
from streamkl.library.settings import needs_clock, settings_of
from streamkl.model import Event


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

    `values`: (n,) or (n, d) numbers, also as columns or a frame of pandas, polars or Arrow, or a dict of columns (see `library.columns`).
    The d features are one series with one budget: the largest of their surprises, and many that agree, are calibrated by their own past;
    windows and drift of each have an equal part (`core.joint`). NaN says nothing of its feature. `timestamps`: (n,) seconds since 1970,
    datetimes, or None; they may repeat and step back. At least 1 where an episode opens, or escalates by more than the filling of the
    window last told of, or by another feature; below 1, in the order of how strange the newest points are, before it opens and while it
    goes on; 0.0 for rows that are not judged (learning, NaN, late), which change nothing.
    Strictly causal: `score(v)[:k] == score(v[:k])`. O(n d). Raises InputError for wrong shapes and types, and for a reference from a file.

    >>> rng = np.random.default_rng(1)
    >>> values = np.r_[rng.normal(size=2_000), rng.normal(3.0, size=100)]
    >>> alarms = np.flatnonzero(score(values) >= 1)
    >>> bool(alarms[0] > 2_000), bool(alarms[0] < 2_020)
    (True, True)
    """
    return evaluate(values, timestamps, config=config).score


def evaluate(values: Any, timestamps: Any = None, *, config: DetectorConfig | None = None) -> Evaluation:
    """`score` with all its columns: the raw ratio statistic / threshold, what was judged, and the events. Same arguments and errors."""
    config = config or DetectorConfig()
    refuse_file(config)
    data, names = numbers(values)
    n, features = data.shape
    times = moments(timestamps, n)
    settings = settings_of(config, features)
    require_clock(settings, timestamps is not None)
    verdicts = series_of(settings).run(times, data, np.arange(n))
    teller = Teller("default", settings, "", clocked=timestamps is not None, features=names)
    events, opened, moves = _events(verdicts, teller, times, names[0] if features == 1 else NAME)
    return Evaluation(
        score=verdicts.output,
        ratio=verdicts.ratio,
        judged=verdicts.fate == JUDGED,
        late=verdicts.fate == LATE,
        opened=opened,
        in_episode=np.cumsum(moves) > 0,
        events=events,
    )


def require_clock(settings: Settings, clocked: bool) -> None:
    """InputError where settings need timestamps and there are none."""
    needy = None if clocked else needs_clock(settings)
    if needy is not None:
        raise InputError(f"timestamps: {needy} needs them; pass them, or choose windows in points and another reference")


def refuse_file(config: DetectorConfig) -> None:
    """InputError where the reference is to come from a file: that is of many series by name, and the library knows one."""
    if config.reference.kind == "file":
        fix = 'put the values of the file before yours, with kind = "fixed" and size = their number'
        raise InputError(f'config: reference.kind = "file" is read by `streamkl run` and `streamkl replay` only; {fix}')


def _events(verdicts: Verdicts, teller: Teller, times: NDArray[np.int64], name: str) -> tuple[list[Event], Any, NDArray[np.int64]]:
    n = len(times)
    opened, moves = np.zeros(n, bool), np.zeros(n, np.int64)
    seat, episode = Seat(name, 0, 0, {}, False), Episode("", 0, 0)
    events = []
    for transition in verdicts.transitions:
        row = transition.index
        place = Place("", 0, row, 0, int(times[row]))
        if transition.happened == OPENED:
            opened[row] = True
            moves[row] += 1
            episode = Episode(episode_id(place, seat.name), 0, transition.explanation.since_us)
        else:
            episode.sequence += 1
            moves[row] -= transition.happened in (RECOVERED, ACCEPTED)
        events.append(teller.tell(transition, seat, place, episode))
    return events, opened, moves
