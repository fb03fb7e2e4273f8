"""One series, point by point: `Detector`."""

from datetime import datetime

import numpy as np

from streamkl.config.detector import DetectorConfig
from streamkl.core.bank import Bank, Transition
from streamkl.core.episode import OPENED
from streamkl.core.kernel import JUDGED, LATE
from streamkl.engine.router import Seat
from streamkl.engine.story import Episode, Place, Teller, episode_id
from streamkl.errors import InputError
from streamkl.library.columns import moment
from streamkl.library.scoring import require_clock, shared_tables
from streamkl.library.settings import settings_of
from streamkl.model import Event


class Detector:
    """Judges one series as its points arrive: the service's arithmetic on one row.

    >>> detector = Detector(name="response time")
    >>> rng = np.random.default_rng(7)
    >>> events = [e for t in range(2_000) for e in detector.update(60 * t, rng.normal(100, 5))]
    >>> events += [e for t in range(2_000, 2_060) for e in detector.update(60 * t, rng.normal(130, 5))]
    >>> [(e.type, e.window_name) for e in events][0]
    ('opened', 'newest points')
    >>> events[0].sentence
    'at 128.2, far above its recent level of 99.6'

    `score` and `ratio` are those of the last update (see `streamkl.score`); `ready` says whether points are being judged yet.
    """

    def __init__(self, config: DetectorConfig | None = None, *, name: str = "value") -> None:
        self._settings = settings_of(config or DetectorConfig())
        self._bank = Bank(self._settings, shared_tables(), 1)
        self._seat = Seat(name, 0, self._bank.birth(), {}, False)
        self._tellers = {clocked: Teller("default", self._settings, "", clocked) for clocked in (False, True)}
        self._episode = Episode("", 0, 0)
        self._count = 0
        self.score = 0.0
        self.ratio = 0.0
        self.judged = False
        self.late = False

    def update(self, timestamp: float | datetime | None, value: float) -> list[Event]:
        """Take in one point; what it caused (mostly nothing). `timestamp`: seconds since 1970, a datetime (naive: UTC) or None. O(1).

        NaN is not judged and changes nothing. Raises InputError for a value or a time that is no number.
        """
        require_clock(self._settings, timestamp is not None)
        time_us = moment(timestamp)
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"value: must be a number, got {value!r}") from error
        where = np.array([self._count], np.int64)
        self._count += 1
        verdicts = self._bank.run(np.array([self._seat.row]), np.array([time_us], np.int64), np.array([number]), where)
        self.score, self.ratio = float(verdicts.output[0]), float(verdicts.ratio[0])
        self.judged, self.late = bool(verdicts.fate[0] == JUDGED), bool(verdicts.fate[0] == LATE)
        place = Place("", 0, int(where[0]), 0, time_us)
        return [self._tell(transition, place, timestamp is not None) for transition in verdicts.transitions]

    @property
    def ready(self) -> bool:
        """Whether the reference is learned and at least one window has a threshold."""
        return bool((self._bank.arena.factor[self._seat.row] > 0).any())

    @property
    def open(self) -> bool:
        """Whether an episode is open."""
        return bool(self._bank.arena.open[self._seat.row])

    def _tell(self, transition: Transition, place: Place, clocked: bool) -> Event:
        if transition.happened == OPENED:
            self._episode = Episode(episode_id(place, self._seat.name), 0, transition.explanation.since_us)
        else:
            self._episode.sequence += 1
        return self._tellers[clocked].tell(transition, self._seat, place, self._episode)
