"""Our membership in the consumer group: one consumer, which partitions are ours, and commits that only their owner can make.

The source reads through the session and the outlet commits through it, so that both speak for the same member of the same generation.
An exactly-once outlet takes `membership(assignment)` from here into its transaction instead of calling `commit`.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka import errors as kafka_errors
from kafka.structs import ConsumerGroupMetadata, MemberState

from streamkl.adapters.kafka.client import open_client
from streamkl.adapters.kafka.internals import (
    ask_again,
    ask_for_membership,
    committed_offsets,
    forbidden_topics,
    keep_finished_joins,
    partition_count,
    rescue_lost_join,
    unknown_topics,
)
from streamkl.adapters.kafka.records import deliver_messages
from streamkl.adapters.kafka.words import in_words, may_pass
from streamkl.errors import FencedError, SinkError, SourceError
from streamkl.model import Message, Partition
from streamkl.ports import Assignment
from streamkl.transport import tuning
from streamkl.transport.clients import Kept
from streamkl.transport.cluster import Cluster
from streamkl.transport.subscription import subscription

CLOSE_TIMEOUT_MS = 5_000  # to leave the group; it notices by itself after the session timeout

_FENCED = (
    kafka_errors.CommitFailedError,
    kafka_errors.RebalanceInProgressError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.UnknownMemberIdError,
)


class KafkaSession:
    """A member of a consumer group. Called from the loop's thread only."""

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
        """Connects; joins the group with the first poll. Raises ConfigError, SourceError.

        `topic_pattern`, where not empty, is used instead of `topics`: a regular expression that has to match a topic's whole name.
        `excluded_topics` are never read, whatever the pattern says (our own events and dead letters). `group_instance_id` makes us a
        static member: a restart within the session timeout takes the partitions back at once; it has to be unique in the group.
        """
        wanted = subscription(topics, topic_pattern, excluded_topics)
        self.cluster = cluster
        self.group_id = group_id
        self.consumer = open_client(
            KafkaConsumer,
            cluster,
            SourceError,
            group_id=group_id,
            group_instance_id=group_instance_id,
            enable_auto_commit=False,
            isolation_level="read_committed",  # also what makes committed offsets wait for pending transactions
            auto_offset_reset="none",  # never jump: the loop decides where to read, and lost records are an error
            check_crcs=True,
            max_poll_records=tuning.MAX_POLL_RECORDS,
            max_partition_fetch_bytes=tuning.MAX_PARTITION_FETCH_BYTES,
            fetch_max_bytes=tuning.FETCH_MAX_BYTES,
            fetch_max_wait_ms=tuning.FETCH_MAX_WAIT_MS,
            metadata_max_age_ms=tuning.METADATA_MAX_AGE_MS,
            max_poll_interval_ms=tuning.MAX_POLL_INTERVAL_MS,
            session_timeout_ms=round(session_timeout_seconds * 1000),
            heartbeat_interval_ms=min(tuning.HEARTBEAT_MS, round(session_timeout_seconds * 1000 / 3)),
            metrics_enabled=False,
        )
        keep_finished_joins(self.consumer)
        deliver_messages(self.consumer)
        self._changes = _Changes(self.consumer)
        self._assignment = Assignment(0, frozenset())
        self._pinned: tuple[int, str] | None = None
        self._topics = [] if topic_pattern else list(topics)
        self._complete_at = self._asked_at = time.monotonic()
        self._dismissed: SourceError | None = None
        self.consumer.subscribe(listener=self._changes, **wanted)

    def poll(self, timeout_seconds: float) -> Mapping[TopicPartition, Sequence[Message]]:
        """Messages of partitions that were sought since they became ours. Raises the library's errors, and SourceError."""
        if self._dismissed is not None:
            raise self._dismissed
        self._check_topics()
        try:
            records: Mapping[TopicPartition, Sequence[Message]] = self.consumer.poll(timeout_ms=max(0, round(timeout_seconds * 1000)))
        finally:
            rescue_lost_join(self.consumer)
            self._adopt()
        return records

    def _check_topics(self) -> None:
        forbidden = forbidden_topics(self.consumer)
        if forbidden:
            raise kafka_errors.TopicAuthorizationFailedError(", ".join(forbidden))
        now = time.monotonic()
        missing = unknown_topics(self.consumer, self._topics)
        if not missing:
            self._complete_at = now
            return
        if now - self._asked_at > tuning.ASK_AGAIN_SECONDS:
            self._asked_at = now
            ask_again(self.consumer)
        if now - self._complete_at > tuning.MISSING_TOPIC_SECONDS:
            gone = ", ".join(missing)
            raise SourceError(
                f"topic {gone}: unknown to the broker for {tuning.MISSING_TOPIC_SECONDS:g} s: create it, or correct kafka.topics"
            )

    def _adopt(self) -> None:
        if self._changes.pending is None:
            return
        partitions, self._changes.pending = self._changes.pending, None
        self._assignment = Assignment(self._assignment.generation + 1, frozenset(Partition(*each) for each in partitions))
        member = self.consumer.group_metadata()
        self._pinned = (member.generation_id, member.member_id)

    def assignment(self) -> Assignment:
        """What is ours as of the last poll. O(1)."""
        return self._assignment

    def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has, as of the last answer; 0 where it is unknown. Asks nobody."""
        return partition_count(self.consumer, topic) or 0

    def membership(self, assignment: Assignment) -> ConsumerGroupMetadata:
        """The group membership that got this assignment. Asks nobody; raises FencedError once it is not the current one.

        The library's own `group_metadata()` turns into an anonymous member after a lost session, and the broker lets such a one commit.
        So it is compared with what was pinned when the partitions became ours. It cannot change between this check and a commit:
        rejoining happens inside `poll`, and losing the session in between makes the broker refuse.
        """
        if assignment.generation != self._assignment.generation:
            raise FencedError(f"group {self.group_id}: the partitions were reassigned since")
        member = self.consumer.group_metadata()
        if member.state is not MemberState.STABLE or (member.generation_id, member.member_id) != self._pinned:
            raise FencedError(f"group {self.group_id}: our membership ended (session or poll interval over, or a rebalance); rejoining")
        return member

    def confirm(self) -> None:
        """Ask the group whether we are still the member it knows. Some milliseconds, at most tuning.CONFIRM_TIMEOUT_MS.

        Raises FencedError where we are not, and SourceError where nobody answers. Who begins with a transactional id fences whoever used it
        before, and after another process has taken our name that would be the rightful one.
        """
        self.membership(self._assignment)
        try:
            ask_for_membership(self.consumer, tuning.CONFIRM_TIMEOUT_MS)
        except kafka_errors.RebalanceInProgressError:
            return  # a member still; what it may commit shows when it does
        except kafka_errors.FencedInstanceIdError as error:
            raise self.dismiss(in_words(error)) from error
        except _FENCED as error:
            raise FencedError(f"group {self.group_id}: our membership ended ({in_words(error)}); rejoining") from error
        except kafka_errors.KafkaError as error:
            raise SourceError(f"group {self.group_id}: {in_words(error)}", transient=may_pass(error)) from error

    def commit(self, assignment: Assignment, offsets: Mapping[Partition, int]) -> None:
        """Commit next offsets as the member that got this assignment. At most tuning.COMMIT_TIMEOUT_MS. Raises FencedError, SinkError."""
        self.membership(assignment)
        wanted = {TopicPartition(*partition): OffsetAndMetadata(offset, "", -1) for partition, offset in offsets.items()}
        try:
            self.consumer.commit(wanted, timeout_ms=tuning.COMMIT_TIMEOUT_MS)
        except kafka_errors.FencedInstanceIdError as error:
            raise self.dismiss(in_words(error)) from error
        except _FENCED as error:
            raise FencedError(f"group {self.group_id}: the partitions have moved on ({in_words(error)})") from error
        except kafka_errors.KafkaError as error:
            raise SinkError(f"group {self.group_id}: offsets not committed: {in_words(error)}", transient=may_pass(error)) from error

    def kept(self, partitions: Collection[Partition]) -> Mapping[Partition, Kept]:
        """What the group has committed for these, as far as it has, once no transaction stands in the way. Raises SourceError."""
        wanted = [TopicPartition(*partition) for partition in sorted(partitions)]
        try:
            found = committed_offsets(self.consumer, wanted, tuning.QUERY_TIMEOUT_MS)
        except kafka_errors.KafkaError as error:
            raise SourceError(f"{wanted[0].topic}/{wanted[0].partition}: {in_words(error)}", transient=may_pass(error)) from error
        return {Partition(*where): Kept(kept.offset, kept.metadata or "") for where, kept in found.items()}

    def dismiss(self, why: str) -> FencedError:
        """Another process has taken our static membership: every later poll refuses, where the library would read on. What to raise now."""
        self._dismissed = SourceError(f"group {self.group_id}: {why}")
        return FencedError(str(self._dismissed))

    def close(self) -> None:
        """Leave the group (a static member stays until its session timeout). Idempotent."""
        self.consumer.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)


class _Changes(ConsumerRebalanceListener):  # type: ignore[misc]
    """Called on the client's I/O thread, while `poll` waits for it: it parks partitions and leaves word, nothing else."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self.pending: frozenset[TopicPartition] | None = None

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """All partitions go before a rebalance; the assignor is an eager one."""
        if revoked:
            self.pending = frozenset()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """A position of our own keeps the client from choosing one, and the pause from reading before the loop has sought."""
        for partition in assigned:
            self._consumer.pause(partition)
            self._consumer.seek(partition, 0)
        self.pending = frozenset(assigned)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """The session was lost; they may be another member's already."""
        self.on_partitions_revoked(lost)
