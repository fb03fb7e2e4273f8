"""Our membership in the consumer group: one consumer, which partitions are ours, and commits that only their owner can make.

The library's own positions are not used: what is read, and from where, is told it as a whole (`read_from`), because pausing and seeking
soon after an assignment is lost in it.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from streamkl.adapters.confluent.client import complain, properties_of, take
from streamkl.adapters.confluent.words import NOT_A_MEMBER, TAKEN, UNKNOWN_TOPIC, error_of, in_words, may_pass
from streamkl.errors import FencedError, SinkError, SourceError
from streamkl.model import Partition
from streamkl.ports import Assignment
from streamkl.transport import Cluster, tuning
from streamkl.transport.clients import Kept
from streamkl.transport.reaching import obstacle
from streamkl.transport.subscription import subscription, topic_expression
from streamkl.transport.words import FIXES

FULL_QUEUE_MS = 5  # until a queue that was full is looked at again; the library's second would leave it empty in between
LOOK_SECONDS = 1.0  # for topics and partitions, asked between two polls
TOO_MUCH = "x" * 32_000  # metadata that no broker keeps beside an offset (4 KiB by default)


class ConfluentSession:
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
        state_topic: str = "",
    ) -> None:
        """Joins the group with the first poll. Raises ConfigError, SourceError.

        `topic_pattern`, where not empty, is used instead of `topics`: a regular expression that has to match a topic's whole name.
        `excluded_topics` are never read, whatever the pattern says (our own events and dead letters). `group_instance_id` makes us a
        static member. `confirm` needs the `state_topic`.
        """
        subscription(topics, topic_pattern, excluded_topics)
        self._expression = topic_expression(topic_pattern, excluded_topics) if topic_pattern else None
        if refusal := obstacle(cluster):
            raise SourceError(refusal, transient=True)
        self.cluster = cluster
        self.group_id = group_id
        self._state_topic = state_topic
        session_ms = min(round(session_timeout_seconds * 1000), tuning.MAX_POLL_INTERVAL_MS)
        self.consumer = Consumer(
            properties_of(cluster)
            | fetching()
            | {
                "group.id": group_id,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",  # never jump: the loop decides where to read, and lost records are an error
                "enable.partition.eof": True,  # says how far we are where what follows are only endings of transactions
                "partition.assignment.strategy": "range",
                "topic.metadata.refresh.interval.ms": tuning.METADATA_MAX_AGE_MS,
                "socket.timeout.ms": tuning.COMMIT_TIMEOUT_MS,
                "max.poll.interval.ms": tuning.MAX_POLL_INTERVAL_MS,
                "session.timeout.ms": session_ms,
                "heartbeat.interval.ms": min(tuning.HEARTBEAT_MS, session_ms // 3),
            }
            | ({"group.instance.id": group_instance_id} if group_instance_id else {})
        )
        self._assignment = Assignment(0, frozenset())
        self._pinned: bytes | None = None
        self._pending: frozenset[Partition] | None = None
        self._dismissed: SourceError | None = None
        self._topics = [] if topic_pattern else list(topics)
        self._subscribed: list[str] = []
        self._counts: dict[str, int] = {}
        self._complete_at = time.monotonic()
        self._look_at = float("-inf")
        self._closed = False

    def poll(self, timeout_seconds: float) -> list[Record]:
        """The library's records and errors; errors alone where the partitions have changed meanwhile. Raises SourceError."""
        if self._dismissed is not None:
            raise self._dismissed
        if time.monotonic() >= self._look_at:
            self._look()
        if self._topics and self._subscribed != self._topics:
            self._subscribed = self._topics
            self.consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        found = take(self.consumer, tuning.MAX_POLL_RECORDS, timeout_seconds)
        if self._pending is None:
            return found
        partitions, self._pending = self._pending, None
        self._assignment = Assignment(self._assignment.generation + 1, partitions)
        self._pinned = self.consumer.consumer_group_metadata() if partitions else None
        self._look_at = float("-inf")  # the partitions may have become more
        return [each for each in found if each.error() is not None]  # the library says once that another process has our name

    def read_from(self, positions: Mapping[Partition, int]) -> None:
        """Read these and no others, each from here on. Waits for nothing."""
        self.consumer.assign([TopicPartition(*partition, offset) for partition, offset in positions.items()])

    def assignment(self) -> Assignment:
        """What is ours as of the last poll. O(1)."""
        return self._assignment

    def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has, as of the last answer; 0 where it is unknown. Asks nobody."""
        return self._counts.get(topic, 0)

    def membership(self, assignment: Assignment) -> bytes:
        """The group membership that got this assignment. Asks nobody; raises FencedError once it is not the current one.

        Whoever lost its session is an anonymous member to the library, which a broker lets commit: so it is compared with what was pinned
        when the partitions became ours.
        """
        if assignment.generation != self._assignment.generation:
            raise FencedError(f"group {self.group_id}: the partitions were reassigned since")
        if self._pinned is None or self.consumer.consumer_group_metadata() != self._pinned:
            raise FencedError(f"group {self.group_id}: our membership ended (session or poll interval over, or a rebalance); rejoining")
        return self._pinned

    def confirm(self) -> None:
        """Ask the group whether we are still the member it knows. Some milliseconds. Raises FencedError, SourceError.

        The library cannot be made to ask. But a broker looks at the membership before it refuses an offset for its metadata's length.
        """
        self.membership(self._assignment)
        try:
            self._commit([TopicPartition(self._state_topic, 0, 0, TOO_MUCH)])
        except KafkaException as error:
            why = error_of(error)
            if why.code() in TAKEN:
                raise self.dismiss(in_words(why)) from error
            if why.code() == why.REBALANCE_IN_PROGRESS or why.code() == why.OFFSET_METADATA_TOO_LARGE:
                return  # a member; what it may commit shows when it does
            if why.code() in NOT_A_MEMBER:
                raise FencedError(f"group {self.group_id}: our membership ended ({in_words(why)}); rejoining") from error
            raise SourceError(f"group {self.group_id}: {in_words(why)}", transient=may_pass(why)) from error

    def commit(self, assignment: Assignment, offsets: Mapping[Partition, int]) -> None:
        """Commit next offsets as the member that got this assignment. Raises FencedError, SinkError."""
        self.membership(assignment)
        try:
            self._commit([TopicPartition(*partition, offset) for partition, offset in offsets.items()])
        except KafkaException as error:
            why = error_of(error)
            if why.code() in TAKEN:
                raise self.dismiss(in_words(why)) from error
            if why.code() in NOT_A_MEMBER:
                raise FencedError(f"group {self.group_id}: the partitions have moved on ({in_words(why)})") from error
            raise SinkError(f"group {self.group_id}: offsets not committed: {in_words(why)}", transient=may_pass(why)) from error

    def kept(self, partitions: Collection[Partition]) -> Mapping[Partition, Kept]:
        """What the group has committed for these, as far as it has, once no transaction stands in the way. Raises SourceError."""
        wanted = sorted(partitions)
        deadline = time.monotonic() + tuning.QUERY_TIMEOUT_MS / 1000
        while True:
            try:
                found = self.consumer.committed([TopicPartition(*each) for each in wanted], tuning.QUERY_TIMEOUT_MS / 1000)
                _raise_first(found)
            except KafkaException as error:
                why = error_of(error)
                if why.code() == why.UNSTABLE_OFFSET_COMMIT and time.monotonic() < deadline:
                    time.sleep(tuning.ASK_AGAIN_SECONDS)
                    continue
                raise SourceError(f"{wanted[0].topic}/{wanted[0].partition}: {in_words(why)}", transient=may_pass(why)) from error
            return {Partition(each.topic, each.partition): Kept(each.offset, each.metadata or "") for each in found if each.offset >= 0}

    def dismiss(self, why: str) -> FencedError:
        """Another process has taken our static membership: every later poll refuses. What to raise now."""
        self._dismissed = SourceError(f"group {self.group_id}: {why}")
        return FencedError(str(self._dismissed))

    def close(self) -> None:
        """Leave the group (a static member stays until its session timeout). Idempotent."""
        if not self._closed:
            self._closed = True
            self.consumer.close()

    def _commit(self, offsets: list[TopicPartition]) -> None:
        _raise_first(self.consumer.commit(offsets=offsets, asynchronous=False))

    def _assigned(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """Nothing is read until the loop has sought."""
        consumer.assign([])
        self._pending = frozenset(Partition(each.topic, each.partition) for each in partitions)

    def _revoked(self, consumer: Consumer, _partitions: Sequence[TopicPartition]) -> None:
        """All partitions go before a rebalance; the assignor is an eager one."""
        consumer.unassign()
        self._pending = frozenset()

    def _look(self) -> None:
        """Which topics there are, and how many partitions each has. Where the broker is away nothing changes."""
        now = time.monotonic()
        self._look_at = now + tuning.METADATA_MAX_AGE_MS / 1000
        try:
            if self._expression is not None:
                patience = LOOK_SECONDS if self._subscribed else tuning.QUERY_TIMEOUT_MS / 1000  # nothing can be read before
                known = self.consumer.list_topics(timeout=patience).topics
                self._topics = sorted(filter(self._expression.match, known))
            else:
                known = {each: self.consumer.list_topics(each, LOOK_SECONDS).topics[each] for each in self._topics}
        except KafkaException as error:
            complain(error_of(error))
            self._look_at = now + tuning.ASK_AGAIN_SECONDS
            return
        errors = {each: known[each].error for each in self._topics if known[each].error is not None}
        self._counts |= {each: len(known[each].partitions) for each in self._topics if each not in errors}
        if forbidden := [each for each, error in errors.items() if error.code() == error.TOPIC_AUTHORIZATION_FAILED]:
            raise SourceError(f"group {self.group_id}: {FIXES[29]} [{', '.join(forbidden)}]")
        missing = [each for each, error in errors.items() if error.code() in UNKNOWN_TOPIC]
        if not missing:
            self._complete_at = now
            return
        self._look_at = now + tuning.ASK_AGAIN_SECONDS
        if now - self._complete_at > tuning.MISSING_TOPIC_SECONDS:
            waited = f"for {tuning.MISSING_TOPIC_SECONDS:g} s"
            raise SourceError(f"topic {', '.join(missing)}: unknown to the broker {waited}: create it, or correct kafka.topics")


def fetching() -> dict[str, Any]:
    """How records are fetched."""
    return {
        "isolation.level": "read_committed",  # also what makes committed offsets wait for pending transactions
        "check.crcs": True,
        "max.partition.fetch.bytes": tuning.MAX_PARTITION_FETCH_BYTES,
        "fetch.max.bytes": tuning.FETCH_MAX_BYTES,
        "fetch.wait.max.ms": tuning.FETCH_MAX_WAIT_MS,
        "queued.max.messages.kbytes": tuning.FETCH_MAX_BYTES // 1024,  # that wait in the library, of all partitions
        "fetch.queue.backoff.ms": FULL_QUEUE_MS,
    }


def _raise_first(partitions: Sequence[TopicPartition]) -> None:
    """An answer may hold an error for one partition and none as a whole."""
    for each in partitions:
        if each.error is not None:
            raise KafkaException(each.error)
