"""Stretches that an iCalendar file (.ics) lists: its events with their repetitions and exceptions."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Component
from recurring_ical_events import of

from streamkl.adapters.calendars.instants import FIRST_US, LAST_US, microseconds, moment
from streamkl.errors import InputError

_LARGEST = 16_000_000  # bytes
_MARGIN = timedelta(days=2)  # an event of whole days, or without a zone, lies up to a day from where UTC would have it


class IcsCalendar:
    """The events of a file, cancelled ones left out. Whole days and times without a zone are those of `zone`.

    Reads the file once. InputError, which does not name the file, where there is none or it cannot be understood.
    """

    def __init__(self, path: Path, zone: ZoneInfo) -> None:
        self._zone = zone
        try:
            calendar = Calendar.from_ical(_read(path))
            self._events = of(calendar, components=["VEVENT"])
            starts = [self._instant(event, "DTSTART") for event in calendar.walk("VEVENT")]
            for start in starts:  # what cannot be repeated shows now, not in the middle of the stream
                self(start, start + 1)
        except InputError:
            raise
        except Exception as error:  # the library has many, and all of them mean the same here
            raise InputError(f"is not an iCalendar file that can be understood: {_why(error)}") from error
        if not starts:
            raise InputError("holds no event (VEVENT)")
        for event in calendar.walk("VEVENT"):
            _insist_on_zone(event)

    def __call__(self, from_us: int, to_us: int) -> list[tuple[int, int]]:
        """Stretches that have a part in [from, to)."""
        return [(start, end) for start, end in self._near(from_us, to_us) if start < to_us and end > from_us]

    def _near(self, from_us: int, to_us: int) -> Iterator[tuple[int, int]]:
        from_us, to_us = max(from_us, FIRST_US), min(to_us, LAST_US)
        if from_us >= to_us:
            return
        first, last = (moment(at).astimezone(self._zone) for at in (from_us, to_us))
        for event in self._events.between(first - _MARGIN, last + _MARGIN):
            if str(event.get("STATUS", "")).upper() != "CANCELLED":
                yield self._instant(event, "DTSTART"), self._instant(event, "DTEND")

    def _instant(self, event: Component, name: str) -> int:
        when: date = event.decoded(name)
        local = when if isinstance(when, datetime) else datetime.combine(when, time())
        return microseconds(local if local.tzinfo else local.replace(tzinfo=self._zone))


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"has more than {_LARGEST} bytes")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from None


def _why(error: Exception) -> str:
    lines = (f"an event lacks {error.args[0]}" if isinstance(error, KeyError) else str(error)).split("\n")
    return lines[0][:200] or type(error).__name__


def _insist_on_zone(event: Component) -> None:
    start: Any = event["DTSTART"]
    if "TZID" in start.params and isinstance(start.dt, datetime) and start.dt.tzinfo is None:
        raise InputError(f"names a time zone that nobody knows: {start.params['TZID']}")
