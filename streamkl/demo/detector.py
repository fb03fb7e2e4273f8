"""The detector as a process of its own, `streamkl run`, and what it tells about itself over HTTP."""

import sys
import urllib.error
import urllib.request
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from streamkl.demo.programs import Program

ANSWER_SECONDS = 2.0


class Topics(NamedTuple):
    """What the demo reads and writes on its broker."""

    metrics: str = "metrics"
    events: str = "anomalies"
    dead_letters: str = "metrics.dead"


class Learning(NamedTuple):
    """How far the series that has furthest to go has come: points of points. 0 of 0 when none learns."""

    learned: int
    wanted: int


class Detector:
    """Where the process can be asked, and how it is started."""

    def __init__(self, bootstrap: str, topics: Topics, port: int, folder: Path, group: str) -> None:
        self._url = f"http://127.0.0.1:{port}"
        variables = {
            "KAFKA__BOOTSTRAP_SERVERS": bootstrap,
            "KAFKA__TOPICS": topics.metrics,
            "KAFKA__EVENTS_TOPIC": topics.events,
            "KAFKA__DEAD_LETTER_TOPIC": topics.dead_letters,
            "KAFKA__GROUP_ID": group,
            "STATE__DIRECTORY": str(folder / "state"),
            "HTTP__PORT": str(port),
        }
        command = [sys.executable, "-m", "streamkl", "run", str(configuration())]
        self.program = Program("detector", command, folder, {f"STREAMKL_{name}": value for name, value in variables.items()})

    def ready(self) -> bool:
        """Whether it does its work."""
        return self._get("/readyz") is not None

    def learning(self) -> Learning | None:
        """Its progress, None before it has seen a record or while it does not answer."""
        page = self._get("/metrics")
        samples = {} if page is None else {s.name: s.value for family in text_string_to_metric_families(page) for s in family.samples}
        if not samples.get("streamkl_series"):
            return None
        return Learning(int(samples["streamkl_learning_points"]), int(samples["streamkl_learning_points_wanted"]))

    def _get(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(self._url + path, timeout=ANSWER_SECONDS) as answer:  # noqa: S310  # our own URL
                text: str = answer.read().decode()
        except (OSError, urllib.error.URLError):
            return None
        return text


def configuration() -> Path:
    """The demo's configuration file, shipped with the package."""
    return Path(str(files("streamkl.demo"))) / "detector.toml"
