"""What the loop asks of the outside world: Source, Outlet, StateStore, Clock, Observer. No implementation lives here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streamkl.model import Message, Outgoing, Partition


@dataclass(frozen=True, slots=True)
class Assignment:
    """The partitions that are ours. `generation` rises with every change, so that a stale commit is recognised."""

    generation: int
    partitions: frozenset[Partition]


@dataclass(frozen=True, slots=True)
class Step:
    """Everything one commit makes true together: events and dead letters out, states saved, offsets moved.

    `offsets` are the next offsets to read. `snapshots` may be empty (not every commit saves state). An exactly-once outlet puts all of it
    into one transaction; an at-least-once outlet does it in the order of these fields. An outlet may spread a large state over later
    commits, as long as the state before stays usable until then; `leaving` says that there will be none, so that nothing is put off.
    """

    assignment: Assignment
    outgoing: Sequence[Outgoing] = ()
    snapshots: Mapping[Partition, bytes] = field(default_factory=dict)
    offsets: Mapping[Partition, int] = field(default_factory=dict)
    leaving: bool = False


class Source(Protocol):
    """Where records come from.

    Called from the loop's thread only. Rebalances show as a changed `assignment()` after a `poll`, never as a callback into the loop.
    Non-goals: decoding, committing, deciding where to start (the loop seeks).
    """

    def poll(self, timeout_seconds: float) -> Mapping[Partition, Sequence[Message]]:
        """Messages per partition in offset order; may be empty. Raises SourceError where waiting cannot help."""
        ...

    def assignment(self) -> Assignment:
        """What is ours as of the last `poll`. O(1)."""
        ...

    def committed(self, partition: Partition) -> int | None:
        """The group's committed next offset, or None for a new group. May block on the broker."""
        ...

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """(first offset still held, next offset to be written). May block on the broker."""
        ...

    def park(self, partition: Partition) -> None:
        """Deliver nothing of it until it is sought."""
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from here at the next `poll`. What is newly ours is parked until then."""
        ...

    def lag(self) -> Mapping[Partition, int]:
        """Records behind the newest, as far as known without asking the broker. O(partitions)."""
        ...

    def close(self) -> None:
        """Leave the group. Idempotent."""
        ...


class Outlet(Protocol):
    """Where results go. `commit` returns when everything in the step is durable, or raises; there is no halfway."""

    def commit(self, step: Step) -> Mapping[Partition, int]:
        """The next offsets of the states that are complete since this commit; those of an outlet that takes its time are older than the
        step's. Raises SinkError (nothing acknowledged: restore and replay) or FencedError (the partitions moved on).
        """
        ...

    def close(self) -> None:
        """Give the connection back; nothing more is sent. Idempotent."""
        ...


class States(Protocol):
    """Where a partition's packed state comes back from. Non-goals: knowing what is in it."""

    learn_again: str  # what an operator does so that a partition begins without its state

    def soonest_first(self, partitions: Collection[Partition]) -> Sequence[Partition]:
        """In the order in which they are best loaded: those first that have the fewest records to read again, where that is known."""
        ...

    def load(self, partition: Partition) -> bytes | None:
        """The state last saved, or None. Raises SnapshotError where it is damaged."""
        ...

    def rest(self) -> None:
        """All that is ours has been loaded: give back what loading needs. Idempotent."""
        ...


class StateStore(States, Protocol):
    """Where a partition's packed state is kept by itself, beside offsets and results."""

    def save(self, partition: Partition, next_offset: int, state: bytes) -> None:
        """Atomic; refuses (SnapshotError) to replace a state by one with a smaller next offset."""
        ...


class Clock(Protocol):
    """Monotonic seconds for commit intervals and rates; never for verdicts."""

    def now(self) -> float:
        """Seconds since an arbitrary moment; never falls."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait before trying again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The figures of a running service. Totals count since the process began and never fall; the rest is as of now."""

    records: int  # total
    points: int  # total
    judged: int  # total: points with a verdict (not learning, not late, not silenced)
    late: int  # total: points dropped as older than the grace period
    silenced: int  # total: points passed over because of a silence
    replayed: int  # total: records dropped because the state already held them
    shed: int  # total: points of series beyond `max_series`
    evicted: int  # total: series forgotten after silence
    unlettered: int  # total: rejected records that a limit kept from the dead letters
    untold: int  # total: episodes that a limit kept from being told of
    rejected: Mapping[str, int]  # total by reason
    events: Mapping[str, int]  # total by type, durable
    fenced: int  # total: commits refused because the partitions had moved on
    sink_failures: int  # total: commits that failed and were replayed
    records_per_second: float
    points_per_second: float
    partitions: int
    restoring: int  # partitions among them whose state is not back yet
    lag: Mapping[Partition, int]  # records behind the newest
    series: int
    learning: int
    open_episodes: int  # of any kind
    absent: int  # series among them that send no data
    learned_points: int  # progress of the learning series that has furthest to go; 0 of 0 when none learns
    wanted_points: int
    ready_seconds: float | None  # until it is ready at the present rate; None: unknown
    newest_us: int | None  # event time of the newest point, microseconds since 1970


class Observer(Protocol):
    """Who watches the loop. Called on the loop's thread; returns at once and never raises."""

    def observe(self, status: Status) -> None:
        """About once a second while the loop turns."""
        ...

    def committed(self, seconds: float) -> None:
        """Everything up to now is durable; the commit took so long. Idle times see a commit every few seconds too."""
        ...
