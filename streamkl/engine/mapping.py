"""How a record becomes points: the operator's settings, and the paths and template they compile to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from streamkl.engine.naming import Template
from streamkl.engine.paths import Path
from streamkl.engine.timestamps import TimeUnit
from streamkl.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputMapping:
    """Where series, time and value lie in a record. The fields mean what those of `InputConfig` mean; times are microseconds."""

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

    points: Path | None
    series: Template
    timestamp: Path | None
    value: Path
    max_series_bytes: int
    max_points_per_record: int

    @property
    def keys(self) -> tuple[str, str | None, str] | None:
        """Keys of series, timestamp (None: the Kafka timestamp) and value where each is one member of a flat record; else None."""
        series = self.series.path.key if self.series.path is not None else None
        when = self.timestamp.key if self.timestamp is not None else None
        value = self.value.key
        if self.points is not None or series is None or value is None or (self.timestamp is not None and when is None):
            return None
        return (series, when, value) if len({series, when, value}) == 3 else None


def compile_mapping(mapping: InputMapping) -> CompiledMapping:
    """The compiled mapping, or a ConfigError that lists every mistake in the paths and the template.

    >>> from dataclasses import replace
    >>> default = InputMapping(points="", series="{series}", timestamp="timestamp", time_unit="auto", value="value", earliest_us=0,
    ...     max_ahead_us=0, max_series_bytes=512, max_points_per_record=10_000)
    >>> compile_mapping(default).keys
    ('series', 'timestamp', 'value')
    >>> compile_mapping(replace(default, series="{name}", value="fields.*"))
    Traceback (most recent call last):
    streamkl.errors.ConfigError: input.series: '{name}' gives all values under 'fields.*' the same name: add {field}
    """
    problems: list[str] = []
    points = _read("input.points", Path.parse, mapping.points, problems) if mapping.points else None
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
    if problems or series is None or value is None:
        raise ConfigError(problems)
    return CompiledMapping(points, series, timestamp, value, mapping.max_series_bytes, mapping.max_points_per_record)


def _read(field: str, parse: Callable[[str], T], text: str, problems: list[str]) -> T | None:
    try:
        return parse(text)
    except ValueError as mistake:
        problems.append(f"{field}: {mistake}")
        return None
