"""Who owns what on a real broker: rebalances, members that were declared dead, patterns and static members."""

import time

import pytest
from kafka import KafkaProducer

from streamkl.errors import FencedError, SourceError
from streamkl.model import Outgoing, Partition
from streamkl.ports import Step
from streamkl.transport import tuning
from tests.adapters.kafka.places import OnKafka, Record, with_both
from tests.adapters.kafka.reading import PATIENCE_SECONDS, from_the_start, joined, take, wait_until
from tests.fakes import MemoryStore

pytestmark = [pytest.mark.broker, with_both]


def test_a_member_that_did_not_poll_in_time_cannot_commit(
    kafka_place: OnKafka, group: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, events = kafka_place.topic(), kafka_place.topic()
    partition = Partition(topic, 0)
    kafka_place.write(topic, 0, [Record(b"k", b"v")] * 3)
    monkeypatch.setattr(tuning, "MAX_POLL_INTERVAL_MS", 1_500)
    sleeper = kafka_place.member(group, topic, store)
    monkeypatch.undo()
    assignment = from_the_start(sleeper.source)
    take(sleeper.source, 3)
    time.sleep(2.5)
    heir = kafka_place.member(group, topic, store)
    joined(heir.source)
    with pytest.raises(FencedError):
        sleeper.outlet.commit(Step(assignment, [Outgoing(events, b"s", b"x", ())], {partition: b"state"}, {partition: 3}))
    assert kafka_place.read(events) == []
    assert store.states == {}
    assert heir.source.committed(partition) is None


def test_a_dead_member_that_polls_again_joins_anew(
    kafka_place: OnKafka, group: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = kafka_place.topic()
    monkeypatch.setattr(tuning, "MAX_POLL_INTERVAL_MS", 1_000)
    member = kafka_place.member(group, topic, store)
    before = joined(member.source)
    time.sleep(2.0)
    wait_until(lambda: member.source.assignment().generation > before.generation, member.source)
    joined(member.source)
    member.outlet.commit(Step(member.source.assignment(), (), {}, {Partition(topic, 0): 0}))
    assert member.source.committed(Partition(topic, 0)) == 0


def test_joining_works_however_short_the_polls_are(kafka_place: OnKafka, group: str, store: MemoryStore) -> None:
    topic = kafka_place.topic(partitions=2)
    for number in range(10):
        member = kafka_place.member(f"{group}-{number}", topic, store)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not member.source.assignment().partitions:
            member.source.poll(0.01)
            assert time.monotonic() < deadline
        member.close()


def test_a_join_that_finishes_while_nobody_polls_is_not_begun_again(kafka_place: OnKafka, group: str, store: MemoryStore) -> None:
    topic = kafka_place.topic(partitions=2)
    source = kafka_place.member(group, topic, store).source
    for _ in range(20):
        source.poll(0.0)
        time.sleep(0.2)  # a loop that is busy with records
    assert len(source.assignment().partitions) == 2


def test_new_partitions_are_taken_in(kafka_place: OnKafka, group: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "METADATA_MAX_AGE_MS", 500)
    topic = kafka_place.topic()
    source = kafka_place.member(group, topic, store).source
    generation = joined(source).generation
    with kafka_place.admin() as admin:
        admin.create_partitions({topic: 3})
    wait_until(lambda: len(source.assignment().partitions) == 3, source)
    assert source.assignment().generation > generation


def test_a_pattern_takes_in_new_topics_and_never_our_own_output(
    kafka_place: OnKafka, group: str, store: MemoryStore, topic_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "METADATA_MAX_AGE_MS", 500)
    for suffix in ("", ".dead", ".backup", "-old"):
        kafka_place.topic(name=topic_name + suffix)
    source = kafka_place.join(
        group, store, topic_pattern=rf"{topic_name}(\..*)?", excluded_topics=(f"{topic_name}.dead", "anomalies")
    ).source
    first, later = {topic_name, f"{topic_name}.backup"}, f"{topic_name}.eu"
    wait_until(lambda: {each.topic for each in source.assignment().partitions} == first, source)
    kafka_place.topic(name=later)
    wait_until(lambda: {each.topic for each in source.assignment().partitions} == first | {later}, source)


def test_a_static_member_has_its_partitions_back_before_the_session_ends(kafka_place: OnKafka, group: str, store: MemoryStore) -> None:
    topic = kafka_place.topic()
    first = kafka_place.join(group, store, topics=(topic,), group_instance_id="one")
    joined(first.source)
    first.close()
    began = time.monotonic()
    joined(kafka_place.join(group, store, topics=(topic,), group_instance_id="one").source)
    assert time.monotonic() - began < 3.0  # the session would last 6 s


def test_of_two_processes_with_one_instance_id_the_older_one_halts(kafka_place: OnKafka, group: str, store: MemoryStore) -> None:
    topic = kafka_place.topic()
    old = kafka_place.join(group, store, topics=(topic,), group_instance_id="one")
    assignment = joined(old.source)
    new = kafka_place.join(group, store, topics=(topic,), group_instance_id="one")
    joined(new.source)
    with pytest.raises(FencedError):
        old.outlet.commit(Step(assignment, (), {}, {Partition(topic, 0): 0}))
    with pytest.raises(SourceError, match="group_instance_id"):
        old.source.poll(0.1)


def test_a_deleted_topic_halts_the_source(kafka_place: OnKafka, group: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "METADATA_MAX_AGE_MS", 500)
    monkeypatch.setattr(tuning, "MISSING_TOPIC_SECONDS", 1.0)
    topic, other = kafka_place.topic(), kafka_place.topic()
    source = kafka_place.join(group, store, topics=(topic, other)).source
    joined(source)
    with kafka_place.admin() as admin:
        admin.delete_topics([topic])
    with pytest.raises(SourceError, match=f"topic {topic}: unknown to the broker"):
        wait_until(lambda: False, source)


def test_aborted_records_are_never_seen_and_leave_no_lag(kafka_place: OnKafka, group: str, store: MemoryStore) -> None:
    topic = kafka_place.topic()
    partition = Partition(topic, 0)
    source = kafka_place.member(group, topic, store).source
    from_the_start(source)
    with KafkaProducer(bootstrap_servers=kafka_place.bootstrap, transactional_id=group) as producer:
        producer.init_transactions()
        for outcome in ("abort", "commit", "abort"):
            producer.begin_transaction()
            for number in range(3):
                producer.send(topic, f"{outcome} {number}".encode())
            producer.flush()
            assert not source.poll(0.2), "records of an open transaction are not there yet"
            if outcome == "abort":
                producer.abort_transaction()
            else:
                producer.commit_transaction()
                assert [message.value for message in take(source, 3)[partition]] == [b"commit 0", b"commit 1", b"commit 2"]
    wait_until(lambda: source.lag() == {partition: 0}, source)
    assert source.bounds(partition) == (0, 12)  # 9 records and 3 markers
