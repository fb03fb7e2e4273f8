"""Topics filled with metric records before anything is measured."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from kafka import KafkaAdminClient

from benchmarks.forms import Form, encode
from benchmarks.progress import progress_bar
from benchmarks.sending import sender

PARTITIONS = 4
HOSTS = 4  # each on its own partition
METRICS = 100  # of a host: one series each
START = 1_700_000_000  # seconds since 1970 of the first scrape
_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled topic."""

    topic: str
    records: int
    points_per_record: int  # 1 or 100
    partitions: int = PARTITIONS
    form: Form = Form.JSON
    compression: str = "none"


def scrapes(count: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """`count` scrapes of 100 points, host after host: (host, points). Independent normal values, so that episodes stay rare."""
    dice = np.random.default_rng(0)
    for number in range(count):
        time, host = divmod(number, HOSTS)
        values = dice.standard_normal(METRICS).round(6).tolist()
        yield host, [{"series": f"host-{host}.metric-{i:02}", "timestamp": START + time, "value": value} for i, value in enumerate(values)]


def records(shape: Shape) -> Iterator[tuple[int, bytes]]:
    """What a topic of this shape holds: (partition, record). The points are the same whatever the shape."""
    left = shape.records
    for host, points in scrapes(-(-left * shape.points_per_record // METRICS)):
        groups = [points] if shape.points_per_record == METRICS else [[point] for point in points[:left]]
        yield from ((host % shape.partitions, encode(shape.form, group)) for group in groups)
        left -= len(groups)


def option_of(points_per_record: int) -> str:
    """Which option of a command says how many of such records there are."""
    return "--single" if points_per_record == 1 else "--arrays"


def create(bootstrap: str, *topics: str, partitions: int = PARTITIONS) -> None:
    """Topics of so many partitions, ready when this returns; those that are there stay as they are."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        missing = [topic for topic in topics if topic not in set(admin.list_topics())]
        if missing:
            wanted = {topic: {"num_partitions": partitions, "replication_factor": 1} for topic in missing}
            admin.create_topics(wanted, wait_for_metadata=True)
    finally:
        admin.close()


def prepare(bootstrap: str, shapes: Iterable[Shape], *empty: str) -> None:
    """Topics of these shapes, filled, and empty ones beside them."""
    create(bootstrap, *empty)
    for shape in shapes:
        create(bootstrap, shape.topic, partitions=shape.partitions)
        fill(bootstrap, shape.topic, shape.records, records(shape), shape.compression)


def remove(bootstrap: str, topic: str) -> None:
    """Give the disk back."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.delete_topics([topic])
    finally:
        admin.close()


def fill(bootstrap: str, topic: str, count: int, source: Iterator[tuple[int, bytes]], compression: str = "none") -> None:
    """Write `count` records of (partition, value)."""
    with sender(bootstrap, compression=compression) as records, progress_bar(f"filling {topic}", count) as bar:
        for number, (partition, value) in enumerate(source, 1):
            records.send(topic, partition, value)
            if number % _AT_ONCE == 0:
                records.flush()
                bar.reach(number)
