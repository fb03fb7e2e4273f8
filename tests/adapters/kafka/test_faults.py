"""A broker that pauses, dies, refuses or sends damaged records: nothing is lost, and what cannot be mended halts."""

import gc
import os
import threading
import time

import pytest

from streamkl.broker.launcher import Broker
from streamkl.errors import SinkError, SourceError
from streamkl.model import Outgoing, Partition
from streamkl.ports import Step
from streamkl.transport import tuning
from tests.adapters.kafka.places import Member, OnKafka, Record, with_both
from tests.adapters.kafka.reading import from_the_start, joined, take, wait_until
from tests.fakes import MemoryStore

SETTLING_SECONDS = 3.0

pytestmark = [pytest.mark.broker, with_both]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A producer that gives up after 2 s."""
    monkeypatch.setattr(tuning, "REQUEST_TIMEOUT_MS", 1_000)
    monkeypatch.setattr(tuning, "DELIVERY_TIMEOUT_MS", 2_000)
    monkeypatch.setattr(tuning, "METADATA_TIMEOUT_MS", 1_000)


def commit_when_settled(member: Member, partition: Partition, outgoing: list[Outgoing], offset: int) -> None:
    """Once our membership has survived or been renewed, the commit has to work: it may take a heartbeat to hear that it was lost."""
    since, seen = time.monotonic(), -1

    def settled() -> bool:
        nonlocal since, seen
        now = member.source.assignment()
        if now.generation != seen or partition not in now.partitions:
            since, seen = time.monotonic(), now.generation
        return time.monotonic() - since > SETTLING_SECONDS

    wait_until(settled, member.source)
    member.outlet.commit(Step(member.source.assignment(), outgoing, {partition: b"state"}, {partition: offset}))


def test_reading_and_committing_go_on_after_the_broker_was_killed(
    own_broker: Broker, own_place: OnKafka, group: str, store: MemoryStore
) -> None:
    topic, events = own_place.topic(), own_place.topic()
    partition = Partition(topic, 0)
    member = own_place.member(group, topic, store)
    own_place.write(topic, 0, [Record(b"k", b"%d" % number) for number in range(100)])
    assignment = from_the_start(member.source)
    assert len(take(member.source, 100)[partition]) == 100
    member.outlet.commit(Step(assignment, [Outgoing(events, b"s", b"before", ())], {}, {partition: 100}))
    own_broker.kill()
    assert not member.source.poll(0.5), "a broker that is away means empty polls"
    own_broker.start()
    own_place.write(topic, 0, [Record(b"k", b"%d" % number) for number in range(100, 200)])
    found: list[bytes | None] = []
    generation = assignment.generation
    while len(found) < 100:
        batch = member.source.poll(0.2)
        if member.source.assignment().generation != generation and member.source.assignment().partitions:
            generation = member.source.assignment().generation
            member.source.seek(partition, member.source.committed(partition) or 0)
            found.clear()
        else:
            found += [message.value for message in batch.get(partition, ())]
    assert found == [b"%d" % number for number in range(100, 200)]
    commit_when_settled(member, partition, [Outgoing(events, b"s", b"after", ())], 200)
    assert [message.value for message in own_place.read(events)] == [b"before", b"after"]
    assert member.source.committed(partition) == 200
    gc.collect()  # a socket left open would warn here, and a warning is an error


@pytest.mark.usefixtures("impatient")
def test_results_that_were_not_acknowledged_move_no_state_and_no_offset(
    own_broker: Broker, own_place: OnKafka, group: str, store: MemoryStore
) -> None:
    topic, events = own_place.topic(), own_place.topic()
    partition = Partition(topic, 0)
    own_place.write(topic, 0, [Record(b"k", b"v")] * 3)
    member = own_place.member(group, topic, store)
    assignment = from_the_start(member.source)
    take(member.source, 3)
    before = set(threading.enumerate())
    member.outlet.commit(Step(assignment, [Outgoing(events, b"s", b"0", ())], {}, {partition: 1}))
    own_broker.pause()
    with pytest.raises(SinkError, match=f"topic {events}") as caught:
        member.outlet.commit(Step(assignment, [Outgoing(events, b"s", b"1", ())], {partition: b"state"}, {partition: 3}))
    assert caught.value.transient
    assert set(threading.enumerate()) <= before, "the failed producer is gone, or it would go on sending"
    own_broker.resume()
    assert store.states == {}
    wait_until(lambda: partition in member.source.assignment().partitions, member.source)
    assert member.source.committed(partition) == 1
    commit_when_settled(member, partition, [Outgoing(events, b"s", b"1", ())], 3)
    assert {message.value for message in own_place.read(events)} == {b"0", b"1"}
    assert member.source.committed(partition) == 3


def test_a_damaged_batch_halts_and_is_never_stepped_over(own_broker: Broker, own_place: OnKafka, group: str, store: MemoryStore) -> None:
    topic = own_place.topic()
    own_place.write(topic, 0, [Record(b"k", b"first batch")])
    own_place.write(topic, 0, [Record(b"k", b"second batch")])
    own_broker.stop()
    (segment,) = (own_broker.directory / "data" / f"{topic}-0").glob("*.log")
    damaged = bytearray(segment.read_bytes())
    damaged[damaged.index(b"second")] ^= 1
    segment.write_bytes(damaged)
    own_broker.start()
    source = own_place.member(group, topic, store).source
    from_the_start(source)
    assert take(source, 1)[Partition(topic, 0)][0].value == b"first batch"
    for _ in range(3):
        with pytest.raises(SourceError, match=rf"(?=.*damaged )(?=.*{topic}).*offset 1"):
            wait_until(lambda: False, source)


def test_a_record_larger_than_the_topic_accepts_names_topic_and_fix(kafka_place: OnKafka, group: str, store: MemoryStore) -> None:
    topic, events = kafka_place.topic(), kafka_place.topic(max_message_bytes="1000")
    member = kafka_place.member(group, topic, store)
    assignment = joined(member.source)
    with pytest.raises(SinkError, match=rf"topic {events}: .*max\.message\.bytes") as caught:
        member.outlet.commit(Step(assignment, [Outgoing(events, b"s", os.urandom(5_000), ())], {}, {Partition(topic, 0): 0}))
    assert not caught.value.transient
    assert member.source.committed(Partition(topic, 0)) is None


def test_a_missing_events_topic_is_named_and_not_created(
    kafka_place: OnKafka, group: str, store: MemoryStore, topic_name: str, impatient: None
) -> None:
    topic = kafka_place.topic()
    member = kafka_place.member(group, topic, store)
    assignment = joined(member.source)
    with pytest.raises(SinkError, match=f"topic {topic_name}: unknown to the broker"):
        member.outlet.commit(Step(assignment, [Outgoing(topic_name, b"s", b"x", ())]))
    with kafka_place.admin() as admin:
        assert topic_name not in admin.list_topics()


def test_more_results_than_may_be_in_flight_arrive_completely_and_in_order(kafka_place: OnKafka, group: str, store: MemoryStore) -> None:
    topic, events = kafka_place.topic(), kafka_place.topic()
    member = kafka_place.member(group, topic, store)
    body = os.urandom(200_000)
    outgoing = [Outgoing(events, b"s", b"%d:" % number + body, ()) for number in range(100)]
    assert sum(len(each.value or b"") for each in outgoing) > 2 * tuning.UNSENT_BYTES
    member.outlet.commit(Step(joined(member.source), outgoing))
    assert [message.value for message in kafka_place.read(events)] == [each.value for each in outgoing]


def test_records_without_key_and_value_can_be_dead_letters(kafka_place: OnKafka, group: str, store: MemoryStore) -> None:
    topic, dead = kafka_place.topic(), kafka_place.topic()
    member = kafka_place.member(group, topic, store)
    member.outlet.commit(Step(joined(member.source), [Outgoing(dead, None, None, (("reason", b"empty"),))]))
    assert [(message.value, message.headers) for message in kafka_place.read(dead)] == [(b"", (("reason", b"empty"),))]


def test_while_the_broker_is_away_commits_fail_at_once_closing_takes_seconds_and_nothing_stays_behind(
    own_broker: Broker, own_place: OnKafka, group: str, store: MemoryStore
) -> None:
    before = set(threading.enumerate())
    topic = own_place.topic()
    member = own_place.member(group, topic, store)
    step = Step(joined(member.source), [Outgoing(topic, b"s", b"x", ())])
    member.outlet.commit(step)
    member.outlet.close()
    own_broker.kill()
    for _ in range(2):
        with pytest.raises(SinkError, match="refuses the connection") as caught:
            member.outlet.commit(step)
        assert caught.value.transient
    began = time.monotonic()
    member.close()
    assert time.monotonic() - began < 10.0
    assert set(threading.enumerate()) <= before
    own_broker.start()
    gc.collect()  # a socket left open would warn here, and a warning is an error
