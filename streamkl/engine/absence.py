"""What is said of a series that has fallen silent: the events that open and close an episode of kind `no_data`."""

from dataclasses import dataclass

from streamkl.engine.story import CRITICAL, Place, episode_id, instant, nothing_estimated
from streamkl.model import MICROSECONDS, Event, Provenance, Span

_UNITS = (("ms", 1_000, 1_000), ("s", 1_000_000, 120), ("min", 60_000_000, 120), ("h", 3_600_000_000, 48), ("d", 86_400_000_000, 0))


@dataclass(frozen=True, slots=True)
class Absence:
    """An open episode of a silent series: what its end must repeat. Times in microseconds; an interval of 0 is not known."""

    series: str
    monitor: int  # which of the plan's
    id: str
    last_us: int  # event time of its last point
    interval_us: int
    limit_us: int

    @property
    def started_us(self) -> int:
        """When the next point would have been due."""
        return self.last_us + self.interval_us


@dataclass(frozen=True, slots=True)
class AbsenceTeller:
    """Makes the events of one monitor's silent series. `limit` is what the operator wrote."""

    monitor: str
    limit: str
    config_hash: str

    def opened(self, place: Place, absence: Absence, silent_us: int) -> Event:
        """The record at `place` has moved the partition's clock so far that the series counts as silent, for `silent_us` by that clock."""
        sentence = f"no point for {lasting(silent_us)}{_normally(absence.interval_us)}"
        return self._event(place, absence, "opened", "no_data", silent_us, sentence)

    def returned(self, place: Place, absence: Absence, silent_us: int) -> Event:
        """The record at `place` is of the series itself."""
        sentence = f"data returned after {lasting(silent_us)} without a point{_normally(absence.interval_us)}"
        return self._event(place, absence, "closed", "data_returned", silent_us, sentence)

    def forgotten(self, place: Place, absence: Absence, silent_us: int) -> Event:
        """The series is evicted with the record at `place`; should it come back, it is a new one."""
        sentence = f"forgotten after {lasting(silent_us)} without a point{_normally(absence.interval_us)}"
        return self._event(place, absence, "closed", "forgotten", silent_us, sentence)

    def _event(self, place: Place, absence: Absence, step: str, reason: str, silent_us: int, sentence: str) -> Event:
        length = float(f"{silent_us / absence.limit_us:.6g}")
        return Event(
            id=f"{absence_id(place, absence.series)}/{step}",
            episode_id=absence.id,
            sequence=int(step == "closed"),
            type=step,
            kind="no_data",
            series=absence.series,
            monitor=self.monitor,
            reason=reason,
            severity="critical" if length >= CRITICAL else "warning",
            started_at=instant(absence.started_us),
            detected_at=instant(place.time_us),
            window=Span(start=instant(absence.last_us), end=instant(place.time_us), points=0),
            reference=Span(start=None, end=None, points=0),
            window_name=None,
            statistic_name="absence",
            statistic_nats=None,
            threshold_nats=None,
            score=0.0 if reason == "data_returned" else length,
            peak_score=length,
            confidence=1.0,  # nothing is estimated: the limit is the operator's
            top_bins=(),
            reference_quantiles=None,
            window_quantiles=None,
            sentence=sentence,
            calibration=nothing_estimated("no_data_after", self.limit, absence.interval_us / MICROSECONDS or None),
            source=Provenance(topic=place.topic, partition=place.partition, first_offset=place.offset, last_offset=place.offset),
            config_hash=self.config_hash,
        )


def absence_id(place: Place, series: str) -> str:
    """The identity of an episode that the record at `place` opens; another one than an episode of the distribution would have there."""
    return f"{episode_id(place, series)}/no_data"


def lasting(microseconds: int) -> str:
    """A length of time in the unit that a person would choose, with two digits.

    >>> [lasting(n) for n in (250_000, 10_000_000, 300_000_000, 5_400_000_000, 12_600_000_000, 604_800_000_000)]
    ['250 ms', '10 s', '5 min', '90 min', '3.5 h', '7 d']
    """
    unit, size = next((unit, size) for unit, size, below in _UNITS if microseconds < below * size or below == 0)
    amount = microseconds / size
    return f"{f'{amount:.1f}'.removesuffix('.0') if amount < 9.95 else round(amount)} {unit}"


def _normally(interval_us: int) -> str:
    return f"; normally one every {lasting(interval_us)}" if interval_us else ""
