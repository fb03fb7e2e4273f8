"""Samples in files: CSV, Parquet and JSON lines, read by pyarrow. Parquet is read column by column, when a feature's turn comes."""

from pathlib import Path
from typing import Any

from streamkl.comparison.columns import Column, Table, arrow, column_of, table_of
from streamkl.errors import InputError

_ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
}
_PACKED = (".gz", ".zst", ".bz2", ".xz")
_HEAD_BYTES = 65_536


def file_table(path: Path) -> Table:
    """A file as a table; its kind is told by its name, or by how it begins. InputError for one that cannot be read or holds no rows."""
    arrow(f"{path}: reading a file")
    if path.is_dir():
        raise InputError(f"{path}: is a directory; name a file in it")
    if not path.exists():
        raise InputError(f"{path}: no such file; name a CSV, Parquet or JSON lines file")
    import pyarrow as pa  # noqa: PLC0415  an optional dependency

    try:
        kind = _kind(path)
        table = _parquet(path) if kind == "parquet" else table_of(_read(path, kind), str(path))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    if not table.names:
        raise InputError(f"{path}: has no columns")
    return table


def _kind(path: Path) -> str:
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] in _PACKED:
        endings.pop()
    if endings and endings[-1] in _ENDINGS:
        return _ENDINGS[endings[-1]]
    with path.open("rb") as file:
        head = file.read(4)
    return "parquet" if head == b"PAR1" else "json" if head.lstrip()[:1] == b"{" else "csv"


def _read(path: Path, kind: str) -> Any:
    from pyarrow import csv, input_stream, json  # noqa: PLC0415

    if not path.stat().st_size:
        raise InputError(f"{path}: is empty")
    with input_stream(str(path)) as file:
        if kind == "json":
            return json.read_json(file, json.ReadOptions(block_size=16 * 2**20))
        parsing = csv.ParseOptions(delimiter=_delimiter(path), newlines_in_values=True)
        return csv.read_csv(file, csv.ReadOptions(block_size=16 * 2**20), parsing, csv.ConvertOptions(strings_can_be_null=True))


def _delimiter(path: Path) -> str:
    from pyarrow import input_stream  # noqa: PLC0415

    with input_stream(str(path)) as file:
        head = file.read(_HEAD_BYTES).split(b"\n")[0].decode("utf-8", "replace")
    return max(",;\t|", key=head.count)


def _parquet(path: Path) -> Table:
    from pyarrow import parquet  # noqa: PLC0415

    names = parquet.read_schema(path).names

    def read(name: str) -> Column:
        try:
            return column_of(parquet.read_table(path, columns=[name]).column(name))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{path}: feature {name!r} cannot be read: {str(error).splitlines()[0]}") from None

    return Table(str(path), names, read)
