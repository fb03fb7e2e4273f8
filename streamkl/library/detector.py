"""One series, point by point: `Detector`."""

from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike

from streamkl.config.detector import DetectorConfig
from streamkl.core.batch import Row
from streamkl.core.episode import OPENED
from streamkl.core.kernel import JUDGED, LATE
from streamkl.core.verdicts import Transition
from streamkl.engine.router import Seat
from streamkl.engine.story import Episode, Place, Teller, episode_id
from streamkl.errors import InputError
from streamkl.library.columns import moment, shown
from streamkl.library.scoring import refuse_file, require_clock
from streamkl.library.series import series_of
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

    With `features` = d a point is d values, and its events name the features that drove them, strongest first.

    `score` and `ratio` are those of the last update (see `streamkl.score`); `ready` says whether points are being judged yet.
    """

    def __init__(self, config: DetectorConfig | None = None, *, name: str = "value", features: int = 1) -> None:
        if features < 1:
            raise InputError(f"features: must be 1 or more, got {features}")
        config = config or DetectorConfig()
        refuse_file(config)
        self._features = features
        self._settings = settings_of(config, features)
        self._series = series_of(self._settings)
        self._seat = Seat(name, 0, 0, {}, False)
        names = tuple(f"{name}[{feature}]" for feature in range(features))
        self._tellers = {clocked: Teller("default", self._settings, "", clocked, names) for clocked in (False, True)}
        self._episode = Episode("", 0, 0)
        self._count = 0
        self.score = 0.0
        self.ratio = 0.0
        self.judged = False
        self.late = False

    def update(self, timestamp: float | datetime | None, value: float | ArrayLike) -> list[Event]:
        """Take in one point; what it caused (mostly nothing). `timestamp`: seconds since 1970, a datetime (naive: UTC) or None; `value`: a
        number, or one a feature. O(features).

        NaN is not judged and changes nothing. Raises InputError for a value or a time that is no number.
        """
        if timestamp is None:
            require_clock(self._settings, False)
        time_us = moment(timestamp)
        verdicts = self._series.take(time_us, self._numbers(value), self._count)
        self._count += 1
        fate = verdicts.fate.item()
        self.score, self.ratio, self.judged, self.late = verdicts.output.item(), verdicts.ratio.item(), fate == JUDGED, fate == LATE
        if not verdicts.transitions:
            return []
        place = Place("", 0, self._count - 1, 0, time_us)
        return [self._tell(transition, place, timestamp is not None) for transition in verdicts.transitions]

    @property
    def ready(self) -> bool:
        """Whether the reference is learned (of some feature) and at least one window has a threshold."""
        return self._series.ready

    @property
    def open(self) -> bool:
        """Whether an episode is open."""
        return self._series.open

    def _numbers(self, value: float | ArrayLike) -> Row:
        """(features,)"""
        try:
            if self._features == 1:
                return (float(value),)  # type: ignore[arg-type]
            numbers = np.asarray(value, np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            wanted = "a number" if self._features == 1 else f"{self._features} numbers"
            raise InputError(f"value: must be {wanted}, got {shown(value)}") from error
        if numbers.shape != (self._features,):
            raise InputError(f"value: must be {self._features} numbers, one a feature, got the shape {numbers.shape}")
        return numbers

    def _tell(self, transition: Transition, place: Place, clocked: bool) -> Event:
        if transition.happened == OPENED:
            self._episode = Episode(episode_id(place, self._seat.name), 0, transition.explanation.since_us)
        else:
            self._episode.sequence += 1
        return self._tellers[clocked].tell(transition, self._seat, place, self._episode)
