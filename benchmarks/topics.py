"""Topics filled with metric records before anything is measured."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import msgspec
import numpy as np
from kafka import KafkaAdminClient, KafkaProducer

from benchmarks.progress import progress_bar

PARTITIONS = 4
HOSTS = 4  # each on its own partition
METRICS = 100  # of a host: one series each
START = 1_700_000_000  # seconds since 1970 of the first scrape
_AT_ONCE = 20_000


def scrapes(count: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """`count` scrapes of 100 points, host after host: (host, points). Independent normal values, so that episodes stay rare."""
    dice = np.random.default_rng(0)
    for number in range(count):
        time, host = divmod(number, HOSTS)
        values = dice.standard_normal(METRICS).round(6).tolist()
        yield host, [{"series": f"host-{host}.metric-{i:02}", "timestamp": START + time, "value": value} for i, value in enumerate(values)]


def records(count: int, points_per_record: int) -> Iterator[tuple[int, bytes]]:
    """`count` records of 1 or 100 points: (partition, JSON). The points are the same either way."""
    encode = msgspec.json.Encoder().encode
    if points_per_record == METRICS:
        yield from ((host % PARTITIONS, encode(points)) for host, points in scrapes(count))
        return
    for host, points in scrapes(-(-count // METRICS)):
        yield from ((host % PARTITIONS, encode(point)) for point in points[:count])
        count -= len(points)


def create(bootstrap: str, *topics: str) -> None:
    """Topics of 4 partitions, ready when this returns."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics({topic: {"num_partitions": PARTITIONS, "replication_factor": 1} for topic in topics}, wait_for_metadata=True)
    finally:
        admin.close()


def fill(bootstrap: str, topic: str, count: int, points_per_record: int) -> None:
    """Write the records, through confluent-kafka where it is installed (about 20 times as fast), else kafka-python."""
    send = _fill_fast if find_spec("confluent_kafka") else _fill
    send(bootstrap, topic, count, records(count, points_per_record))


def _fill_fast(bootstrap: str, topic: str, count: int, source: Iterator[tuple[int, bytes]]) -> None:
    from confluent_kafka import Producer  # noqa: PLC0415 (optional)

    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 2 * _AT_ONCE})
    with progress_bar(f"filling {topic}", count) as bar:
        for number, (partition, value) in enumerate(source, 1):
            producer.produce(topic, value, partition=partition)
            if number % _AT_ONCE == 0:
                producer.flush()
                bar.reach(number)
        producer.flush()


def _fill(bootstrap: str, topic: str, count: int, source: Iterator[tuple[int, bytes]]) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, batch_size=2**18)
    try:
        with progress_bar(f"filling {topic}", count) as bar:
            for number, (partition, value) in enumerate(source, 1):
                producer.send(topic, value, partition=partition)
                if number % _AT_ONCE == 0:
                    bar.reach(number)
        producer.flush()
    finally:
        producer.close()
