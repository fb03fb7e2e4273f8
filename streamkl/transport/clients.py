"""What a client library has to provide, in words of ours: a membership in the group, deliveries, transactions, and a reader of states."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from streamkl.errors import FencedError, SourceError
from streamkl.model import Outgoing, Partition
from streamkl.ports import Assignment
from streamkl.transport.tuning import UNSENT_BYTES


class Kept(NamedTuple):
    """A next offset as the group keeps it, with the metadata that were committed beside it."""

    offset: int
    metadata: str = ""


class Parcel(NamedTuple):
    """A record, and the partition it has to go to (None: where its key belongs)."""

    record: Outgoing
    partition: int | None = None


class Stored(NamedTuple):
    """A record of the state topic."""

    offset: int
    key: bytes
    value: bytes


class OutOfRangeError(SourceError):
    """A partition does not hold the offset that was to be read."""


class InstanceTakenError(FencedError):
    """Another process runs under our static membership; this one has to end."""


class Membership(Protocol):
    """Our place in the consumer group. The source reads through it and the outlet commits through it, as one member of one generation."""

    group_id: str

    def membership(self, assignment: Assignment) -> Any:
        """The membership that got this assignment, for a transaction. Asks nobody; FencedError once it is not the current one."""
        ...

    def confirm(self) -> None:
        """Ask the group whether we are still the member it knows. FencedError where we are not, SourceError where nobody answers."""
        ...

    def commit(self, assignment: Assignment, offsets: Mapping[Partition, int]) -> None:
        """Commit next offsets as the member that got this assignment. Raises FencedError, SinkError."""
        ...

    def dismiss(self, why: str) -> FencedError:
        """Another process has taken our static membership: every later poll refuses. What to raise now."""
        ...

    def kept(self, partitions: Collection[Partition]) -> Mapping[Partition, Kept]:
        """What the group has committed for these, as far as it has, once no transaction stands in the way. Raises SourceError."""
        ...

    def partitions_of(self, topic: str) -> int:
        """How many partitions a subscribed topic has, as of the last answer; 0 where it is unknown. Asks nobody."""
        ...


class Courier(Protocol):
    """Delivers without transactions."""

    def deliver(self, records: Sequence[Outgoing]) -> None:
        """Returns when every single record is acknowledged by all replicas. Raises SinkError; nothing is sent any more then."""
        ...

    def close(self) -> None:
        """Nothing more is sent. Idempotent."""
        ...


class Transactor(Protocol):
    """One transactional id: whoever opens the same one next fences us and ends what we left open. Called from one thread."""

    def open(self, permitted: Callable[[], None] | None = None) -> None:
        """Abort whatever this id left open. `permitted` is called first, and raises where we have no right to it. Raises SinkError."""
        ...

    def commit(self, parcels: Sequence[Parcel], offsets: Callable[[Sequence[int]], Mapping[Partition, Kept]], member: Any) -> None:
        """Records and group offsets in one transaction; when this returns, all of it is durable and visible.

        `offsets` is asked once all records have arrived, with the offsets they got. Raises FencedError where the group has moved on,
        InstanceTakenError, and SinkError, after which the outcome may be unknown: read the group's offsets again before going on.
        """
        ...

    def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has. Raises SinkError where the broker does not know it."""
        ...

    def close(self) -> None:
        """Nothing more is sent. Idempotent."""
        ...


class Settler(Protocol):
    """Brokers may forget to write the ending of a transaction where a partition has no leader at that moment; this writes it again."""

    def settle(self) -> None:
        """Fence whoever uses the id, and return once everything of it has ended wherever it wrote. Raises SinkError."""
        ...

    def settled(self) -> bool:
        """Whether the last commit is visible wherever it wrote. Where not, `settle`. Raises SinkError."""
        ...

    def committed(self, written: Mapping[Partition, int]) -> None:
        """A transaction has committed: the last offset that it wrote in each partition."""
        ...

    def failed(self) -> None:
        """Nobody knows how the last transaction ended, nor where it wrote."""
        ...

    def close(self) -> None:
        """Give the connections back. Idempotent."""
        ...


class StateReader(Protocol):
    """Reads what is committed, outside of the group."""

    def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has; 0 where it is unknown. Raises SourceError."""
        ...

    def read(self, where: Partition, first: int | None, last: int | None) -> Iterator[Sequence[Stored]]:
        """Records from offset `first` (None: the earliest) to `last` included (None: the present end), in batches that may be empty.

        An end that is not visible yet is waited for, with empty batches. Raises OutOfRangeError, SourceError.
        """
        ...

    def rest(self) -> None:
        """Give back what reading needs, until somebody reads again. Idempotent."""
        ...


def portions(parcels: Sequence[Parcel]) -> Iterator[Sequence[Parcel]]:
    """Cut so that no portion is much larger than UNSENT_BYTES. O(parcels).

    >>> [len(each) for each in portions([Parcel(Outgoing("t", None, b"x" * 5 * 2**20, ()))] * 5)]
    [2, 2, 1]
    """
    start = size = 0
    for index, parcel in enumerate(parcels):
        size += parcel.record.size
        if size >= UNSENT_BYTES:
            yield parcels[start : index + 1]
            start, size = index + 1, 0
    if start < len(parcels):
        yield parcels[start:]
