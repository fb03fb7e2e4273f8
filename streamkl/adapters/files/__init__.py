"""Files instead of topics: JSON lines, line protocol and CSV in, JSON lines out. Nothing here decides what a point means."""

from collections.abc import Iterator

from streamkl.adapters.files.batches import Batch, Columns, Lines
from streamkl.adapters.files.jsonlines import read_messages
from streamkl.adapters.files.reading import LineFile
from streamkl.adapters.files.results import JsonLinesFile
from streamkl.adapters.files.table import read_columns
from streamkl.engine.mapping import InputMapping
from streamkl.errors import InputError

__all__ = ["Batch", "Columns", "JsonLinesFile", "LineFile", "Lines", "is_line_protocol", "read_batches"]

_CSV, _JSON, _INFLUX = (".csv", ".tsv"), (".jsonl", ".ndjson", ".json"), (".influx", ".lp")


def is_line_protocol(path: str) -> bool:
    """Whether the name says so."""
    return path.removesuffix(".gz").endswith(_INFLUX)


def read_batches(file: LineFile, mapping: InputMapping, topic: str | None = None, first: int = 1) -> Iterator[Batch]:
    """All records of a file in order. The name tells CSV from JSON lines, else the first character; lines that are bad never end it.

    Where `mapping` reads line protocol, what is not CSV by its name is that. Messages bear the file's name as `topic`, and the lines'
    numbers from `first` as offsets. InputError where the name says line protocol and the mapping does not, or a CSV has no usable columns.
    """
    chunks = file.chunks()
    head = next(chunks, b"")
    name = file.name.removesuffix(".gz")
    influx = mapping.format == "influx" and not name.endswith(_CSV)
    if not influx and is_line_protocol(name):
        raise InputError(f'{file.path}: is line protocol by its name; set input.format = "influx", or rename it')
    is_json = name.endswith(_JSON) or (not name.endswith(_CSV) and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["))

    def all_chunks() -> Iterator[bytes]:
        yield head
        yield from chunks

    if not head:
        return
    if influx or is_json:
        yield from read_messages(all_chunks(), topic or file.name, first, comment=b"#" if influx else None)
    else:
        yield from read_columns(all_chunks(), topic or file.name, name.rsplit(".", 1)[0], mapping, first)
