"""A place whose service commits exactly once, and starts quickly because its processes are forked from one that has everything loaded."""

import multiprocessing
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tests.chaos.mutants import MUTANTS
from tests.chaos.weather import WEATHER
from tests.system.service import Place

_fork = multiprocessing.get_context("forkserver")
_fork.set_forkserver_preload(["tests.chaos.warm"])


class Forked:
    """A process that runs the command `streamkl run`, with what the tests use of `subprocess.Popen`."""

    def __init__(self, config: Path, log: Path, plants: tuple[str, ...]) -> None:
        self._process = _fork.Process(target=_run, args=(str(config), str(log), plants))
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("streamkl run", timeout)
        return code

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


@dataclass
class ExactlyOncePlace(Place):
    """`start` forks, and plants mutant and weather where they are named; `start_command` begins from nothing, as an operator would."""

    mutant: str = ""
    weather: tuple[str, ...] = ()
    instances: set[str] = field(default_factory=set)  # all that ever were members

    def start(self) -> "subprocess.Popen[str]":
        self.instances.add(self.options["kafka.group_instance_id"].strip('"'))
        number = len(self.processes)
        log = self.directory / f"{number}.log"
        log.touch()
        config = self.config().rename(self.directory / f"{number}.toml")  # the next one may be started before this one has read it
        self.processes.append(cast("subprocess.Popen[str]", Forked(config, log, (self.mutant, *self.weather))))
        return self.processes[-1]

    def start_command(self) -> "subprocess.Popen[str]":
        self.instances.add(self.options["kafka.group_instance_id"].strip('"'))
        return super().start()


def exactly_once(bootstrap: str, folder: Path, partitions: int) -> ExactlyOncePlace:
    """Commits as often as it can, and saves state now and then, so that there is something to replay."""
    place = ExactlyOncePlace(bootstrap, folder, partitions=partitions)
    place.options |= {
        "kafka.bootstrap_servers": str(bootstrap.split(",")).replace("'", '"'),
        "kafka.delivery": '"exactly_once"',
        "kafka.group_instance_id": '"one"',
        "kafka.commit_interval_seconds": "0.05",
        "kafka.snapshot_interval_seconds": "0.4",
        "kafka.session_timeout_seconds": "6",
        "state.backend": '"topic"',
        "state.topic": f'"state-{place.name}"',
    }
    return place


def _run(config: str, log: str, plants: tuple[str, ...]) -> None:
    with Path(log).open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["streamkl", "run", config]
    from streamkl.cli import main  # noqa: PLC0415 - loaded long ago

    for name in filter(None, plants):
        (MUTANTS[name].plant if name in MUTANTS else WEATHER[name])()
    main()
