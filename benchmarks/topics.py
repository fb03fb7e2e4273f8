"""Topics filled with metric records before anything is measured."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from kafka import KafkaAdminClient

from benchmarks.progress import progress_bar
from benchmarks.sending import sender

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


def option_of(points_per_record: int) -> str:
    """Which option of a command says how many of such records there are."""
    return "--single" if points_per_record == 1 else "--arrays"


def create(bootstrap: str, *topics: str, partitions: int = PARTITIONS) -> None:
    """Topics of so many partitions, ready when this returns."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1} for topic in topics}, wait_for_metadata=True)
    finally:
        admin.close()


def fill(bootstrap: str, topic: str, count: int, source: Iterator[tuple[int, bytes]]) -> None:
    """Write `count` records of (partition, value)."""
    with sender(bootstrap) as records, progress_bar(f"filling {topic}", count) as bar:
        for number, (partition, value) in enumerate(source, 1):
            records.send(topic, partition, value)
            if number % _AT_ONCE == 0:
                records.flush()
                bar.reach(number)
