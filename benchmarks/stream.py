"""A steady stream of the points of many series, written by a process of its own, and the history that such a stream would have had."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
from kafka import KafkaConsumer, TopicPartition

from benchmarks.sending import sender

MEAN, SPREAD = 50.0, 5.0
SHIFT = 8 * SPREAD
SHIFT_POINTS = 8  # how long a shift lasts: soon enough over that every window forgets it before the next
POINTS_PER_RECORD = 100  # of the history
NAP_SECONDS = 0.005
LINGER_MS = 5
BLOCK = 10_000


@dataclass(frozen=True, slots=True)
class Stream:
    """`rate` points a second of all series together, in turn; `shift_every` so many points each series shifts (0: never).

    A record holds a point of each of `per_record` series, or of fewer where a partition's last ones are left.
    """

    topic: str
    series: int
    partitions: int
    rate: float
    per_record: int = 1
    shift_every: int = 0

    @property
    def interval(self) -> float:
        """Seconds between two points of a series."""
        return self.series / self.rate


def history(stream: Stream, points: int, end: float) -> Iterator[tuple[int, bytes]]:
    """(partition, record): the last `points` points of every series before the time `end`, without a shift."""
    dice = np.random.default_rng(0)
    together = groups(stream, POINTS_PER_RECORD)
    for number in range(points):
        at = f"{end - (points - number) * stream.interval:.3f}"
        for partition, heads in together:
            yield partition, _record(heads, at, dice.normal(MEAN, SPREAD, len(heads)).round(3).tolist())


def history_records(stream: Stream, points: int) -> int:
    """How many records that is."""
    return points * len(groups(stream, POINTS_PER_RECORD))


def groups(stream: Stream, size: int) -> list[tuple[int, list[str]]]:
    """(partition, series) that share a record: the first of every partition, then the second of every partition, and so on.

    >>> [(partition, len(heads)) for partition, heads in groups(Stream("t", series=7, partitions=2, rate=1.0), 3)]
    [(0, 3), (1, 3), (0, 1)]
    """
    step = size * stream.partitions
    found = [
        (partition, [_head(number) for number in range(start + partition, min(start + step, stream.series), stream.partitions)])
        for start in range(0, stream.series, step)
        for partition in range(stream.partitions)
    ]
    return [(partition, heads) for partition, heads in found if heads]


def values(stream: Stream) -> Iterator[float]:
    """The values of the stream, one after the other without end. Each series shifts at moments of its own, again and again."""
    dice = np.random.default_rng(1)
    phases = dice.integers(max(1, stream.shift_every), size=stream.series)
    for start in range(0, 2**62, BLOCK):
        turn, series = np.divmod(np.arange(start, start + BLOCK), stream.series)
        block = dice.normal(MEAN, SPREAD, BLOCK)
        if stream.shift_every:
            block += SHIFT * ((turn + phases[series]) % stream.shift_every < SHIFT_POINTS)
        yield from block.round(3).tolist()


def write(stream: Stream, bootstrap: str) -> None:
    """Until it is ended. Each record carries the time at which it was sent, in the record and in the point."""
    together = cycle(groups(stream, stream.per_record))
    source = values(stream)
    with sender(bootstrap, LINGER_MS) as records:
        began, sent = time.time(), 0
        while True:
            now = time.time()
            due = int((now - began) * stream.rate)
            at = round(now * 1000)
            while sent < due:
                partition, heads = next(together)
                records.send(stream.topic, partition, _record(heads, at, list(islice(source, len(heads)))), at)
                sent += len(heads)
            time.sleep(NAP_SECONDS)


class Pace:
    """Records a second that were written since this was made."""

    def __init__(self, stream: Stream, bootstrap: str) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=bootstrap)
        self._where = [TopicPartition(stream.topic, number) for number in range(stream.partitions)]
        self._first, self._began = self._count(), time.monotonic()

    def wait(self) -> None:
        """Until something is written; it counts from then on."""
        before = self._first
        while self._first == before:
            time.sleep(NAP_SECONDS)
            self._first, self._began = self._count(), time.monotonic()

    def measured(self) -> float:
        """As of now."""
        return (self._count() - self._first) / (time.monotonic() - self._began)

    def close(self) -> None:
        """It is not asked any more."""
        self._consumer.close()

    def _count(self) -> int:
        return sum(self._consumer.end_offsets(self._where).values())


@contextmanager
def flowing(stream: Stream, bootstrap: str) -> Iterator[Pace]:
    """While it is written by a process of its own. Raises RuntimeError at the end where that process has died meanwhile."""
    with closing(Pace(stream, bootstrap)) as pace:
        writer = multiprocessing.get_context("spawn").Process(target=write, args=(stream, bootstrap), name="writer", daemon=True)
        writer.start()
        try:
            pace.wait()
            yield pace
            if not writer.is_alive():
                raise RuntimeError(f"the writer of the stream ended with {writer.exitcode}")
        finally:
            writer.terminate()
            writer.join()


def _record(heads: Sequence[str], at: float | str, values: Sequence[float]) -> bytes:
    points = ",".join([f'{head}{at},"value":{value}}}' for head, value in zip(heads, values, strict=True)])
    return points.encode() if len(heads) == 1 else f"[{points}]".encode()


def _head(number: int) -> str:
    return f'{{"series":"host-{number:06}/cpu","timestamp":'
