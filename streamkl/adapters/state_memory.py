"""State that lives as long as the process: enough to replay after a failed commit, nothing after a restart."""

from collections.abc import Collection, Sequence

from streamkl.model import Partition


class MemoryStateStore:
    """Keeps the last state of each partition in memory."""

    learn_again = "start the service again to learn again"

    def __init__(self) -> None:
        self._states: dict[Partition, bytes] = {}

    def soonest_first(self, partitions: Collection[Partition]) -> Sequence[Partition]:
        """By name: how far the group has got beyond a state is not kept here."""
        return sorted(partitions)

    def load(self, partition: Partition) -> bytes | None:
        """The state last saved by this process."""
        return self._states.get(partition)

    def rest(self) -> None:
        """Nothing is open between two calls."""

    def save(self, partition: Partition, next_offset: int, state: bytes) -> None:  # noqa: ARG002 - one process cannot overtake itself
        """Keep it in place of the one before."""
        self._states[partition] = state
