"""Histories out of files, or out of a topic read to its present end; what could not be read is counted by reason."""

from collections.abc import Callable, Sequence

from streamkl.adapters.files import LineFile, Lines, read_batches
from streamkl.adapters.kafka import TopicHistory
from streamkl.assembly.joining import cluster_at
from streamkl.calibrate.history import Histories
from streamkl.config import Config
from streamkl.engine.mapping import InputMapping
from streamkl.engine.plan import Plan
from streamkl.errors import InputError
from streamkl.model import Message, Rejected

# Hears how much is read of how much (None: unknown), bytes of files or records of a topic, and how many points they gave.
Watch = Callable[[int, int | None, int], None]


def read_files(paths: Sequence[str], plan: Plan, mapping: InputMapping, watch: Watch) -> Histories:
    """The histories in files, each a stream of its own. InputError for one that cannot be opened or names no usable columns;
    SourceError where reading fails."""
    if paths.count("-") > 1:
        raise InputError("-: standard input can be read only once")
    sizes = []
    for path in paths:
        with LineFile(path) as file:
            sizes.append(file.size)
    total = None if None in sizes else sum(size or 0 for size in sizes)
    histories, done, points = Histories(plan), 0, 0
    for path in paths:
        with LineFile(path) as file:
            for batch in read_batches(file, mapping):
                if isinstance(batch, Lines):
                    points += _decode(histories, path, plan, batch.messages)
                else:
                    histories.add(path, batch.points)
                    _count(histories, batch.rejected)
                    points += len(batch.points)
                watch(done + file.position, total, points)
            done += file.position
    return histories


def read_topic(topic: str, bootstrap: str | None, plan: Plan, config: Config, watch: Watch) -> Histories:
    """The histories in a topic from its earliest record to its end as it is now, each partition a stream of its own. No group is joined.

    `bootstrap` (comma-separated) takes the place of `kafka.bootstrap_servers`. Raises ConfigError and SourceError, one line each.
    """
    cluster = cluster_at(config.kafka, bootstrap)
    histories, points = Histories(plan), 0
    with TopicHistory(cluster, topic) as past:
        for partition, messages in past.batches():
            points += _decode(histories, f"{partition.topic}/{partition.partition}", plan, messages)
            watch(past.seen, past.records, points)
    return histories


def _decode(histories: Histories, stream: str, plan: Plan, messages: Sequence[Message]) -> int:
    decoded = plan.codec.decode(messages)
    histories.add(stream, decoded.points)
    _count(histories, decoded.rejected)
    return len(decoded.points)


def _count(histories: Histories, rejected: Sequence[Rejected]) -> None:
    histories.refused.update(each.reason.value for each in rejected)
