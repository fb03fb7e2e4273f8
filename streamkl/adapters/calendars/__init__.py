"""Calendars as stretches of event time: what cron expressions and .ics files mean, in microseconds since 1970.

A calendar is asked for the stretches that have a part in [from, to), and gives them as pairs (start, end), in any order; `end` is outside.
"""

from streamkl.adapters.calendars.cron import CronCalendar
from streamkl.adapters.calendars.ics import IcsCalendar

__all__ = ["CronCalendar", "IcsCalendar"]
