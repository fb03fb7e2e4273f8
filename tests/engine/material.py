"""Records, mappings and readable results for the codec's tests."""

import math
from collections.abc import Sequence
from typing import Any

from streamkl.engine.codec import Codec, Decoded
from streamkl.engine.mapping import InputMapping
from streamkl.model import Message

NOW_MS = 1_700_000_000_000  # 2023-11-14T22:13:20Z, the Kafka timestamp of every message here
NOW_US = 1_700_000_000_000_000
HOUR_US = 3_600_000_000
YEAR_2000_US = 946_684_800_000_000

Row = tuple[str, int, float | str, int]  # series, microseconds, value or text, index of the message


def mapping(**changes: Any) -> InputMapping:
    """The default input contract, with changes."""
    default: dict[str, Any] = {
        "format": "json",
        "points": "",
        "series": "{series}",
        "timestamp": "timestamp",
        "time_unit": "auto",
        "value": "value",
        "earliest_us": YEAR_2000_US,
        "max_ahead_us": HOUR_US,
        "max_series_bytes": 512,
        "max_points_per_record": 100,
    }
    return InputMapping(**(default | changes))


def codec(**changes: Any) -> Codec:
    return Codec(mapping(**changes))


def mapped_codec(**changes: Any) -> Codec:
    """The same contract on the general path: the template's second hole renders as nothing where a record has no `no_tags`."""
    return codec(series="{series}{no_tags.*}", **changes)


def message(
    value: bytes | None,
    offset: int = 0,
    *,
    timestamp_ms: int = NOW_MS,
    key: bytes | None = None,
    headers: tuple[tuple[str, bytes], ...] = (),
    topic: str = "metrics",
) -> Message:
    return Message(topic, 0, offset, timestamp_ms, key, value, headers)


def rows(decoded: Decoded) -> list[Row]:
    """The points one by one; checks that the columns fit together on the way."""
    points = decoded.points
    assert len(points) == len(points.series) == len(points.timestamp_us) == len(points.value) == len(points.message)
    assert (str(points.timestamp_us.dtype), str(points.value.dtype), str(points.message.dtype)) == ("int64", "float64", "int32")
    assert {index for index, value in enumerate(points.value.tolist()) if math.isnan(value)} == set(points.text)
    return [
        (series, when, points.text.get(index, value), owner)
        for index, (series, when, value, owner) in enumerate(
            zip(points.series, points.timestamp_us.tolist(), points.value.tolist(), points.message.tolist(), strict=True)
        )
    ]


def rejections(decoded: Decoded) -> list[tuple[int, str, str]]:
    """Offset, reason and detail of every rejected message."""
    return [(rejected.message.offset, rejected.reason.value, rejected.detail) for rejected in decoded.rejected]


def one_by_one(reader: Codec, messages: Sequence[Message]) -> tuple[list[Row], list[tuple[int, str, str]]]:
    """What decoding every message alone gives, put together."""
    points: list[Row] = []
    rejected: list[tuple[int, str, str]] = []
    for index, single in enumerate(messages):
        decoded = reader.decode([single])
        points += [(series, when, value, index) for series, when, value, _ in rows(decoded)]
        rejected += rejections(decoded)
    return points, rejected
