"""Numbers out of a file: one column of a CSV, one field of JSON lines, or a number a line. What is no number is counted, never the end."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamkl.adapters.files import LineFile
from streamkl.engine.faults import escape
from streamkl.engine.paths import Path
from streamkl.engine.values import to_doubles
from streamkl.errors import InputError

# Hears how much is read of how much (None: unknown), in bytes.
Watch = Callable[[int, int | None], None]

_DELIMITERS = ",;\t"
_LONGEST = 60
Cells = tuple[object, object]  # a value, and its count


@dataclass(slots=True)
class Numbers:
    """What a file holds: the values, their counts where a column has them, and how many lines gave none, with the first of them."""

    values: NDArray[np.float64]
    counts: NDArray[np.float64] | None
    empty: int = 0
    bad: int = 0
    first_bad: str = ""
    _parts: list[NDArray[np.float64]] = field(default_factory=list)


def read_numbers(path: str, column: str | None, counts: str | None, watch: Watch) -> Numbers:
    """The numbers of a file (- is standard input), of `column` where there are several, each as often as `counts` says.

    Raises InputError where the file or the column is not there, or holds not one number; SourceError where reading fails.
    """
    found = Numbers(np.zeros(0), None)
    with LineFile(path) as file:
        for first, rows in _rows(file, path, column, counts, watch):
            _take(found, rows, first, wants_counts=counts is not None)
    taken = np.concatenate(found._parts) if found._parts else np.zeros((0, 2))
    if not len(taken):
        why = f"; the first that is none is {found.first_bad}" if found.bad else ""
        raise InputError(f"{path}: holds not one number{why}")
    found.values, found.counts = taken[:, 0], None if counts is None else taken[:, 1]
    return found


def _take(found: Numbers, rows: Sequence[Cells], first: int, *, wants_counts: bool) -> None:
    kept = [index for index, (value, _) in enumerate(rows) if value is not None and value != ""]
    found.empty += len(rows) - len(kept)
    values, texts, faults = to_doubles([rows[index][0] for index in kept])
    bad = {kept[place]: rows[kept[place]][0] for place in (*texts, *faults)}
    often = np.ones(len(kept))
    if wants_counts:
        often, texts, faults = to_doubles([rows[index][1] for index in kept])
        bad |= {kept[place]: rows[kept[place]][1] for place in (*texts, *faults)}
    good = np.array([index not in bad for index in kept], bool)
    if bad and not found.bad:
        at = min(bad)
        found.first_bad = f"'{escape(str(bad[at]), _LONGEST)}' in line {first + at}"
    found.bad += len(bad)
    found._parts.append(np.column_stack((values, often))[good])


def _rows(file: LineFile, path: str, column: str | None, counts: str | None, watch: Watch) -> Iterator[tuple[int, list[Cells]]]:
    """The cells of each chunk of lines, with the number of its first line; blank lines are empty cells."""
    number, pick = 1, None
    for chunk in file.chunks():
        lines = chunk.decode("utf-8-sig" if number == 1 else "utf-8", "replace").splitlines()
        begin = 0
        while pick is None and begin < len(lines):
            if lines[begin].strip():
                is_json = lines[begin].lstrip()[0] in "{["
                pick = _json_pick(lines[begin], path, column, counts) if is_json else _table_pick(lines[begin], path, column, counts)
                begin += pick.headings
            else:
                begin += 1
        if pick is not None:
            yield number + begin, [pick.cells(line) if line.strip() else ("", "") for line in lines[begin:]]
        number += len(lines)
        watch(file.position, file.size)


@dataclass(frozen=True, slots=True)
class _Pick:
    cells: Callable[[str], Cells]
    headings: int


def _table_pick(line: str, path: str, column: str | None, counts: str | None) -> _Pick:
    delimiter = max(_DELIMITERS, key=line.count)
    header = [cell.strip() for cell in _split(line, delimiter)]
    if len(header) == 1 and column is None and counts is None:
        return _Pick(lambda each: (each.strip(), ""), int(not _is_number(header[0])))
    if all(map(_is_number, header)):
        raise InputError(f"{path}: the first line must name the columns, but is '{escape(line, _LONGEST)}'")
    value = _place(path, header, column, "--column", [name for name in header if name != counts])
    often = _place(path, header, counts, "--counts", header) if counts is not None else value

    def cells(text: str) -> Cells:
        row = _split(text, delimiter)
        return (row[value].strip(), row[often].strip()) if len(row) == len(header) else (text, "")

    return _Pick(cells, 1)


def _place(path: str, header: Sequence[str], wanted: str | None, option: str, candidates: Sequence[str]) -> int:
    known = escape(", ".join(header), 200)
    if wanted is None and len(candidates) == 1:
        return header.index(candidates[0])
    if wanted is None:
        raise InputError(f"{path}: has several columns ({known}); choose one with {option}")
    if wanted not in header:
        raise InputError(f"{path}: {option}: no column {wanted!r} in the first line ({known})")
    return header.index(wanted)


def _json_pick(line: str, path: str, column: str | None, counts: str | None) -> _Pick:
    record = _decode(line)
    if not isinstance(record, dict):
        raise InputError(f"{path}: JSON lines must be objects or plain numbers, but the first is '{escape(line, _LONGEST)}'")
    if column is None:
        numeric = [key for key, value in record.items() if isinstance(value, int | float) and key != counts]
        column = "value" if "value" in numeric else numeric[0] if len(numeric) == 1 else None
        if column is None:
            raise InputError(f"{path}: the first line has the fields {escape(', '.join(record), 200)}; choose one with --column")
    value, often = _path("--column", column), _path("--counts", counts) if counts is not None else None

    def cells(text: str) -> Cells:
        found = _decode(text)
        if not isinstance(found, dict):
            return text, ""
        return value.find(found, found), often.find(found, found) if often is not None else ""

    return _Pick(cells, 0)


def _path(option: str, text: str) -> Path:
    try:
        path = Path.parse(text)
    except ValueError as error:
        raise InputError(f"{option}: {error}") from None
    if path.wildcard:
        raise InputError(f"{option}: {text!r} names several fields; name one")
    return path


def _decode(line: str) -> object:
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        return line


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return [line]


def _is_number(cell: str) -> bool:
    numbers, texts, faults = to_doubles([cell])
    return not texts and not faults and bool(np.isfinite(numbers).all())
