"""Where the loop goes on after a stop, and what it says where it cannot."""

import itertools

import pytest

from streamkl.errors import SnapshotError, SourceError
from streamkl.model import Partition
from tests.runner.conftest import Start
from tests.runner.world import P0, P1, World, numbers


def test_a_stop_finishes_with_a_state_of_everything_and_leaves_the_group(world: World, start: Start) -> None:
    world.write(P0, numbers(50))
    world.write(P1, numbers(50))
    life = start(commit_seconds=3600, snapshot_seconds=3600)
    polls = itertools.count()
    life.source.on_poll = lambda: life.runner.stop() if next(polls) == 5 else None
    life.runner.run()
    assert world.committed == {P0: 20, P1: 16}  # restored one poll later
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


def test_the_first_partition_commits_before_the_last_one_is_restored(world: World, start: Start) -> None:
    world.write(P0, numbers(9))
    world.write(P1, numbers(9))
    for partition in (P0, P1):
        world.states[partition] = (0, b"[0, 0, 0]")
        world.committed[partition] = 7
    life = start(commit_seconds=0.01, most=2)
    history = []
    life.source.on_poll = lambda: history.append((len(life.engines), dict(world.committed)))
    life.run_until_idle()
    assert (1, {P0: 8, P1: 7}) in history
    assert world.committed == {P0: 9, P1: 9}
    assert world.rests == 1


def test_the_first_partition_commits_first_where_the_broker_needs_a_moment_and_nothing_is_replayed(
    world: World, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write(P0, numbers(9))
    world.write(P1, numbers(9))
    life = start(commit_seconds=0.01)
    at_once = life.source.poll
    monkeypatch.setattr(life.source, "poll", lambda seconds: at_once(seconds) if seconds >= 0.1 or len(life.engines) != 1 else {})
    history = []
    life.source.on_poll = lambda: history.append((len(life.engines), dict(world.committed)))
    life.run_until_idle()
    assert (2, {}) not in history
    assert world.committed == {P0: 9, P1: 9}


def test_partitions_are_restored_in_the_order_that_the_store_recommends(world: World, start: Start) -> None:
    world.last_first = True
    world.write(P0, numbers(9))
    world.write(P1, numbers(9))
    life = start(commit_seconds=0.01)
    life.run_until_idle()
    assert [engine.partition for engine in life.engines] == [P1, P0]


def test_a_partition_whose_records_do_not_come_holds_up_no_other(world: World, start: Start) -> None:
    world.write(P0, numbers(9))
    world.write(P1, numbers(9))
    world.states[P0] = (0, b"[0, 0, 0]")
    world.committed[P0] = 7
    life = start(commit_seconds=0.01)
    seek = life.source.seek
    life.source.seek = lambda partition, offset: None if partition == P0 else seek(partition, offset)  # type: ignore[method-assign]
    polls = itertools.count()
    life.source.on_poll = lambda: life.runner.stop() if next(polls) == 20 else None
    life.runner.run()
    assert world.committed == {P0: 7, P1: 9}


def test_it_says_how_many_partitions_are_still_to_be_restored(world: World, start: Start) -> None:
    world.write(P0, numbers(9))
    world.write(P1, numbers(9))
    life = start()
    load = life.holdings._store.load

    def slow(partition: Partition) -> bytes | None:
        world.clock.time += 2.0
        return load(partition)

    life.holdings._store.load = slow  # type: ignore[method-assign]
    life.run_until_idle()
    assert [(status.partitions, status.restoring) for status in life.watcher.seen[:2]] == [(2, 1), (2, 0)]


@pytest.mark.parametrize(
    ("held", "state", "committed", "says"),
    [
        ((5, 9), 3, 4, r"metrics/0: the saved state continues with offset 3, but the broker holds 5 to 9 \(2 records are lost\)"),
        ((5, 9), None, 4, r"metrics/0: the group continues with offset 4, but the broker holds 5 to 9 \(1 records are lost\)"),
        (
            (0, 9),
            12,
            4,
            r"offset 12, but the broker holds 0 to 9 \(the topic was emptied or made anew\): remove this partition's file to learn again",
        ),
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


def test_a_state_without_an_offset_of_the_group_is_used_and_warned_of(world: World, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """A kill between the first save and the first commit leaves it so; so does a topic that was made anew, which nobody else can tell."""
    world.write(P0, [1, 2, 3, 4, 5, 6])
    world.states[P0] = (3, b"[3, 3, 6]")
    start().run_until_idle()
    assert [record.value for record in world.results] == [b"21"]
    (line,) = [message for message in caplog.messages if "the group has no offset" in message]
    assert line.startswith("metrics/0: there is a state up to offset 3, but")
    assert line.endswith("remove this partition's file to learn again")


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
