"""Endings of transactions that another library's producer has committed or given up: what `endings` does for our own, for theirs."""

from collections.abc import Mapping, Sequence

from kafka import TopicPartition
from kafka import errors as kafka_errors

from streamkl.adapters.kafka.transactions import Transactor
from streamkl.adapters.kafka.words import in_words
from streamkl.errors import SinkError
from streamkl.model import Partition
from streamkl.transport import Cluster


class Settler:
    """Speaks for a transactional id only while no other producer does: `settle` fences it. Called from one thread."""

    def __init__(self, cluster: Cluster, transactional_id: str, topics: Sequence[str] = (), group: str = "") -> None:
        """`topics`: where a process with this id may have written; `group`: whose offsets it may have moved."""
        self._transactor = Transactor(cluster, transactional_id, topics, group)
        self._endings = self._transactor.endings

    def settle(self) -> None:
        """Fence whoever uses the id, and return once everything of it has ended wherever it wrote. About 0.3 s. Raises SinkError."""
        try:
            self._transactor.open()
        finally:
            self._transactor.drop()

    def settled(self) -> bool:
        """Whether the last commit is visible wherever it wrote: a request for each leader. Where not, `settle`. Raises SinkError."""
        try:
            return self._endings.visible()
        except kafka_errors.KafkaError as error:
            unsure = f"topic {self._endings}: it is not certain that the transaction before has ended there"
            raise SinkError(f"{unsure}: {in_words(error)}", transient=True) from error

    def committed(self, written: Mapping[Partition, int]) -> None:
        """A transaction has committed: the last offset that it wrote in each partition."""
        self._endings.committed({TopicPartition(*partition): offset for partition, offset in written.items()})

    def failed(self) -> None:
        """Nobody knows how the last transaction ended, nor where it wrote: `settle` asks the coordinator."""
        self._endings.forget()

    def close(self) -> None:
        """Give the connections back. Idempotent."""
        self._transactor.close()
