"""State that travels with the events: spread over commits, found again by the group's offset, refused where it cannot be trusted."""

import random
from collections.abc import Sequence

import pytest
from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition

from streamkl.assembly.clients import client_of
from streamkl.config import KafkaConfig
from streamkl.errors import FencedError, SinkError, SnapshotError, SourceError
from streamkl.model import Message, Outgoing, Partition
from streamkl.ports import Step
from streamkl.transport import bookmark, state_topic, tuning
from streamkl.transport.chunks import BODY_BYTES
from streamkl.transport.clients import Kept
from streamkl.transport.state_topic import TopicStateStore
from tests.adapters.kafka.places import CLIENTS, Member, OnKafkaExactlyOnce, Record, readable, with_both
from tests.adapters.kafka.reading import from_the_start, joined, take, wait_until
from tests.fakes import MemoryStore

pytestmark = [pytest.mark.broker, with_both]

STORE = MemoryStore()  # states have their topic


def state(chunks: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(chunks * BODY_BYTES)  # noqa: S311 - no secret


def start(place: OnKafkaExactlyOnce, group: str, topic: str) -> Member:
    member = place.member(group, topic, STORE)
    joined(member.source)
    return member


def save(member: Member, partition: Partition, offset: int, packed: bytes | None = None, *, leaving: bool = False) -> None:
    states = {} if packed is None else {partition: packed}
    member.outlet.commit(Step(member.source.assignment(), (), states, {partition: offset}, leaving))


def store_of(member: Member) -> TopicStateStore:
    assert isinstance(member.states, TopicStateStore)
    return member.states


def committed_with(store: TopicStateStore, partition: Partition) -> tuple[int | None, int]:
    """The group's offset, and the number of partitions that stands beside it."""
    mark = store.mark(partition)
    assert mark.bookmark is not None
    return mark.offset, mark.bookmark.partitions


def chunks_in(place: OnKafkaExactlyOnce) -> Sequence[Message]:
    return place.read(place.state_topic)


def test_the_first_state_goes_out_at_once_and_later_ones_in_portions(exactly_once_place: OnKafkaExactlyOnce, group: str) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic()
    partition = Partition(topic, 0)
    member = start(place, group, topic)
    save(member, partition, 10, state(7))
    assert len(chunks_in(place)) == 7
    save(member, partition, 20, state(8, seed=1))
    assert len(chunks_in(place)) == 7 + 3
    assert member.states.load(partition) == state(7)
    save(member, partition, 30)
    save(member, partition, 30)  # nothing new: the rest still goes out
    assert len(chunks_in(place)) == 7 + 8
    assert member.states.load(partition) == state(8, seed=1)
    assert member.source.committed(partition) == 30
    assert all(len(message.value or b"") <= 512 * 2**10 for message in chunks_in(place))


def test_the_state_with_the_fewest_records_to_read_again_is_loaded_first(exactly_once_place: OnKafkaExactlyOnce, group: str) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic(partitions=4)
    far, near, new, nearest = (Partition(topic, number) for number in range(4))
    member = start(place, group, topic)
    for partition, saved, committed in ((far, 10, 30), (near, 5, 8), (nearest, 400, 402)):
        save(member, partition, saved, b"state")
        save(member, partition, committed)
    assert list(member.states.soonest_first({far, near, new, nearest})) == [new, nearest, near, far]
    assert list(member.states.soonest_first([])) == []


def test_whoever_leaves_puts_nothing_off(exactly_once_place: OnKafkaExactlyOnce, group: str) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic()
    partition = Partition(topic, 0)
    member = start(place, group, topic)
    save(member, partition, 10, state(5))
    save(member, partition, 20, state(5, seed=1))
    save(member, partition, 30, state(5, seed=2), leaving=True)
    assert member.states.load(partition) == state(5, seed=2)


def test_a_state_that_was_not_finished_is_worth_nothing_to_the_next_process(exactly_once_place: OnKafkaExactlyOnce, group: str) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic()
    partition = Partition(topic, 0)
    first = start(place, group, topic)
    save(first, partition, 10, state(5))
    save(first, partition, 20, state(9, seed=1))
    first.close()
    second = start(place, group, topic)
    assert second.states.load(partition) == state(5)
    assert second.source.committed(partition) == 20
    save(second, partition, 30, state(2, seed=2))
    assert second.states.load(partition) == state(2, seed=2)


def test_the_other_library_goes_on_where_one_has_stopped(exactly_once_place: OnKafkaExactlyOnce, group: str, client: str) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic()
    partition = Partition(topic, 0)
    first = start(place, group, topic)
    save(first, partition, 10, state(2))
    first.close()
    (other,) = set(CLIENTS) - {client}
    place.client = client_of(KafkaConfig(client=other), place.state_topic)  # type: ignore[arg-type]
    second = start(place, group, topic)
    assert second.states.load(partition) == state(2)
    assert second.source.committed(partition) == 10
    save(second, partition, 20, state(1, seed=1), leaving=True)
    assert second.states.load(partition) == state(1, seed=1)


def test_states_alternate_between_two_keys_so_that_compaction_never_takes_the_living_one(
    exactly_once_place: OnKafkaExactlyOnce, group: str
) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic()
    partition = Partition(topic, 0)
    member = start(place, group, topic)
    for number in range(4):
        save(member, partition, 10 * number, state(1, seed=number))
    assert [message.key for message in chunks_in(place)] == [f"{group}/{topic}/0/{slot}/0".encode() for slot in (0, 1, 0, 1)]


def test_partitions_of_several_topics_share_a_state_topic(exactly_once_place: OnKafkaExactlyOnce, group: str) -> None:
    place, topics = exactly_once_place, (exactly_once_place.topic(partitions=3), exactly_once_place.topic(partitions=3))
    member = place.join(group, STORE, topics=topics)
    partitions = sorted(joined(member.source).partitions)
    states = {partition: state(1, seed=number) for number, partition in enumerate(partitions)}
    member.outlet.commit(Step(member.source.assignment(), (), states, dict.fromkeys(partitions, 5)))
    assert {partition: member.states.load(partition) for partition in partitions} == states


def test_a_commit_that_fails_leaves_the_state_before_usable(exactly_once_place: OnKafkaExactlyOnce, group: str) -> None:
    place, topic, events = exactly_once_place, exactly_once_place.topic(), exactly_once_place.topic(max_message_bytes="1000")
    partition = Partition(topic, 0)
    member = start(place, group, topic)
    save(member, partition, 10, b"before")
    outgoing = [Outgoing(events, b"s", b"x", ()), Outgoing(events, b"s", state(1), ())]
    with pytest.raises(SinkError, match=rf"topic {events}: .*max\.message\.bytes"):
        member.outlet.commit(Step(member.source.assignment(), outgoing, {partition: b"after"}, {partition: 20}))
    assert member.states.load(partition) == b"before"
    assert member.source.committed(partition) == 10
    save(member, partition, 20, b"after")
    assert member.states.load(partition) == b"after"
    assert place.read(events) == []


def test_an_offset_that_a_tool_has_moved_begins_without_a_state(
    exactly_once_place: OnKafkaExactlyOnce, group: str, caplog: pytest.LogCaptureFixture
) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic()
    partition = Partition(topic, 0)
    first = start(place, group, topic)
    save(first, partition, 10, b"state")
    first.close()
    with place.admin() as admin:
        admin.alter_group_offsets(group, {TopicPartition(*partition): OffsetAndMetadata(4, "", -1)})
    second = start(place, group, topic)
    assert second.states.load(partition) is None
    assert f"{topic}/0: offset 4 was committed without a state" in caplog.text


def test_a_state_whose_offset_was_forgotten_is_never_silently_begun_anew(exactly_once_place: OnKafkaExactlyOnce, group: str) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic()
    partition = Partition(topic, 0)
    first = start(place, group, topic)
    save(first, partition, 10, b"state")
    first.close()
    with place.admin() as admin:
        admin.delete_groups([group])
    second = start(place, group, topic)
    with pytest.raises(SnapshotError, match="has no offset"):
        second.states.load(partition)


def test_more_partitions_than_before_are_refused(exactly_once_place: OnKafkaExactlyOnce, group: str) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic(partitions=2)
    partition = Partition(topic, 0)
    first = start(place, group, topic)
    save(first, partition, 10, b"state")
    first.close()
    with place.admin() as admin:
        admin.create_partitions({topic: 4})
    second = place.member(group, topic, STORE)
    wait_until(lambda: len(second.source.assignment().partitions) == 4, second.source)
    with pytest.raises(SnapshotError, match=rf"{topic} had 2 partitions when its state was saved and has 4 now"):
        second.states.load(partition)
    with pytest.raises(SnapshotError, match="had 2 partitions"):
        save(second, partition, 20, b"later")


def test_partitions_that_were_added_are_not_begun_before_the_states_of_the_others_have_moved(
    exactly_once_place: OnKafkaExactlyOnce, group: str
) -> None:
    """Whoever is given new partitions alone would commit offsets for them, and then nothing could be moved any more."""
    place, topic = exactly_once_place, exactly_once_place.topic(partitions=2)
    first = start(place, group, topic)
    save(first, Partition(topic, 0), 10, b"state")
    first.close()
    with place.admin() as admin:
        admin.create_partitions({topic: 4})
    second = start(place, group, topic)
    with pytest.raises(SnapshotError, match=rf"{topic} had 2 partitions when its state was saved and has 4 now"):
        second.states.soonest_first({Partition(topic, 2), Partition(topic, 3)})


def test_partitions_that_are_added_meanwhile_end_it_with_the_next_commit(
    exactly_once_place: OnKafkaExactlyOnce, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library hears of them before the group deals them out; a commit in between must not say that the state knows them."""
    place, topic = exactly_once_place, exactly_once_place.topic(partitions=2)
    partition = Partition(topic, 0)
    member = start(place, group, topic)
    save(member, partition, 10, b"state")
    store = store_of(member)
    with monkeypatch.context() as patch:
        patch.setattr(store._session, "partitions_of", lambda _: 4)
        with pytest.raises(SnapshotError, match="had 2 partitions when its state was saved and has 4 now"):
            save(member, partition, 20)
        with pytest.raises(SnapshotError, match="had 2 partitions"):
            save(member, partition, 20, b"later")
    assert committed_with(store, partition) == (10, 2)


def test_a_number_of_partitions_that_is_not_known_is_never_written_down(
    exactly_once_place: OnKafkaExactlyOnce, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic(partitions=2)
    partition, other = Partition(topic, 0), Partition(topic, 1)
    member = start(place, group, topic)
    save(member, partition, 10, b"state")
    store = store_of(member)
    with monkeypatch.context() as patch:
        patch.setattr(store._session, "partitions_of", lambda _: 0)
        save(member, partition, 20, b"later")
        with pytest.raises(SinkError, match="how many partitions it has is not known yet"):
            save(member, other, 5, b"first")
    assert committed_with(store, partition) == (20, 2)
    assert store.mark(other).offset is None


def test_a_number_of_partitions_that_is_not_known_is_not_taken_for_a_small_one(
    exactly_once_place: OnKafkaExactlyOnce, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries forget it for a moment while a broker starts, which is when partitions are dealt out anew."""
    place, topic = exactly_once_place, exactly_once_place.topic(partitions=3)
    member = start(place, group, topic)
    for number in range(2):
        save(member, Partition(topic, number), 10, b"state")
    store = store_of(member)
    monkeypatch.setattr(store._session, "partitions_of", lambda _: 0)
    for ours in ({Partition(topic, 0)}, {Partition(topic, 0), Partition(topic, 1)}, {Partition(topic, 2)}):
        assert set(store.soonest_first(ours)) == ours


def test_a_first_state_is_not_begun_for_more_partitions_than_were_dealt_out(
    exactly_once_place: OnKafkaExactlyOnce, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic(partitions=2)
    ours = {Partition(topic, 0), Partition(topic, 1)}
    member = start(place, group, topic)
    store = store_of(member)
    store.soonest_first(ours)
    monkeypatch.setattr(store._session, "partitions_of", lambda _: 4)
    with pytest.raises(SinkError, match=f"topic {topic} has 4 partitions now") as refusal:
        save(member, Partition(topic, 0), 10, b"state")
    assert refusal.value.transient
    store.soonest_first(ours)
    save(member, Partition(topic, 0), 10, b"state")


def test_a_state_that_is_gone_or_damaged_is_refused(exactly_once_place: OnKafkaExactlyOnce, group: str) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic()
    partition = Partition(topic, 0)
    member = start(place, group, topic)
    save(member, partition, 10, b"state")
    store = store_of(member)
    mark = store.mark(partition).bookmark
    assert mark is not None
    assert mark.saved is not None

    def point_to(first: int, last: int) -> None:
        moved = bookmark.Bookmark(mark.partitions, bookmark.Saved(10, mark.saved.partition, first, last, 1, mark.saved.slot))
        kept = {partition: Kept(10, bookmark.write(moved))}
        store._transactor.commit([], lambda _: kept, store._session.membership(member.source.assignment()))

    with KafkaProducer(bootstrap_servers=place.bootstrap) as producer:
        key = f"{group}/{topic}/0/{mark.saved.slot}/0".encode()
        damaged = bytearray(chunks_in(place)[0].value or b"")
        damaged[-1] ^= 1
        offset = producer.send(place.state_topic, bytes(damaged), key, partition=mark.saved.partition).get(10).offset
    point_to(offset, offset)
    with pytest.raises(SnapshotError, match="damaged"):
        member.states.load(partition)
    point_to(offset + 1_000, offset + 1_000)  # as after the topic was made anew
    with pytest.raises(SnapshotError, match="no longer in"):
        member.states.load(partition)


@pytest.mark.parametrize("deleted", ["events", "states"])
def test_a_topic_that_is_deleted_while_running_fails_the_commit_and_is_named(
    exactly_once_place: OnKafkaExactlyOnce, group: str, deleted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "TRANSACTIONAL_DELIVERY_TIMEOUT_MS", 4_000)
    monkeypatch.setattr(tuning, "REQUEST_TIMEOUT_MS", 2_000)
    place, topic, events = exactly_once_place, exactly_once_place.topic(), exactly_once_place.topic()
    partition = Partition(topic, 0)
    member = start(place, group, topic)
    assignment = member.source.assignment()
    member.outlet.commit(Step(assignment, [Outgoing(events, b"s", b"1", ())], {partition: state(1)}, {partition: 10}))
    gone = events if deleted == "events" else place.state_topic
    with place.admin() as admin:
        admin.delete_topics([gone])
    with pytest.raises(SinkError, match=f"topic {gone}: .*deleted"):
        member.outlet.commit(Step(assignment, [Outgoing(events, b"s", b"2", ())], {partition: state(1, seed=1)}, {partition: 20}))
    assert member.source.committed(partition) == 10
    assert member.states.load(partition) == state(1) if deleted == "events" else b"2" not in {each.value for each in place.read(events)}


def test_another_members_open_transaction_hides_a_state_only_for_a_while(
    exactly_once_place: OnKafkaExactlyOnce, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic()
    partition = Partition(topic, 0)
    member = start(place, group, topic)
    with KafkaProducer(bootstrap_servers=place.bootstrap, transactional_id=f"other-{group}") as other:
        other.init_transactions()
        other.begin_transaction()
        other.send(place.state_topic, b"x", b"other", partition=0).get(10)
        save(member, partition, 10, b"state")
        monkeypatch.setattr(state_topic, "READ_SECONDS", 1.0)
        with pytest.raises(SourceError, match="cannot be read yet") as caught:
            member.states.load(partition)
        assert caught.value.transient
        other.commit_transaction()
        assert member.states.load(partition) == b"state"


def test_what_a_killed_process_left_open_is_gone_before_its_offsets_are_read(exactly_once_place: OnKafkaExactlyOnce, group: str) -> None:
    place, topic, events = exactly_once_place, exactly_once_place.topic(), exactly_once_place.topic()
    partition = Partition(topic, 0)
    place.write(topic, 0, [Record(b"k", b"v")] * 3)
    member = start(place, group, topic)
    store = store_of(member)
    identity = store._transactor._id
    with KafkaProducer(bootstrap_servers=place.bootstrap, transactional_id=identity) as killed:
        killed.init_transactions()
        killed.begin_transaction()
        killed.send(events, b"never").get(10)
        killed.send_offsets_to_transaction(
            {TopicPartition(*partition): OffsetAndMetadata(3, "", -1)}, readable(store._session.membership(member.source.assignment()))
        )
        assert store.load(partition) is None
        assert member.source.committed(partition) is None
        from_the_start(member.source)
        assert len(take(member.source, 3)[partition]) == 3
        member.outlet.commit(Step(member.source.assignment(), [Outgoing(events, b"s", b"once", ())], {partition: b"s"}, {partition: 3}))
    assert [message.value for message in place.read(events)] == [b"once"]


def test_of_two_processes_with_one_name_the_older_one_halts(exactly_once_place: OnKafkaExactlyOnce, group: str) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic()
    partition = Partition(topic, 0)
    old = place.join(group, STORE, topics=(topic,), group_instance_id="one")
    assignment = joined(old.source)
    new = place.join(group, STORE, topics=(topic,), group_instance_id="one")
    joined(new.source)
    with pytest.raises(FencedError):
        old.outlet.commit(Step(assignment, (), {partition: b"old"}, {partition: 1}))
    with pytest.raises(SourceError, match="group_instance_id"):
        old.source.poll(0.1)
    save(new, partition, 1, b"new")
    assert new.states.load(partition) == b"new"


def test_an_older_process_of_our_name_never_takes_the_transactional_id_back(exactly_once_place: OnKafkaExactlyOnce, group: str) -> None:
    place, topic = exactly_once_place, exactly_once_place.topic()
    partition = Partition(topic, 0)
    old, new = (place.join(group, STORE, topics=(topic,), group_instance_id="one") for _ in range(2))
    joined(old.source)
    assert old.states.load(partition) is None
    joined(new.source)
    save(new, partition, 1, b"new")
    assert isinstance(old.states, TopicStateStore)
    old.states._transactor.close()  # what it does with a producer that was fenced
    with pytest.raises(FencedError, match="group_instance_id"):
        old.states.load(partition)
    save(new, partition, 2, b"newer")
    assert new.states.load(partition) == b"newer"
    with pytest.raises(SourceError, match="group_instance_id"):
        old.source.poll(0.1)
