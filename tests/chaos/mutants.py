"""Services that break the promise on purpose, each in one way: a harness that does not see them sees nothing."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple
from unittest import mock

import msgspec

from streamkl.adapters.kafka.delivery import Parcel
from streamkl.adapters.kafka.transactions import Offsets, Transactor
from streamkl.engine.engine import Engine, Output
from streamkl.model import Event, Message
from streamkl.runner.holdings import Holding, Holdings

GAP_SECONDS = 0.1  # between two commits that should be one: long enough to be hit by one kill in a few


def _offsets_before_results() -> None:
    commit = Transactor.commit

    def in_two(self: Transactor, parcels: Sequence[Parcel], offsets: Callable[[Sequence[int]], Offsets], member: Any) -> None:
        results = [parcel for parcel in parcels if parcel.partition is None]
        commit(self, parcels[len(results) :], lambda delivered: offsets([0] * len(results) + list(delivered)), member)
        time.sleep(GAP_SECONDS)
        commit(self, results, lambda _delivered: {}, member)

    mock.patch.object(Transactor, "commit", in_two).start()


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
    """How it is planted in this process, and which of an outcome's findings gives it away."""

    plant: Callable[[], None]
    finding: Literal["lost", "twice", "different"]


MUTANTS = {
    "offsets before results": Mutant(_offsets_before_results, "lost"),
    "emission while replaying": Mutant(_emission_while_replaying, "twice"),
    "wall clock": Mutant(_wall_clock, "different"),
    "sums by batch": Mutant(_sums_by_batch, "different"),
    "state forgotten": Mutant(_state_forgotten, "different"),
}
