"""How a record becomes points: the operator's settings, and the paths and template they compile to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from streamkl.engine import influx, jsontext
from streamkl.engine.naming import Template
from streamkl.engine.paths import EVERY, Path
from streamkl.engine.timestamps import TimeUnit
from streamkl.errors import ConfigError

Format = Literal["json", "telegraf", "influx"]
METRIC: Final = ("name", "tags", "fields", "timestamp")  # the members of a point of Telegraf or of line protocol
BATCH: Final = "metrics"  # where Telegraf's batch format has them

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputMapping:
    """Where series, time and value lie in a record. The fields mean what those of `InputConfig` mean; times are microseconds."""

    format: Format
    points: str  # path of an array of points; "": the record is a point or an array of points
    series: str  # template of the series name
    timestamp: str  # path; "": the Kafka timestamp
    time_unit: TimeUnit
    value: str  # path; with a wildcard every number it matches, one series each
    earliest_us: int  # since 1970
    max_ahead_us: int  # >= 0
    max_series_bytes: int
    max_points_per_record: int


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """A mapping's compiled paths and template, and the limits on what they find."""

    format: Format
    points: Path | None
    series: Template
    timestamp: Path | None
    value: Path
    max_series_bytes: int
    max_points_per_record: int

    def parse(self, raw: bytes | None) -> object:
        """The document, or the points of lines, or a `Fault`; never raises."""
        return influx.parse_lines(raw) if self.format == "influx" else jsontext.parse(raw)

    def points_of(self, record: object) -> Path | None:
        """Where the record has its points; None: it is a point or an array of points."""
        single = self.format == "telegraf" and not (isinstance(record, dict) and BATCH in record)
        return None if single else self.points

    @property
    def metric(self) -> tuple[tuple[str, ...], str, str | None] | None:
        """The members that name a point, the one that holds its values, and the one that holds the time (None: the Kafka timestamp), where
        values are all numbers of one member and nothing but the point's own members names them; else None."""
        names, when = self.series.members, self.timestamp.key if self.timestamp is not None else None
        first = self.value.steps[0] if len(self.value.steps) == 2 and self.value.steps[1] is EVERY and not self.value.absolute else None
        deep = self.points is not None and self.points.key is None
        if deep or names is None or not isinstance(first, str) or (self.timestamp is not None and when is None):
            return None
        return (names, first, when) if len({*names, first, when}) == len(names) + 2 else None

    @property
    def keys(self) -> tuple[str, str | None, str] | None:
        """Keys of series, timestamp (None: the Kafka timestamp) and value where each is one member of a flat record; else None."""
        if self.format != "json":
            return None
        series = self.series.path.key if self.series.path is not None else None
        when = self.timestamp.key if self.timestamp is not None else None
        value = self.value.key
        if self.points is not None or series is None or value is None or (self.timestamp is not None and when is None):
            return None
        return (series, when, value) if len({series, when, value}) == 3 else None


def compile_mapping(mapping: InputMapping) -> CompiledMapping:
    """The compiled mapping, or a ConfigError that lists every mistake in the paths and the template.

    >>> from dataclasses import replace
    >>> default = InputMapping(format="json", points="", series="{series}", timestamp="timestamp", time_unit="auto", value="value",
    ...     earliest_us=0, max_ahead_us=0, max_series_bytes=512, max_points_per_record=10_000)
    >>> compile_mapping(default).keys
    ('series', 'timestamp', 'value')
    >>> compile_mapping(replace(default, series="{name}", value="fields.*"))
    Traceback (most recent call last):
    streamkl.errors.ConfigError: input.series: '{name}' gives all values under 'fields.*' the same name: add {field}
    """
    problems: list[str] = []
    where = BATCH if mapping.format == "telegraf" else mapping.points
    points = _read("input.points", Path.parse, where, problems) if where else None
    series = _read("input.series", Template.parse, mapping.series, problems)
    timestamp = _read("input.timestamp", Path.parse, mapping.timestamp, problems) if mapping.timestamp else None
    if timestamp is not None and timestamp.wildcard:
        problems.append(f"input.timestamp: {mapping.timestamp!r} may match several fields: name one")
    value = _read("input.value", Path.parse, mapping.value, problems) if mapping.value else None
    if not mapping.value:
        problems.append("input.value: empty: name the field, or $ for the whole record")
    if value is not None and value.absolute and points is not None:
        problems.append(
            f"input.value: {mapping.value!r} is the same for all points under {mapping.points!r}: start at the point, without $"
        )
    if not mapping.series:
        problems.append("input.series: empty: write a template such as {series} or {name},{tags.*}")
    elif value is not None and series is not None and value.wildcard and not series.names_the_field:
        problems.append(f"input.series: {mapping.series!r} gives all values under {mapping.value!r} the same name: add {{field}}")
    if mapping.format != "json" and series is not None and value is not None and not problems:
        problems += _strangers(mapping, series, timestamp, value)
    if problems or series is None or value is None:
        raise ConfigError(problems)
    return CompiledMapping(mapping.format, points, series, timestamp, value, mapping.max_series_bytes, mapping.max_points_per_record)


def _strangers(mapping: InputMapping, series: Template, timestamp: Path | None, value: Path) -> Iterator[str]:
    """What no metric has, and what the format leaves no choice of."""
    chosen = f'with format = "{mapping.format}"'
    if mapping.points:
        yield f"input.points: has no effect {chosen}: remove it"
    stranger = next((path for path in series.paths if path.absolute or path.steps[0] not in METRIC), None)
    if stranger is not None:
        yield f"input.series: {{{stranger.text}}} is in no metric {chosen}: use {{name}}, {{tags.NAME}}, {{tags.*}} and {{field}}"
    if timestamp is not None and timestamp.key != METRIC[3]:
        yield f'input.timestamp: {mapping.timestamp!r} is in no metric {chosen}: write "timestamp", or "" for the Kafka timestamp'
    if value.absolute or value.steps[0] != METRIC[2] or len(value.steps) != 2:
        yield f'input.value: {mapping.value!r} is in no metric {chosen}: write "fields.*" or "fields.NAME"'
    if mapping.format == "influx" and mapping.time_unit == "iso8601":
        yield f'input.time_unit: has no meaning {chosen}, whose times are whole numbers: write "auto", "s", "ms", "us" or "ns"'


def _read(field: str, parse: Callable[[str], T], text: str, problems: list[str]) -> T | None:
    try:
        return parse(text)
    except ValueError as mistake:
        problems.append(f"{field}: {mistake}")
        return None
