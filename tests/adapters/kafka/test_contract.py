"""What the loop may rely on, the same in memory and on a real broker: Source, Outlet and how they belong together."""

import pytest

from streamkl.errors import FencedError, SnapshotError, SourceError
from streamkl.model import Message, Outgoing, Partition
from streamkl.ports import Step
from streamkl.transport import tuning
from tests.adapters.kafka.places import Place, Record
from tests.adapters.kafka.reading import from_the_start, joined, take, wait_until
from tests.fakes import MemoryStore


def numbered(count: int, *, start: int = 0) -> list[Record]:
    return [Record(b"k", b"%d" % number) for number in range(start, start + count)]


def filled(place: Place, *, partitions: int, count: int) -> str:
    """A topic with so many records in each partition."""
    topic = place.topic(partitions=partitions)
    for number in range(partitions):
        place.write(topic, number, numbered(count))
    return topic


def test_messages_arrive_in_offset_order_with_everything_that_was_written(place: Place, group: str, store: MemoryStore) -> None:
    topic = place.topic()
    place.write(topic, 0, [Record(b"a", b"1", (("h", b"x"),), 7_000), Record(b"a", None, (), 8_000), Record(None, b"\xff\x00", (), 9_000)])
    source = place.member(group, topic, store).source
    from_the_start(source)
    assert take(source, 3) == {
        Partition(topic, 0): [
            Message(topic, 0, 0, 7_000, b"a", b"1", (("h", b"x"),)),
            Message(topic, 0, 1, 8_000, b"a", None, ()),
            Message(topic, 0, 2, 9_000, None, b"\xff\x00", ()),
        ]
    }


def test_each_partition_keeps_its_own_order(place: Place, group: str, store: MemoryStore) -> None:
    topic = filled(place, partitions=3, count=2_000)
    source = place.member(group, topic, store).source
    from_the_start(source)
    found = take(source, 6_000)
    assert {partition: [message.offset for message in messages] for partition, messages in found.items()} == {
        Partition(topic, number): list(range(2_000)) for number in range(3)
    }


def test_nothing_arrives_from_a_partition_that_was_not_sought(place: Place, group: str, store: MemoryStore) -> None:
    topic = filled(place, partitions=2, count=5)
    source = place.member(group, topic, store).source
    joined(source)
    assert not source.poll(0.3)
    source.seek(Partition(topic, 1), 0)
    assert take(source, 5).keys() == {Partition(topic, 1)}
    assert not source.poll(0.3)


def test_a_parked_partition_delivers_nothing_until_it_is_sought_again(place: Place, group: str, store: MemoryStore) -> None:
    topic = filled(place, partitions=2, count=5)
    source = place.member(group, topic, store).source
    from_the_start(source)
    source.park(Partition(topic, 0))
    assert take(source, 5).keys() == {Partition(topic, 1)}
    place.write(topic, 0, numbered(5, start=5))
    assert not source.poll(0.3)
    source.seek(Partition(topic, 0), 3)
    assert [message.offset for message in take(source, 7)[Partition(topic, 0)]] == list(range(3, 10))


def test_a_partition_that_is_parked_with_records_half_delivered_is_read_again_from_where_it_is_sought(
    place: Place, group: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "MAX_POLL_RECORDS", 10)
    topic = place.topic(partitions=2)
    source = place.member(group, topic, store).source
    from_the_start(source)
    place.write(topic, 0, numbered(95))
    assert take(source, 1).keys() == {Partition(topic, 0)}
    source.park(Partition(topic, 0))
    place.write(topic, 1, numbered(95))
    assert len(take(source, 95)[Partition(topic, 1)]) == 95
    source.seek(Partition(topic, 0), 5)
    assert [message.offset for message in take(source, 90)[Partition(topic, 0)]] == list(range(5, 95))


def test_a_new_group_has_committed_nothing(place: Place, group: str, store: MemoryStore) -> None:
    topic = place.topic()
    source = place.member(group, topic, store).source
    joined(source)
    assert source.committed(Partition(topic, 0)) is None


def test_bounds_are_the_first_record_held_and_the_next_to_be_written(place: Place, group: str, store: MemoryStore) -> None:
    topic = place.topic()
    source = place.member(group, topic, store).source
    joined(source)
    assert source.bounds(Partition(topic, 0)) == (0, 0)
    place.write(topic, 0, numbered(10))
    place.delete_before(topic, 0, 4)
    assert source.bounds(Partition(topic, 0)) == (4, 10)


def test_seeking_back_reads_again_and_seeking_to_the_end_reads_only_what_comes(place: Place, group: str, store: MemoryStore) -> None:
    topic = place.topic()
    partition = Partition(topic, 0)
    place.write(topic, 0, numbered(10))
    source = place.member(group, topic, store).source
    from_the_start(source)
    take(source, 10)
    source.seek(partition, 7)
    assert [message.offset for message in take(source, 3)[partition]] == [7, 8, 9]
    source.seek(partition, 10)
    assert not source.poll(0.2)
    place.write(topic, 0, numbered(1))
    assert [message.offset for message in take(source, 1)[partition]] == [10]


def test_a_partition_of_others_cannot_be_sought(place: Place, group: str, store: MemoryStore) -> None:
    topic = place.topic()
    source = place.member(group, topic, store).source
    joined(source)
    with pytest.raises(ValueError):
        source.seek(Partition(topic, 5), 0)


def test_lag_falls_to_zero(place: Place, group: str, store: MemoryStore) -> None:
    topic = place.topic(partitions=2)
    for number in range(2):
        place.write(topic, number, numbered(20))
    source = place.member(group, topic, store).source
    from_the_start(source)
    take(source, 40)
    assert source.lag() == {Partition(topic, 0): 0, Partition(topic, 1): 0}


def test_a_commit_makes_results_states_and_offsets_durable(place: Place, group: str, store: MemoryStore) -> None:
    topic, events = place.topic(), place.topic()
    partition = Partition(topic, 0)
    place.write(topic, 0, numbered(5))
    first = place.member(group, topic, store)
    assignment = from_the_start(first.source)
    take(first.source, 5)
    outgoing = [Outgoing(events, b"s", b"event", (("ce_id", b"1"),)), Outgoing(events, None, None, (("reason", b"empty"),))]
    first.outlet.commit(Step(assignment, outgoing, {partition: b"state"}, {partition: 5}))
    assert [(message.key, message.value or b"", message.headers) for message in place.read(events)] == [
        (b"s", b"event", (("ce_id", b"1"),)),
        (None, b"", (("reason", b"empty"),)),
    ]
    first.close()
    second = place.member(group, topic, store)
    joined(second.source)
    assert second.states.load(partition) == b"state"
    assert second.source.committed(partition) == 5
    second.close()


def test_a_step_without_anything_new_changes_nothing(place: Place, group: str, store: MemoryStore) -> None:
    topic = place.topic()
    member = place.member(group, topic, store)
    member.outlet.commit(Step(joined(member.source)))
    assert member.source.committed(Partition(topic, 0)) is None


def test_a_state_without_its_offset_is_refused_before_anything_is_sent(place: Place, group: str, store: MemoryStore) -> None:
    topic, events = place.topic(), place.topic()
    member = place.member(group, topic, store)
    step = Step(joined(member.source), [Outgoing(events, b"s", b"x", ())], {Partition(topic, 0): b"state"}, {})
    with pytest.raises(ValueError, match="offset"):
        member.outlet.commit(step)
    assert place.read(events) == []


def test_offsets_stay_where_they_are_if_a_state_cannot_be_saved(place: Place, group: str, store: MemoryStore) -> None:
    topic = place.topic()
    partition = Partition(topic, 0)
    member = place.member(group, topic, store)
    assignment = joined(member.source)
    member.outlet.commit(Step(assignment, (), {partition: b"newer"}, {partition: 9}))
    with pytest.raises(SnapshotError):
        member.outlet.commit(Step(assignment, (), {partition: b"older"}, {partition: 5}))
    assert member.source.committed(partition) == 9
    assert member.states.load(partition) == b"newer"


def test_a_second_member_takes_over_a_share_and_the_generation_rises(place: Place, group: str, store: MemoryStore) -> None:
    topic = place.topic(partitions=2)
    for number in range(2):
        place.write(topic, number, numbered(3))
    one, two = place.member(group, topic, store).source, place.member(group, topic, store).source
    before = from_the_start(one)
    take(one, 6)
    joined(two, one)
    wait_until(lambda: len(one.assignment().partitions) == 1 and len(two.assignment().partitions) == 1, one, two)
    assert one.assignment().generation > before.generation
    assert one.assignment().partitions | two.assignment().partitions == before.partitions
    (kept,) = one.assignment().partitions
    assert not one.poll(0.2), "a partition delivers nothing after a rebalance until it is sought again"
    one.seek(kept, 0)
    assert take(one, 3).keys() == {kept}


def test_a_member_that_leaves_gives_its_partitions_back(place: Place, group: str, store: MemoryStore) -> None:
    topic = place.topic(partitions=2)
    one, two = place.member(group, topic, store), place.member(group, topic, store)
    joined(one.source)
    joined(two.source, one.source)
    generation = one.source.assignment().generation
    two.close()
    two.close()
    wait_until(lambda: len(one.source.assignment().partitions) == 2, one.source)
    assert one.source.assignment().generation > generation


def test_a_commit_for_an_old_assignment_is_fenced_and_leaves_no_trace(place: Place, group: str, store: MemoryStore) -> None:
    topic, events = place.topic(partitions=2), place.topic()
    one, two = place.member(group, topic, store), place.member(group, topic, store)
    stale = joined(one.source)
    joined(two.source, one.source)
    wait_until(lambda: len(one.source.assignment().partitions) == 1, one.source, two.source)
    partition = Partition(topic, 0)
    with pytest.raises(FencedError):
        one.outlet.commit(Step(stale, [Outgoing(events, b"s", b"x", ())], {partition: b"state"}, {partition: 1}))
    assert place.read(events) == []
    assert one.states.load(partition) is None
    assert one.source.committed(partition) is None


@pytest.mark.parametrize("offset", [1, 11], ids=["deleted", "never written"])
def test_offsets_that_the_log_does_not_hold_halt_the_source(place: Place, group: str, store: MemoryStore, offset: int) -> None:
    topic = place.topic()
    place.write(topic, 0, numbered(10))
    place.delete_before(topic, 0, 4)
    source = place.member(group, topic, store).source
    joined(source)
    source.seek(Partition(topic, 0), offset)
    with pytest.raises(SourceError) as caught:
        wait_until(lambda: False, source)
    for word in (f"{topic}/0", f" {offset}", "4 to 10"):
        assert word in str(caught.value)
    assert not caught.value.transient
