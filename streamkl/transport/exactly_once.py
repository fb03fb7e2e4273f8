"""The exactly-once side of the Outlet port: results, states and offsets in one transaction."""

from collections.abc import Mapping, Sequence
from functools import partial

from streamkl.errors import SinkError, SnapshotError, SourceError
from streamkl.model import Partition
from streamkl.ports import Step
from streamkl.transport import bookmark
from streamkl.transport.bookmark import Bookmark, Saved
from streamkl.transport.clients import InstanceTakenError, Kept, Membership, Parcel, Transactor
from streamkl.transport.state_topic import Mark, TopicStateStore
from streamkl.transport.state_writing import Writing, begin, parcels, portion

Portion = Sequence[tuple[Writing, int]]


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
        self._marks: dict[Partition, Mark] = {}
        self._writings: dict[Partition, Writing] = {}

    def commit(self, step: Step) -> None:
        """Returns when all of the step is durable and visible; blocks up to about a minute where the broker is away.

        Raises SinkError, FencedError, SnapshotError for a state that is older than the saved one, and ValueError for a state whose next
        offset is not in `offsets`.
        """
        if not step.snapshots.keys() <= step.offsets.keys():
            raise ValueError("a snapshot without its next offset")
        self._session.membership(step.assignment)
        if not step.outgoing and not step.offsets:
            return
        try:
            self._commit(step)
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

    def _commit(self, step: Step) -> None:
        if step.assignment.generation != self._generation:
            self._forget()
            self._generation = step.assignment.generation
        self._transactor.open(self._session.confirm)
        for partition in step.offsets:
            if partition not in self._marks:
                self._marks[partition] = self._store.mark(partition)
        self._begin_states(step)
        due = portion(self._writings.values(), everything=step.leaving) if step.offsets else []
        homes = {writing.partition: self._home(writing.partition) for writing, _ in due}
        sent = [Parcel(record) for record in step.outgoing]
        for writing, count in due:
            sent += parcels(self._session.group_id, self._topic, writing, count, homes[writing.partition])
        marks = dict(self._marks)
        settle = partial(self._settle, step, due, homes, marks)
        self._transactor.commit(sent, settle, self._session.membership(step.assignment))
        self._marks = marks
        self._writings = {partition: writing for partition, writing in self._writings.items() if writing.rest}

    def _begin_states(self, step: Step) -> None:
        """A state that is still being written is finished before a newer one begins, or none would ever be done."""
        for partition, state in step.snapshots.items():
            live, next_offset = self._live(partition), step.offsets[partition]
            if live is not None and next_offset < live.next_offset:
                name = f"{partition.topic}/{partition.partition}"
                raise SnapshotError(f"{name}: the state at offset {live.next_offset} is saved, refusing to go back to {next_offset}")
            if partition not in self._writings or step.leaving:
                self._writings[partition] = begin(self._session.group_id, partition, next_offset, state, live)

    def _settle(
        self, step: Step, due: Portion, homes: Mapping[Partition, int], marks: dict[Partition, Mark], delivered: Sequence[int]
    ) -> Mapping[Partition, Kept]:
        """All records have arrived: the next offsets, each with the bookmark of the state that belongs to it."""
        moved = dict(step.offsets)
        for partition, offset in moved.items():
            marks[partition] = Mark(offset, self._bookmark(partition, self._live(partition)))
        at = len(step.outgoing)
        for writing, count in due:
            if writing.sent == 0:
                writing.first = delivered[at]
            writing.sent += count
            at += count
            if not writing.rest:
                saved = writing.saved(homes[writing.partition], delivered[at - 1])
                committed = marks[writing.partition].offset
                marks[writing.partition] = Mark(committed, self._bookmark(writing.partition, saved))
                if committed is not None:
                    moved[writing.partition] = committed
        return {partition: _with_bookmark(offset, marks[partition].bookmark) for partition, offset in moved.items()}

    def _live(self, partition: Partition) -> Saved | None:
        found = self._marks[partition].bookmark
        return None if found is None else found.saved

    def _bookmark(self, partition: Partition, saved: Saved | None) -> Bookmark:
        return Bookmark(self._session.partitions_of(partition.topic), saved)

    def _home(self, partition: Partition) -> int:
        return partition.partition % self._transactor.partitions_of(self._topic)

    def _forget(self) -> None:
        self._marks.clear()
        self._writings.clear()


def _with_bookmark(offset: int, found: Bookmark | None) -> Kept:
    return Kept(offset, "" if found is None else bookmark.write(found))
