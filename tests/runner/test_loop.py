"""The loop's promises: nothing lost, repeats only equal, commits in order, and an end that leaves nothing to replay."""

import itertools
import logging
import random

import pytest

from streamkl.errors import FencedError, SinkError, SnapshotError, SourceError
from streamkl.model import Outgoing, Partition
from streamkl.runner import loop
from tests.runner.conftest import Start
from tests.runner.world import P0, P1, STAGES, Crash, Process, SummingEngine, World, sink_error


def numbers(count: int, *, seed: int = 1) -> list[int | None]:
    """Numbers, with a null among them now and then."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    return [None if dice.random() < 0.1 else dice.randrange(1000) for _ in range(count)]


def last_offset(world: World, partition: Partition) -> int:
    return len(world.logs[partition])


# The ordinary life.


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


# Stopping and continuing.


def test_a_stop_finishes_with_a_state_of_everything_and_leaves_the_group(world: World, start: Start) -> None:
    world.write(P0, numbers(50))
    world.write(P1, numbers(50))
    life = start(commit_seconds=3600, snapshot_seconds=3600)
    polls = itertools.count()
    life.source.on_poll = lambda: life.runner.stop() if next(polls) == 5 else None
    life.runner.run()
    assert world.committed == {P0: 20, P1: 20}
    assert {partition: offset for partition, (offset, _) in world.states.items()} == world.committed
    assert world.calls == ["outlet closed", "source closed"]


def test_a_restart_continues_where_the_last_life_stopped_and_reads_nothing_again(world: World, start: Start) -> None:
    world.write(P0, numbers(50))
    start().run_until_idle()
    sent = len(world.results)
    world.write(P0, numbers(50, seed=3))
    second = start()
    second.run_until_idle()
    world.assert_nothing_lost_or_changed()
    assert len(world.results) == len(world.expected())
    assert second.engines[0].received == 50
    assert sent > 0


def test_a_stop_while_nothing_is_assigned_is_no_failure(world: World, start: Start) -> None:
    life = start()
    life.run_until_idle()
    assert world.calls == ["outlet closed", "source closed"]


def test_without_a_state_it_continues_at_the_committed_offset(world: World, start: Start) -> None:
    world.write(P0, [1, 2, 3, 4, 5, 6, 7, 8])
    world.committed[P0] = 2
    start().run_until_idle()
    assert world.seen() == {"metrics/0/4": {b"12"}, "metrics/0/7": {b"33"}}


def test_the_state_wins_over_the_committed_offset_and_what_was_sent_is_not_sent_again(world: World, start: Start) -> None:
    """The state is older than the group's offset after a crash between two snapshots."""
    world.write(P0, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    world.states[P0] = (3, b"[3, 3, 6]")
    world.committed[P0] = 7
    start().run_until_idle()
    assert world.seen() == {"metrics/0/8": {b"45"}}
    assert world.committed[P0] == 9


def test_an_old_state_is_never_saved_nor_an_offset_moved_back_while_it_catches_up(world: World, start: Start) -> None:
    world.write(P0, numbers(60))
    world.states[P0] = (0, b"[0, 0, 0]")
    world.committed[P0] = 50
    life = start(commit_seconds=0.01, snapshot_seconds=0.01, most=3)
    history = []
    life.source.on_poll = lambda: history.append((world.committed[P0], world.states[P0][0]))
    life.run_until_idle()
    assert history == sorted(history)
    assert {state for _, state in history} & set(range(1, 50)) == set()
    assert world.states[P0][0] == 60


# Lost records.


@pytest.mark.parametrize(
    ("held", "state", "committed", "says"),
    [
        ((5, 9), 3, 4, r"metrics/0: the saved state continues with offset 3, but the broker holds 5 to 9 \(2 records are lost\)"),
        ((5, 9), None, 4, r"metrics/0: the group continues with offset 4, but the broker holds 5 to 9 \(1 records are lost\)"),
        ((0, 9), 12, 4, r"offset 12, but the broker holds 0 to 9 \(the topic was emptied or made anew\): remove this partition's file"),
        ((0, 9), None, 10, r"offset 10, but the broker holds 0 to 9 \(the topic was emptied or made anew\): move the group's offset"),
    ],
)
def test_lost_records_halt_it_and_say_what_to_do(
    world: World, start: Start, *, held: tuple[int, int], state: int | None, committed: int, says: str
) -> None:
    world.write(P0, list(range(held[1])))
    world.first[P0] = held[0]
    world.committed[P0] = committed
    if state is not None:
        world.states[P0] = (state, b"[%d, 3, 6]" % state)
    with pytest.raises(SourceError, match=says):
        start().run_until_idle()
    assert world.results == []
    assert world.calls == ["outlet closed", "source closed"]


def test_the_edges_of_what_is_held_are_not_lost(world: World, start: Start) -> None:
    world.write(P0, [1, 2, 3])
    world.first[P0] = 3
    world.committed[P0] = 3
    start().run_until_idle()
    world.write(P1, [1, 2, 3])
    world.first[P1] = 2
    world.committed[P1] = 2
    start().run_until_idle()
    assert world.committed == {P0: 3, P1: 3}


def test_a_state_that_cannot_be_used_halts_it_and_names_the_partition(world: World, start: Start) -> None:
    world.write(P0, [1])
    world.states[P0] = (0, b"unusable")
    with pytest.raises(SnapshotError, match=r"^metrics/0: of another configuration"):
        start().run_until_idle()


# Crashes.


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("commit", range(1, 9))
def test_a_crash_between_any_two_steps_loses_nothing_and_repeats_only_equal_results(
    world: World, start: Start, commit: int, stage: str
) -> None:
    world.write(P0, numbers(60))
    world.write(P1, numbers(30, seed=5))
    world.faults[commit, stage] = Crash()
    with pytest.raises(Crash):
        start(commit_seconds=0.15, snapshot_seconds=0.5).run_until_idle()
    start(commit_seconds=0.15, snapshot_seconds=0.5).run_until_idle()
    world.assert_nothing_lost_or_changed()


@pytest.mark.parametrize("seed", range(30))
def test_any_mix_of_faults_loses_nothing_and_repeats_only_equal_results(world: World, start: Start, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret
    world.write(P0, numbers(200, seed=seed))
    world.write(P1, numbers(200, seed=-seed))
    for commit in range(1, 60):
        if dice.random() < 0.4:
            world.faults[commit, dice.choice(STAGES)] = dice.choice([Crash(), sink_error(), FencedError("moved on")])

    def maybe_rebalance() -> None:
        if dice.random() < 0.1:
            world.assign(*dice.choice([[], [P0], [P1], [P0, P1]]))

    def end() -> None:
        if set(world.assignment.partitions) == {P0, P1}:
            life.runner.stop()
        else:
            world.assign(P0, P1)

    for _ in range(100):
        life = start(commit_seconds=dice.choice([0.05, 0.3]), snapshot_seconds=dice.choice([0.1, 2.0]), most=dice.choice([1, 4, 50]))
        life.source.on_poll = maybe_rebalance
        life.source.on_idle = end
        try:
            life.runner.run()
        except (Crash, SinkError):  # SinkError: in the last commit
            continue
        if world.committed == {P0: 200, P1: 200}:
            break
    assert world.committed == {P0: 200, P1: 200}
    world.assert_nothing_lost_or_changed()


# Rebalances.


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
    world.faults[1, "before"] = FencedError("moved on")
    start(commit_seconds=3600).run_until_idle()
    assert world.calls == ["outlet closed", "source closed"]
    assert world.committed == {}


# A sink that refuses.


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
    world.faults[1, "results"] = sink_error()
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


# A source that does not answer.


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


# What observers see.


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
