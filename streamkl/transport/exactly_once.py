"""The exactly-once side of the Outlet port: results, states and offsets in one transaction."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from streamkl.errors import SinkError, SnapshotError, SourceError
from streamkl.model import Partition
from streamkl.ports import Step
from streamkl.transport import bookmark
from streamkl.transport.bookmark import Bookmark
from streamkl.transport.clients import InstanceTakenError, Kept, Membership, Parcel, Transactor
from streamkl.transport.state_topic import TopicStateStore
from streamkl.transport.state_writing import Writing, begin, parcels, portion

Portion = Sequence[tuple[Writing, int]]


class _Live(NamedTuple):
    """What the group has committed for a partition, and the state that a restart would begin with."""

    offset: int | None
    bookmark: Bookmark


class ExactlyOnceOutlet:
    """Commits as the member that the source reads as; called from the same thread.

    Whoever reads its topics with `read_committed` sees each result once, whatever dies and when. Large states are spread over several
    commits; until the last part is written, the state before is the one that a restart begins with. After any failure everything known
    about the broker is forgotten and asked again.
    """

    def __init__(self, session: Membership, transactor: Transactor, store: TopicStateStore, state_topic: str) -> None:
        self._session = session
        self._transactor = transactor
        self._store = store
        self._topic = state_topic
        self._generation = 0
        self._live: dict[Partition, _Live] = {}
        self._writings: dict[Partition, Writing] = {}

    def commit(self, step: Step) -> Mapping[Partition, int]:
        """Returns when all of the step is durable and visible, with the next offsets of the states whose last part was in it; blocks up to
        about a minute where the broker is away.

        Raises SinkError, FencedError, SnapshotError for a state that is older than the saved one, and ValueError for a state whose next
        offset is not in `offsets`.
        """
        if not step.snapshots.keys() <= step.offsets.keys():
            raise ValueError("a snapshot without its next offset")
        self._session.membership(step.assignment)
        if not step.outgoing and not step.offsets:
            return {}
        try:
            return self._commit(step)
        except InstanceTakenError as error:
            self._forget()
            raise self._session.dismiss(str(error)) from error
        except SourceError as error:
            self._forget()
            raise SinkError(str(error), transient=error.transient) from error
        except BaseException:
            self._forget()
            raise

    def close(self) -> None:
        """Nothing more is sent. Idempotent."""
        self._forget()
        self._store.rest()
        self._transactor.close()

    def _commit(self, step: Step) -> Mapping[Partition, int]:
        if step.assignment.generation != self._generation:
            self._forget()
            self._generation = step.assignment.generation
        self._transactor.open(self._session.confirm)
        for partition in step.offsets:
            if partition not in self._live:
                mark = self._store.mark(partition)
                self._live[partition] = _Live(mark.offset, mark.bookmark or Bookmark(0))
        live = {partition: self._checked(partition, each) for partition, each in self._live.items()}
        self._begin_states(step, live)
        due = portion(self._writings.values(), everything=step.leaving) if step.offsets else []
        homes = {writing.partition: self._home(writing.partition) for writing, _ in due}
        sent = [Parcel(record) for record in step.outgoing]
        for writing, count in due:
            sent += parcels(self._session.group_id, self._topic, writing, count, homes[writing.partition])
        settle = partial(self._settle, step, due, homes, live)
        self._transactor.commit(sent, settle, self._session.membership(step.assignment))
        self._live = live
        self._writings = {partition: writing for partition, writing in self._writings.items() if writing.rest}
        return {writing.partition: writing.next_offset for writing, _ in due if not writing.rest}

    def _checked(self, partition: Partition, live: _Live) -> _Live:
        """With the number of partitions that the state is of. Looked at with every commit, as the topic may get more at any time."""
        return live._replace(bookmark=replace(live.bookmark, partitions=self._store.learned_of(partition.topic, live.bookmark)))

    def _begin_states(self, step: Step, live: Mapping[Partition, _Live]) -> None:
        """A state that is still being written is finished before a newer one begins, or none would ever be done."""
        for partition, state in step.snapshots.items():
            known, next_offset = live[partition].bookmark, step.offsets[partition]
            if not known.partitions:
                raise SinkError(f"topic {partition.topic}: how many partitions it has is not known yet", transient=True)
            saved = known.saved
            if saved is not None and next_offset < saved.next_offset:
                name = f"{partition.topic}/{partition.partition}"
                raise SnapshotError(f"{name}: the state at offset {saved.next_offset} is saved, refusing to go back to {next_offset}")
            if partition not in self._writings or step.leaving:
                self._writings[partition] = begin(self._session.group_id, partition, next_offset, state, saved)

    def _settle(
        self, step: Step, due: Portion, homes: Mapping[Partition, int], live: dict[Partition, _Live], delivered: Sequence[int]
    ) -> Mapping[Partition, Kept]:
        """All records have arrived: the next offsets, each with the bookmark of the state that belongs to it."""
        moved = dict(step.offsets)
        for partition, offset in moved.items():
            live[partition] = live[partition]._replace(offset=offset)
        at = len(step.outgoing)
        for writing, count in due:
            if writing.sent == 0:
                writing.first = delivered[at]
            writing.sent += count
            at += count
            if not writing.rest:
                saved = writing.saved(homes[writing.partition], delivered[at - 1])
                committed, before = live[writing.partition]
                live[writing.partition] = _Live(committed, replace(before, saved=saved))
                if committed is not None:
                    moved[writing.partition] = committed
        return {partition: Kept(offset, bookmark.write(live[partition].bookmark)) for partition, offset in moved.items()}

    def _home(self, partition: Partition) -> int:
        return partition.partition % self._transactor.partitions_of(self._topic)

    def _forget(self) -> None:
        self._live.clear()
        self._writings.clear()
