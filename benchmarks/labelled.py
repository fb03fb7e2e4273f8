"""Labelled data sets as evaluation tools read them: a folder of sets, each with `labels.json` or with `manifest.json`."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PROBATION, PROBATION_MOST = 0.15, 750  # of a file with its labels beside it: the share that nobody scores, and the rows that it is at most
LEARNED = 200  # the same of a file with its labels within, where the manifest does not say


@dataclass(frozen=True, slots=True)
class Labelled:
    """One series: seconds since 1970, values (n,) or (n, d), missing ones NaN, the rows that somebody called anomalous, and the first row
    that tools score: what lies before is there to learn from."""

    set: str
    name: str
    seconds: NDArray[np.int64]
    values: NDArray[np.float64]
    anomalous: NDArray[np.bool_]
    start: int = 0


def load(folder: Path) -> Iterator[Labelled]:
    """Every series of every set, sorted. Sets of series without a clock are left out: nothing can be said about a week of them."""
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        if (part / "labels.json").exists():
            yield from _windows_beside(part)
        elif (part / "manifest.json").exists():
            yield from _labels_within(part)


def _windows_beside(part: Path) -> Iterator[Labelled]:
    """`<category>/<file>.csv` (timestamp,value); labels.json gives each file's windows as [first, last] timestamp, both included."""
    for name, windows in sorted(json.loads((part / "labels.json").read_text(encoding="utf-8")).items()):
        with (part / name).open(encoding="utf-8", newline="") as file:
            rows = [(row["timestamp"], float(row["value"] or "nan")) for row in csv.DictReader(file)]
        seconds = _seconds([when for when, _ in rows])
        bounds = [_seconds(window) for window in windows]
        anomalous = np.zeros(len(rows), bool)
        for first, last in bounds:
            anomalous |= (seconds >= first) & (seconds <= last)
        start = min(int(PROBATION * len(rows)), PROBATION_MOST)
        yield Labelled(part.name, name, seconds, np.array([value for _, value in rows]), anomalous, start)


def _labels_within(part: Path) -> Iterator[Labelled]:
    """`.npz` files with t, v and y, named by manifest.json."""
    for row in sorted(json.loads((part / "manifest.json").read_text(encoding="utf-8"))["series"], key=lambda row: str(row["series"])):
        if row.get("interval_s"):
            with np.load(part / row["file"], allow_pickle=False) as stored:
                values = stored["v"].astype(np.float64)
                start = row.get("n_train") or min(max(LEARNED, len(values) // 7), len(values) // 2)
                yield Labelled(part.name, row["series"], stored["t"].astype(np.int64), values, stored["y"] > 0, start)


def _seconds(times: list[str]) -> NDArray[np.int64]:
    """Local times without a zone, read as UTC."""
    return np.array(times, dtype="datetime64[s]").astype(np.int64)
