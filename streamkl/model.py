"""The words of the house: messages, points, events. Nothing here computes."""

from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec

MICROSECONDS = 1_000_000
SCHEMA_VERSION = 1


def _says(meaning: str, *words: str) -> msgspec.Meta:
    """What the schema and the page of events say of a member; `words`: what it may be."""
    return msgspec.Meta(description=meaning, extra_json_schema={"enum": list(words)} if words else None)


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

    low: Annotated[float | None, _says("inclusive, in the metric's unit; null: open below")]
    high: Annotated[float | None, _says("exclusive; null: open above; the same as `low`: exactly this value")]
    category: Annotated[str | None, _says("of a categorical series; `(new)` for values never seen while it learned")] = None
    reference_share: Annotated[float, _says("share of the reference's points, 0 to 1")]
    window_share: Annotated[float, _says("share of the window's points, 0 to 1")]
    nats: Annotated[float, _says("its part of the statistic; negative where the window has fewer")]


class Track(msgspec.Struct, frozen=True):
    """What one view of the newest points found."""

    name: Annotated[str, _says("which view", "jump", "skip", "level", "pair", "four", "window")]
    nats: Annotated[float, _says("surprisal: -ln of the share of its own past that was at least as far out")]


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One of several features that are judged together, and how far it drove the event."""

    name: str
    score: Annotated[float, _says("its own statistic / its own threshold, in the test that decided")]
    share: Annotated[float, _says("its part of the sum of all features' `score ** 3`, 0 to 1")]


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Quantiles in the metric's own unit."""

    p05: float
    p25: float
    p50: float
    p75: float
    p95: float


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a series: ISO 8601 times (null where the series has none) and the number of points."""

    start: Annotated[Instant | None, _says("time of its first point")]
    end: Annotated[Instant | None, _says("time of its last point, which belongs to it")]
    points: int


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Where a threshold comes from, so that a reader can judge it."""

    method: Annotated[
        str,
        _says(
            "simulated run lengths (`table`), raised by the series' own past (`table+tail`); or the limit that was given",
            "table",
            "table+tail",
            "no_data_after",
        ),
    ]
    budget: Annotated[str, _says("false alarms as the operator wrote them; of `no_data` the limit")]
    sharers: Annotated[int, _says('series that have equal parts of a budget "in all"; 1: it is the series\' own')]
    run_length_points: Annotated[float | None, _says("promised points between two false alarms, for the whole series")]
    interval_seconds: Annotated[float | None, _says("learned interval between points")]
    table_threshold_nats: Annotated[float | None, _says("for independent data with this window, reference and bins")]
    guard_factor: Annotated[float, _says("what the series' own past multiplies it by, 1 or more")]
    blocks: Annotated[int, _says("blocks of the own past that stand behind the factor")]
    judged_points: Annotated[int, _says("points this window was judged on, those of the learned reference included")]
    effective_points: Annotated[float, _says("independent points that the learned reference is worth, by its autocorrelation")]
    certainty: Annotated[float, _says("share of references that keep the promise each by itself; 0: they do on average")]


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """The records of the topic (or lines of the file) that the event is about: the deciding window, both ends included."""

    topic: str
    partition: int
    first_offset: Annotated[
        int, _says("never later; exact to two records between two points of a series, else earlier by up to such a step")
    ]
    last_offset: Annotated[int, _says("the record that decided")]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the life of an episode. `episode_id` stays the same from opened to closed; `id` is unique per step.

    Both are functions of the input alone (topic, partition, offset, series), so that a replay repeats them. Members that mean nothing for
    a kind (nats of a series that has sent no data) are null, never absent.
    """

    schema_version: Annotated[int, _says("rises when a member goes or changes its meaning")] = SCHEMA_VERSION
    id: Annotated[str, _says("unique per step; drop what comes twice by it")]
    episode_id: Annotated[str, _says("the same from opened to closed")]
    sequence: Annotated[int, _says("0 opened, 1 and more updates, the last closed")]
    type: Annotated[
        str,
        _says(
            "the step; a `warning` says what a limit holds back, and belongs to no series' episode",
            "opened",
            "updated",
            "closed",
            "warning",
        ),
    ]
    kind: Annotated[
        str,
        _says(
            "what it is about: values, silence, or what a limit holds back",
            "distribution",
            "no_data",
            "series_shed",
            "episodes_shed",
            "dead_letters_shed",
        ),
    ]
    series: Annotated[
        str, _says("its name, as `input.series` makes it; of `series_shed` the first that was turned away; empty in other warnings")
    ]
    monitor: Annotated[str, _says("name of the monitor that judges the series; empty in warnings")]
    reason: Annotated[
        str,
        _says(
            "why this step: the score reached 1 (`threshold`), it got worse (`escalated`), is as before (`recovered`), or is the new normal"
            " (`accepted_as_normal`); points are missing, are back, or the series is forgotten; a limit (`max_series` or another) begins to"
            " hold back, or has room again",
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
    severity: Annotated[str, _says("`critical` once `peak_score` is 2 or more", "warning", "critical")]
    started_at: Annotated[Instant | None, _says("time of the first point above the threshold, or of the first that is missing")]
    detected_at: Annotated[Instant | None, _says("time of the point that decided this step")]
    window: Annotated[Span, _says("the deciding window; of `no_data` from the last point to this step")]
    reference: Annotated[Span, _says("what is normal: the points that were learned")]
    window_name: Annotated[str | None, _says("`64 points`, `5m`, `drift`, `newest points`; null where no window decides")]
    statistic_name: Annotated[
        str,
        _says(
            "what is tested: `KL(window || reference)`, `log likelihood ratio of a shift`, `surprisal of the newest points`, the same"
            " `of all features`, `absence`"
        ),
    ] = "KL(window || reference)"
    statistic_nats: Annotated[float | None, _says("KL per point (`n * KL` is what is tested), or the statistic that is named")]
    threshold_nats: Annotated[float | None, _says("what the statistic is compared with, in the same unit")]
    score: Annotated[float, _says("statistic / threshold: 1 is the boundary, for every series; of `no_data` absence / limit")]
    peak_score: Annotated[float, _says("highest score since the episode opened")]
    confidence: Annotated[
        float, _says("how well founded the threshold is, 0 to 1: `min(blocks / 32, 20 * judged / (windows * run length), effective / 50)`")
    ]
    top_bins: Annotated[tuple[Bin, ...], _says("the bins that moved most, at most six")]
    tracks: Annotated[tuple[Track, ...], _says("where the newest points decided: `statistic_nats` is `(sum of nats ** 5) ** (1/5)`")] = ()
    features: Annotated[
        tuple[Feature, ...], _says("where several are judged together, strongest first; window, bins and tracks are of the first")
    ] = ()
    reference_quantiles: Annotated[Quantiles | None, _says("of what is normal; null for categories")]
    window_quantiles: Annotated[Quantiles | None, _says("of the deciding window; null for categories")]
    sentence: Annotated[str, _says("what happened, in words; no interface: it may be worded otherwise in another version")]
    calibration: Annotated[Calibration, _says("where the threshold comes from")]
    source: Annotated[Provenance, _says("the records it is about")]
    config_hash: Annotated[str, _says("of what the verdict depends on; the same as in the saved state")]


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
