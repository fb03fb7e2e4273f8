"""Results that survive an interruption: one small JSON file each under build/, forgotten as soon as the detector's code changes."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.report import ROOT

FOLDER = ROOT / "build" / "benchmarks"
# What decides a verdict: the arithmetic, what calls it, the defaults, and the thresholds that come with the package.
DETECTOR = ("streamkl/core/*.py", "streamkl/library/*.py", "streamkl/config/detector.py", "streamkl/adapters/*.json")
PROCESSES = ("benchmarks/processes.py", "benchmarks/held_out.py", "benchmarks/zoo.py")


@cache
def digest(patterns: Sequence[str], packages: Sequence[str] = ("numpy", "numba")) -> str:
    """Of the files' content and the packages' versions: equal digests give equal results."""
    files = ((path.name, path.read_bytes()) for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern)))
    return digest_of(files, " ".join(version(package) for package in packages))


def digest_of(files: Iterable[tuple[str, bytes]], head: str = "") -> str:
    """Of names and what they hold."""
    seen = hashlib.sha256(head.encode())
    for name, text in files:
        seen.update(name.encode() + b"\0" + text + b"\0")
    return seen.hexdigest()[:16]


class Kept:
    """The results of one benchmark. A key is everything that a result depends on; it stands in the file beside it."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._folder = (folder or FOLDER) / name

    def get(self, key: Mapping[str, Any]) -> Any | None:
        """What was put, or None; a file that is damaged counts as none."""
        try:
            return json.loads(self._file(key).read_text(encoding="utf-8"))["result"]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: Mapping[str, Any], result: Any) -> None:
        """Write at once or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._file(key)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({"key": key, "result": result}), encoding="utf-8")
        fresh.replace(path)

    def _file(self, key: Mapping[str, Any]) -> Path:
        return self._folder / f"{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]}.json"
