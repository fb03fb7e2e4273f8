"""The words of the house: messages, points, events. Nothing here computes."""

from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec

MICROSECONDS = 1_000_000
SCHEMA_VERSION = 1


def _one_of(*words: str) -> msgspec.Meta:
    return msgspec.Meta(extra_json_schema={"enum": list(words)})


Instant = Annotated[str, msgspec.Meta(description="ISO 8601, UTC", extra_json_schema={"format": "date-time"})]


class Partition(NamedTuple):
    """One partition of one topic: the unit of order, of state and of ownership."""

    topic: str
    partition: int


class Message(NamedTuple):
    """One Kafka record (or one line of a file), still undecoded.

    `timestamp_ms` is the broker's record timestamp in milliseconds since 1970 (-1: unknown). A file's line number stands for the
    offset; key and value are raw bytes or None.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Reason(StrEnum):
    """Why a message, or one point of it, was not judged. The value is the metric label and the dead-letter header."""

    EMPTY = "empty"  # null or zero-length value
    INVALID_JSON = "invalid_json"  # not JSON, bad UTF-8, too deep
    INVALID_LINE = "invalid_line"  # not line protocol, bad UTF-8
    MISSING_FIELD = "missing_field"  # a mapped field is absent or null
    WRONG_TYPE = "wrong_type"  # a field has a type the mapping cannot use
    NOT_FINITE = "not_finite"  # NaN, Infinity, or a number beyond a double
    NOT_A_NUMBER = "not_a_number"  # text for a series that is numeric
    BAD_SERIES = "bad_series"  # empty, too long or undecodable series name
    BAD_TIMESTAMP = "bad_timestamp"  # cannot be read as a time
    TIMESTAMP_TOO_OLD = "timestamp_too_old"  # before `input.earliest`
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"  # ahead of the record's own time by more than `input.max_ahead`
    TOO_MANY_POINTS = "too_many_points"  # more points in one record than `input.max_points_per_record`


class Rejected(NamedTuple):
    """A message that goes to the dead letters: where it came from, why, and one sentence of detail."""

    message: Message
    reason: Reason
    detail: str


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """One bin's part in a divergence. The `nats` of all bins add up to the statistic."""

    low: float | None  # inclusive; None: open below
    high: float | None  # exclusive; None: open above; low == high: exactly this value
    category: str | None = None  # for categorical series; "(new)" for values never seen while learning
    reference_share: float
    window_share: float
    nats: float


class Track(msgspec.Struct, frozen=True):
    """What one view of the newest points found: its surprisal in nats, -ln of the share of its own past that was at least as far out."""

    name: Annotated[str, _one_of("jump", "skip", "level", "pair", "four", "window")]
    nats: float


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One of several features that are judged together, and how far it drove the event."""

    name: str
    score: float  # its own statistic / its own threshold, in the test that decided
    share: float  # of the sum of all features' scores ** 3


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Quantiles in the metric's own unit."""

    p05: float
    p25: float
    p50: float
    p75: float
    p95: float


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a series: ISO 8601 times (null where the series has none) and the number of points."""

    start: Instant | None
    end: Instant | None
    points: int


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Where a threshold comes from, so that a reader can judge it."""

    method: Annotated[str, _one_of("table", "table+tail", "no_data_after")]  # run-length table alone, or raised by the own past; or given
    budget: str  # as the operator wrote it; of `no_data` the limit
    sharers: int  # series that have equal parts of a budget "in all"; 1: it is the series' own
    run_length_points: float | None  # promised points between false alarms, for the whole series
    interval_seconds: float | None  # learned interval between points
    table_threshold_nats: float | None  # for independent data, this window, reference and bins
    guard_factor: float  # what the series' own past multiplies it by (>= 1)
    blocks: int  # how many blocks of the own past stand behind the factor
    judged_points: int  # points this window was judged on, those of the learned reference included
    effective_points: float  # independent points that the learned reference is worth, by its autocorrelation
    certainty: float  # share of references that keep the promise each by itself; 0: they do on average


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """The records of the topic (or lines of the file) that the event is about: the deciding window, both ends included."""

    topic: str
    partition: int
    first_offset: int  # never later; exact to two records between two points of a series, else earlier by up to such a step
    last_offset: int


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the life of an episode. `episode_id` stays the same from opened to closed; `id` is unique per step.

    Both are functions of the input alone (topic, partition, offset, series), so that a replay repeats them. Members that mean nothing for
    a kind (nats of a series that has sent no data) are null, never absent.
    """

    schema_version: int = SCHEMA_VERSION
    id: str
    episode_id: str
    sequence: int  # 0 opened, 1.. updates, last closed
    type: Annotated[str, _one_of("opened", "updated", "closed", "warning")]
    kind: Annotated[str, _one_of("distribution", "no_data", "series_shed", "episodes_shed", "dead_letters_shed")]
    series: str
    monitor: str
    reason: Annotated[  # why this step
        str,
        _one_of(
            "threshold",
            "escalated",
            "recovered",
            "accepted_as_normal",
            "no_data",
            "data_returned",
            "forgotten",
            "max_series",
            "limit",
            "within_limit",
        ),
    ]
    severity: Annotated[str, _one_of("warning", "critical")]  # critical: score >= 2
    started_at: Instant | None  # time of the first point above the threshold, or of the first that is missing
    detected_at: Instant | None  # time of the point that decided this step
    window: Span  # of `no_data`: from the last point to this step
    reference: Span
    window_name: str | None  # "64 points", "5m", "drift", "newest points"
    statistic_name: str = "KL(window || reference)"  # or "log likelihood ratio of a shift", "surprisal of the newest points", "absence"
    statistic_nats: float | None  # n * KL is what is tested; this is KL itself, per point
    threshold_nats: float | None
    score: float  # statistic / threshold: 1.0 is the boundary; of `no_data` absence / limit
    peak_score: float  # highest score since the episode opened
    confidence: float  # how well founded the threshold is, 0..1: min(blocks / 32, 20 judged / (windows * run length), effective / 50)
    top_bins: tuple[Bin, ...]
    tracks: tuple[Track, ...] = ()  # for the newest points: statistic_nats is (sum of nats ** 5) ** (1/5)
    features: tuple[Feature, ...] = ()  # where several are judged together: strongest first; window, bins, tracks are of the first
    reference_quantiles: Quantiles | None
    window_quantiles: Quantiles | None
    sentence: str
    calibration: Calibration
    source: Provenance
    config_hash: str


class Outgoing(NamedTuple):
    """One record to be produced: headers carry the CloudEvents attributes, or a dead letter's origin."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        return len(self.key or b"") + len(self.value or b"") + sum(len(name) + len(value) for name, value in self.headers)
