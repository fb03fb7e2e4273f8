"""Where the records of each series go now, as their keys tell; and whether keys tell it at all."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from streamkl.adapters.kafka import partition_of
from streamkl.engine.points import Points
from streamkl.errors import SourceError
from streamkl.model import Message

NO_KEY, SEVERAL, UNSEEN = "without a key", "with keys that now go to different partitions", "of which no record is held any more"
NOT_AGAIN = "choose another kafka.group_id to learn again from the input's history"
_KEYLESS, _MANY = -1, -2


@dataclass(slots=True)
class Evidence:
    """What the records of a topic's old partitions say.

    A record is *stale* where its key belongs elsewhere now: its producer did not know of the new partitions; `stale_ms` is the newest one's
    time. It is *foreign* where its key belonged elsewhere before.
    """

    topic: str
    before: int
    now: int
    stale_ms: int = -1
    _homes: dict[tuple[int, str], int] = field(default_factory=dict)
    _foreign: dict[int, int] = field(default_factory=dict)  # first of each partition
    _stale: dict[int, int] = field(default_factory=dict)  # last

    def hear(self, partition: int, messages: Sequence[Message], points: Points) -> None:
        """Records of one old partition, and their points. Raises SourceError where keys do not say where records go. O(records)."""
        homes = [self._home(partition, message) for message in messages]
        for series, index in zip(points.series, points.message.tolist(), strict=True):
            where, home = (partition, series), homes[index]
            known = self._homes.setdefault(where, home)
            if known != home:
                self._homes[where] = _KEYLESS if _KEYLESS in (known, home) else _MANY

    def _home(self, partition: int, message: Message) -> int:
        if message.key is None:
            return _KEYLESS
        home, former = partition_of(message.key, self.now), partition_of(message.key, self.before)
        if partition not in (home, former):
            raise SourceError(
                f"{self.topic}/{partition}: the record at offset {message.offset} does not lie where the default partitioner puts its key"
                f" (murmur2, {self.before} or {self.now} partitions), so that keys do not tell where series go: {NOT_AGAIN}"
            )
        if home != partition:
            self._stale[partition] = message.offset
            self.stale_ms = max(self.stale_ms, message.timestamp_ms)
        elif former != partition:
            self._foreign.setdefault(partition, message.offset)
        return home

    def cut(self, partition: int, end: int) -> int:
        """Up to where an old partition is to be read as it was: up to its first foreign record, unless stale ones come behind that."""
        foreign = self._foreign.get(partition, end)
        return foreign if self._stale.get(partition, -1) < foreign else end

    def home(self, partition: int, series: str) -> int:
        """Where a series of an old partition belongs; that partition itself where nothing tells."""
        known = self._homes.get((partition, series), _KEYLESS)
        return known if known >= 0 else partition

    def unknown(self, held: Sequence[tuple[int, str]]) -> Counter[str]:
        """Of how many of these series nothing is known, by reason."""
        reasons = {_KEYLESS: NO_KEY, _MANY: SEVERAL}
        found = (self._homes.get(each) for each in held)
        return Counter(UNSEEN if home is None else reasons[home] for home in found if home is None or home < 0)
