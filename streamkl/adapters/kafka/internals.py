"""The only places where private parts of the client library are touched, each with its reason; the library's version is pinned."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient
from kafka.producer.transaction_manager import EndTxnHandler, TxnOffsetCommitHandler
from kafka.structs import ConsumerGroupMetadata, MemberState

ADDED_SECONDS = 0.005  # between two looks whether partitions have been added to a transaction


def rescue_lost_join(consumer: KafkaConsumer) -> None:
    """Call after every poll: have the next one finish a join that this one began.

    A rejoin because of changed metadata (the first one of most starts, a new topic or partition) forgets its reason as soon as the leader
    has assigned the partitions. If the poll timed out in between, nobody collects the result: no partitions, no heartbeats, for ever.
    """
    if consumer.group_metadata().state is MemberState.REBALANCING:
        consumer._coordinator.request_rejoin()


def keep_finished_joins(consumer: KafkaConsumer) -> None:
    """Call once: a join that finishes between two polls is kept.

    The library throws such a result away and joins anew, which makes every other member join again too. Two members whose polls take turns
    can go on like that for minutes, and a busy loop polls seldom.
    """
    coordinator = consumer._coordinator
    join = coordinator.join_group_async

    async def keep_or_join(timeout_ms: float | None = None) -> Any:
        task = coordinator._join_task
        if task is None or not task.is_done or task.failed() or coordinator.state is not MemberState.REBALANCING:
            return await join(timeout_ms)
        coordinator._join_task = None
        with coordinator._lock:
            coordinator.rejoining = coordinator.rejoin_needed = False
            coordinator.state = MemberState.STABLE
            coordinator._enable_heartbeat()
        generation = coordinator._generation
        await coordinator._on_join_complete_async(generation.generation_id, generation.member_id, generation.protocol, task.value)
        return True

    coordinator.join_group_async = keep_or_join


def forget_parked(consumer: KafkaConsumer, partition: TopicPartition) -> None:
    """Call before a seek: what was fetched of the partition before it was paused is dropped.

    The library keeps such records until the partition is resumed, fetches nothing more of it meanwhile, and often never gives them back:
    it looks for them only while no other partition's records were the last to be read. The partition then stands still for ever.
    """
    consumer._fetcher._paused_completed_fetches.pop(partition, None)
    consumer._fetcher._paused_partition_records.pop(partition, None)


def ask_for_membership(consumer: KafkaConsumer, timeout_ms: int) -> None:
    """A heartbeat now, and the group's answer raised. Where a regular one hears that another process has our name, the library only stops
    sending them, and takes itself for a member for ever.
    """
    coordinator = consumer._coordinator

    async def ask() -> None:
        await coordinator.ensure_coordinator_ready_async(timeout_ms)
        await coordinator._send_heartbeat_request()

    manager = coordinator._manager
    manager.run(manager.wait_for, manager.call_soon(ask), timeout_ms)


def unknown_topics(consumer: KafkaConsumer, topics: Iterable[str]) -> list[str]:
    """Those that the broker did not know when it was last asked. Asks nobody: the public methods wait for ever where the broker is away."""
    return [topic for topic in topics if consumer._cluster.partitions_for_topic(topic) is None]


def forgotten_topics(producer: KafkaProducer, topics: Iterable[str], timeout_seconds: float) -> list[str]:
    """Those that the broker does not know, asked anew; none where it does not answer. The public method tells what was known before a
    topic was deleted, and a transaction that waits for one never asks.
    """
    answered = threading.Event()
    producer._metadata.request_update().add_both(lambda _: answered.set())
    producer._sender.wakeup()
    answered.wait(timeout_seconds)
    return [topic for topic in topics if producer._metadata.partitions_for_topic(topic) is None]


def committed_offsets(
    consumer: KafkaConsumer, partitions: Collection[TopicPartition], timeout_ms: int
) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """What the group has committed for these, as far as it has; the public method asks the broker once for each."""
    found: Mapping[TopicPartition, OffsetAndMetadata] = consumer._coordinator.fetch_committed_offsets(partitions, timeout_ms=timeout_ms)
    return found


def list_offsets(
    question: Callable[..., Mapping[TopicPartition, int]], partitions: Sequence[TopicPartition], timeout_ms: int
) -> Mapping[TopicPartition, int]:
    """What `beginning_offsets` or `end_offsets` of a consumer answers. A leader that has just been elected may know no offset yet: where
    the library then raises KeyError, this raises an error that passes.
    """
    try:
        return question(partitions, timeout_ms=timeout_ms)
    except KeyError as error:
        raise kafka_errors.OffsetNotAvailableError(f"{error.args[0]}: its leader does not know its offsets yet") from error


def partition_count(consumer: KafkaConsumer, topic: str) -> int | None:
    """How many partitions a subscribed topic has, as of the last answer; None where it is unknown. Asks nobody."""
    known = consumer._cluster.partitions_for_topic(topic)
    return None if known is None else len(known)


def ask_at_once(client: KafkaNetClient) -> None:
    """Call once a client: its first question about topics goes out now. The library would let 0.1 s pass since it found the brokers."""
    client.cluster._last_refresh_ms = 0.0


def ask_again(consumer: KafkaConsumer) -> None:
    """Have the metadata refreshed soon. A subscription made while an answer is under way is forgotten until the next regular refresh."""
    consumer._cluster.request_update()


def forbidden_topics(consumer: KafkaConsumer) -> list[str]:
    """Subscribed topics that we may not even see, as of the last answer. The library raises this where nobody hears it."""
    return sorted(consumer._cluster.unauthorized_topics)


def abandon(producer: KafkaProducer, timeout_seconds: float) -> None:
    """Close without sending what is left: `close` alone waits for it and, where it does not go out in time, leaves its thread behind."""
    producer._sender.force_close()
    producer._sender.join(timeout_seconds)
    producer.close(timeout=0)


def send_offsets_to_transaction(
    producer: KafkaProducer, offsets: Mapping[TopicPartition, OffsetAndMetadata], member: ConsumerGroupMetadata, timeout_ms: int
) -> None:
    """The public method waits for ever where the coordinator is away, or where a topic was deleted."""
    _await(producer, producer._transaction_manager.send_offsets_to_transaction(offsets, member), timeout_ms)


def commit_transaction(producer: KafkaProducer, timeout_ms: int) -> None:
    """The public method waits for ever where the coordinator is away. After a time-out the outcome is unknown."""
    _await(producer, producer._transaction_manager.begin_commit(), timeout_ms)


def abort_transaction(producer: KafkaProducer, timeout_ms: int) -> None:
    """The public method waits for ever where the coordinator is away."""
    _await(producer, producer._transaction_manager.begin_abort(), timeout_ms)


def end_empty_transaction(
    producer: KafkaProducer, partitions: Iterable[TopicPartition], group: str, *, commit: bool, timeout_ms: int
) -> None:
    """A transaction that writes nothing but its ending into these partitions, and where the group's offsets lie ("": not there).

    The public methods add a partition with a record only.
    """
    manager, wanted = producer._transaction_manager, set(partitions)
    producer.begin_transaction()
    for partition in wanted:
        manager.maybe_add_partition_to_transaction(partition)
    producer._sender.wakeup()
    deadline = time.monotonic() + timeout_ms / 1000
    while not wanted <= manager._partitions_in_transaction:
        if (error := manager.last_error) is not None:
            raise error
        if time.monotonic() > deadline:
            raise kafka_errors.KafkaTimeoutError(f"no answer within {timeout_ms / 1000:g} s")
        time.sleep(ADDED_SECONDS)
    if group:
        send_offsets_to_transaction(producer, {}, ConsumerGroupMetadata(group), timeout_ms)
    (commit_transaction if commit else abort_transaction)(producer, timeout_ms)


def written_to(producer: KafkaProducer) -> set[TopicPartition]:
    """Where the present transaction has written, or may have."""
    manager = producer._transaction_manager
    return {*manager._partitions_in_transaction, *manager._pending_partitions_in_transaction, *manager._new_partitions_in_transaction}


def watch_repeats(producer: KafkaProducer) -> Callable[[], bool]:
    """Call once a producer: the answer tells whether offsets or an ending were sent again, because their connection broke.

    The first ones may still be under way. Whenever they arrive, they end a later transaction or move its offsets back: brokers tell
    transactions of one epoch apart only in a newer form of the protocol, which the library does not speak.
    """
    manager, repeated = producer._transaction_manager, threading.Event()
    enqueue = manager._enqueue_request

    def heard(answer: Callable[[Any, Any], None], correlation: Any, response: Any) -> None:
        if isinstance(response, kafka_errors.KafkaConnectionError):
            repeated.set()
        answer(correlation, response)

    def note(handler: Any) -> None:
        if isinstance(handler, (EndTxnHandler, TxnOffsetCommitHandler)):
            handler.on_complete = partial(heard, handler.on_complete)
        enqueue(handler)

    manager._enqueue_request = note
    return repeated.is_set


def transaction_error(producer: KafkaProducer) -> BaseException | None:
    """What broke the transaction first; later calls only say that something did."""
    error: BaseException | None = producer._transaction_manager.last_error
    return error


def _await(producer: KafkaProducer, result: Any, timeout_ms: int) -> None:
    producer._sender.wakeup()
    if not result.wait(timeout_ms=timeout_ms):
        raise kafka_errors.KafkaTimeoutError(f"no answer within {timeout_ms / 1000:g} s")
