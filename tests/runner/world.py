"""A small world in memory for the loop: a log, a group, an outlet that fails on demand, and an engine whose results show lost state."""

import json
import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import msgspec

from streamkl.engine.engine import EngineStats, Output
from streamkl.errors import FencedError, SinkError, SnapshotError
from streamkl.model import Calibration, Event, Message, Outgoing, Partition, Provenance, Reason, Rejected, Span
from streamkl.ports import Assignment, Status, Step
from streamkl.runner import Holdings, Runner
from streamkl.runner.holdings import Encoders
from tests.statuses import HandClock

P0 = Partition("metrics", 0)
P1 = Partition("metrics", 1)
STAGES = ("before", "results", "states", "offsets")  # after which part of a commit a fault strikes


class Crash(BaseException):
    """The process is gone: nothing of it may tidy up."""


@dataclass
class World:
    """What outlives a process: the topic, the group's offsets, the results and the saved states."""

    logs: dict[Partition, list[Message]] = field(default_factory=dict)
    first: Counter[Partition] = field(default_factory=Counter)  # the first offset still held
    committed: dict[Partition, int] = field(default_factory=dict)
    results: list[Outgoing] = field(default_factory=list)
    states: dict[Partition, tuple[int, bytes]] = field(default_factory=dict)
    assignment: Assignment = field(default_factory=lambda: Assignment(1, frozenset()))
    commits: int = 0
    saves: list[list[Partition]] = field(default_factory=list)  # whose state each commit saved
    faults: dict[tuple[int, str], BaseException] = field(default_factory=dict)  # (number of the commit, stage) -> what strikes
    calls: list[str] = field(default_factory=list)
    last_first: bool = False  # the order in which the store has states loaded
    rests: int = 0  # how often the store was told that all is loaded
    clock: HandClock = field(default_factory=HandClock)

    def write(self, partition: Partition, values: Sequence[object]) -> None:
        log = self.logs.setdefault(partition, [])
        for value in values:
            body = None if value is None else json.dumps(value).encode()
            log.append(Message(partition.topic, partition.partition, len(log), -1, None, body))
        self.assign(*self.logs)

    def assign(self, *partitions: Partition) -> None:
        self.assignment = Assignment(self.assignment.generation + 1, frozenset(partitions))

    def strike(self, stage: str) -> None:
        fault = self.faults.pop((self.commits, stage), None)
        if fault is not None:
            raise fault

    def expected(self) -> dict[str, bytes]:
        """Every result there should be, by id, straight from the log: each third number brings the sum so far, each null a dead letter."""
        wanted = {}
        for partition, log in self.logs.items():
            numbers = [(message.offset, json.loads(message.value)) for message in log if message.value is not None]
            for (offset, _), total in list(zip(numbers, accumulate(number for _, number in numbers), strict=True))[2::3]:
                wanted[f"{partition.topic}/{partition.partition}/{offset}"] = b"%d" % total
            for message in log:
                if message.value is None:
                    wanted[f"dead/{partition.partition}/{message.offset}"] = b""
        return wanted

    def seen(self) -> dict[str, set[bytes]]:
        """Results by id; more than one value for an id is a broken promise."""
        found: dict[str, set[bytes]] = {}
        for record in self.results:
            found.setdefault((record.key or b"").decode(), set()).add(record.value or b"")
        return found

    def assert_nothing_lost_or_changed(self) -> None:
        assert self.seen() == {key: {value} for key, value in self.expected().items()}


class MemorySource:
    """The group as one member sees it. Tells the test when there is nothing left to read."""

    def __init__(self, world: World, *, most: int = 4) -> None:
        self.world = world
        self.most = most
        self.on_poll: Callable[[], None] = lambda: None
        self.on_idle: Callable[[], None] = lambda: None
        self._positions: dict[Partition, int] = {}
        self._assignment = Assignment(0, frozenset())

    def poll(self, timeout_seconds: float) -> Mapping[Partition, Sequence[Message]]:
        self.on_poll()
        if self.world.assignment != self._assignment:
            self._assignment = self.world.assignment
            self._positions.clear()
        batch = {}
        for partition, position in self._positions.items():
            found = self.world.logs[partition][position : position + self.most]
            if found:
                batch[partition] = found
                self._positions[partition] = position + len(found)
        self.world.clock.time += 0.1 if batch else max(timeout_seconds, 0.01)
        if not batch and set(self._positions) == self._assignment.partitions:
            self.on_idle()
        return batch

    def assignment(self) -> Assignment:
        return self._assignment

    def committed(self, partition: Partition) -> int | None:
        return self.world.committed.get(partition)

    def bounds(self, partition: Partition) -> tuple[int, int]:
        return self.world.first[partition], len(self.world.logs[partition])

    def park(self, partition: Partition) -> None:
        assert partition in self._assignment.partitions
        self._positions.pop(partition, None)

    def seek(self, partition: Partition, offset: int) -> None:
        assert partition in self._assignment.partitions
        self._positions[partition] = offset

    def lag(self) -> Mapping[Partition, int]:
        return {partition: len(self.world.logs[partition]) - position for partition, position in self._positions.items()}

    def close(self) -> None:
        self.world.calls.append("source closed")


class MemoryOutlet:
    """At least once: results, then states, then offsets; a fault may strike between any two."""

    def __init__(self, world: World) -> None:
        self.world = world

    def commit(self, step: Step) -> Mapping[Partition, int]:
        world = self.world
        world.commits += 1
        world.saves.append(sorted(step.snapshots))
        world.clock.time += 0.01
        if step.assignment != world.assignment:
            raise FencedError("an old generation")
        world.strike("before")
        world.results += step.outgoing
        world.strike("results")
        for partition, state in step.snapshots.items():
            held = world.states.get(partition)
            if held is not None and step.offsets[partition] < held[0]:
                raise SnapshotError("going backwards")
            world.states[partition] = (step.offsets[partition], state)
        world.strike("states")
        for partition, offset in step.offsets.items():
            assert offset >= world.committed.get(partition, -1), "the group's offset went backwards"
            world.committed[partition] = offset
        world.strike("offsets")
        return {partition: step.offsets[partition] for partition in step.snapshots}

    def close(self) -> None:
        self.world.calls.append("outlet closed")


class MemoryStore:
    """What the outlet saved."""

    learn_again = "remove this partition's file to learn again"

    def __init__(self, world: World) -> None:
        self.world = world

    def soonest_first(self, partitions: Collection[Partition]) -> Sequence[Partition]:
        return sorted(partitions, reverse=self.world.last_first)

    def load(self, partition: Partition) -> bytes | None:
        held = self.world.states.get(partition)
        return None if held is None else held[1]

    def rest(self) -> None:
        self.world.rests += 1

    def save(self, partition: Partition, next_offset: int, state: bytes) -> None:
        raise AssertionError(f"the outlet saves, the loop does not: {partition} {next_offset} {state!r}")


SPAN = Span(start=None, end=None, points=3)
TEMPLATE = Event(
    id="",
    episode_id="e",
    sequence=0,
    type="opened",
    kind="distribution",
    series="s",
    monitor="m",
    reason="threshold",
    severity="warning",
    started_at=None,
    detected_at=None,
    window=SPAN,
    reference=SPAN,
    window_name="3 points",
    statistic_nats=0.0,
    threshold_nats=1.0,
    score=1.0,
    peak_score=1.0,
    confidence=1.0,
    top_bins=(),
    reference_quantiles=None,
    window_quantiles=None,
    sentence="",
    calibration=Calibration(
        method="table",
        budget="",
        sharers=1,
        run_length_points=1,
        interval_seconds=None,
        table_threshold_nats=1,
        guard_factor=1,
        blocks=0,
        judged_points=0,
        effective_points=0,
        certainty=0,
    ),
    source=Provenance(topic="t", partition=0, first_offset=0, last_offset=0),
    config_hash="",
)


class SummingEngine:
    """Each third number brings an event with the sum of all so far, so that a lost or doubled number changes every later event."""

    def __init__(self, partition: Partition, snapshot: bytes | None) -> None:
        self.partition = partition
        self.next_offset: int | None = None
        self.count = self.total = 0
        self.received = self.replayed = 0
        self.rejected: Counter[str] = Counter()
        if snapshot is not None:
            if snapshot == b"unusable":
                raise SnapshotError("of another configuration")
            self.next_offset, self.count, self.total = json.loads(snapshot)

    def receive(self, messages: Sequence[Message]) -> Output:
        output = Output(events=[], rejected=[])
        for message in messages:
            if self.next_offset is not None and message.offset < self.next_offset:
                self.replayed += 1
                continue
            self.next_offset = message.offset + 1
            self.received += 1
            if message.value is None:
                self.rejected[Reason.EMPTY] += 1
                output.rejected.append(Rejected(message, Reason.EMPTY, "null"))
                continue
            self.count += 1
            self.total += json.loads(message.value)
            if self.count % 3 == 0:
                name = f"{message.topic}/{message.partition}/{message.offset}"
                output.events.append(msgspec.structs.replace(TEMPLATE, id=name, sentence=str(self.total)))
        return output

    def snapshot(self) -> bytes:
        return json.dumps([self.next_offset, self.count, self.total]).encode()

    def stats(self) -> EngineStats:
        return EngineStats(
            messages=self.received,
            points=self.count,
            judged=self.count,
            late=0,
            replayed=self.replayed,
            shed=0,
            evicted=0,
            rejected=dict(self.rejected),
            series=1,
            learning=int(self.count < 50),
            open_episodes=0,
            newest_us=None,
            learned_points=min(self.count, 50),
            wanted_points=50,
        )


ENCODERS = Encoders(
    event=lambda event: Outgoing("anomalies", event.id.encode(), event.sentence.encode(), ()),
    rejected=lambda rejected: Outgoing("metrics.dead", f"dead/{rejected.message.partition}/{rejected.message.offset}".encode(), b"", ()),
)


class Watcher:
    """Keeps what an observer is told."""

    def __init__(self) -> None:
        self.seen: list[Status] = []
        self.commits: list[float] = []

    def observe(self, status: Status) -> None:
        self.seen.append(status)

    def committed(self, seconds: float) -> None:
        self.commits.append(seconds)


@dataclass
class Process:
    """One life of the service in a world."""

    runner: Runner
    source: MemorySource
    holdings: Holdings
    watcher: Watcher
    engines: list[SummingEngine]

    def run_until_idle(self) -> None:
        self.source.on_idle = self.runner.stop
        self.runner.run()


def sink_error() -> SinkError:
    return SinkError("the broker is away", transient=True)


def numbers(count: int, *, seed: int = 1) -> list[int | None]:
    """Numbers, with a null among them now and then."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    return [None if dice.random() < 0.1 else dice.randrange(1000) for _ in range(count)]
