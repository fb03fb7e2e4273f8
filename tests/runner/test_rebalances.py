"""Partitions come and go; what is not ours any more is forgotten."""

import itertools

from streamkl.errors import FencedError
from streamkl.model import Outgoing
from tests.runner.conftest import Start
from tests.runner.world import P0, P1, SummingEngine, World, numbers


def test_a_lost_partition_is_forgotten_and_its_uncommitted_results_are_not_sent(world: World, start: Start) -> None:
    world.write(P0, [1] * 30)
    world.write(P1, [1] * 30)
    life = start(commit_seconds=3600, most=3)
    polls = itertools.count()
    life.source.on_poll = lambda: world.assign(P0) if next(polls) == 4 else None
    life.run_until_idle()
    assert P1 not in world.committed
    assert {key.split("/")[1] for key in world.seen()} == {"0"}


def test_a_partition_that_stays_keeps_its_engine(world: World, start: Start) -> None:
    world.write(P0, numbers(30))
    world.write(P1, numbers(30))
    life = start(commit_seconds=3600, most=3)
    polls = itertools.count()
    life.source.on_poll = lambda: world.assign(P0) if next(polls) == 4 else None
    life.run_until_idle()
    assert [engine.partition for engine in life.engines] == [P0, P1]
    assert life.engines[0].received == 30


def test_a_partition_that_another_member_read_in_between_is_restored(world: World, start: Start) -> None:
    world.write(P0, [1] * 30)
    life = start(commit_seconds=0.01, most=3)
    polls = itertools.count()

    def take_away_unseen() -> None:
        if next(polls) == 4:
            other = SummingEngine(P0, world.states[P0][1])
            output = other.receive(world.logs[P0])
            world.results += [Outgoing("anomalies", event.id.encode(), event.sentence.encode(), ()) for event in output.events]
            world.states[P0] = (30, other.snapshot())
            world.committed[P0] = 30
            world.assign(P0)

    life.source.on_poll = take_away_unseen
    life.run_until_idle()
    assert len(life.engines) == 2
    assert life.engines[1].received == 0
    world.assert_nothing_lost_or_changed()


def test_a_fenced_commit_drops_the_engines_and_takes_what_is_assigned_next(world: World, start: Start) -> None:
    world.write(P0, numbers(60))
    life = start(commit_seconds=0.2)
    world.faults[2, "results"] = FencedError("generation 3 is over")
    life.run_until_idle()
    assert len(life.engines) == 2
    assert life.watcher.seen[-1].fenced == 1
    world.assert_nothing_lost_or_changed()


def test_fenced_in_the_last_commit_is_a_good_end(world: World, start: Start) -> None:
    world.write(P0, numbers(6))
    world.faults[2, "before"] = FencedError("moved on")
    start(commit_seconds=3600).run_until_idle()
    assert world.calls == ["outlet closed", "source closed"]
    assert world.committed == {P0: 4}  # by the first commit, which comes with the first records
