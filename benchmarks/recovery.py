"""How long a service that was killed takes until it commits again, with many series and input that goes on."""

import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from kafka import KafkaAdminClient, TopicPartition

from benchmarks import quantiles, stream, topics
from benchmarks.progress import progress_bar
from benchmarks.reading import committed, ensure_running, watch
from benchmarks.report import Found, Row, Section
from benchmarks.service import Group, Value, command, exactly_once
from benchmarks.stream import Stream
from benchmarks.topics import Shape

FIRST_LINE, RESTORED = "preparing kernels", "continues with offset"  # of the service's log
SNAPSHOT_SECONDS = 10.0  # as shipped
SHIPPED_LEARNING = 500
ALIVE = (
    2.0 * SNAPSHOT_SECONDS,
    4.0 * SNAPSHOT_SECONDS,
)  # between two kills: time for a whole state to be written, and any moment of the next
PATIENCE_SECONDS = 300.0
LEARN_SECONDS, LEARN_SNAPSHOT_SECONDS = 3_600.0, 60.0
SAVED_SECONDS = LEARN_SNAPSHOT_SECONDS + 10.0  # after the last point: every state was saved once more
LOOK_SECONDS = 0.05  # each look costs the broker a request
ASKED: dict[str, tuple[float, float]] = {"first new commit": (3.0, 10.0)}


class Look(NamedTuple):
    """At a moment (seconds since 1970) the group's committed offset of every partition."""

    at: float
    offsets: Sequence[int]


class Started(NamedTuple):
    """What the log of a start tells; seconds since 1970."""

    first_line: float
    first_state: float
    last_state: float


class Recovery(NamedTuple):
    """Seconds from the start of the process, in the order in which they come."""

    first_line: float
    first_state: float
    first_commit: float
    last_state: float
    all_committed: float


def started(log: str, partitions: int) -> Started | None:
    """From the lines of a log, once every partition's state is back."""
    lines = [line for line in log.splitlines(keepends=True) if line.endswith("\n")]
    first = [_time(line) for line in lines if FIRST_LINE in line]
    states = [_time(line) for line in lines if RESTORED in line]
    return Started(first[0], states[0], states[partitions - 1]) if first and len(states) >= partitions else None


def new_commits(looks: Sequence[Look], since: float) -> tuple[float | None, float | None]:
    """When the first partition, and when every partition, was seen beyond where it stood at the last look before `since`.

    `since` is when the new process had its first state back: what moved before was a commit of the dead one that the broker still finished.
    """
    stood = [look.offsets for look in looks if look.at < since][-1]
    later = [(look.at, [now > before for now, before in zip(look.offsets, stood, strict=True)]) for look in looks if look.at >= since]
    return next((at for at, moved in later if any(moved)), None), next((at for at, moved in later if all(moved)), None)


def gaps(looks: Sequence[Look]) -> list[float]:
    """Seconds between two commits, as far as they were seen."""
    commits = [after.at for before, after in pairwise(looks) if after.offsets != before.offsets]
    return [after - before for before, after in pairwise(commits)]


class Patient:
    """A service that is killed and started again, and what the group has committed meanwhile.

    The first start only learns; it saves states more seldom, which may take longer than what is learned between them.
    """

    def __init__(self, options: Mapping[str, Value], folder: Path, group: Group, partitions: int, python: str) -> None:
        self._options, self._folder, self._group, self._python = options, folder, group, python
        self._admin = KafkaAdminClient(bootstrap_servers=group.bootstrap)
        self._partitions = [TopicPartition(group.topic, number) for number in range(partitions)]
        self._starts = 0
        self.start({"kafka.snapshot_interval_seconds": LEARN_SNAPSHOT_SECONDS})

    def start(self, more: Mapping[str, Value]) -> None:
        """With these options besides, and a log of its own."""
        self._starts += 1
        self.log = self._folder / f"{self._starts}.log"
        words = command({**self._options, **more}, self._folder, self._python)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, env=_as_installed())  # noqa: S603

    def close(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()
        self._admin.close()

    def learn(self, shape: Shape) -> None:
        """Wait until the topic is read."""
        with progress_bar("learning", shape.records) as bar:
            watch(self._admin, shape, self._group.name, self.process, self.log, patience_seconds=LEARN_SECONDS, seen=bar.reach)

    def live(self, seconds: float) -> list[Look]:
        """Look on for so long."""
        looks = [self._look()]
        while looks[-1].at < looks[0].at + seconds:
            looks.append(self._look())
        return looks

    def recover(self) -> Recovery:
        """SIGKILL, the next start at once, and the first commits of the new process."""
        self.process.kill()
        self.process.wait()
        began = time.time()
        self.start({})
        looks: list[Look] = []
        while not looks or looks[-1].at < began + PATIENCE_SECONDS:
            looks.append(self._look())
            found = started(self.log.read_text(encoding="utf-8"), len(self._partitions))
            if found is None:
                continue
            first, everywhere = new_commits(looks, found.first_state)
            if first is not None and everywhere is not None:
                moments = (found.first_line, found.first_state, first, found.last_state, everywhere)
                return Recovery(*(moment - began for moment in moments))
        raise RuntimeError(f"no new commit in {PATIENCE_SECONDS:.0f} s:\n{self.log.read_text(encoding='utf-8')[-2000:]}")

    def _look(self) -> Look:
        time.sleep(LOOK_SECONDS)
        ensure_running(self.process, self.log)
        offsets = committed(self._admin, self._group.name, self._partitions)
        return Look(time.time(), offsets)


def _as_installed() -> dict[str, str]:
    """The environment, but for what would keep the service from using its bytecode, which an installed one has."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def measure(flow: Stream, bootstrap: str, *, learning: int, points: int, kills: int, python: str) -> Found:
    """`points` of each series are read in advance, `learning` of them learned; then the stream begins and never pauses."""
    topics.create(bootstrap, flow.topic, partitions=flow.partitions)
    records = stream.history_records(flow, points)
    topics.fill(bootstrap, flow.topic, records, stream.history(flow, points, time.time()))
    dice = np.random.default_rng(0)
    recoveries: list[Recovery] = []
    between: list[float] = []
    with _patient(flow, bootstrap, learning, python) as patient:
        patient.learn(Shape(flow.topic, records, stream.POINTS_PER_RECORD, flow.partitions))
        patient.live(SAVED_SECONDS)
        with stream.flowing(flow, bootstrap) as pace, progress_bar("kills", kills) as bar:
            patient.recover()  # the process that learned saved more seldom
            for _ in range(kills):
                between += gaps(patient.live(dice.uniform(*ALIVE)))
                recoveries.append(patient.recover())
                bar.advance()
            rate = pace.measured()
    section = Section("Seconds from the start after kill -9", list(rows(recoveries, between)))
    return Found(section, notes(flow, rate, learning, points))


def notes(flow: Stream, rate: float, learning: int, points: int) -> list[str]:
    """What a reader of the table has to know."""
    low, high = ALIVE
    changed = "" if learning == SHIPPED_LEARNING else f" but for detector.reference.size = {learning} ({SHIPPED_LEARNING})"
    return [
        f"Recovery: {flow.series:,} series on {flow.partitions} partitions, {flow.per_record} point(s) a record, {flow.rate:,.0f} points/s"
        f" ({rate:,.0f} records/s were measured), all the time. Killed after {low:.0f} to {high:.0f} s, at random; started again at once.",
        f"Recovery: settings as shipped{changed}. {points} points of each series were read in advance, from records of"
        f" {stream.POINTS_PER_RECORD}, by a process that saved states every {LEARN_SNAPSHOT_SECONDS:.0f} s: enough to have learned and"
        " to have filled the windows. The first kill, of that process, does not count.",
        "Recovery: a commit is new where the group's offset moves after the process had its first state back; what moved before was one"
        f" of the killed process that the broker still finished. Offsets are asked for every {1000 * LOOK_SECONDS:.0f} ms;"
        " the steps before come from the service's own log, whose first line stands for the interpreter and the imports.",
    ]


def rows(recoveries: Sequence[Recovery], between: Sequence[float]) -> Iterator[Row]:
    """A line for each step of a start, and one for the commits in good times."""
    steps = ("first line of the log", "first state restored", "first new commit", "last state restored", "new commit of every partition")
    for step, durations in zip(steps, zip(*recoveries, strict=True), strict=True):
        median, high = ASKED.get(step, (None, None))
        yield {"from the start to": step, **quantiles.seconds(durations), "asked p50, s": median, "asked p99, s": high}
    yield {"from the start to": "(between two commits meanwhile)", **quantiles.seconds(between), "asked p50, s": None, "asked p99, s": None}


@contextmanager
def _patient(flow: Stream, bootstrap: str, learning: int, python: str) -> Iterator[Patient]:
    group = Group(bootstrap, f"benchmark-{uuid.uuid4().hex[:8]}", flow.topic)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        patient = Patient(exactly_once(group, folder) | {"detector.reference.size": learning}, folder, group, flow.partitions, python)
        try:
            yield patient
        finally:
            patient.close()


def _time(line: str) -> float:
    return datetime.fromisoformat(line.split(" ", 1)[0]).timestamp()
