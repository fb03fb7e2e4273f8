"""Between microseconds since 1970 and moments that carry a time zone."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of a moment with a time zone.

    >>> microseconds(datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    60000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


# Calendars are empty before 1900 and after 2200: there, time zones are guesses and a date may not have a neighbour.
FIRST_US = microseconds(datetime(1900, 1, 1, tzinfo=UTC))
LAST_US = microseconds(datetime(2200, 1, 1, tzinfo=UTC))


def moment(microseconds: int) -> datetime:
    """The inverse, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)
