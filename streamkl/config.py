"""What an operator may choose, with bounds, units and every default in the program. Nothing here acts on a choice."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

# Texts such as "5m", "1h 30m", "7d" (durations) and "64 points" are parsed by `streamkl.units`; the models keep the parsed value.


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class ReferenceConfig(_Section):
    """What the window is compared with."""

    kind: Literal["fixed", "trailing", "decayed", "seasonal", "file"] = "fixed"
    size: Annotated[int, Field(ge=50, le=100_000)] = 500  # points learned before the first verdict; length of a trailing reference
    gap: Annotated[int, Field(ge=0, le=100_000)] = 0  # trailing, decayed, seasonal: points between window and reference; 0 = longest window
    half_life: Annotated[int, Field(ge=50, le=10_000_000)] = 5_000  # decayed: points after which a point counts half
    season: Literal["hour_of_day", "hour_of_week"] = "hour_of_day"  # seasonal: UTC slots
    shrinkage: Annotated[float, Field(gt=0, le=10_000)] = 50.0  # seasonal: pooled points that a slot's own points are mixed with
    path: Path | None = None  # file: CSV (series,value) or JSON lines of what is normal


class EpisodeConfig(_Section):
    """When an episode opens, is reported again, and closes. Lengths are judged points."""

    min_points: Annotated[int, Field(ge=1, le=10_000)] = 1  # in a row at or above the threshold before it opens
    close_below: Annotated[float, Field(gt=0, le=1)] = 0.8  # hysteresis: score that counts as recovered
    close_after: Annotated[int, Field(ge=1, le=10_000)] = 8  # points in a row below `close_below` before it closes
    cooldown: Annotated[int, Field(ge=0, le=1_000_000)] = 16  # after closing, points in which nothing opens
    escalate_factor: Annotated[float, Field(gt=1, le=1_000)] = 1.5  # an update is sent when the score rises by this over the last one sent
    accept_new_normal_after: Annotated[int, Field(ge=50, le=10_000_000)] = 2_000  # open for so long: the new distribution is learned


class DetectorConfig(_Section):
    """How one series is judged."""

    windows: tuple[str, ...] = ("16 points", "64 points", "256 points")  # "N points" or a duration ("5m"), event time
    bins: Annotated[int, Field(ge=2, le=64)] = 16  # equal-frequency bins of the reference, plus two tails
    false_alarms: str = "1 per series per week"  # or "1 per 10000 points"; without timestamps: `false_alarms_without_clock`
    false_alarms_without_clock: str = "1 per 10000 points"
    grace: str = "1h"  # out-of-order points up to so much older than the newest are placed right; later ones are dropped and counted
    max_window_points: Annotated[int, Field(ge=16, le=1_000_000)] = 4_096  # ring for windows given as durations
    reference: ReferenceConfig = ReferenceConfig()
    episodes: EpisodeConfig = EpisodeConfig()


class MonitorConfig(_Section):
    """Which series are judged how. The first monitor whose `match` fits a series' name takes it."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
    match: str = "*"  # shell-style pattern over the series name
    kind: Literal["auto", "numeric", "categorical", "ignore"] = "auto"  # auto: text that is no number makes a series categorical
    detector: DetectorConfig = DetectorConfig()


class InputConfig(_Section):
    """How a record becomes points."""

    points: str = ""  # JSON path of an array of points inside the record; "": the record is one point (or an array of points)
    series: str = "{series}"  # template over the record: {path}, {tags.*}, {field} (name of the value), {key}, {header:NAME}, {topic}
    timestamp: str = "timestamp"  # JSON path; "": the Kafka timestamp
    time_unit: Literal["auto", "s", "ms", "us", "ns", "iso8601"] = "auto"
    value: str = "value"  # JSON path; "fields.*" takes every number in an object, one series each
    earliest: str = "2000-01-01T00:00:00Z"
    max_ahead: str = "1h"  # how far a point may lie ahead of its record's own time
    max_series_bytes: Annotated[int, Field(ge=16, le=4_096)] = 512
    max_points_per_record: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000


class KafkaConfig(_Section):
    """The broker, the topics and the consumer group."""

    bootstrap_servers: tuple[str, ...] = ("localhost:9092",)
    group_id: str = "streamkl"
    client_id: str = "streamkl"
    topics: tuple[str, ...] = ("metrics",)
    topic_pattern: str = ""  # regular expression instead of `topics`
    events_topic: str = "anomalies"
    dead_letter_topic: str = "metrics.dead"
    commit_interval_seconds: Annotated[float, Field(ge=0.05, le=60)] = 1.0
    snapshot_interval_seconds: Annotated[float, Field(ge=0.05, le=3_600)] = 10.0
    session_timeout_seconds: Annotated[float, Field(ge=1, le=300)] = 10.0
    startup: Literal["wait", "exit"] = "wait"  # broker unreachable or topic missing at start
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    ssl_password: SecretStr | None = None
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None


class StateConfig(_Section):
    """What survives a restart, and how much is kept."""

    backend: Literal["file", "none"] = "file"
    directory: Path = Path("state")
    max_series: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000  # per partition
    evict_after: str = "7d"  # event time of silence after which a series is forgotten


class HttpConfig(_Section):
    """/metrics, /healthz and /readyz."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 9_464  # 0: off
    allowed_hosts: tuple[str, ...] = ()  # names that a Host header may carry beside `host` and localhost, e.g. the container's name


class Config(_Section):
    """The whole configuration file."""

    kafka: KafkaConfig = KafkaConfig()
    input: InputConfig = InputConfig()
    detector: DetectorConfig = DetectorConfig()  # used by series that no monitor takes
    monitors: tuple[MonitorConfig, ...] = ()
    state: StateConfig = StateConfig()
    http: HttpConfig = HttpConfig()
