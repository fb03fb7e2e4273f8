"""The points of one call on their way through the engine: where each sits, what was told of it, what was refused."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from streamkl.engine.points import Points
from streamkl.engine.story import Place
from streamkl.model import Event, Message, Reason, Rejected

_OFFSET = itemgetter(Message._fields.index("offset"))  # twice as fast as the attribute


@dataclass(slots=True)
class Batch:
    """Columns of a call, one entry a point, beside what comes of them. `clock` is the partition's newest event time at each point."""

    points: Points
    messages: Sequence[Message]
    clock: NDArray[np.int64]
    values: NDArray[np.float64]  # those of the points, or the numbers of their categories
    offsets: NDArray[np.int64]
    seats: NDArray[np.int64]
    told: list[tuple[int, Event]] = field(default_factory=list)  # with the point that caused it
    refused: dict[int, str] = field(default_factory=dict)  # index of a message -> why one of its points was refused

    def place(self, i: int) -> Place:
        """Where point `i` stands."""
        index = int(self.points.message[i])
        first = int(np.searchsorted(self.points.message, index))
        message = self.messages[index]
        return Place(message.topic, message.partition, message.offset, i - first, int(self.points.timestamp_us[i]))

    def rejected(self, before: Sequence[Rejected]) -> list[Rejected]:
        """What was rejected before and what was refused here, in record order, a message at most once."""
        known = {one.message[:3] for one in before}
        refused = [Rejected(self.messages[index], Reason.NOT_A_NUMBER, why) for index, why in self.refused.items()]
        fresh = [one for one in refused if one.message[:3] not in known]
        return sorted([*before, *fresh], key=lambda one: one.message.offset) if fresh else list(before)


def batch_of(points: Points, messages: Sequence[Message], newest_us: int | None) -> Batch:
    """A batch nobody has looked at yet, after a partition whose newest event time is `newest_us`."""
    clock = np.maximum.accumulate(points.timestamp_us)
    if newest_us is not None:
        clock = np.maximum(clock, newest_us)
    offsets = offsets_of(messages)[points.message]
    return Batch(points, messages, clock, points.value.copy(), offsets, np.empty(len(points), np.int64))


def offsets_of(messages: Sequence[Message]) -> NDArray[np.int64]:
    """One a message."""
    return np.fromiter(map(_OFFSET, messages), np.int64, len(messages))
