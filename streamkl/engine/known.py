"""The quickest way for records that are alike but for their numbers: no object for a point. What it does not know, the other ways read."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt

from streamkl.core.numerals import WHOLE
from streamkl.engine.iso8601 import Microseconds
from streamkl.engine.layouts import Layout
from streamkl.engine.mapping import CompiledMapping, InputMapping
from streamkl.engine.naming import check_names
from streamkl.engine.pieces import length_of
from streamkl.engine.points import Points
from streamkl.engine.rows import Rows
from streamkl.engine.skeleton import PLACE, WHOLE_PLACE, Scanned, match, scan
from streamkl.engine.timestamps import from_doubles, from_wholes
from streamkl.model import Message

LEAST_BYTES: Final = 256  # of flat records, on the average: shorter ones gain nothing
MOST_BYTES: Final = 64_000_000  # of all that is known, roughly
MOST_MET: Final = 50_000  # skeletons that have come once
LONGEST_REST: Final = 16  # batches that are not looked at while nothing is known of them
_OBJECT_BYTES: Final = 100
_FIRST: Final = 1_000_000  # of the numbers that stand for places
_PLACE: Final = re.compile(b"[%c%c]" % (PLACE, WHOLE_PLACE))


@dataclass(slots=True, eq=False)
class Known:
    """What a skeleton becomes: the names, and which of its numbers are the values and the times."""

    skeleton: bytes
    layout: Layout  # its names
    values: bytes  # as are times: eight each, so that those of many records are soon put together
    times: bytes  # one a name, or none
    numbers: int
    follower: "Known | None" = None  # what came behind it last: senders take turns


NOTHING: Final = Known(b"", Layout([]), b"", b"", -1)  # no record has so many numbers


class KnownRecords:
    """Batches of records whose skeletons have come before. `read` is the reader of everything that fits the mapping.

    A skeleton is learned by reading it with other numbers in the places of its own: where they come out is what its numbers are.
    """

    def __init__(self, mapping: InputMapping, compiled: CompiledMapping, read: Callable[[Sequence[Message]], Rows]) -> None:
        self._read = read
        self._lines = mapping.format == "influx"
        self._flat = compiled.keys is not None
        self._unit = mapping.time_unit
        self._has_time = compiled.timestamp is not None
        self._max_series_bytes = mapping.max_series_bytes
        self._known: dict[bytes, Known] = {}
        self._newest: dict[tuple[str, int], Known] = {}  # by topic and partition
        self._bytes = 0
        self._met: set[int] = set()
        self._rest = self._resting = 0

    def points(self, messages: Sequence[Message], kafka_us: Microseconds) -> Points | None:
        """The points of those records that are known, where they are half of the batch or more; `kafka_us` are the Kafka timestamps of
        the messages. Neither values nor times are looked at."""
        if self._resting:
            self._resting -= 1
            return None
        if not messages or (self._flat and length_of(messages) < LEAST_BYTES):
            return None
        values = [message.value or b"" for message in messages]
        place = (messages[0].topic, messages[0].partition)
        found = self._expected(place, len(messages))
        scanned = match(values, [known.skeleton for known in found]) if found else None
        if scanned is None:
            scanned = scan(values, self._lines)
            found = self._found(scanned, messages)
            enough = 2 * found.count(NOTHING) <= len(found)
            self._rest = 0 if enough else min(2 * self._rest + 1, LONGEST_REST)
            self._resting = self._rest
            if not enough:
                return None
        if place in self._newest and found[0] is not NOTHING:
            self._newest[place].follower = found[0]
        if found[-1] is not NOTHING:
            self._newest[place] = found[-1]
        return self._columns(found, scanned, kafka_us)

    def _expected(self, place: tuple[str, int], records: int) -> list[Known]:
        """So many as follow what came last there; nothing where that is not known."""
        expected: list[Known] = []
        add, known = expected.append, self._newest.get(place)
        for _ in range(records):
            known = known.follower if known is not None else None
            if known is None:
                return []
            add(known)
        return expected

    def _found(self, scanned: Scanned, messages: Sequence[Message]) -> list[Known]:
        """What is known of each record."""
        found: list[Known] = []
        before = NOTHING
        for index, skeleton in enumerate(scanned.skeletons()):
            known = self._known.get(skeleton)
            if known is None:
                known = self._meet(skeleton, messages[index]) if skeleton else NOTHING
            if known.numbers != scanned.counts[index]:
                known = NOTHING
            if before is not NOTHING and known is not NOTHING:
                before.follower = known
            found.append(known)
            before = known
        return found

    def _columns(self, found: list[Known], scanned: Scanned, kafka_us: Microseconds) -> Points:
        layouts = [known.layout for known in found]
        names = list(chain.from_iterable([layout.names for layout in layouts]))
        owner = np.repeat(np.arange(len(found), dtype=np.int32), [len(layout.names) for layout in layouts])
        before = (np.cumsum(scanned.counts) - scanned.counts)[owner]
        value = scanned.doubles[_put_together([known.values for known in found]) + before] + 0.0
        moments = kafka_us[owner]
        if self._has_time:
            at = _put_together([known.times for known in found]) + before
            whole = scanned.kinds[at] == WHOLE
            if whole.all():
                moments = from_wholes(scanned.wholes[at], self._unit)
            else:
                moments = from_doubles(scanned.doubles[at], self._unit)
                if whole.any():
                    moments[whole] = from_wholes(scanned.wholes[at[whole]], self._unit)
        return Points(names, moments, value, {}, owner, layouts)

    def _meet(self, skeleton: bytes, message: Message) -> Known:
        """Learn what comes for the second time, so that what never comes again costs little."""
        mark = hash(skeleton)
        if mark not in self._met:
            if len(self._met) >= MOST_MET:
                self._met.clear()
            self._met.add(mark)
            return NOTHING
        known = self._learned(skeleton, message)
        self._bytes += len(skeleton) + _OBJECT_BYTES + sum(_OBJECT_BYTES + len(name) for name in known.layout.names)
        if self._bytes > MOST_BYTES:
            self._known.clear()
            self._bytes = 0
        self._known[skeleton] = known
        return known

    def _learned(self, skeleton: bytes, message: Message) -> Known:
        """Nothing where a point's value or time is no number, or a name has one in it."""
        first, *rest = _PLACE.split(skeleton)
        probe = first + b"".join(b"%d%b" % (_FIRST + place, piece) for place, piece in enumerate(rest))
        own, probed = self._read([message]), self._read([message._replace(value=probe)])
        if not own.series or own.records or own.series != probed.series or check_names(own.series, self._max_series_bytes):
            return NOTHING
        values, times = _places(probed.value, len(rest)), _places(probed.when, len(rest)) if self._has_time else []
        if values is None or times is None:
            return NOTHING
        names: list[str] = own.series  # type: ignore[assignment]  # a Fault is a name that cannot be used
        return Known(skeleton, Layout(names), np.array(values, np.int64).tobytes(), np.array(times, np.int64).tobytes(), len(rest))


def _put_together(places: list[bytes]) -> npt.NDArray[np.int64]:
    return np.frombuffer(b"".join(places), np.int64)


def _places(column: list[object], numbers: int) -> list[int] | None:
    """Which of the numbers each entry is; None where one is none of them."""
    places = [entry - _FIRST if type(entry) in (int, float) else -1 for entry in column]  # type: ignore[operator]
    return [int(place) for place in places] if all(0 <= place < numbers and place == int(place) for place in places) else None
