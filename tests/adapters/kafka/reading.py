"""Small steps that contract tests are made of."""

import time
from collections.abc import Callable, Mapping, Sequence

from streamkl.model import Message, Partition
from streamkl.ports import Assignment, Source

PATIENCE_SECONDS = 30.0


def wait_until(condition: Callable[[], bool], *sources: Source) -> None:
    """Poll all sources in turn until the condition holds; what they deliver is dropped."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        for source in sources:
            source.poll(0.1)


def joined(source: Source, *others: Source) -> Assignment:
    """The first assignment with partitions in it; the others keep polling, or there is no rebalance."""
    wait_until(lambda: bool(source.assignment().partitions), source, *others)
    return source.assignment()


def from_the_start(source: Source) -> Assignment:
    """Join and seek every partition to its first record."""
    assignment = joined(source)
    for partition in assignment.partitions:
        source.seek(partition, source.bounds(partition)[0])
    return assignment


def take(source: Source, count: int) -> Mapping[Partition, Sequence[Message]]:
    """At least so many messages, by partition."""
    found: dict[Partition, list[Message]] = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while sum(map(len, found.values())) < count:
        assert time.monotonic() < deadline, f"only {found}"
        for partition, messages in source.poll(0.2).items():
            found.setdefault(partition, []).extend(messages)
    return found
