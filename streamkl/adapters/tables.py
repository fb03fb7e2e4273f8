"""Threshold tables on disk: those shipped with the package, then the user's cache, then a simulation whose result is kept there."""

import json
import logging
import os
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import platformdirs

from streamkl.core.point_run_length import simulate_points
from streamkl.core.run_length import POINTS_KEY, RUN_LENGTHS, SEED, Table, TableKey, simulate

VERSION = 2
SHIPPED = "run_lengths.json"
log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where simulated tables are kept: STREAMKL_CACHE, else the user's cache folder of the platform."""
    return Path(os.environ.get("STREAMKL_CACHE") or platformdirs.user_cache_dir("streamkl"))


def _name(key: TableKey) -> str:
    pooled = f"{key.window}-{key.reference}-{key.bins}"
    return f"{pooled}-{key.certainty:g}" if key.certainty else pooled


def _read(text: str) -> dict[str, Table]:
    """Tables of a file of ours; nothing for one of another version or a damaged one, which is then made again."""
    try:
        held = json.loads(text)
        if held["version"] != VERSION or held["seed"] != SEED or tuple(held["run_lengths"]) != RUN_LENGTHS:
            return {}
        return {name: tuple(map(float, table)) for name, table in held["tables"].items() if len(table) == len(RUN_LENGTHS)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def write(tables: dict[str, Table]) -> str:
    """The text of a tables file."""
    head = {"version": VERSION, "seed": SEED, "run_lengths": RUN_LENGTHS, "tables": dict(sorted(tables.items()))}
    return json.dumps(head, indent=0, separators=(",", ":")) + "\n"


class Tables:
    """Gives a table for every key; simulates (a second or two) what nobody has simulated yet. `on_simulation` hears of each.

    A cache that cannot be written costs time at the next start, nothing else.
    """

    def __init__(self, folder: Path | None = None, on_simulation: Callable[[TableKey], None] | None = None) -> None:
        self._file = (folder or cache_folder()) / SHIPPED
        self._on_simulation = on_simulation
        self._tables = _read(files("streamkl.adapters").joinpath(SHIPPED).read_text())
        self._cached: dict[str, Table] | None = None

    def __call__(self, key: TableKey) -> Table:
        """Thresholds at core.run_length.RUN_LENGTHS."""
        name = _name(key)
        if name not in self._tables:
            if self._cached is None:
                self._cached = self._load()
            if name not in self._cached:
                if self._on_simulation is not None:
                    self._on_simulation(key)
                self._cached[name] = simulate_points() if key == POINTS_KEY else simulate(key)
                self._save()
            self._tables[name] = self._cached[name]
        return self._tables[name]

    def _load(self) -> dict[str, Table]:
        try:
            return _read(self._file.read_text())
        except (OSError, UnicodeDecodeError):
            return {}

    def _save(self) -> None:
        merged = self._load() | (self._cached or {})
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._file.parent, delete=False) as temporary:
                temporary.write(write(merged))
            Path(temporary.name).replace(self._file)
        except OSError as error:
            log.warning("threshold tables are not kept: %s", error)
