"""How a record becomes points, as an operator chooses it: the format, where series, time and value lie, and what is refused."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from streamkl.config.kinds import Duration, Instant, JsonPath, Template, Unit, Whole, duration
from streamkl.config.section import Mistake, Section
from streamkl.engine.mapping import Format, InputMapping, compile_mapping
from streamkl.engine.timestamps import TimeUnit
from streamkl.errors import ConfigError
from streamkl.units import parse_instant

# Both write metrics that have a name, tags, fields and one time; where an option is not set, these take the place of its default.
_METRIC: Final = {"series": "{name},{tags.*},{field}", "value": "fields.*"}
PRESETS: Final[Mapping[Format, Mapping[str, str]]] = {"json": {}, "telegraf": _METRIC, "influx": _METRIC}


class InputConfig(Section):
    """How a record becomes points."""

    format: Format = "json"
    """`json`: any JSON, with the paths below; `telegraf`: Telegraf's JSON, a metric or a batch of them; `influx`: InfluxDB line protocol.
    The last two have series = "{name},{tags.*},{field}" and value = "fields.*" where those are not set."""
    points: JsonPath = ""
    """JSON path of an array of points inside the record; "" where the record is one point, or an array of points."""
    series: Template = "{series}"
    """The series' name, a template over the record: {path}, {tags.*}, {field} (name of the value), {key}, {header:NAME}, {topic}."""
    timestamp: JsonPath = "timestamp"
    """JSON path of the time; "" for the Kafka timestamp."""
    time_unit: TimeUnit = "auto"
    """What a number in `timestamp` counts since 1970; `auto` tells by its size."""
    value: JsonPath = "value"
    """JSON path of the value; `fields.*` takes every number of an object, one series each."""
    earliest: Instant = parse_instant("2000-01-01T00:00:00Z")
    """Points before this time are refused."""
    max_ahead: Annotated[Duration, Field(ge=0, le=duration("365d"))] = duration("1h")
    """How far a point may lie ahead of its record's own time."""
    max_series_bytes: Annotated[Whole, Field(ge=16, le=4_096), Unit("bytes")] = 512
    """Longest name of a series, in UTF-8."""
    max_points_per_record: Annotated[Whole, Field(ge=1, le=1_000_000), Unit("points")] = 10_000
    """A record with more points is refused as a whole."""
    heartbeat: Annotated[str, Field(max_length=512)] = ""
    """Shell-style pattern over the series' name: points of these series are not judged, they only move the clock of their partition, by
    which `no_data_after` is measured; "" for none."""

    @model_validator(mode="before")
    @classmethod
    def _as_the_format_has_it(cls, data: Any) -> Any:
        """What is not set is as the format has it."""
        preset = PRESETS.get(data.get("format", "json")) if isinstance(data, Mapping) and isinstance(data.get("format", ""), str) else None
        return {**preset, **data} if preset else data

    def mapping(self) -> InputMapping:
        """The same, as the codec takes it."""
        return InputMapping(
            format=self.format,
            points=self.points,
            series=self.series,
            timestamp=self.timestamp,
            time_unit=self.time_unit,
            value=self.value,
            earliest_us=self.earliest,
            max_ahead_us=self.max_ahead,
            max_series_bytes=self.max_series_bytes,
            max_points_per_record=self.max_points_per_record,
        )

    def mistakes(self) -> Iterator[Mistake]:
        """Paths and a template that do not fit together, as the codec sees it."""
        try:
            compile_mapping(self.mapping())
        except ConfigError as error:
            found = dict(problem.removeprefix("input.").split(": ", 1) for problem in error.problems)
            for option, text in found.items():
                yield Mistake((option, "value" if self.format == "json" else "format"), text)
