"""The short way for metrics with several values, in JSON: one typed decoding per message, and names by layout. What it refuses, the
mapping reads."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from streamkl.engine.faults import Fault
from streamkl.engine.jsontext import MAX_DEPTH, parse, presentable
from streamkl.engine.layouts import Layout, Layouts
from streamkl.engine.mapping import BATCH, METRIC, CompiledMapping
from streamkl.engine.rows import Rows, read_each
from streamkl.model import Message

NO_NUMBER: Final = frozenset((str, type(None)))
_BATCH = f'{{"{BATCH}"'.encode()  # as Telegraf begins it; other spellings are read the long way
_joined = b"\0".join  # no JSON holds that byte
_MOST_BRACKETS = 8  # in a member that names points; those with more are read the long way, whatever they hold


class MetricReader:
    """Reads points whose values are all numbers of one member: alone, in an array, or in an array that is one member of the record.

    The members that name a point are not decoded: their bytes and the names of the values find the layout, which has the series' names.
    """

    def __init__(self, mapping: CompiledMapping, names: tuple[str, ...], values: str, when: str | None) -> None:
        self._mapping = mapping
        self._layouts = Layouts(mapping.series, mapping.max_series_bytes)
        self._closed = mapping.format != "json"  # no other members: then nothing is passed over unread
        if self._closed:
            names, when = METRIC[:2], METRIC[3]
        self._names = names
        self._members = _members(len(names))
        self._has_time = mapping.timestamp is not None
        self._decode = self._decoder(values, when)

    def _decoder(self, values: str, when: str | None) -> Callable[[bytes], list[Any]]:
        """Bytes -> metrics, none for what is to be read the long way. msgspec's errors pass."""
        rename = {f"name{number}": name for number, name in enumerate(self._names)} | {"fields": values}
        members: list[Any] = [(f"name{number}", msgspec.Raw, msgspec.Raw()) for number in range(len(self._names))]
        members.append(("fields", dict[str, float | str | bool | None]))
        if when is not None:
            rename["when"] = when
            members.append(("when", int | float | str | None, None))
        options: dict[str, Any] = {"gc": False, "forbid_unknown_fields": self._closed}
        metric: Any = msgspec.defstruct("Metric", members, rename=rename, kw_only=True, **options)
        either = msgspec.json.Decoder(metric | list[metric]).decode
        points = self._mapping.points.name if self._mapping.points is not None else ""
        batch: Any = msgspec.defstruct("Batch", [("points", list[metric])], rename={"points": points}, **options)
        many = msgspec.json.Decoder(batch).decode

        def decode(raw: bytes) -> list[Any]:
            batched = raw.startswith(_BATCH) if self._closed else points != ""
            found: Any = many(raw).points if batched else either(raw)
            return found if type(found) is list else [found]

        return decode

    def read(self, messages: Sequence[Message]) -> Rows:
        """The rows of a batch. About 0.1 µs a point where a metric has ten or more."""
        return read_each(self._mapping, messages, self._read)

    def _read(self, message: Message, rows: Rows) -> bool:
        """Whether the message's points have been added; if not, nothing has."""
        raw = message.value
        if not raw or not (self._closed or (len(raw) <= MAX_DEPTH and raw.isascii()) or presentable(raw)):
            return False
        try:
            metrics = self._decode(raw)
        except (ValueError, RecursionError):
            return False
        points, layouts = len(rows.series), len(rows.layouts)
        series, when, value, laid = rows.series, rows.when, rows.value, rows.layouts
        find, members, has_time = self._layouts.get, self._members, self._has_time
        for metric in metrics:
            fields = metric.fields
            if not NO_NUMBER.isdisjoint(map(type, fields.values())):
                fields = {name: value for name, value in fields.items() if type(value) not in NO_NUMBER}
            key = (_joined(members(metric)), *fields)
            layout = find(key) or self._learn(key, metric, fields, message)
            if layout is None:
                break
            names = layout.names  # what `rows.lay` does, without a call for each metric
            series += names
            when += [metric.when if has_time else None] * len(names)
            value += fields.values()
            laid.append(layout)
        else:
            count = len(rows.series) - points
            if 0 < count <= self._mapping.max_points_per_record:
                rows.close(count)
                return True
        rows.take_back(points, layouts)
        return False

    def _learn(self, key: tuple[Any, ...], metric: Any, fields: dict[str, Any], message: Message) -> Layout | None:
        point = {}
        for name, raw in zip(self._names, map(bytes, self._members(metric)), strict=True):
            if not raw:
                continue  # the member is absent
            if raw.count(b"{") + raw.count(b"[") > _MOST_BRACKETS:
                return None
            point[name] = parse(raw)
            if isinstance(point[name], Fault):
                return None
        return self._layouts.learn(key, point, fields, message) if fields else None


def _members(count: int) -> Callable[[Any], tuple[msgspec.Raw, ...]]:
    """The first so many members of a metric."""
    if count == 0:
        return lambda _metric: ()
    return attrgetter(*(f"name{number}" for number in range(count))) if count > 1 else lambda metric: (metric.name0,)
