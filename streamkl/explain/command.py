"""`streamkl explain`: the records before one are judged again, that one is looked at closely, and compared with what the service wrote."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from streamkl.adapters.kafka import MissingTopicError, TopicHistory
from streamkl.adapters.state_files import read_state
from streamkl.assembly.delivering import encoders_of
from streamkl.assembly.joining import cluster_at
from streamkl.assembly.plan import build_plan
from streamkl.config import Config
from streamkl.engine.faults import escape
from streamkl.engine.plan import Plan
from streamkl.engine.verdict import RecordVerdict, examine
from streamkl.errors import InputError
from streamkl.explain import display
from streamkl.explain.origin import Suspect, Watch, from_file, from_topic
from streamkl.model import Message, Outgoing, Partition
from streamkl.transport import Cluster


class Where(NamedTuple):
    """A record in a topic."""

    topic: str
    partition: int
    offset: int


class Comparison(msgspec.Struct, frozen=True):
    """What the events topic holds of the record's events: ids with the same bytes, with other bytes, not there, and not derived here."""

    same: tuple[str, ...]
    different: tuple[str, ...]
    missing: tuple[str, ...]
    unexplained: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether everything derived is there byte for byte, and nothing else."""
        return not (self.different or self.missing or self.unexplained)


class Answer(msgspec.Struct, frozen=True):
    """A verdict and what stands behind it."""

    verdict: RecordVerdict
    first_offset_read: int
    written: Comparison | None  # None: a file, of which nothing was written


def explain(
    config: Config,
    *,
    file: str | None,
    line: int | None,
    where: Where | None,
    bootstrap: str | None,
    series: str | None,
    state: Path | None,
    as_json: bool,
    quiet: bool,
) -> Answer:
    """Print why a record was judged as it was. Raises InputError where there is no such record; ConfigError, SourceError."""
    with display.progress(shown=not quiet) as watch:
        plan = build_plan(config)
        cluster = cluster_at(config.kafka, bootstrap) if where is not None else None
        suspect = _suspect(file, line, where, cluster, plan, config, state, watch)
        verdict = examine(suspect.engine, plan, suspect.points, suspect.message, suspect.rejected)
        written = _compare(cluster, config, verdict) if cluster is not None else None
    if series is not None:
        verdict = _only(verdict, series)
    answer = Answer(verdict, suspect.first, written)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer)).decode() + "\n")
    else:
        display.show(answer.verdict)
        display.tell(_notes(answer))
    return answer


def _suspect(
    file: str | None,
    line: int | None,
    where: Where | None,
    cluster: Cluster | None,
    plan: Plan,
    config: Config,
    state: Path | None,
    watch: Watch,
) -> Suspect:
    if where is not None and cluster is not None and file is None and line is None:
        partition = Partition(where.topic, where.partition)
        return from_topic(cluster, partition, where.offset, plan, None if state is None else read_state(state, partition), watch)
    if state is not None:
        raise InputError("--state has no effect without --topic; it is a file of state.directory, or a copy of one")
    if where is None and file is not None and line is not None:
        return from_file(file, line, plan, config.input.mapping(), watch)
    raise InputError("name a record: streamkl explain FILE --line N, or streamkl explain --topic T --partition P --offset O")


def _compare(cluster: Cluster, config: Config, verdict: RecordVerdict) -> Comparison | None:
    """What the events topic holds of the record's events, all of it read. None where there is no such topic."""
    written = encoders_of(config.kafka).event
    derived = {event.id: written(event) for event in verdict.events}
    begins = f"{verdict.topic}/{verdict.partition}/{verdict.offset}/"
    found: dict[str, list[Message]] = {}
    try:
        with TopicHistory(cluster, config.kafka.events_topic) as past:
            for _, messages in past.batches():
                for message in messages:
                    name = dict(message.headers).get("ce_id", b"").decode("utf-8", "replace")
                    if name in derived or name.startswith(begins):
                        found.setdefault(name, []).append(message)
    except MissingTopicError:
        return None
    equal = {name: all(_same(message, derived[name]) for message in copies) for name, copies in found.items() if name in derived}
    return Comparison(
        same=tuple(name for name, is_equal in equal.items() if is_equal),
        different=tuple(name for name, is_equal in equal.items() if not is_equal),
        missing=tuple(sorted(derived.keys() - found.keys())),
        unexplained=tuple(sorted(found.keys() - derived.keys())),
    )


def _same(message: Message, outgoing: Outgoing) -> bool:
    return (message.key, message.value, message.headers) == (outgoing.key, outgoing.value, outgoing.headers)


def _only(verdict: RecordVerdict, series: str) -> RecordVerdict:
    points = tuple(point for point in verdict.points if point.series == series)
    if not points:
        known = ", ".join(repr(name) for name in list(dict.fromkeys(point.series for point in verdict.points))[:5])
        raise InputError(f"--series {series!r}: the record has no point of it; it has {known or 'none at all'}")
    return msgspec.structs.replace(verdict, points=points, events=tuple(event for event in verdict.events if event.series == series))


def _notes(answer: Answer) -> Iterator[str]:
    if answer.written is None:
        return
    if answer.first_offset_read > 0:
        yield (
            f"Read from offset {answer.first_offset_read} on: earlier records are no longer held, and a service that has seen them may have"
            " judged otherwise."
        )
    else:
        yield "Nothing that came before is missing: this is the verdict of a service that has read all of the partition."
    written, ids = answer.written, len(answer.verdict.events)
    if written.agrees:
        yield "The events topic holds the same events, byte for byte." if ids else "The events topic holds no event of this record either."
        return
    for names, text in (
        (written.different, "is in the events topic with other bytes (another configuration, version or history)"),
        (written.missing, "is not in the events topic (not committed yet, deleted, or below where the group began)"),
        (written.unexplained, "is in the events topic and was not derived here (another configuration, version or history)"),
    ):
        for name in names:
            yield f"{escape(name, 1_000)} {text}."
