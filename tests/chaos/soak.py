"""A long life with a fault every minute or two, which one process has to outlive: what it holds stays level, what it says is right."""

import statistics
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from streamkl.config import KafkaConfig
from tests.chaos.faults import FAULTS
from tests.chaos.life import EPISODE, QUIET, Plan, scene_of
from tests.chaos.oracle import compare
from tests.chaos.outcome import Outcome
from tests.chaos.scene import Ground, Scene
from tests.chaos.writer import FAULT

ENDURED = (
    "broker restart",
    "broker paused",
    "slow and lossy network",
    "connections cut",
    "endings sent twice",
    "endings arrive late",
    "offsets arrive late",
    "disk full",
    "strangers at the port",
)
BETWEEN_SECONDS = (60.0, 120.0)
TRICKLE, TRICKLE_SECONDS = 2, 0.25  # records of each series, between faults
SAMPLE_SECONDS = 5.0
MOST_GROWTH = {"memory_mb": 0.05, "threads": 0.0, "descriptors": 0.05}  # of the medians, from the second quarter to the last


class Sample(NamedTuple):
    """What the process held at one moment. The first fault of a soak is number 1."""

    minute: float
    faults: int
    memory_mb: float
    threads: int
    descriptors: int


def soak(ground: Ground, folder: Path, minutes: float, seed: int, table: Path | None = None) -> tuple[Outcome, Sequence[Sample]]:
    """Samples go to `table` as they are taken. Where it does not come to its end, the outcome says why."""
    began = time.monotonic()
    struck: list[str] = []
    samples: list[Sample] = []
    findings: dict[str, Any] = {"records": 0, "results": 0}
    with scene_of(ground, folder, Plan(seed, ("soak",))) as scene:
        try:
            _begin(scene)
            with _watched(scene, struck, samples, table):
                while time.monotonic() - began < 60.0 * minutes:
                    _trickle(scene, scene.dice.uniform(*BETWEEN_SECONDS))
                    struck.append(scene.dice.choice(ENDURED))
                    with scene.writer.writing(), FAULTS[struck[-1]].stage(scene):
                        pass
                    scene.start()
            scene.writer.write(EPISODE)
            scene.settle()
            assert scene.stop() == 0, scene.place.log(scene.main)
            findings = compare(scene.place)._asdict()
            ended = [*scene.ended, *rising(samples)]
        except (AssertionError, subprocess.TimeoutExpired, psutil.Error) as error:
            ended = [*scene.ended, f"no end: {error}"]
    return Outcome("soak", seed, len(struck), **findings, ended=ended, seconds=time.monotonic() - began), samples


def _begin(scene: Scene) -> None:
    """As it is shipped: a commit a second."""
    for option in ("commit_interval_seconds", "snapshot_interval_seconds", "session_timeout_seconds"):
        scene.place.options[f"kafka.{option}"] = str(getattr(KafkaConfig(), option))
    for name in ENDURED:
        FAULTS[name].prepare(scene)
    scene.writer.write(QUIET)
    scene.writer.write(EPISODE, shift=FAULT)
    scene.settle()


def rising(samples: Sequence[Sample]) -> list[str]:
    """What did not stay level, in words; the first quarter is for warming up."""
    quarter = len(samples) // 4
    said = []
    for name, most in MOST_GROWTH.items():
        early, late = (
            statistics.median(getattr(each, name) for each in part) for part in (samples[quarter : 2 * quarter], samples[-quarter:])
        )
        if late > early * (1.0 + most):
            said.append(f"{name} grew from {early:g} to {late:g}")
    return said


def _trickle(scene: Scene, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        scene.writer.write(TRICKLE)
        time.sleep(TRICKLE_SECONDS)


@contextmanager
def _watched(scene: Scene, struck: Sequence[str], samples: list[Sample], table: Path | None) -> Iterator[None]:
    over = threading.Event()
    began = time.monotonic()
    process = psutil.Process(scene.process.pid)

    def watch() -> None:
        while not over.wait(SAMPLE_SECONDS):
            memory = round(process.memory_info().rss / 2**20, 1)
            minute = round((time.monotonic() - began) / 60.0, 2)
            samples.append(Sample(minute, len(struck), memory, process.num_threads(), process.num_fds()))
            if table:
                with table.open("a") as file:
                    file.write("\t".join(map(str, (*samples[-1], *struck[-1:]))) + "\n")

    thread = threading.Thread(target=watch, name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
