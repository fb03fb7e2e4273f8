"""Our membership in the consumer group: one consumer, which partitions are ours, and commits that only the owner can make.

The source reads through the session and the outlet commits through it, so that both speak for the same member of the same generation.
An exactly-once outlet takes `membership(assignment)` from here and hands it to its transaction instead of calling `commit`.
"""

from collections.abc import Mapping, Sequence

from streamkl.adapters.kafka.cluster import Cluster
from streamkl.model import Partition
from streamkl.ports import Assignment


class KafkaSession:
    """A joined consumer group. Called from the loop's thread only."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        group_id: str,
        topics: Sequence[str],
        topic_pattern: str,
        excluded_topics: Sequence[str],
        session_timeout_seconds: float,
        group_instance_id: str | None = None,
    ) -> None:
        """Connects, and joins the group with the first poll. Raises ConfigError, SourceError.

        `topic_pattern`, where not empty, is used instead of `topics`: a regular expression that has to match a topic's whole name.
        `excluded_topics` are never read, whatever the pattern says (our own events and dead letters). `group_instance_id` makes us a
        static member: a restart within the session timeout takes the partitions back at once; it has to be unique in the group.
        """
        raise NotImplementedError

    def assignment(self) -> Assignment:
        """What is ours as of the last poll. O(1)."""
        raise NotImplementedError

    def check(self, assignment: Assignment) -> None:
        """Raises FencedError unless this assignment is still the current one. Asks nobody."""
        raise NotImplementedError

    def commit(self, assignment: Assignment, offsets: Mapping[Partition, int]) -> None:
        """Commit next offsets as the member that got this assignment. Raises FencedError, SinkError."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave the group. Idempotent."""
        raise NotImplementedError
