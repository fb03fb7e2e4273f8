"""`streamkl reshard`: what is left in the old partitions is judged, and what series have learned moves after their records, at once."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from streamkl.adapters.clock import MonotonicClock
from streamkl.adapters.console import ConsoleLog
from streamkl.adapters.kafka import KafkaSession, KafkaStateReader, Transactor, group_members
from streamkl.assembly.delivering import transactional_id
from streamkl.assembly.joining import cluster_of, obstacles, open_session
from streamkl.assembly.plan import build_plan
from streamkl.assembly.warming import warm_up
from streamkl.config import Config
from streamkl.errors import InputError, SourceError
from streamkl.model import Outgoing, Partition
from streamkl.ports import Assignment, Step
from streamkl.reshard.moving import Moved, Mover
from streamkl.transport import ExactlyOnceOutlet, TopicStateStore

log = logging.getLogger(__name__)

GROUP_SECONDS = 5.0  # beyond the session timeout, after which a static member that has stopped is none any more
JOIN_SECONDS = 60.0
POLL_SECONDS = 0.2
SETTLED_SECONDS = 600.0  # a producer asks for a topic's partitions at least every five minutes by default


@dataclass(frozen=True, slots=True)
class Report:
    """What was (or, in a dry run, would be) committed; empty where no topic has changed."""

    topics: tuple[Moved, ...]
    dry_run: bool

    def lines(self) -> Iterator[str]:
        """For people."""
        if not self.topics:
            yield "nothing to do: every topic has as many partitions as when its state was saved"
        for topic in self.topics:
            yield from topic.lines()
        if self.topics:
            yield "nothing was committed (--dry-run)" if self.dry_run else "committed; `streamkl run` goes on from here"


def reshard(config: Config, *, dry_run: bool, settled: bool) -> Report:
    """Move the state of every topic whose number of partitions has grown, in one transaction, and print what was done.

    Raises InputError where state is not in a topic, SourceError and SinkError where the cluster or the group refuses, SnapshotError where
    a state cannot be used, FencedError where an instance was started meanwhile. Whatever is raised, nothing has changed.
    """
    if config.state.backend != "topic":
        raise InputError(
            'state.backend: only "topic" can be moved; with files choose a new kafka.group_id and state.directory to learn again'
        )
    clock = MonotonicClock()
    with ExitStack() as stack:
        stack.enter_context(ConsoleLog(clock))
        _await_empty(config)
        plan = build_plan(config)
        warm_up(plan, clock)
        cluster = cluster_of(config.kafka)
        if problems := obstacles(config.kafka, config.state.topic, cluster):
            raise SourceError("; ".join(problems))
        session = open_session(config.kafka, config.state.topic, cluster, KafkaSession)
        stack.callback(session.close)
        transactor = Transactor(cluster, transactional_id(config.kafka))
        store = TopicStateStore(session, transactor, KafkaStateReader(cluster), config.state.topic, any_count=True)
        outlet = ExactlyOnceOutlet(session, transactor, store, config.state.topic)
        stack.callback(outlet.close)
        assignment = _join(session)
        mover = Mover(config, plan, cluster, store, lambda: session.poll(0.0))
        counts = {topic: session.partitions_of(topic) for topic in sorted({each.topic for each in assignment.partitions})}
        moved = [mover.move(topic, count) for topic, count in counts.items() if mover.has_changed(topic, count)]
        if not settled:
            _require_settled(moved)
        if moved and not dry_run:
            outlet.commit(_step(assignment, moved))
    report = Report(tuple(moved), dry_run)
    sys.stdout.write("".join(f"{line}\n" for line in report.lines()))
    return report


def _await_empty(config: Config) -> None:
    kafka = config.kafka
    deadline = time.monotonic() + kafka.session_timeout_seconds + GROUP_SECONDS
    cluster, said = cluster_of(kafka), False
    while members := group_members(cluster, kafka.group_id):
        names = ", ".join(members[:5])
        if time.monotonic() > deadline:
            raise SourceError(f"group {kafka.group_id}: still has members ({names}): stop all instances of the service first")
        if not said:
            log.info("waiting for group %s to lose its members (%s)", kafka.group_id, names)
            said = True
        time.sleep(POLL_SECONDS)


def _join(session: KafkaSession) -> Assignment:
    """Our assignment, once all partitions are ours. SourceError where others have some."""
    deadline = time.monotonic() + JOIN_SECONDS
    while time.monotonic() < deadline:
        session.poll(POLL_SECONDS)
        ours = session.assignment()
        topics = {each.topic for each in ours.partitions}
        if topics and ours.partitions == {Partition(topic, number) for topic in topics for number in range(session.partitions_of(topic))}:
            return ours
    raise SourceError(f"group {session.group_id}: did not give us all partitions within {JOIN_SECONDS:g} s: stop all instances first")


def _require_settled(moved: list[Moved]) -> None:
    for topic in moved:
        age = time.time() - topic.stale_ms / 1_000
        if topic.stale_ms >= 0 and age < SETTLED_SECONDS:
            raise SourceError(
                f"topic {topic.topic}: a record {age:.0f} s old was written by a producer that did not know of the new partitions; run this"
                f" {SETTLED_SECONDS / 60:.0f} minutes after the change, or say --settled if all producers have been restarted or stopped"
            )


def _step(assignment: Assignment, moved: list[Moved]) -> Step:
    outgoing: list[Outgoing] = []
    states: dict[Partition, bytes] = {}
    offsets: dict[Partition, int] = {}
    for topic in moved:
        outgoing += topic.outgoing
        states |= {Partition(topic.topic, number): state for number, state in topic.states.items()}
        offsets |= {Partition(topic.topic, number): offset for number, offset in topic.offsets.items()}
    return Step(assignment, outgoing, states, offsets, leaving=True)
