"""A file of what is normal, given instead of learned: records as the topic would carry them, or CSV of series and value."""

import csv
import itertools
import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from streamkl.adapters.files.batches import Lines
from streamkl.adapters.files.jsonlines import read_messages
from streamkl.adapters.files.reading import LineFile
from streamkl.adapters.files.table import read_columns, read_header, split
from streamkl.engine.codec import Codec
from streamkl.engine.mapping import InputMapping, compile_mapping
from streamkl.engine.plan import Normal
from streamkl.errors import InputError

log = logging.getLogger(__name__)

_Row = tuple[str, int, float]  # series, time in microseconds, value


def read_normal(path: Path, mapping: InputMapping, wanted: int) -> dict[str, Normal]:
    """The numbers of each series in a file, in the file's order. Lines that hold none are passed over, with one log line for all.

    The file is JSON lines or CSV, as `mapping` says; CSV may lack the time's column, and then all times are 0. Raises InputError where the
    file cannot be read, holds no numbers, or holds fewer than `wanted` of a series.
    """
    skipped: Counter[str] = Counter()
    times: defaultdict[str, list[int]] = defaultdict(list)
    values: defaultdict[str, list[float]] = defaultdict(list)
    with LineFile(str(path)) as file:
        chunks = file.chunks()
        head = next(chunks, b"")
        whole = itertools.chain([head], chunks)
        is_table = file.name.removesuffix(".gz").endswith((".csv", ".tsv"))
        header = head.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip()
        if is_table and mapping.timestamp not in read_header(header, file.name)[1]:
            rows = _timeless(file.name, header, whole, mapping, skipped)
        else:
            rows = _timed(file.name, is_table, whole, mapping, skipped)
        for series, time, value in rows:
            times[series].append(time)
            values[series].append(value)
    if skipped:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(skipped.items()))
        log.warning("%s: %d lines hold no number to learn from (%s)", path, skipped.total(), reasons)
    if not values:
        raise InputError(f"{path}: holds no numbers to compare with")
    for series, numbers in sorted(values.items()):
        if len(numbers) < wanted:
            raise InputError(f"{path}: series {series!r} has {len(numbers)} numbers, fewer than reference.size ({wanted})")
    return {series: Normal(np.array(values[series]), np.array(times[series], np.int64)) for series in values}


def _timed(name: str, is_table: bool, chunks: Iterator[bytes], mapping: InputMapping, skipped: Counter[str]) -> Iterator[_Row]:
    codec = Codec(mapping)
    comment = b"#" if mapping.format == "influx" else None
    for batch in read_columns(chunks, name, name.rsplit(".", 1)[0], mapping) if is_table else read_messages(chunks, name, comment=comment):
        if isinstance(batch, Lines):
            decoded = codec.decode(batch.messages)
            points, rejected = decoded.points, decoded.rejected
        else:
            points, rejected = batch.points, batch.rejected
        skipped.update(each.reason.value for each in rejected)
        if points.text:
            skipped["not_a_number"] += len(points.text)
        for index, row in enumerate(zip(points.series, points.timestamp_us.tolist(), points.value.tolist(), strict=True)):
            if index not in points.text:
                yield row


def _timeless(name: str, header: str, chunks: Iterator[bytes], mapping: InputMapping, skipped: Counter[str]) -> Iterator[_Row]:
    plan = compile_mapping(mapping)
    series, value = plan.series.path.key if plan.series.path is not None else None, plan.value.key
    delimiter, names = read_header(header, name)
    if series not in names or value not in names:
        raise InputError(f"{name}: the first line ({header[:200]}) names no columns {series!r} and {value!r}")
    place, number = names.index(str(series)), names.index(str(value))
    lines = (line.decode("utf-8", "replace") for chunk in chunks for line in chunk.splitlines())
    for line in itertools.islice(lines, 1, None):
        try:
            cells = split(line, delimiter)
            owner, read = cells[place], float(cells[number])
        except (csv.Error, IndexError, ValueError):
            skipped["not_a_number"] += 1
            continue
        if math.isfinite(read):
            yield owner, 0, read
        else:
            skipped["not_finite"] += 1
