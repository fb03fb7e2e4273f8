"""Series from a folder or made up, written as the files that `streamkl replay` reads."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.zoo import series

START = 1_700_000_000  # seconds since 1970 of a made-up series' first point


@dataclass(frozen=True, slots=True)
class Series:
    """One metric: seconds since 1970 and values, none of them missing."""

    name: str
    seconds: NDArray[np.int64]
    values: NDArray[np.float64]


def load(folder: Path) -> list[Series]:
    """Every .csv (timestamp,value) and .npz (t, v) under the folder, without missing values: what was not there is not sent."""
    found = [*_from_csv(folder), *_from_npz(folder)]
    return sorted(found, key=lambda each: each.name)


def generate(count: int, points: int) -> list[Series]:
    """Independent normal series, one point a minute."""
    seconds = START + 60 * np.arange(points, dtype=np.int64)
    return [Series(f"normal-{number:03}", seconds, series("normal", points, number)) for number in range(count)]


def write_files(data: Sequence[Series], folder: Path, form: str) -> list[Path]:
    """One file a series, "jsonl" (series, timestamp, value) or "csv" (timestamp,value; the file's name is the series')."""
    return [_write_jsonl(each, folder) if form == "jsonl" else _write_csv(each, folder) for each in data]


def _write_jsonl(each: Series, folder: Path) -> Path:
    path = folder / f"{each.name}.jsonl"
    rows = zip(each.seconds.tolist(), each.values.tolist(), strict=True)
    lines = ({"series": each.name, "timestamp": second, "value": value} for second, value in rows)
    path.write_bytes(msgspec.json.Encoder().encode_lines(lines))
    return path


def _write_csv(each: Series, folder: Path) -> Path:
    path = folder / f"{each.name}.csv"
    rows = zip(each.seconds.tolist(), each.values.tolist(), strict=True)
    path.write_text("timestamp,value\n" + "".join(f"{second},{value!r}\n" for second, value in rows), encoding="utf-8")
    return path


def _from_csv(folder: Path) -> Iterator[Series]:
    for path in folder.rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = [(row["timestamp"], float(row["value"])) for row in csv.DictReader(file) if row["value"]]
        seconds = np.array([_seconds(when) for when, _ in rows], dtype=np.int64)
        yield from _finite(_name(folder, path), seconds, np.array([value for _, value in rows]))


def _from_npz(folder: Path) -> Iterator[Series]:
    for path in folder.rglob("*.npz"):
        with np.load(path) as stored:
            seconds, values = stored["t"].astype(np.int64), stored["v"].astype(np.float64)
        columns = values.reshape(len(seconds), -1).T
        for number, column in enumerate(columns):
            name = _name(folder, path)
            yield from _finite(f"{name}.{number}" if len(columns) > 1 else name, seconds, column)


def _finite(name: str, seconds: NDArray[np.int64], values: NDArray[np.float64]) -> Iterator[Series]:
    there = np.isfinite(values)
    if there.any():
        yield Series(name, seconds[there], values[there])


def _name(folder: Path, path: Path) -> str:
    return ".".join(path.relative_to(folder).with_suffix("").parts)


def _seconds(text: str) -> int:
    """Whole seconds since 1970 of a number or an ISO 8601 time; without a zone it is UTC."""
    if text.isdecimal():
        return int(text)
    when = datetime.fromisoformat(text)
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
