"""What kafka-python costs by itself: poll and commit with the service's own settings, and nothing done with the records."""

import signal
import sys
import time

from kafka import KafkaConsumer

from streamkl.transport import tuning


def main(bootstrap: str, topic: str, group: str, commit_seconds: float) -> None:
    """Read until SIGTERM."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
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
    committed = time.monotonic()
    while not stopped:
        consumer.poll(timeout_ms=100)
        if time.monotonic() - committed >= commit_seconds:
            consumer.commit()
            committed = time.monotonic()
    consumer.close(autocommit=False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
