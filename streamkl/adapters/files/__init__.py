"""Files instead of topics: JSON lines and CSV in, JSON lines out. Nothing here decides what a point means."""

from collections.abc import Iterator

from streamkl.adapters.files.batches import Batch, Columns, Lines
from streamkl.adapters.files.jsonlines import read_messages
from streamkl.adapters.files.reading import LineFile
from streamkl.adapters.files.results import JsonLinesFile
from streamkl.adapters.files.table import read_columns
from streamkl.engine.mapping import InputMapping

__all__ = ["Batch", "Columns", "JsonLinesFile", "LineFile", "Lines", "read_batches"]

_CSV, _JSON = (".csv", ".tsv"), (".jsonl", ".ndjson", ".json")


def read_batches(file: LineFile, mapping: InputMapping, topic: str | None = None, first: int = 1) -> Iterator[Batch]:
    """All records of a file in order. The name tells CSV from JSON lines, else the first character; lines that are bad never end it.

    Messages bear the file's name as `topic`, and the lines' numbers from `first` as offsets.
    """
    chunks = file.chunks()
    head = next(chunks, b"")
    name = file.name.removesuffix(".gz")
    is_json = name.endswith(_JSON) or (not name.endswith(_CSV) and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["))

    def all_chunks() -> Iterator[bytes]:
        yield head
        yield from chunks

    if not head:
        return
    if is_json:
        yield from read_messages(all_chunks(), topic or file.name, first)
    else:
        yield from read_columns(all_chunks(), topic or file.name, name.rsplit(".", 1)[0], mapping, first)
