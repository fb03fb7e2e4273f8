"""The kinds of values that options take: how each is read from a file or an environment variable, and how it is written back."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator

from streamkl import units
from streamkl.engine.naming import Template as SeriesTemplate
from streamkl.engine.paths import Path

# A validator raises ValueError where Python would raise TypeError: pydantic collects the former and lets the latter through.


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts, for messages and documentation."""

    name: str


@dataclass(frozen=True, slots=True)
class Noun:
    """What a text has to be, and how its value is written back."""

    name: str
    write: Callable[[Any], str] = str


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004
    return value


def _text(parse: Callable[[str], Any], noun: str, keep: type | tuple[type, ...] | None = None) -> PlainValidator:
    def read(value: object) -> Any:
        if keep is not None and isinstance(value, keep):
            return value
        if not isinstance(value, str):
            raise ValueError(f"must be {noun}, in quotes")  # noqa: TRY004
        return parse(value)

    return PlainValidator(read)


def _matching(pattern: str, message: str) -> Callable[[str], str]:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(message)
        return value

    return check


def _split(value: object) -> object:
    """Environment variables hold lists as `a, b`."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return value


def _token_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, local = parts.hostname, parts.hostname in ("localhost", "127.0.0.1", "::1")
    except ValueError:
        host, local, parts = None, False, urlsplit("")
    if not host or parts.scheme not in ("https", "http") or parts.username is not None or parts.password is not None:
        raise ValueError('is not an address; write for example "https://login.example.com/oauth2/token"')
    if parts.scheme != "https" and not local:
        raise ValueError("would send the client's secret unencrypted; write https://")
    return value


def _path(value: str) -> str:
    if value:
        Path.parse(value)
    return value


def _template(value: str) -> str:
    SeriesTemplate.parse(value)
    return value


def _cron(value: str) -> str:
    if not value:
        return value
    try:
        if len(value.split()) != 5:
            raise CronSimError("five fields are needed")
        next(CronSim(value, datetime(2000, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(f'is not a cron expression ({error}); write for example "0 3 * * 0" for Sundays at 03:00') from None
    except StopIteration:
        raise ValueError("is a cron expression that never comes") from None
    return value


def _moment(value: str) -> str:
    try:
        return value and datetime.fromisoformat(value.strip()).isoformat()
    except ValueError:
        raise ValueError(f"is not an ISO 8601 time; write {_MOMENTS}") from None


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError('is not a time zone; write for example "Europe/Berlin" or "UTC"') from None
    return value


def duration(text: str) -> int:
    """Microseconds, for defaults."""
    return units.parse_duration(text)


Whole = Annotated[int, BeforeValidator(_number)]
Real = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]

_DURATION, _INSTANT = "a duration such as " + units.DURATION_FORMS, "a time such as " + units.INSTANT_FORMS
# Microseconds. A number is refused on purpose: nobody could tell seconds from milliseconds.
Duration = Annotated[
    int,
    _text(units.parse_duration, _DURATION),
    PlainSerializer(units.format_duration),
    Noun("a duration", units.format_duration),
]
# Microseconds since 1970.
Instant = Annotated[int, _text(units.parse_instant, _INSTANT), PlainSerializer(units.format_instant), Noun("a time", units.format_instant)]

_BUDGET = "a budget such as " + units.BUDGET_FORMS
Budget = Annotated[
    units.Budget,
    _text(units.parse_budget, _BUDGET, units.Budget),
    PlainSerializer(lambda budget: budget.plain),
    Noun("a budget of false alarms"),
]

_ABSENCE = units.ABSENCE_FORMS + ', or "" for never'
Absence = Annotated[
    units.AbsenceLimit | None,
    _text(lambda text: units.parse_absence(text) if text.strip() else None, _ABSENCE, (units.AbsenceLimit, type(None))),
    PlainSerializer(lambda limit: str(limit or "")),
    Noun("a length of absence", lambda limit: str(limit or "")),
]

_WINDOW = "a window's length, " + units.WINDOW_FORMS
_LENGTH = Noun("a window's length")
Window = Annotated[units.WindowLength, _text(units.parse_window, _WINDOW, units.WindowLength), PlainSerializer(str), _LENGTH]
Windows = Annotated[tuple[Window, ...], BeforeValidator(_split), Noun("a list of windows")]

_TOPIC = _matching(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}", 'is not a topic name: 1 to 249 letters, digits, ".", "_" or "-"')
Topic = Annotated[str, _text(_TOPIC, "a topic name"), Noun("a topic name")]
Topics = Annotated[tuple[Topic, ...], BeforeValidator(_split), Noun("a list of topic names")]

_SERVER = _matching(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}", 'is not an address; write "host:port"')
Servers = Annotated[
    tuple[Annotated[str, _text(_SERVER, "an address")], ...], BeforeValidator(_split), Field(min_length=1), Noun('a list of "host:port"')
]

_NAME = _matching(r"[A-Za-z0-9_.-]{1,64}", 'is not a name: 1 to 64 letters, digits, "_", "." or "-"')
Name = Annotated[str, _text(_NAME, "a name"), Noun('a name of 1 to 64 letters, digits, "_", "." or "-"')]
Cron = Annotated[str, _text(_cron, "a cron expression"), Noun("a cron expression")]
_MOMENTS = '"2024-12-24T18:00", "2024-12-24" or "2024-12-24T18:00:00+01:00"'
Moment = Annotated[str, _text(_moment, "a time such as " + _MOMENTS), Noun("a time")]
Zone = Annotated[str, _text(_zone, 'a time zone such as "Europe/Berlin"'), Noun("a time zone")]
Pattern = Annotated[str, _text(_pattern, "a regular expression"), Noun("a regular expression")]

_PATH, _TEMPLATE = Noun('a path such as "fields.cpu"'), Noun('a template such as "{tags.host}/{field}"')
JsonPath = Annotated[str, _text(_path, _PATH.name), _PATH]
Template = Annotated[str, _text(_template, _TEMPLATE.name), _TEMPLATE]
TokenUrl = Annotated[str, _text(_token_url, "an address"), Noun("an https address")]
_HOST = _matching(r"[A-Za-z0-9.:_-]{1,253}", 'is not an address; write for example "127.0.0.1"')
Host = Annotated[str, _text(_HOST, "an address"), Noun("an address")]
Hosts = Annotated[tuple[Host, ...], BeforeValidator(_split), Noun("a list of host names")]
