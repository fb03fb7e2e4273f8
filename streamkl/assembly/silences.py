"""From an operator's silences to those of the engine: which calendar stands behind each."""

from zoneinfo import ZoneInfo

from streamkl.config import SilenceConfig
from streamkl.engine.silence import Calendar, Silence
from streamkl.errors import InputError


def silence_of(config: SilenceConfig) -> Silence:
    """A silence with its calendar. InputError, which names the silence, where a calendar file cannot be used."""
    try:
        return Silence(config.name, config.match, calendar_of(config))
    except InputError as error:
        raise InputError(f"silence {config.name}: {config.ics} {error}") from error


def calendar_of(config: SilenceConfig) -> Calendar:
    """When a silence is; reads the calendar file, if that is what it says. InputError where the file cannot be used.

    >>> christmas = SilenceConfig(name="x", start="2024-12-24T18:00", end="2024-12-27", timezone="Europe/Berlin")
    >>> calendar_of(christmas)(0, 1)  # one stretch, whatever is asked for
    [(1735059600000000, 1735254000000000)]
    """
    if config.ics is None and not config.cron:
        stretch = config.stretch()
        return lambda _from, _to: [stretch]
    # Their libraries take a fifth of a second of every start; most configurations have no calendar.
    from streamkl.adapters.calendars import CronCalendar, IcsCalendar  # noqa: PLC0415

    zone = ZoneInfo(config.timezone)
    if config.ics is not None:
        return IcsCalendar(config.ics, zone)
    return CronCalendar(config.cron, config.duration, zone)
