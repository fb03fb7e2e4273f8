"""Services that break the promise on purpose, each in one way: a harness that does not see them sees nothing."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple
from unittest import mock

import msgspec
from kafka import KafkaProducer, TopicPartition
from kafka import errors as kafka_errors
from kafka.structs import ConsumerGroupMetadata

from streamkl.adapters.kafka import transactions
from streamkl.adapters.kafka.delivery import Delivered
from streamkl.adapters.kafka.endings import Endings
from streamkl.adapters.kafka.internals import abort_transaction, send_offsets_to_transaction
from streamkl.adapters.kafka.session import KafkaSession
from streamkl.adapters.kafka.transactions import Transactor
from streamkl.engine.engine import Engine, Output
from streamkl.model import Event, Message
from streamkl.runner.holdings import Holding, Holdings
from streamkl.transport.clients import Parcel

Finding = Literal["lost", "twice", "different", "ended"]

GAP_SECONDS = 0.1  # between two commits that should be one: long enough to be hit by one kill in a few
SLICE_SECONDS = 0.02  # a wait is cut into these: a process that is stopped (SIGSTOP) in the midst of it still has some of them to wait
NEWS_SECONDS = 1.5  # long enough for a member to learn that it is none any more


def _offsets_before_results() -> None:
    commit = Transactor.commit

    def in_two(self: Transactor, parcels: Sequence[Parcel], offsets: Callable[[Sequence[int]], Mapping[Any, Any]], member: Any) -> None:
        results = [parcel for parcel in parcels if parcel.partition is None]
        commit(self, parcels[len(results) :], lambda delivered: offsets([0] * len(results) + list(delivered)), member)
        time.sleep(GAP_SECONDS)
        commit(self, results, lambda _delivered: {}, member)

    mock.patch.object(Transactor, "commit", in_two).start()


def _unchecked_futures() -> None:
    def sent_is_sent(producer: KafkaProducer, parcels: Sequence[Parcel], timeout_seconds: float) -> list[Delivered]:
        sent = []
        for (topic, key, value, headers), partition in parcels:
            sent.append((topic, producer.send(topic, key=key, value=value, headers=list(headers), partition=partition)))
        producer.flush(timeout=timeout_seconds)
        return list(_delivered(sent))

    mock.patch.object(transactions, "deliver", sent_is_sent).start()


def _delivered(sent: Sequence[tuple[str, Any]]) -> Iterator[Delivered]:
    for topic, future in sent:
        try:
            found = future.get(timeout=0)
            yield Delivered(found.topic_partition, found.offset)
        except kafka_errors.KafkaError:
            yield Delivered(TopicPartition(topic, 0), -1)


def _live_metadata() -> None:
    """Commits as whatever the consumer says it is by then, without the name that a static member has."""
    alive: list[KafkaSession] = []

    def some_member(self: KafkaSession, _assignment: Any) -> ConsumerGroupMetadata:
        alive[:] = [self]
        return self.consumer.group_metadata()._replace(generation_id=1, member_id="somebody")

    def as_of_now(producer: KafkaProducer, offsets: Mapping[Any, Any], _member: Any, timeout_ms: int) -> None:
        _wait(NEWS_SECONDS)
        send_offsets_to_transaction(producer, offsets, alive[0].consumer.group_metadata()._replace(group_instance_id=None), timeout_ms)

    mock.patch.object(KafkaSession, "membership", some_member).start()
    mock.patch.object(transactions, "send_offsets_to_transaction", as_of_now).start()


def _producer_reuse() -> None:
    def slowly(producer: KafkaProducer, offsets: Mapping[Any, Any], member: Any, timeout_ms: int) -> None:
        _wait(GAP_SECONDS)
        send_offsets_to_transaction(producer, offsets, member, timeout_ms)

    def keep_it(_self: Transactor, producer: KafkaProducer) -> None:
        with suppress(kafka_errors.KafkaError):
            abort_transaction(producer, transactions.ABORT_TIMEOUT_MS)

    mock.patch.object(transactions, "send_offsets_to_transaction", slowly).start()
    mock.patch.object(Transactor, "_give_up", keep_it).start()
    mock.patch.object(Endings, "complete", lambda _self, _producer: None).start()  # its empty transaction would take the old offsets along


def _wait(seconds: float) -> None:
    for _ in range(round(seconds / SLICE_SECONDS)):
        time.sleep(SLICE_SECONDS)


def _emission_while_replaying() -> None:
    restore = Holdings._restore

    def forgetful(self: Holdings, *where: Any) -> Holding:
        holding = restore(self, *where)
        holding.emit_from = 0
        return holding

    mock.patch.object(Holdings, "_restore", forgetful).start()


def _each_event(change: Callable[[Event, int], Event]) -> None:
    receive = Engine.receive

    def changed(self: Engine, messages: Sequence[Message]) -> Output:
        output = receive(self, messages)
        output.events[:] = [change(event, len(messages)) for event in output.events]
        return output

    mock.patch.object(Engine, "receive", changed).start()


def _wall_clock() -> None:
    _each_event(lambda event, _: msgspec.structs.replace(event, sentence=f"{event.sentence} at {time.time():.3f}"))


def _sums_by_batch() -> None:
    _each_event(lambda event, size: msgspec.structs.replace(event, score=event.score * (1 + 1e-15 * size)))


def _state_forgotten() -> None:
    restore = Holdings._restore

    def without(self: Holdings, *where: Any) -> Holding:
        with mock.patch.object(self._store, "load", lambda _partition: None):
            return restore(self, *where)

    mock.patch.object(Holdings, "_restore", without).start()


class Mutant(NamedTuple):
    """How it is planted in this process, which of an outcome's findings give it away, and the fault that brings it out."""

    plant: Callable[[], None]
    findings: tuple[Finding, ...]
    fault: str = "kill at random"
    weather: tuple[str, ...] = ()
    strikes: int = 2


MUTANTS = {
    "offsets before results": Mutant(_offsets_before_results, ("lost",)),
    "unchecked futures": Mutant(_unchecked_futures, ("lost",), "leader of the events lost", ("impatient",), strikes=1),
    "live metadata": Mutant(_live_metadata, ("twice",), "stopped longer than the session"),
    # The offset that comes back may name a state that was aborted: then the next start refuses it, and the service is down.
    "producer reuse": Mutant(_producer_reuse, ("twice", "ended"), "stopped longer than the session"),
    "emission while replaying": Mutant(_emission_while_replaying, ("twice",)),
    "wall clock": Mutant(_wall_clock, ("different",)),
    "sums by batch": Mutant(_sums_by_batch, ("different",)),
    "state forgotten": Mutant(_state_forgotten, ("different",)),
}
