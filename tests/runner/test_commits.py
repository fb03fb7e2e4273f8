"""When the loop commits, and what a commit holds while nothing goes wrong."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from streamkl.errors import FencedError, SinkError
from streamkl.model import Partition
from streamkl.ports import Step
from streamkl.runner import loop
from tests.runner.conftest import Start
from tests.runner.world import P0, P1, Crash, Process, SummingEngine, World, numbers, sink_error


def test_every_result_goes_out_once_in_record_order(world: World, start: Start) -> None:
    world.write(P0, numbers(100))
    world.write(P1, numbers(40, seed=2))
    start().run_until_idle()
    world.assert_nothing_lost_or_changed()
    for partition in (P0, P1):
        offsets = [int(key.rsplit("/", 1)[1]) for key in world.seen() if key.startswith(f"metrics/{partition.partition}/")]
        assert offsets == sorted(offsets)
    assert len(world.results) == len(world.expected())


def test_a_new_group_starts_at_the_earliest_record_that_is_held(world: World, start: Start) -> None:
    world.write(P0, [1, 2, 3, 4, 5, 6])
    world.first[P0] = 3
    start().run_until_idle()
    assert world.seen() == {"metrics/0/5": {b"15"}}


def test_the_first_commit_of_a_partition_saves_its_state_too(world: World, start: Start) -> None:
    world.write(P0, numbers(3))
    life = start(snapshot_seconds=3600, commit_seconds=0.01)
    world.faults[1, "offsets"] = Crash()
    with pytest.raises(Crash):
        life.run_until_idle()
    assert world.states[P0][0] == world.committed[P0] > 0


def test_states_are_saved_at_their_interval_and_not_with_every_commit(world: World, start: Start) -> None:
    world.write(P0, numbers(400))
    saved = []
    life = start(commit_seconds=0.1, snapshot_seconds=2.0)
    life.source.on_poll = lambda: saved.append(world.states.get(P0, (0, b""))[0])
    life.run_until_idle()
    changes = len(set(saved)) - 1  # without the one before the first
    assert world.clock.time > 10
    assert world.clock.time / 2.0 - 2 <= changes <= world.clock.time / 2.0 + 2
    assert world.commits > 3 * changes


def test_the_partitions_take_turns_so_that_no_commit_saves_the_states_of_all(world: World, start: Start) -> None:
    partitions = [Partition("metrics", number) for number in range(5)]
    for partition in partitions:
        world.write(partition, numbers(800))
    start(commit_seconds=0.1, snapshot_seconds=2.0).run_until_idle()
    first, middle, last = world.saves[:5], world.saves[5:-1], world.saves[-1]
    assert first == [[partition] for partition in partitions]  # restored one by one, and no offset without a state
    assert len(last) > 1
    assert {partition: offset for partition, (offset, _) in world.states.items()} == world.committed
    assert {len(saved) for saved in middle} == {0, 1}
    turns = [saved[0] for saved in middle if saved]
    assert turns == [partitions[number % 5] for number in range(len(turns))]
    assert len(turns) == pytest.approx(world.clock.time / 2.0 * 5, abs=5)


def test_after_a_start_those_are_saved_first_that_have_the_most_to_read_again(world: World, start: Start) -> None:
    partitions = [Partition("metrics", number) for number in range(4)]
    for partition, saved in zip(partitions, (50, 10, 70, 30), strict=True):
        world.write(partition, numbers(81))
        world.states[partition], world.committed[partition] = (saved, json.dumps([saved, 0, 0]).encode()), 80
    life = start(commit_seconds=0.1, snapshot_seconds=40.0)  # the first is due after 10 s, when all have caught up
    life.source.on_idle = lambda: life.runner.stop() if world.clock.time > 60 else None
    life.runner.run()
    turns = [saved[0] for saved in world.saves if len(saved) == 1]
    assert [partition.partition for partition in turns[:4]] == [1, 3, 0, 2]


def test_states_that_take_long_to_pack_are_saved_more_seldom(world: World, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five states of half a second in every two seconds would leave no time for records."""
    partitions = [Partition("metrics", number) for number in range(5)]
    for partition in partitions:
        world.write(partition, numbers(1600))
    pack = SummingEngine.snapshot

    def pack_slowly(engine: SummingEngine) -> bytes:
        world.clock.time += 0.5
        return pack(engine)

    monkeypatch.setattr(SummingEngine, "snapshot", pack_slowly)
    start(commit_seconds=0.1, snapshot_seconds=2.0).run_until_idle()
    middle = [saved for saved in world.saves[5:-1] if saved]
    assert {len(saved) for saved in middle} == {1}
    assert 0.05 <= 0.5 * len(middle) / world.clock.time <= loop.SAVING_SHARE
    assert {saved[0] for saved in middle} == set(partitions)


def test_where_there_are_more_partitions_than_commits_each_commit_saves_several(world: World, start: Start) -> None:
    for number in range(30):
        world.write(Partition("metrics", number), numbers(400))
    start(commit_seconds=0.5, snapshot_seconds=2.0).run_until_idle()
    middle = world.saves[8:-1]  # without those that follow a restoring
    assert max(len(saved) for saved in middle) <= 10  # 7.5 on average
    assert len({partition for saved in middle[:5] for partition in saved}) == 30


@pytest.mark.parametrize("replayed", [0, 200])
def test_the_first_new_commit_waits_for_nothing(world: World, start: Start, replayed: int) -> None:
    world.write(P0, numbers(400))
    world.states[P0], world.committed[P0] = (0, b"[0, 0, 0]"), replayed
    life = start(commit_seconds=3.0, snapshot_seconds=3600, most=4)  # four records in 0.1 s: the replay is over after 5 s
    new: list[float] = []
    life.source.on_poll = lambda: new.append(world.clock.time) if world.committed[P0] > replayed else None
    began = world.clock.time
    life.run_until_idle()
    assert new[0] - began == pytest.approx(replayed / 40, abs=0.4)  # a poll each for joining, restoring and the records


def test_a_state_that_the_outlet_puts_off_is_not_taken_for_saved(world: World, start: Start) -> None:
    """Whoever stops while nothing comes leaves a state behind that is up to date all the same."""
    world.write(P0, numbers(8))
    life = start()
    at_once = life.runner._outlet.commit

    def slowly(step: Step) -> Mapping[Partition, int]:
        late = P0 in world.states and not step.leaving
        return at_once(replace(step, snapshots={}) if late else step)

    life.runner._outlet.commit = slowly  # type: ignore[method-assign]
    idle_for(life, 40)
    assert world.states[P0][0] == world.committed[P0] == 8


def test_a_state_may_be_complete_of_a_partition_that_is_still_to_be_restored(world: World, start: Start) -> None:
    """After a failed restore everything is dropped, while an outlet goes on writing what it was given."""
    world.write(P0, numbers(8))
    world.assign(P0)
    life = start()
    life.run_until_idle()
    life.holdings.committed(Step(world.assignment), {P1: 5})
    assert len(life.holdings) == 1


def idle_for(life: Process, polls: int) -> None:
    """Run until there was nothing to read so many times."""
    idle = itertools.count(1)
    life.source.on_idle = lambda: life.runner.stop() if next(idle) == polls else None
    life.runner.run()


def test_an_idle_service_proves_now_and_then_that_it_could_commit(world: World, start: Start) -> None:
    world.write(P0, numbers(8))
    life = start(commit_seconds=0.25)
    idle_for(life, 80)
    assert world.clock.time == pytest.approx(20, abs=2)
    assert len(life.watcher.commits) == pytest.approx(20 / loop.PROOF_SECONDS, abs=2)
    assert world.committed == {P0: 8}
    assert len(world.results) == len(world.expected())


def test_the_proof_on_an_empty_topic_is_where_reading_began(world: World, start: Start) -> None:
    world.write(P0, [1, 2, 3])
    world.first[P0] = 3
    life = start()
    idle_for(life, 40)
    assert world.committed == {P0: 3}
    assert world.states == {}


def test_a_proof_that_fails_for_a_while_drops_nothing_and_is_not_told_as_a_commit(world: World, start: Start) -> None:
    world.write(P0, numbers(8))
    life = start(commit_seconds=0.25)
    for commit in range(5, 40):
        world.faults[commit, "before"] = sink_error()
    idle_for(life, 100)
    assert len(life.engines) == 1
    assert len(life.watcher.commits) == 4
    assert world.clock.slept == []
    assert life.watcher.seen[-1].sink_failures == 0


def test_a_proof_that_no_waiting_mends_ends_it(world: World, start: Start) -> None:
    world.write(P0, numbers(8))
    world.faults[2, "before"] = SinkError("no permission")
    with pytest.raises(SinkError, match="no permission"):
        idle_for(start(), 200)


def test_a_lost_membership_shows_while_idle(world: World, start: Start) -> None:
    world.write(P0, numbers(8))
    life = start()
    world.faults[2, "before"] = FencedError("no member any more")
    idle_for(life, 200)
    assert len(life.engines) == 2
    world.assert_nothing_lost_or_changed()


def test_many_results_are_committed_before_their_time(world: World, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "MAX_PENDING_RECORDS", 10)
    world.write(P0, [None] * 100)
    life = start(commit_seconds=3600, snapshot_seconds=3600)
    pending = []
    life.source.on_poll = lambda: pending.append(life.holdings.pending()[0])
    life.run_until_idle()
    assert max(pending) < 10 + life.source.most
    assert world.commits >= 8
    world.assert_nothing_lost_or_changed()


def test_many_bytes_are_committed_before_their_time(world: World, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "MAX_PENDING_BYTES", 8)
    world.write(P0, [1000] * 60)
    start(commit_seconds=3600, snapshot_seconds=3600).run_until_idle()
    assert world.commits >= 8


def test_keys_and_headers_are_bytes_too(world: World, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "MAX_PENDING_BYTES", 60)
    world.write(P0, [None] * 80)  # results without a value, under keys of eight bytes and more
    start(commit_seconds=3600, snapshot_seconds=3600).run_until_idle()
    assert world.commits >= 8


def test_observers_are_told_rates_progress_and_totals_that_never_fall(world: World, start: Start) -> None:
    world.write(P0, [1, None] * 200)
    life = start(commit_seconds=0.3, most=2)
    world.faults[30, "before"] = sink_error()
    life.run_until_idle()
    seen = life.watcher.seen
    assert [status.records for status in seen] == sorted(status.records for status in seen)
    assert [status.rejected.get("empty", 0) for status in seen] == sorted(status.rejected.get("empty", 0) for status in seen)
    assert seen[-1].events == {"opened": len([key for key in world.expected() if key.startswith("metrics/")])}
    assert seen[-1].lag == {P0: 0}
    assert seen[-1].partitions == 1
    assert seen[5].records_per_second == pytest.approx(20, rel=0.2)  # two records a tenth of a second
    progress = [(status.learning, status.learned_points, status.wanted_points) for status in seen[:2]]
    assert progress == [(1, pytest.approx(10, abs=4), 50), (1, pytest.approx(20, abs=5), 50)]
    assert seen[1].ready_seconds == pytest.approx(3.0, abs=0.6)
    assert (seen[-1].learning, seen[-1].learned_points, seen[-1].wanted_points, seen[-1].ready_seconds) == (0, 0, 0, None)
    assert len(seen) == pytest.approx(world.clock.time, abs=3)
