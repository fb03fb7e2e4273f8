"""What a fault is: how it is staged, what it is staged on, and how often."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple

from tests.chaos.scene import Scene


def nothing(_scene: Scene) -> None:
    """No preparation."""


class Fault(NamedTuple):
    """`stage(scene)` strikes on entering and heals on leaving; records are written meanwhile. Row: that of docs/faults.md."""

    row: int
    name: str
    stage: Callable[[Scene], AbstractContextManager[None]]
    ground: Literal["one", "three"] = "one"  # a broker behind a proxy, or a cluster
    prepare: Callable[[Scene], None] = nothing  # before anything is written
    strikes: int = 3  # in each life
    may_end: bool = False  # whether the service may give up, to be started again
    mixes: bool = True  # with another one at the same time


def patient(seconds: float) -> Callable[[Scene], None]:
    """A preparation: members are given up after so long a silence."""

    def prepare(scene: Scene) -> None:
        scene.place.options["kafka.session_timeout_seconds"] = str(seconds)

    return prepare
