"""The at-least-once side of the Outlet port: results out, then states saved, then offsets moved."""

from collections.abc import Mapping

from streamkl.model import Partition
from streamkl.ports import StateStore, Step
from streamkl.transport.clients import Courier, Membership


class AtLeastOnceOutlet:
    """Commits through the membership that the source reads with; called from the same thread.

    A crash between two steps repeats records with the same ids, never loses one.
    """

    def __init__(self, session: Membership, courier: Courier, store: StateStore) -> None:
        self._session = session
        self._courier = courier
        self._store = store

    def commit(self, step: Step) -> Mapping[Partition, int]:
        """Returns when all of the step is durable, with the next offsets of its states; blocks up to about 30 s where the broker is away.

        Raises SinkError, FencedError, SnapshotError, and ValueError for a state whose next offset is not in `offsets`.
        """
        if not step.snapshots.keys() <= step.offsets.keys():
            raise ValueError("a snapshot without its next offset")
        self._session.membership(step.assignment)
        if step.outgoing:
            self._courier.deliver(step.outgoing)
            self._session.membership(step.assignment)  # sending may have taken long: do not save what another member has taken over
        for partition, state in step.snapshots.items():
            self._store.save(partition, step.offsets[partition], state)
        if step.offsets:
            self._session.commit(step.assignment, step.offsets)
        return {partition: step.offsets[partition] for partition in step.snapshots}

    def close(self) -> None:
        """Nothing more is sent. Idempotent."""
        self._courier.close()
