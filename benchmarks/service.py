"""`streamkl run` as benchmarks start it: the settings that are not the shipped ones, and the command."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

EVENTS, DEAD = "anomalies", "metrics.dead"

Value = str | int | float | Sequence[str]


@dataclass(frozen=True, slots=True)
class Group:
    """Who reads what."""

    bootstrap: str
    name: str
    topic: str


def at_least_once(group: Group, folder: Path) -> dict[str, Value]:
    """The shipped settings, with state in files of this folder."""
    return {
        "kafka.bootstrap_servers": [group.bootstrap],
        "kafka.group_id": group.name,
        "kafka.topics": [group.topic],
        "kafka.events_topic": EVENTS,
        "kafka.dead_letter_topic": DEAD,
        "state.directory": (folder / "state").as_posix(),
        "http.port": 0,
    }


def exactly_once(group: Group, folder: Path) -> dict[str, Value]:
    """The same in transactions. The state topic is its own: a new group looks through the whole of it at its first start."""
    return at_least_once(group, folder) | {
        "kafka.delivery": "exactly_once",
        "kafka.group_instance_id": "one",
        "state.backend": "topic",
        "state.topic": f"state-{group.name}",
    }


def command(options: Mapping[str, Value], folder: Path, python: str = sys.executable) -> list[str]:
    """Written to a file of this folder, and the words that run it."""
    config = folder / "streamkl.toml"
    config.write_text("".join(f"{option} = {json.dumps(value)}\n" for option, value in options.items()), encoding="utf-8")
    return [python, "-m", "streamkl", "run", str(config)]
