"""States on their way into the state topic, a portion with each commit, so that no commit waits for a large one."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from streamkl.model import Outgoing, Partition
from streamkl.transport import chunks
from streamkl.transport.bookmark import Saved
from streamkl.transport.clients import Parcel
from streamkl.transport.state_topic import key_prefix

PORTION_CHUNKS = 3  # 1.4 MB with each commit, or
COMMITS = 8  # as many as it takes to be done after so many commits


@dataclass(slots=True)
class Writing:
    """One state, cut; the first `sent` chunks are in the topic, the first of them at offset `first`."""

    partition: Partition
    next_offset: int
    slot: int
    chunks: Sequence[bytes]
    sent: int = 0
    first: int = 0
    at_once: bool = False

    @property
    def rest(self) -> int:
        """Chunks still to be sent."""
        return len(self.chunks) - self.sent

    def saved(self, state_partition: int, last: int) -> Saved:
        """Where it lies, once all of it is sent."""
        return Saved(self.next_offset, state_partition, self.first, last, len(self.chunks), self.slot)


def begin(group: str, partition: Partition, next_offset: int, state: bytes, live: Saved | None) -> Writing:
    """A state to be written beside the live one. A partition's first one goes out at once: its offset is worth nothing without."""
    slot = 0 if live is None else 1 - live.slot
    return Writing(partition, next_offset, slot, chunks.cut(group, partition, next_offset, state), at_once=live is None)


def portion(writings: Collection[Writing], *, everything: bool) -> list[tuple[Writing, int]]:
    """Which states send how many chunks with this commit, in the order in which they came."""
    waiting = sum(writing.rest for writing in writings if not writing.at_once)
    budget = max(PORTION_CHUNKS, -(-waiting // COMMITS))
    taken = []
    for writing in writings:
        count = writing.rest if everything or writing.at_once else min(writing.rest, budget)
        budget -= 0 if writing.at_once else count
        if count:
            taken.append((writing, count))
    return taken


def parcels(group: str, topic: str, writing: Writing, count: int, state_partition: int) -> Iterator[Parcel]:
    """The next `count` chunks as records."""
    prefix = key_prefix(group, writing.partition, writing.slot)
    for number in range(writing.sent, writing.sent + count):
        yield Parcel(Outgoing(topic, prefix + str(number).encode(), writing.chunks[number], ()), state_partition)
