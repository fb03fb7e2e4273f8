"""A connection for reading what is committed, opened when somebody reads and given up when a reading fails."""

from types import TracebackType
from typing import Any

from kafka import KafkaConsumer

from streamkl.adapters.kafka.client import open_reader
from streamkl.transport.cluster import Cluster


class SharedReader:
    """`with` it: an open consumer outside of all groups, the same as the last time unless that time failed.

    Opening takes 0.1 s, longer than most readings. One that has failed is not used again, since the library's may never answer again after
    its broker stood still. Opening raises ConfigError and SourceError.
    """

    def __init__(self, cluster: Cluster, **options: Any) -> None:
        """`options`: of the library's consumer."""
        self._cluster, self._options = cluster, options
        self._open: KafkaConsumer | None = None

    def __enter__(self) -> KafkaConsumer:
        """The consumer, for the thread that is here."""
        if self._open is None:
            self._open = open_reader(self._cluster, **self._options)
        return self._open

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Keeps it for the next time, unless this one failed."""
        if kind is not None:
            self.rest()

    def rest(self) -> None:
        """Close it until somebody reads again. Idempotent."""
        if self._open is not None:
            self._open.close(autocommit=False, timeout_ms=1_000)
            self._open = None
