"""Records into topics: through confluent-kafka where it is installed (about 20 times as fast), else through kafka-python."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Protocol

from kafka import KafkaProducer

MOST_WAITING = 40_000  # records of the fast one; beyond it, sending waits


class Sender(Protocol):
    """Sends in the background, in the order of each partition."""

    def send(self, topic: str, partition: int, value: bytes, timestamp_ms: int | None = None) -> None:
        """Waits only where too much is on its way. Without a time the record carries the current one."""
        ...

    def flush(self) -> None:
        """Returns when everything has arrived."""
        ...


class _Fast:
    def __init__(self, bootstrap: str, linger_ms: int, compression: str) -> None:
        from confluent_kafka import Producer  # noqa: PLC0415 (optional)

        options = {"linger.ms": linger_ms, "queue.buffering.max.messages": MOST_WAITING, "compression.type": compression}
        self._producer = Producer({"bootstrap.servers": bootstrap, **options})

    def send(self, topic: str, partition: int, value: bytes, timestamp_ms: int | None = None) -> None:
        while True:
            try:
                return self._producer.produce(topic, value, partition=partition, timestamp=timestamp_ms or 0)
            except BufferError:
                self._producer.poll(0.01)

    def flush(self) -> None:
        self._producer.flush()


class _Plain:
    def __init__(self, bootstrap: str, linger_ms: int, compression: str) -> None:
        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            linger_ms=linger_ms,
            batch_size=2**18,
            compression_type=None if compression == "none" else compression,
        )

    def send(self, topic: str, partition: int, value: bytes, timestamp_ms: int | None = None) -> None:
        self._producer.send(topic, value, partition=partition, timestamp_ms=timestamp_ms)

    def flush(self) -> None:
        self._producer.flush()

    def close(self) -> None:
        self._producer.close()


@contextmanager
def sender(bootstrap: str, linger_ms: int = 20, compression: str = "none") -> Iterator[Sender]:
    """One that is closed afterwards; everything sent has arrived then."""
    if find_spec("confluent_kafka"):
        fast = _Fast(bootstrap, linger_ms, compression)
        yield fast
        fast.flush()
        return
    plain = _Plain(bootstrap, linger_ms, compression)
    try:
        yield plain
        plain.flush()
    finally:
        plain.close()
