"""One life of an exactly-once service: it learns, is struck so many times while records are written, and is compared with its replay."""

import random
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.mutants import MUTANTS
from tests.chaos.oracle import compare
from tests.chaos.outcome import Outcome
from tests.chaos.place import exactly_once
from tests.chaos.scene import Ground, Scene
from tests.chaos.writer import FAULT, Writer

QUIET = 700  # records of each series before the first fault: 500 are learned
EPISODE = 60  # records that are enough for an episode to open, where they are at fault
BETWEEN_SECONDS = 0.5  # at most, between two faults at a time


@dataclass(frozen=True)
class Plan:
    """What a seed stands for: which faults, how many times; several of them strike at the same time."""

    seed: int
    faults: tuple[str, ...] = ("kill at random",)
    strikes: int = 0  # 0: as many as the fault says
    mutant: str = ""
    weather: tuple[str, ...] = ()
    client: str = "kafka-python"

    @property
    def name(self) -> str:
        return " + ".join(self.faults) + ("" if self.client == "kafka-python" else f" ({self.client})")


@contextmanager
def scene_of(ground: Ground, folder: Path, plan: Plan) -> Iterator[Scene]:
    """Where a life takes place: topics, dice and a writer of its own; nothing runs yet, and nothing is left running."""
    dice = random.Random(f"{plan.name}/{plan.seed}")  # noqa: S311 - no secret
    place = exactly_once(ground.bootstrap, folder, 2)
    place.mutant, place.weather = plan.mutant, plan.weather
    place.options["kafka.client"] = f'"{plan.client}"'
    if ground.proxy:
        place.options["kafka.bootstrap_servers"] = f'["{ground.proxy.bootstrap}"]'
    place.create("metrics")
    writer = Writer(place, random.Random(f"{plan.seed}/writer"))  # noqa: S311 - no secret
    try:
        yield Scene(ground, place, writer, dice, mixed=len(plan.faults) > 1)
    finally:
        writer.close()
        place.close()


def live(ground: Ground, folder: Path, plan: Plan) -> Outcome:
    """Where it does not come to its end, the outcome says why."""
    began = time.monotonic()
    faults = [FAULTS[name] for name in plan.faults]
    strikes = plan.strikes or min(fault.strikes for fault in faults)
    findings: dict[str, Any] = {"records": 0, "results": 0}
    with scene_of(ground, folder, plan) as scene:
        try:
            for fault in faults:
                fault.prepare(scene)
            scene.writer.write(QUIET)
            scene.writer.write(EPISODE, shift=FAULT)
            scene.settle()
            for _ in range(strikes):
                _strike(scene, faults)
            scene.writer.write(EPISODE)
            scene.settle()
            assert scene.stop() == 0, scene.place.log(scene.main)
            findings = compare(scene.place)._asdict()
            ended = [] if all(fault.may_end for fault in faults) else scene.ended
        except (AssertionError, subprocess.TimeoutExpired) as error:
            ended = [*scene.ended, f"no end: {error}"]
    return Outcome(plan.name, plan.seed, strikes, **findings, ended=ended, seconds=time.monotonic() - began)


def hunt(ground: Ground, folder: Path, name: str, seed: int, lives: int) -> Outcome | None:
    """The first of so many lives of a mutant in which its harm shows; None where it never did. A moment that is missed comes again."""
    mutant = MUTANTS[name]
    for number in range(lives):
        place = folder / str(number)
        place.mkdir()
        outcome = live(ground, place, Plan(seed + number, (mutant.fault,), mutant.strikes, name, mutant.weather))
        if any(getattr(outcome, finding) for finding in mutant.findings):
            return outcome
    return None


def _strike(scene: Scene, faults: Sequence[Fault]) -> None:
    """All of them at once, in an order and at moments that the dice choose; then they are over, and the service runs."""
    with scene.writer.writing(), ExitStack() as stack:
        for fault in scene.dice.sample(faults, len(faults)):
            stack.enter_context(fault.stage(scene))
            time.sleep(scene.dice.uniform(0.0, BETWEEN_SECONDS) if len(faults) > 1 else 0.0)
    scene.start()
