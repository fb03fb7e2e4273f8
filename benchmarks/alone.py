"""Measurements in processes of their own, some at a time; what is kept of a former run is not measured again."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import kept
from benchmarks.progress import progress_bar
from benchmarks.report import ROOT


class Alone(NamedTuple):
    """A module of benchmarks/ that prints one JSON object, its options, and whether constants of compiled code are changed there."""

    key: Mapping[str, Any]  # all that the result depends on
    module: str
    options: tuple[str, ...]
    recompiled: bool


def measured(store: kept.Kept, wanted: Mapping[str, Alone], jobs: int, what: str) -> dict[str, dict[str, Any]]:
    """The result of each, `jobs` processes at a time."""
    done = {name: store.get(each.key) for name, each in wanted.items()}
    missing = [name for name, result in done.items() if result is None]
    with progress_bar(what, len(wanted)) as bar, ThreadPoolExecutor(jobs) as pool:
        bar.advance(len(wanted) - len(missing))
        running = {pool.submit(alone, wanted[name]): name for name in missing}
        try:
            for future in as_completed(running):
                name = running[future]
                done[name] = future.result()
                store.put(wanted[name].key, done[name])
                bar.advance()
        finally:
            pool.shutdown(cancel_futures=True)
    return {name: found for name, found in done.items() if found is not None}


def alone(each: Alone) -> dict[str, Any]:
    """What it prints. Code with changed constants is compiled into a folder that is thrown away. RuntimeError, with what it said, where it
    fails."""
    with tempfile.TemporaryDirectory() as cache:
        changed = {"NUMBA_CACHE_DIR": cache} if each.recompiled else {}
        command = [sys.executable, "-m", f"benchmarks.{each.module}", *each.options]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | changed, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"benchmarks.{each.module} {' '.join(each.options)} failed:\n{done.stderr[-2_000:]}")
    return dict(json.loads(done.stdout))


def content(folder: Path) -> str:
    """A digest of all files of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return kept.digest_of((str(path.relative_to(folder)), path.read_bytes()) for path in files)
