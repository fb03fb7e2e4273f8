"""One of several processes that run the same configuration on one machine: what is its own, and what it shares with the others."""

import socket
from dataclasses import dataclass

from streamkl.assembly.leash import Leash
from streamkl.config import Config
from streamkl.errors import ConfigError
from streamkl.ports import StateStore

LONGEST_NAME = 249  # of an instance in its group
LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Member:
    """A process under a supervisor, counted from 0. `store`: state on this machine, which all of them share; None where it is elsewhere."""

    number: int
    leash: Leash
    store: StateStore | None


def of_process(config: Config, number: int, host: str | None = None) -> Config:
    """The configuration of one process: a name in the group and an HTTP port of its own, all else the same.

    `host` names the instance where the configuration does not; None: this machine's name.

    >>> own = of_process(Config(), 1, "db7")
    >>> own.kafka.group_instance_id, own.http.port
    ('db7-1', 9465)
    """
    name = f"{config.kafka.group_instance_id or host or socket.gethostname()}-{number}"
    port = config.http.port and config.http.port + number
    return config.model_copy(
        update={
            "kafka": config.kafka.model_copy(update={"group_instance_id": name}),
            "http": config.http.model_copy(update={"port": port}),
        }
    )


def check_count(config: Config, count: int) -> None:
    """Raises ConfigError where so many processes cannot all have a name and a port."""
    last = of_process(config, count - 1)
    problems = []
    name = last.kafka.group_instance_id or ""
    if len(name) > LONGEST_NAME:
        problems.append(
            f"kafka.group_instance_id = {config.kafka.group_instance_id!r}: with --processes {count} the last process would be called"
            f" {name!r}, {len(name)} characters; {LONGEST_NAME} are allowed"
        )
    if last.http.port > LAST_PORT:
        problems.append(
            f"http.port = {config.http.port}: with --processes {count} the last process would listen on {last.http.port};"
            f" choose at most {LAST_PORT - count + 1}, or 0 for none"
        )
    if problems:
        raise ConfigError(problems)
