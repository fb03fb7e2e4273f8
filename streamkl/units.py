"""Lengths of time, windows and false-alarm budgets as operators write them, and as numbers. Nothing here knows a file."""

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

DURATION_FORMS = '"250ms", "90s", "5m", "1h 30m", "7d" or "2w"'
WINDOW_FORMS = '"64 points" or a duration such as "5m"'
BUDGET_FORMS = '"1 per series per week", "0.5 per series per month", "5 per day in all" or "1 per 10000 points"'
ABSENCE_FORMS = 'a duration such as "5m", or "5 intervals"'
INSTANT_FORMS = '"2000-01-01T00:00:00Z" or "2000-01-01"'

_MICROSECONDS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}
_WORDS = {"us": "µs", "ms": "millisecond", "s": "sec second", "m": "min minute", "h": "hour", "d": "day", "w": "week"}
_SPELLINGS = {spelling: unit for unit, words in _WORDS.items() for word in words.split() for spelling in (word, word + "s")}
_LONGEST_DURATION = 36_500 * _MICROSECONDS["d"]
_LONGEST_WINDOW_POINTS = 10_000_000
_FEWEST_INTERVALS, _MOST_INTERVALS = 3, 10_000
_SECONDS = {"year": 31_536_000, "month": 2_592_000, "week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_PART = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)\s*([a-zµ]+)\s*", re.ASCII | re.IGNORECASE)
_WHOLE = r"(?:[1-9]\d{0,2}(?:,\d{3}){1,9}|\d[\d_]{0,30})"  # commas between thousands only: "0,5" is a half to many, and never 5
_POINTS = re.compile(rf"({_WHOLE})\s*points?", re.ASCII | re.IGNORECASE)
_INTERVALS = re.compile(rf"({_WHOLE})\s*intervals?", re.ASCII | re.IGNORECASE)
_NUMBER = rf"({_WHOLE}(?:\.\d{{1,40}})?)"
_PER_POINTS = re.compile(rf"{_NUMBER}\s+per\s+{_NUMBER}\s+points?(?:\s+per\s+series|(\s+in\s+all))?", re.ASCII | re.IGNORECASE)
_UNIT_OF_TIME = rf"(?:\s+{_NUMBER})?\s+({'|'.join(_SECONDS)})s?"
_PER_TIME = re.compile(rf"{_NUMBER}\s+per(?:\s+series\s+per)?{_UNIT_OF_TIME}", re.ASCII | re.IGNORECASE)
_IN_ALL = re.compile(rf"{_NUMBER}\s+per{_UNIT_OF_TIME}\s+in\s+all", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WindowLength:
    """A window's length: exactly one of `points` (>= 1) and `microseconds` (> 0, event time) is set."""

    points: int | None
    microseconds: int | None

    def __str__(self) -> str:
        """The name that events carry, "64 points" or "5m"; `parse_window` reads it back."""
        if self.microseconds is not None:
            return format_duration(self.microseconds)
        return "1 point" if self.points == 1 else f"{self.points} points"


@dataclass(frozen=True, slots=True)
class AbsenceLimit:
    """How long a series may send nothing: `microseconds` of event time, or so many of its own learned `intervals`; the other one is 0."""

    microseconds: int
    intervals: int

    def __str__(self) -> str:
        """ "5m" or "5 intervals"; `parse_absence` reads it back."""
        return f"{self.intervals} intervals" if self.intervals else format_duration(self.microseconds)


@dataclass(frozen=True, slots=True)
class Budget:
    """How many false alarms one series may raise, or (`in_all`) all series together: `alarms` in every `points` points, or in every
    `seconds` (the other one is None; a budget in all is in seconds).

    `text` is what the operator wrote; it does not take part in comparisons.
    """

    alarms: float
    points: float | None
    seconds: float | None
    text: str = field(default="", compare=False)
    in_all: bool = False

    def run_length_points(self, interval_seconds: float | None = None, sharers: float = 1.0) -> float:
        """Promised points of one series between its false alarms, for points that come every `interval_seconds` (ignored by budgets in
        points). `sharers` series have equal parts of a budget in all (ignored by budgets per series).

        >>> parse_budget("1 per series per week").run_length_points(60.0)
        10080.0
        >>> parse_budget("2 per 10000 points").run_length_points()
        5000.0
        >>> parse_budget("5 per day in all").run_length_points(60.0, sharers=200)
        57600.0

        Raises ValueError for a budget in time where the interval is None, zero, negative or not finite.
        """
        if self.points is not None:
            return self.points / self.alarms
        if self.seconds is None or interval_seconds is None or not 0 < interval_seconds < math.inf:
            raise ValueError(f'"{self}" needs the seconds between points (a positive number), got {interval_seconds}')
        return self.seconds / interval_seconds / self.alarms * (sharers if self.in_all else 1.0)

    def __str__(self) -> str:
        """What the operator wrote, else `plain`."""
        return self.text or self.plain

    @property
    def plain(self) -> str:
        """The same text for the same budget, however it was written; `parse_budget` reads it back."""
        if self.seconds is None:
            return f"{_plain(self.alarms)} per {_plain(self.points or 0)} points"
        unit, length = next((word, length) for word, length in _SECONDS.items() if self.seconds % length == 0 or length == 1)
        count = self.seconds / length
        time = unit if count == 1 else f"{_plain(count)} {unit}s"
        return f"{_plain(self.alarms)} per {time} in all" if self.in_all else f"{_plain(self.alarms)} per series per {time}"


def parse_duration(text: str) -> int:
    """Microseconds of a text such as "1h 30m": numbers with the units us, ms, s, m, h, d, w (or their words), each at most once.

    >>> parse_duration("1h 30m"), parse_duration("90s"), parse_duration("250ms"), parse_duration("1.5 days")
    (5400000000, 90000000, 250000, 129600000000)

    Raises ValueError for anything else: no unit, a sign, a fraction of a microsecond, more than 100 years.
    """
    rest, total, seen = text.strip(), Fraction(0), set[str]()
    if re.fullmatch(r"\d+(\.\d+)?", rest, re.ASCII):
        raise ValueError(f'a duration needs a unit, for example "{rest}s" or "{rest}m"')
    if not rest:
        raise ValueError(f"is empty; write {DURATION_FORMS}")
    position = 0
    while position < len(rest):
        part = _PART.match(rest, position)
        unit = _SPELLINGS.get(part[2].lower(), part[2].lower()) if part else ""
        if part is None or unit not in _MICROSECONDS or unit in seen:
            raise ValueError(f"is not a duration; write {DURATION_FORMS}")
        seen.add(unit)
        total += Fraction(part[1]) * _MICROSECONDS[unit]
        position = part.end()
    if total > _LONGEST_DURATION:
        raise ValueError("is longer than 100 years")
    if total.denominator != 1:
        raise ValueError("is finer than a microsecond")
    return int(total)


def format_duration(microseconds: int) -> str:
    """The shortest text that `parse_duration` reads as the same number.

    >>> format_duration(5_400_000_000), format_duration(250_000), format_duration(0), format_duration(604_800_000_000)
    ('1h 30m', '250ms', '0s', '7d')
    """
    if microseconds == 0:
        return "0s"
    parts, rest = [], microseconds
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, rest = divmod(rest, _MICROSECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts)


def parse_window(text: str) -> WindowLength:
    """The length of a window, in points or in event time.

    >>> parse_window("64 points")
    WindowLength(points=64, microseconds=None)
    >>> parse_window("5m")
    WindowLength(points=None, microseconds=300000000)

    Raises ValueError for anything else, for nothing (0) and for more than 10 million points.
    """
    stripped = text.strip()
    points = _POINTS.fullmatch(stripped)
    if points:
        count = int(_digits(points[1]))
        if not 1 <= count <= _LONGEST_WINDOW_POINTS:
            raise ValueError("a window has between 1 and 10000000 points")
        return WindowLength(count, None)
    bare = f'a window needs a unit, for example "{stripped} points" or "{stripped}s"'
    return WindowLength(None, _span(stripped, bare, f"is not a window's length; write {WINDOW_FORMS}", "a window is longer than 0s"))


def parse_absence(text: str) -> AbsenceLimit:
    """How long a series may send nothing.

    >>> parse_absence("5m"), parse_absence("5 intervals")
    (AbsenceLimit(microseconds=300000000, intervals=0), AbsenceLimit(microseconds=0, intervals=5))

    Raises ValueError for anything else, for 0s, and for fewer than 3 intervals (points are never that regular) or more than 10000.
    """
    stripped = text.strip()
    intervals = _INTERVALS.fullmatch(stripped)
    if intervals:
        count = int(_digits(intervals[1]))
        if not _FEWEST_INTERVALS <= count <= _MOST_INTERVALS:
            raise ValueError(f"must be {_FEWEST_INTERVALS} to {_MOST_INTERVALS} intervals")
        return AbsenceLimit(0, count)
    bare = f'needs a unit, for example "{stripped} intervals" or "{stripped}m"'
    return AbsenceLimit(_span(stripped, bare, f"is not a length of absence; write {ABSENCE_FORMS}", "must be longer than 0s"), 0)


def _span(text: str, bare: str, unlike: str, nothing: str) -> int:
    """Microseconds, more than none; else ValueError says that the number is bare, that this is unlike a duration, or that it is nothing."""
    if re.fullmatch(r"\d+", text, re.ASCII):
        raise ValueError(bare)
    try:
        microseconds = parse_duration(text)
    except ValueError as error:
        raise ValueError(unlike) from error
    if microseconds == 0:
        raise ValueError(nothing)
    return microseconds


def parse_budget(text: str) -> Budget:
    """How many false alarms are acceptable. A month is 30 days, a year 365. Without "in all" it is a budget of each series.

    >>> parse_budget("1 per series per week")
    Budget(alarms=1.0, points=None, seconds=604800.0, text='1 per series per week', in_all=False)
    >>> parse_budget("1 per 10000 points").points
    10000.0
    >>> parse_budget("1 per series per 90 days").seconds == 90 * 86_400
    True
    >>> parse_budget("5 per day in all").in_all
    True

    Raises ValueError for anything else, for zero alarms, for as many alarms as points, and for points in all.
    """
    stripped = " ".join(text.split())
    in_points, in_all = _PER_POINTS.fullmatch(stripped), _IN_ALL.fullmatch(stripped)
    in_time = in_all or _PER_TIME.fullmatch(stripped)
    if in_points:
        if in_points[3]:
            raise ValueError(f'is the same for one series and for all, since more series bring more points; write "{stripped[:-7]}"')
        alarms, points = float(_digits(in_points[1])), float(_digits(in_points[2]))
        if not 0 < alarms < points <= 1e15:
            raise ValueError("needs more than 0 alarms, and more points than alarms (at most 1e15)")
        return Budget(alarms, points, None, stripped)
    if in_time:
        alarms = float(_digits(in_time[1]))
        seconds = float(_digits(in_time[2] or "1")) * _SECONDS[in_time[3].lower()]
        if not (0 < alarms <= 1e9 and 0 < seconds <= 100 * _SECONDS["year"]):
            raise ValueError("needs more than 0 alarms (at most 1e9) and a time of at most 100 years")
        return Budget(alarms, None, seconds, stripped, in_all is not None)
    raise ValueError(f"is not a false-alarm budget; write {BUDGET_FORMS}")


def parse_instant(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 date or time; without an offset it is UTC.

    >>> parse_instant("1970-01-02"), parse_instant("1970-01-01T01:00:00+01:00")
    (86400000000, 0)

    Raises ValueError for anything else.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"is not an ISO 8601 time; write {INSTANT_FORMS}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def format_instant(microseconds: int) -> str:
    """ISO 8601 in UTC, with as many digits as needed.

    >>> format_instant(946_684_800_000_000)
    '2000-01-01T00:00:00Z'

    Raises OverflowError outside the years 1 to 9999.
    """
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


def _digits(text: str) -> str:
    return text.replace("_", "").replace(",", "")


def _plain(number: float) -> str:
    """All digits and no exponent."""
    return f"{Decimal(repr(number)):f}".removesuffix(".0")
