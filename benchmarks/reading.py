"""How fast a consumer group reads a filled topic, told by the offsets that it commits."""

import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError

from benchmarks.service import Group
from benchmarks.topics import Shape

WARM = 0.3  # share of the records read before the clock starts: joining, fetching, and the learning of every series
PATIENCE_SECONDS = 300.0


class Mark(NamedTuple):
    """A commit that was seen: when, records committed so far, processor time the program had used."""

    seconds: float
    done: int
    cpu_seconds: float


class Speed(NamedTuple):
    """What one run gave. Processor time holds also while other programs use the machine."""

    records_per_second: float
    cpu_us_per_record: float


class TooShortError(Exception):
    """The topic was read before its speed could be told."""


Program = Callable[[Group, Path], list[str]]  # the command, in a folder of its own


def speed(marks: Sequence[Mark], total: int) -> Speed:
    """Between the first commit after the warm-up and the last one before the end of the topic.

    Both are commits made while reading at full speed: start-up, learning and the wait for the last commit do not count.
    """
    inside = [mark for mark in marks if WARM * total <= mark.done < total]
    if len(inside) < 3:
        raise TooShortError(f"only {len(inside)} commits were seen between {WARM:.0%} of {total:,} records and the end; use more records")
    first, last = inside[0], inside[-1]
    done = last.done - first.done
    return Speed(done / (last.seconds - first.seconds), 1e6 * (last.cpu_seconds - first.cpu_seconds) / done)


def watch(
    admin: KafkaAdminClient,
    shape: Shape,
    group: str,
    process: subprocess.Popen[bytes],
    log: Path,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    seen: Callable[[int], None] | None = None,
) -> list[Mark]:
    """Look at the group's committed offsets, 20 times a second, until they reach the end of the topic; `seen` is told how far they are."""
    partitions = [TopicPartition(shape.topic, number) for number in range(shape.partitions)]
    marks: list[Mark] = []
    usage = psutil.Process(process.pid)
    deadline = time.monotonic() + patience_seconds
    while not marks or marks[-1].done < shape.records:
        if time.monotonic() > deadline:
            raise RuntimeError(_told(f"did not finish in {patience_seconds:.0f} s", log))
        ensure_running(process, log)
        done = sum(committed(admin, group, partitions))
        if done > (marks[-1].done if marks else 0):
            used = [each.cpu_times() for each in (usage, *usage.children())]
            marks.append(Mark(time.monotonic(), done, sum(times.user + times.system for times in used)))
            if seen:
                seen(done)
        time.sleep(0.05)
    return marks


def committed(admin: KafkaAdminClient, group: str, partitions: Sequence[TopicPartition]) -> list[int]:
    """Records behind the group's committed offset of each; 0 while a new broker still makes the topic they are kept in."""
    try:
        offsets = admin.list_group_offsets({group: list(partitions)})[group]
    except (CoordinatorNotAvailableError, NotCoordinatorError, CoordinatorLoadInProgressError):
        return [0] * len(partitions)
    return [max(0, offsets[each].offset) if each in offsets else 0 for each in partitions]


def ensure_running(process: subprocess.Popen[bytes], log: Path) -> None:
    """Raises RuntimeError with the end of its log where the measured program has ended."""
    if process.poll() is not None:
        raise RuntimeError(_told(f"ended with {process.returncode}", log))


def _told(why: str, log: Path) -> str:
    return f"the measured program {why}:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}"


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child process, ended with SIGTERM (and SIGKILL after 20 s)."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def measure_once(admin: KafkaAdminClient, bootstrap: str, shape: Shape, program: Program) -> Speed:
    """One run, in a consumer group and a folder of its own. Raises TooShortError."""
    group = f"benchmark-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = program(Group(bootstrap, group, shape.topic), folder)
        with running(command, folder / "log") as process:
            marks = watch(admin, shape, group, process, folder / "log")
    return speed(marks, shape.records)
