"""Stretches that begin whenever a cron expression says so."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from streamkl.adapters.calendars.instants import FIRST_US, LAST_US, microseconds, moment

_MARGIN = timedelta(days=1)  # a local time is up to a day from UTC, and where clocks are set back one hour is there twice


@dataclass(frozen=True, slots=True)
class CronCalendar:
    """Stretches of `duration_us` of elapsed time, each begun at a match of `expression` on the clocks of `zone`.

    Where clocks are set, it goes as with Debian's cron: a time that is left out begins right after the gap, one that is there twice begins
    the first time; expressions of the kind "every 10 minutes" go on evenly.

    >>> sundays = CronCalendar("0 3 * * 0", 2 * 3_600_000_000, ZoneInfo("UTC"))
    >>> sundays(0, 7 * 86_400_000_000)  # 1970-01-04 was a Sunday
    [(270000000000, 277200000000)]
    """

    expression: str
    duration_us: int
    zone: ZoneInfo

    def __call__(self, from_us: int, to_us: int) -> list[tuple[int, int]]:
        """Stretches that have a part in [from, to); O(matches in it), about 10 µs each."""
        after_us, before_us = max(from_us - self.duration_us, FIRST_US), min(to_us, LAST_US)
        return [(start, start + self.duration_us) for start in self._starts(after_us, before_us)]

    def _starts(self, after_us: int, before_us: int) -> Iterator[int]:
        if after_us >= before_us:
            return
        begin = moment(after_us).astimezone(self.zone) - _MARGIN
        for match in CronSim(self.expression, begin):
            start = microseconds(match)
            if start >= before_us:
                return
            if start > after_us:
                yield start
