"""How a test of the loop gets its world and the lives it leads there."""

from collections.abc import Callable, Iterator

import pytest

from streamkl.model import Partition
from streamkl.runner import Holdings, Runner
from tests.runner.world import ENCODERS, MemoryOutlet, MemorySource, MemoryStore, Process, SummingEngine, Watcher, World

Start = Callable[..., Process]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def start(world: World) -> Iterator[Start]:
    """`start(commit_seconds=..., snapshot_seconds=..., most=...)` begins a new life in the world."""

    def begin(*, commit_seconds: float = 0.25, snapshot_seconds: float = 1.0, most: int = 4) -> Process:
        engines: list[SummingEngine] = []

        def make_engine(partition: Partition, snapshot: bytes | None) -> SummingEngine:
            engines.append(SummingEngine(partition, snapshot))
            return engines[-1]

        source, watcher = MemorySource(world, most=most), Watcher()
        holdings = Holdings(source, MemoryStore(world), make_engine, ENCODERS)
        runner = Runner(
            source=source,
            outlet=MemoryOutlet(world),
            holdings=holdings,
            clock=world.clock,
            commit_seconds=commit_seconds,
            snapshot_seconds=snapshot_seconds,
            observers=[watcher],
        )
        return Process(runner, source, holdings, watcher, engines)

    return begin
