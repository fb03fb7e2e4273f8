"""Undecided points: what the mapping found in each record, before anything is judged."""

from dataclasses import dataclass, field

from streamkl.engine.faults import Fault, quote
from streamkl.engine.jsontext import parse
from streamkl.engine.mapping import Plan
from streamkl.engine.paths import Path
from streamkl.model import Message, Reason


@dataclass(slots=True)
class Rows:
    """Columns of equal length, one entry per point, and the records that gave none, by message index."""

    series: list[str | Fault] = field(default_factory=list)
    when: list[object] = field(default_factory=list)
    value: list[object] = field(default_factory=list)
    message: list[int] = field(default_factory=list)
    records: dict[int, Fault] = field(default_factory=dict)

    def add(self, message: int, series: str | Fault, when: object, value: object) -> None:
        """One more point."""
        self.series.append(series)
        self.when.append(when)
        self.value.append(value)
        self.message.append(message)

    def reject(self, message: int, fault: Fault, since: int) -> None:
        """The record as a whole: its points, all from row `since` on, are taken back."""
        for column in (self.series, self.when, self.value, self.message):
            del column[since:]
        self.records[message] = fault


def read_record(plan: Plan, limit: int, index: int, message: Message, rows: Rows) -> None:
    """Append the points of one message to `rows`, or its fault; never raises. About 2 µs a point."""
    record = parse(message.value)
    if isinstance(record, Fault):
        rows.records[index] = record
        return
    since = len(rows.series)
    points = _points(plan.points, record)
    fault = points if isinstance(points, Fault) else None
    if isinstance(points, list):
        for point in points:
            _read_point(plan, index, message, point, record, rows)
            if len(rows.series) - since > limit:
                fault = too_many(limit)
                break
    if fault is None and len(rows.series) == since:
        fault = Fault(Reason.MISSING_FIELD, "the record holds no point")
    if fault is not None:
        rows.reject(index, fault, since)


def too_many(limit: int) -> Fault:
    """The fault of a record with more than `limit` points."""
    return Fault(Reason.TOO_MANY_POINTS, f"the record holds more than {limit} points")


def _points(path: Path | None, record: object) -> list[object] | Fault:
    if path is None:
        return record if isinstance(record, list) else [record]
    found: list[object] = []
    for _, match in path.find_all(None, record) if path.absolute else path.find_all(record, record):
        if isinstance(match, list):
            found.extend(match)
        elif isinstance(match, dict):
            found.append(match)
        else:
            return Fault(Reason.WRONG_TYPE, f"`{path.text}` holds {quote(match)}, not points")
    return found or Fault(Reason.MISSING_FIELD, f"`{path.text}` holds no point")


def _read_point(plan: Plan, index: int, message: Message, point: object, record: object, rows: Rows) -> None:  # noqa: PLR0917
    if not isinstance(point, dict | list) and not plan.value.absolute:
        rows.add(index, Fault(Reason.WRONG_TYPE, f"the point is {quote(point)}, not an object"), None, None)
        return
    segments = plan.series.render(point, record, message)
    when = plan.timestamp.find(point, record) if plan.timestamp is not None else None
    if not plan.value.wildcard:
        values = [(plan.value.name, plan.value.find(point, record))]
    else:
        values = [match for match in plan.value.find_all(point, record) if isinstance(match[1], int | float)]
        if not values:
            rows.add(index, Fault(Reason.MISSING_FIELD, f"no number under `{plan.value.text}`"), when, None)
    for name, value in values:
        rows.add(index, segments if isinstance(segments, Fault) else name.join(segments), when, value)
