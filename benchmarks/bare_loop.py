"""What a client library costs by itself: poll and commit with the service's own settings, and nothing done with the records."""

import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from kafka import KafkaConsumer

from streamkl.transport import Cluster, tuning


def kafka_python(bootstrap: str, topic: str, group: str) -> tuple[Callable[[], object], Callable[[], object], Callable[[], object]]:
    """Poll, commit and close."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        check_crcs=True,
        max_poll_records=tuning.MAX_POLL_RECORDS,
        max_partition_fetch_bytes=tuning.MAX_PARTITION_FETCH_BYTES,
        fetch_max_bytes=tuning.FETCH_MAX_BYTES,
        fetch_max_wait_ms=tuning.FETCH_MAX_WAIT_MS,
        metrics_enabled=False,
    )
    return lambda: consumer.poll(timeout_ms=100), consumer.commit, lambda: consumer.close(autocommit=False)


def confluent(bootstrap: str, topic: str, group: str) -> tuple[Callable[[], object], Callable[[], object], Callable[[], object]]:
    """Poll, commit and close."""
    from confluent_kafka import Consumer, KafkaException  # noqa: PLC0415 (optional)

    from streamkl.adapters.confluent.client import properties_of, take  # noqa: PLC0415
    from streamkl.adapters.confluent.session import fetching  # noqa: PLC0415

    own = {"group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    consumer = Consumer(properties_of(Cluster((bootstrap,), "bare")) | fetching() | own)
    consumer.subscribe([topic])

    def commit() -> None:
        with suppress(KafkaException):  # nothing was read yet
            consumer.commit(asynchronous=False)

    return lambda: take(consumer, tuning.MAX_POLL_RECORDS, 0.1), commit, consumer.close


def main(bootstrap: str, topic: str, group: str, commit_seconds: float, client: str) -> None:
    """Read until SIGTERM."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    poll, commit, close = (confluent if client == "confluent" else kafka_python)(bootstrap, topic, group)
    committed = time.monotonic()
    while not stopped:
        poll()
        if time.monotonic() - committed >= commit_seconds:
            commit()
            committed = time.monotonic()
    close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), sys.argv[5])
