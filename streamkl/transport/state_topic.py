"""State in a compacted topic: found by the bookmark that the group's committed offset carries, and read back from there.

A state is valid because the offset that points to it was committed in the same transaction; what lies in the topic otherwise means nothing.
"""

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from streamkl.errors import SnapshotError, SourceError
from streamkl.model import Partition
from streamkl.transport import bookmark, chunks
from streamkl.transport.bookmark import Bookmark, Saved
from streamkl.transport.clients import Kept, Membership, OutOfRangeError, StateReader, Stored, Transactor
from streamkl.transport.tuning import TRANSACTION_TIMEOUT_MS

READ_SECONDS = TRANSACTION_TIMEOUT_MS / 1000 + 10  # another member's open transaction hides what lies behind it for so long at most
ASK_AGAIN_TIMES, ASK_AGAIN_SECONDS = 5, 0.2  # where the group has no offset although there is a state
NOT_AGAIN = "choose another kafka.group_id to learn again from the input's history"

_log = logging.getLogger(__name__)


class Mark(NamedTuple):
    """What the group has committed for a partition; `bookmark` is None where there is no offset, or somebody else's."""

    offset: int | None
    bookmark: Bookmark | None


class TopicStateStore:
    """The state of the partitions that are ours, as of the last transaction. Only an `ExactlyOnceOutlet` writes it."""

    learn_again = f"move the group's offset (kafka-consumer-groups --reset-offsets), which leaves the state behind, or {NOT_AGAIN}"

    def __init__(self, session: Membership, transactor: Transactor, reader: StateReader, topic: str, *, any_count: bool = False) -> None:
        """`any_count`: states of another number of input partitions are given out too."""
        self._any_count = any_count
        self._counts: dict[str, int] = {}  # of partitions, when ours were dealt out
        self._session = session
        self._transactor = transactor
        self._reader = reader
        self._topic = topic

    def rest(self) -> None:
        """Close what reading needs; the next reading opens it again. Idempotent."""
        self._reader.rest()

    def soonest_first(self, partitions: Collection[Partition]) -> Sequence[Partition]:
        """Those first whose state is the least behind the group's offset: what lies between is read again before they commit.

        Aborts first what an earlier process of ours left open; one or two questions for all of them. Raises as `load` does.
        """
        if not partitions:
            return []
        self._transactor.open(self._session.confirm)
        kept = self._session.kept(partitions)
        for topic in sorted({partition.topic for partition in partitions}):
            self._expect_same_count(topic, {partition for partition in partitions if partition.topic == topic}, kept)
        return sorted(sorted(partitions), key=lambda partition: _behind(kept.get(partition)))

    def load(self, partition: Partition) -> bytes | None:
        """The state that belongs to the committed offset; None for a new group, or where a tool has moved the offset.

        Aborts first what an earlier process of ours left open. Takes the reading of the state, and 0.1 s where it is the first since
        `rest`. Raises SnapshotError where the state is damaged, lost or of another number of partitions; SourceError and SinkError where
        the broker is away.
        """
        self._transactor.open(self._session.confirm)
        mark = self.mark(partition)
        if mark.offset is None:
            self._expect_nothing(partition)
        elif mark.bookmark is None:
            _log.warning("%s/%d: offset %d was committed without a state; learning again from there", *partition, mark.offset)
        if mark.bookmark is None or mark.bookmark.saved is None:
            return None
        return self._read(partition, mark.bookmark.saved)

    def mark(self, partition: Partition) -> Mark:
        """What is committed, once no transaction stands in the way. Raises SnapshotError, SourceError."""
        kept = self._session.kept([partition]).get(partition)
        if kept is None:
            return Mark(None, None)
        found = bookmark.read(kept.metadata)
        self.learned_of(partition.topic, found)
        return Mark(kept.offset, found)

    def learned_of(self, topic: str, found: Bookmark | None, least: int = 0) -> int:
        """How many partitions the topic had for what goes on from this bookmark: as many as it has, 0 where that is unknown.

        `least`: there are at least so many. Raises SnapshotError where there is a state, and the topic has another number now; SourceError
        where there is none, and partitions have been added since ours were dealt out.
        """
        known = self._session.partitions_of(topic)
        if self._any_count:
            return known
        if found is None or found.saved is None or not found.partitions:
            if known and (self._counts.get(topic) or known) != known:
                raise SourceError(f"topic {topic} has {known} partitions now", transient=True)
            return known
        if found.partitions < least or (known and found.partitions != known):
            raise SnapshotError(
                f"topic {topic} had {found.partitions} partitions when its state was saved and has {max(known, least)} now, so that series"
                f" lie elsewhere: `streamkl reshard` moves what they have learned, or {NOT_AGAIN}"
            )
        return found.partitions

    def _expect_same_count(self, topic: str, ours: Collection[Partition], kept: Mapping[Partition, Kept]) -> None:
        """Partitions without an offset may have been added: then states of the others, whoever has them, are of fewer partitions."""
        least = 1 + max(partition.partition for partition in ours)
        self._counts[topic] = self._session.partitions_of(topic)
        count = max(self._counts[topic], least)
        known = {partition: kept[partition] for partition in ours if partition in kept}
        others = {Partition(topic, number) for number in range(count)}.difference(ours)
        if others and len(known) < len(ours):
            known |= self._session.kept(others)
        for each in known.values():
            self.learned_of(topic, bookmark.read(each.metadata), least)

    def _expect_nothing(self, partition: Partition) -> None:
        """A group that has never committed has no state; one whose offsets were forgotten must not silently begin anew."""
        count = self._reader.partitions_of(self._topic)
        where = Partition(self._topic, partition.partition % max(1, count))
        prefix = key_prefix(self._session.group_id, partition)
        batches = self._records(partition, where, None, None) if count else iter(())
        if not any(record.key.startswith(prefix) for batch in batches for record in batch):
            return
        for _ in range(ASK_AGAIN_TIMES):
            time.sleep(ASK_AGAIN_SECONDS)
            if self.mark(partition).offset is not None:
                raise SourceError(f"{partition.topic}/{partition.partition}: the group's offset has only now appeared", transient=True)
        raise SnapshotError(
            f"{partition.topic}/{partition.partition}: there is a state in {self._topic}, but group {self._session.group_id} has no offset"
            f" (expired or deleted): {NOT_AGAIN}"
        )

    def _read(self, partition: Partition, saved: Saved) -> bytes:
        prefix = key_prefix(self._session.group_id, partition, saved.slot)
        found: list[tuple[chunks.Header, bytes]] = []
        deadline = time.monotonic() + READ_SECONDS
        for batch in self._records(partition, Partition(self._topic, saved.partition), saved.first, saved.last):
            found += [chunks.read(record.value) for record in batch if record.key.startswith(prefix)]
            if not batch and time.monotonic() > deadline:
                raise SourceError(f"topic {self._topic}: offset {saved.last} cannot be read yet", transient=True)
        mine = (self._session.group_id, *partition, saved.next_offset, saved.chunks)
        ours = [(header, body) for header, body in found if (*_names(header), header.next_offset, header.count) == mine]
        try:
            return chunks.join(ours)
        except SnapshotError as error:
            place = f"topic {self._topic}, partition {saved.partition}, offsets {saved.first} to {saved.last}"
            raise SnapshotError(f"{place}: {error}; {NOT_AGAIN}") from error

    def _records(self, partition: Partition, where: Partition, first: int | None, last: int | None) -> Iterator[Sequence[Stored]]:
        try:
            yield from self._reader.read(where, first, last)
        except OutOfRangeError as error:
            raise SnapshotError(f"{partition.topic}/{partition.partition}: its state is no longer in {self._topic}: {NOT_AGAIN}") from error
        except SourceError as error:
            raise SourceError(f"{partition.topic}/{partition.partition}: {error}", transient=error.transient) from error


def _behind(kept: Kept | None) -> int:
    """Records between the state and the group's offset."""
    if kept is None:
        return 0
    found = bookmark.read(kept.metadata)
    return 0 if found is None or found.saved is None else kept.offset - found.saved.next_offset


def key_prefix(group: str, partition: Partition, slot: int | None = None) -> bytes:
    """What the keys of a partition's chunks begin with. States alternate between two slots, so that writing one never touches the other."""
    return f"{group}/{partition.topic}/{partition.partition}/{'' if slot is None else f'{slot}/'}".encode()


def _names(header: chunks.Header) -> tuple[str, str, int]:
    return header.group, header.topic, header.partition
