"""Sinks and sources that refuse: what is waited for, how long, and what ends the loop."""

import itertools
import logging

import pytest

from streamkl.errors import SinkError, SourceError
from streamkl.model import Partition
from tests.runner.conftest import Start
from tests.runner.world import P0, P1, World, numbers, sink_error


def test_a_failed_commit_is_replayed_from_the_last_state(world: World, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    world.write(P0, numbers(60))
    life = start(commit_seconds=0.2, snapshot_seconds=0.5)
    world.faults |= {(3, "before"): sink_error(), (5, "results"): sink_error(), (6, "states"): sink_error()}
    with caplog.at_level(logging.WARNING):
        life.run_until_idle()
    world.assert_nothing_lost_or_changed()
    assert life.watcher.seen[-1].sink_failures == 3
    warnings = [record.getMessage() for record in caplog.records]
    assert warnings[0] == "failed 1 of 15 times in a row, restoring and replaying: the broker is away"
    assert [warning[:8] for warning in warnings] == ["failed 1", "failed 1", "failed 2"]


def test_it_gives_up_where_one_state_never_comes_back_though_the_others_commit(world: World, start: Start) -> None:
    world.write(P0, numbers(60))
    world.write(P1, numbers(60))
    life = start(commit_seconds=0.01)
    load = life.holdings._store.load

    def refuse(partition: Partition) -> bytes | None:
        if partition == P1:
            raise SourceError("no answer in time", transient=True)
        return load(partition)

    life.holdings._store.load = refuse  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="no answer in time"):
        life.runner.run()
    assert world.committed.keys() == {P0}
    assert world.commits > 10


def test_pauses_double_up_to_a_longest_and_then_it_gives_up(world: World, start: Start) -> None:
    world.write(P0, numbers(6))
    tried = []
    for commit in range(1, 100):
        world.faults[commit, "before"] = sink_error()
    life = start(commit_seconds=0.01)
    life.source.on_poll = lambda: tried.append((world.commits, world.clock.time))
    with pytest.raises(SinkError, match="the broker is away"):
        life.runner.run()
    assert world.commits == 15
    first_poll_after = dict(reversed(tried))
    pauses = [first_poll_after[commits] - max(time for seen, time in tried if seen == commits - 1) for commits in range(1, 15)]
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, *[30] * 8], abs=0.4)
    assert world.calls == ["outlet closed", "source closed"]
    assert world.results == []


def test_one_good_commit_forgets_the_failures_before(world: World, start: Start) -> None:
    world.write(P0, numbers(100))
    for commit in range(1, 41):
        if commit % 10:
            world.faults[commit, "before"] = sink_error()
    start(commit_seconds=0.2).run_until_idle()
    world.assert_nothing_lost_or_changed()
    assert world.commits > 30


def test_a_stop_ends_a_pause(world: World, start: Start) -> None:
    world.write(P0, numbers(6))
    for commit in range(1, 100):
        world.faults[commit, "before"] = sink_error()
    life = start(commit_seconds=0.01)
    original = world.clock.sleep
    naps = itertools.count()

    def nap(seconds: float) -> None:
        original(seconds)
        if next(naps) == 100:
            life.runner.stop()

    world.clock.sleep = nap  # type: ignore[method-assign]
    life.runner.run()
    assert len(world.clock.slept) == 101
    assert world.calls == ["outlet closed", "source closed"]


def test_a_failure_of_the_last_commit_is_raised_and_loses_nothing(world: World, start: Start) -> None:
    world.write(P0, numbers(20))
    world.faults[2, "results"] = sink_error()  # the first commit comes with the first records
    with pytest.raises(SinkError):
        start(commit_seconds=3600).run_until_idle()
    assert world.calls == ["outlet closed", "source closed"]
    start().run_until_idle()
    world.assert_nothing_lost_or_changed()


def test_a_sink_that_waiting_cannot_mend_ends_it_at_once(world: World, start: Start) -> None:
    world.write(P0, numbers(20))
    world.faults[2, "before"] = SinkError("no permission", transient=False)
    with pytest.raises(SinkError, match="no permission"):
        start().run_until_idle()
    assert world.clock.slept == []


def test_a_restore_that_the_broker_does_not_answer_is_tried_again(world: World, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write(P0, numbers(60))
    world.write(P1, numbers(60))
    life = start()
    answers = itertools.count()
    original = life.source.committed

    def committed(partition: Partition) -> int | None:
        if next(answers) in {1, 3}:
            raise SourceError("no answer in time", transient=True)
        return original(partition)

    monkeypatch.setattr(life.source, "committed", committed)
    life.run_until_idle()
    world.assert_nothing_lost_or_changed()
    assert sum(world.clock.slept) == pytest.approx(0.5 + 1.0, abs=0.4)


def test_a_source_that_waiting_cannot_mend_ends_it_at_once(world: World, start: Start) -> None:
    world.write(P0, numbers(60))
    life = start()
    polls = itertools.count()

    def refuse() -> None:
        if next(polls) == 7:
            raise SourceError("a batch of records is damaged")

    life.source.on_poll = refuse
    with pytest.raises(SourceError, match="damaged"):
        life.run_until_idle()
    assert world.calls == ["outlet closed", "source closed"]
    assert world.clock.slept == []
    start().run_until_idle()
    world.assert_nothing_lost_or_changed()
