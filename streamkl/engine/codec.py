"""Messages -> columns of points, and the messages that go to the dead letters. Nothing here raises over what a record holds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from streamkl.engine.faults import Fault, escape
from streamkl.engine.flat import FlatReader
from streamkl.engine.iso8601 import Microseconds
from streamkl.engine.known import KnownRecords
from streamkl.engine.lines import LineReader
from streamkl.engine.mapping import CompiledMapping, InputMapping, compile_mapping
from streamkl.engine.metrics import MetricReader
from streamkl.engine.naming import check_names
from streamkl.engine.points import Points
from streamkl.engine.rows import Rows, read_record
from streamkl.engine.timestamps import NO_TIME, YEAR_2100, check_bounds, latest, to_microseconds
from streamkl.engine.values import to_doubles
from streamkl.model import Message, Rejected

_TIMESTAMP_MS = itemgetter(Message._fields.index("timestamp_ms"))  # twice as fast as the attribute


@dataclass(slots=True)
class Decoded:
    """What a batch held. Every message gave points, or is among the rejected (once, in message order), or both."""

    points: Points
    rejected: list[Rejected]


class Codec:
    """Decodes messages as one mapping says. What it remembers only makes it quick: `decode` of a batch equals the concatenated `decode` of
    its messages.

    ConfigError if the mapping's paths or its template cannot be read.
    """

    def __init__(self, mapping: InputMapping) -> None:
        self._mapping = mapping
        self._compiled = compile_mapping(mapping)
        self._short = _short_way(self._compiled)
        has_numbers = self._short is not None and (mapping.time_unit != "iso8601" or self._compiled.timestamp is None)
        self._known = KnownRecords(mapping, self._compiled, self._read) if has_numbers else None

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """All points of the messages, in order, and the rejected messages. About 0.5 µs a flat record of 120 bytes."""
        record_ms = np.fromiter(map(_TIMESTAMP_MS, messages), np.int64, len(messages))
        kafka_us = np.where(record_ms < 0, NO_TIME, np.minimum(record_ms, YEAR_2100) * 1_000)
        known = self._known.points(messages, kafka_us) if self._known is not None else None
        if known is None:
            return self._decode(messages, record_ms, kafka_us)
        usable = self._usable(known, record_ms)
        left = np.flatnonzero(~usable)
        if not len(left):
            return Decoded(known, [])
        rest = self._decode([messages[index] for index in left.tolist()], record_ms[left], kafka_us[left])
        rest.points.message = left[rest.points.message].astype(np.int32)
        return Decoded(_merge(_only(known, usable[known.message]), rest.points), rest.rejected)

    def _decode(self, messages: Sequence[Message], record_ms: Microseconds, kafka_us: Microseconds) -> Decoded:
        """By the reader of everything that fits the mapping."""
        rows = self._read(messages)
        columns, faults = self._judge(rows, record_ms, kafka_us)
        if not faults and not rows.records:
            return Decoded(columns, [])
        rejected = _reject(messages, columns.message, faults, rows.records)
        good = np.ones(len(columns), np.bool_)
        good[list(faults)] = False
        return Decoded(_only(columns, good) if faults else columns, rejected)

    def _usable(self, points: Points, record_ms: Microseconds) -> npt.NDArray[np.bool_]:
        """Which messages have points, all of them with finite values and times within the bounds."""
        moments, ceiling = points.timestamp_us, latest(record_ms, self._mapping.max_ahead_us)
        usable = np.zeros(len(record_ms), np.bool_)
        usable[points.message] = True
        if moments.min() >= self._mapping.earliest_us and moments.max() <= ceiling.min() and np.isfinite(points.value).all():
            return usable
        good = np.isfinite(points.value) & (moments >= self._mapping.earliest_us) & (moments <= ceiling[points.message])
        usable[points.message[~good]] = False
        return usable

    def _read(self, messages: Sequence[Message]) -> Rows:
        if self._short is not None:
            return self._short(messages)
        rows = Rows()
        for message in messages:
            read_record(self._compiled, message, rows)
        return rows

    def _judge(self, rows: Rows, of_record_ms: Microseconds, kafka_us: Microseconds) -> tuple[Points, dict[int, Fault]]:
        """The columns with all their points, and the faulty ones. A point's first fault counts: series, then timestamp, then value."""
        mapping = self._mapping
        owner = np.repeat(np.arange(len(of_record_ms), dtype=np.int32), rows.counts)
        record_ms = of_record_ms[owner]
        moments, unreadable = to_microseconds(rows.when, mapping.time_unit, kafka_us[owner])
        unbelievable = check_bounds(moments, record_ms, rows.when, mapping.earliest_us, mapping.max_ahead_us)
        doubles, text, unusable = to_doubles(rows.value)
        layouts = rows.layouts if rows.laid_out else []
        misnamed = {} if layouts else check_names(rows.series, mapping.max_series_bytes)
        faults = unusable | unbelievable | unreadable | misnamed
        return Points(rows.series, moments, doubles, text, owner, layouts), faults  # type: ignore[arg-type]  # a Fault is no str; _only drops those


def _short_way(mapping: CompiledMapping) -> Callable[[Sequence[Message]], Rows] | None:
    """A reader that is quicker than the mapping for records of this shape, and gives the same; None where there is none."""
    if mapping.keys is not None:
        return FlatReader(mapping, mapping.keys).read
    if mapping.metric is None:
        return None
    return LineReader(mapping).read if mapping.format == "influx" else MetricReader(mapping, *mapping.metric).read


def _merge(numbers: Points, others: Points) -> Points:
    """All of them, by their messages, of which each has its points on one side; the first side has no text."""
    message = np.concatenate([numbers.message, others.message])
    order = np.argsort(message, kind="stable")
    names, place = numbers.series + others.series, np.argsort(order)
    return Points(
        series=[names[index] for index in order.tolist()],
        timestamp_us=np.concatenate([numbers.timestamp_us, others.timestamp_us])[order],
        value=np.concatenate([numbers.value, others.value])[order],
        text={int(place[len(numbers) + index]): text for index, text in others.text.items()},
        message=message[order],
    )


def _only(points: Points, keep: npt.NDArray[np.bool_]) -> Points:
    """Those of the points that are to be kept."""
    place = np.cumsum(keep) - 1
    return Points(
        series=list(compress(points.series, keep.tolist())),
        timestamp_us=points.timestamp_us[keep],
        value=points.value[keep],
        text={int(place[index]): text for index, text in points.text.items() if keep[index]},
        message=points.message[keep],
    )


def _reject(
    messages: Sequence[Message], owner: npt.NDArray[np.int32], faults: Mapping[int, Fault], records: Mapping[int, Fault]
) -> list[Rejected]:
    """Each message with a fault once: with its only fault, or with its first and the number of its points that are bad."""
    bad: dict[int, list[int]] = {}
    for index in sorted(faults):
        bad.setdefault(int(owner[index]), []).append(index)
    reasons = dict(records)
    for number, indices in bad.items():
        first = faults[indices[0]]
        start, end = np.searchsorted(owner, [number, number + 1])
        place = f"point {indices[0] - start + 1} of {end - start} ({len(indices)} bad): " if end - start > 1 else ""
        reasons[number] = Fault(first.reason, place + first.detail)
    return [Rejected(messages[number], reasons[number].reason, escape(reasons[number].detail)) for number in sorted(reasons)]
