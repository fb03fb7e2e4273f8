"""JSON lines and CSV files become the same points as records of a topic; bad lines are counted and never end a file."""

import _thread
import gzip
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.adapters.files import Columns, JsonLinesFile, LineFile, Lines, read_batches, reading
from streamkl.adapters.files.normal import read_normal
from streamkl.config import InputConfig
from streamkl.engine.codec import Codec
from streamkl.errors import InputError, SourceError, StreamklError
from streamkl.model import Message, Reason, Rejected

Write = Callable[..., str]
MAPPING = InputConfig().mapping()
YEAR_2023 = 1_700_000_000


class Found(NamedTuple):
    """What a file gave, flattened over its batches."""

    points: list[tuple[str, int, float | str, int]]  # series, microseconds, value, line
    rejected: list[tuple[int, Reason]]  # line


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, content: str | bytes) -> str:
        data = content.encode() if isinstance(content, str) else content
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(path)

    return write_file


def read(path: str, **mapping: str) -> Found:
    chosen = InputConfig.model_validate(mapping).mapping()
    found = Found([], [])
    with LineFile(path) as file:
        for batch in read_batches(file, chosen):
            if isinstance(batch, Lines):
                decoded = Codec(chosen).decode(batch.messages)
                batch = Columns(decoded.points, batch.messages, decoded.rejected)  # noqa: PLW2901
            points = batch.points
            assert len(points.series) == len(points.timestamp_us) == len(points.value) == len(points.message)
            for i, name in enumerate(points.series):
                value = points.text.get(i, float(points.value[i]))
                found.points.append((name, int(points.timestamp_us[i]), value, batch.messages[points.message[i]].offset))
            found.rejected.extend((each.message.offset, each.reason) for each in batch.rejected)
    return found


def seconds(count: float) -> int:
    return round(count * 1_000_000)


def test_json_lines_are_messages_numbered_by_line_and_named_by_file(write: Write) -> None:
    path = write("cpu.jsonl", '{"a": 1}\n\n  \n[2]\nnot json')
    with LineFile(path) as file:
        messages = [message for batch in read_batches(file, MAPPING) for message in batch.messages]
    assert messages == [
        Message("cpu.jsonl", 0, 1, -1, None, b'{"a": 1}'),
        Message("cpu.jsonl", 0, 4, -1, None, b"[2]"),
        Message("cpu.jsonl", 0, 5, -1, None, b"not json"),
    ]


def test_csv_with_a_column_of_series_is_a_point_a_row(write: Write) -> None:
    path = write("m.csv", "series,timestamp,value\ncpu,1700000000,1.5\nmem,1700000001,-2\n")
    assert read(path).points == [("cpu", seconds(YEAR_2023), 1.5, 2), ("mem", seconds(YEAR_2023 + 1), -2.0, 3)]


def test_columns_are_found_by_name_in_any_order_beside_others(write: Write) -> None:
    path = write("m.csv", "host,value,note,timestamp,series\nh,1,x,1700000000,cpu\n")
    assert read(path).points == [("cpu", seconds(YEAR_2023), 1.0, 2)]


def test_the_mapping_names_the_columns(write: Write) -> None:
    path = write("m.csv", "t,metric,reading\n1700000000000,cpu,3\n")
    found = read(path, timestamp="t", series="{metric}", value="reading", time_unit="ms")
    assert found.points == [("cpu", seconds(YEAR_2023), 3.0, 2)]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("timestamp,host,value", "'host'"),
        ("timestamp,value,label", "'label'"),
        (",timestamp,value,humidity", "'', 'humidity'"),
    ],
)
def test_what_would_be_lost_beside_time_and_value_is_refused_by_name(write: Write, header: str, names: str) -> None:
    path = write("m.csv", f"{header}\n")
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value) == (
        f'm.csv: the first line names {names} beside time and value, and no column is the series (input.series = "{{series}}");'
        ' name the series\' column there, as in "{host}", or say there what all points are called, as in "cpu"'
    )


def test_series_in_rows_are_kept_apart_by_the_column_that_the_mapping_names(write: Write) -> None:
    path = write("m.csv", "timestamp,host,value,label\n1700000000,a,1,0\n1700000000,b,2,0\n")
    assert read(path, series="{host}").points == [("a", seconds(YEAR_2023), 1.0, 2), ("b", seconds(YEAR_2023), 2.0, 3)]
    with pytest.raises(InputError, match=r'no column is the series \(input\.series = "\{host\}/\{label\}"\)'):
        read(path, series="{host}/{label}")


def test_who_says_what_all_points_are_called_has_the_other_columns_ignored(write: Write) -> None:
    path = write("m.csv", "timestamp,value,label\n1700000000,1,0\n")
    assert read(path, series="cpu").points == [("cpu", seconds(YEAR_2023), 1.0, 2)]


@pytest.mark.parametrize("name", ["ec2_cpu.csv", "ec2_cpu.csv.gz"])
def test_csv_of_times_and_values_is_named_by_its_file(write: Write, name: str) -> None:
    path = write(name, "timestamp,value\n2014-02-14 14:30:00,0.132\n2014-02-14 14:35:00,0.134\n")
    assert read(path).points == [("ec2_cpu", seconds(1_392_388_200), 0.132, 2), ("ec2_cpu", seconds(1_392_388_500), 0.134, 3)]


def test_a_wide_csv_has_a_series_in_each_column_and_an_empty_cell_is_no_point(write: Write) -> None:
    path = write("m.csv", "timestamp,a,b\n1700000000,1,2\n1700000001,,4\n1700000002,,\n")
    found = read(path)
    assert found.points == [
        ("a", seconds(YEAR_2023), 1.0, 2),
        ("b", seconds(YEAR_2023), 2.0, 2),
        ("b", seconds(YEAR_2023 + 1), 4.0, 3),
    ]
    assert found.rejected == []


@pytest.mark.parametrize(
    "content",
    [
        "series,timestamp,value\ncpu,1700000000,1\n",
        "\ufeffseries,timestamp,value\ncpu,1700000000,1\n",
        "series,timestamp,value\r\ncpu,1700000000,1\r\n",
        "series;timestamp;value\ncpu;1700000000;1\n",
        "series\ttimestamp\tvalue\ncpu\t1700000000\t1",
        "series, timestamp ,value\ncpu,1700000000, 1 \n",
        '"series","timestamp","value"\n"cpu","1700000000","1"\n',
        "series,timestamp,value\ncpu,2023-11-14T22:13:20Z,1\n",
        "series,timestamp,value\ncpu,2023-11-14T22:13:20,1\n",
        "series,timestamp,value\ncpu,2023-11-15 00:13:20+02:00,1\n",
        "series,timestamp,value\ncpu,1700000000000000000,1e0\n",
        "series,timestamp,value\ncpu,1.7e9,+1.\n",
    ],
)
def test_the_same_point_may_be_written_in_many_ways(write: Write, content: str) -> None:
    assert read(write("m.csv", content)).points == [("cpu", seconds(YEAR_2023), 1.0, 2)]


def test_quotes_blank_lines_and_commas_in_names_are_understood(write: Write) -> None:
    path = write("m.csv", 'series,timestamp,value\n\n"a,b",1700000000,1\n"say ""hi""",1700000001,2\n')
    assert [point[0] for point in read(path).points] == ["a,b", 'say "hi"']
    assert [point[3] for point in read(path).points] == [3, 4]


def test_words_are_categories(write: Write) -> None:
    path = write("m.csv", "series,timestamp,value\nstatus,1700000000,OK\nstatus,1700000001,500\n")
    assert [point[2] for point in read(path).points] == ["OK", 500.0]


BAD_ROWS = {
    "cpu,1700000000": Reason.MISSING_FIELD,
    "cpu,1700000000,1,2": Reason.WRONG_TYPE,
    "cpu,1700000000,": Reason.MISSING_FIELD,
    "cpu,1700000000,nan": Reason.NOT_FINITE,
    "cpu,1700000000,-inf": Reason.NOT_FINITE,
    "cpu,1700000000,1e999": Reason.NOT_FINITE,
    "cpu,,1": Reason.MISSING_FIELD,
    "cpu,yesterday,1": Reason.BAD_TIMESTAMP,
    "cpu,100,1": Reason.TIMESTAMP_TOO_OLD,
    "cpu,5000000000,1": Reason.TIMESTAMP_IN_FUTURE,
    ",1700000000,1": Reason.BAD_SERIES,
    f"{'x' * 513},1700000000,1": Reason.BAD_SERIES,
    "a\x00b,1700000000,1": Reason.BAD_SERIES,
    '"cpu,1700000000,1': Reason.WRONG_TYPE,
}


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS.items(), ids=[repr(row[:20]) for row in BAD_ROWS])
def test_a_bad_row_is_rejected_with_its_reason_and_its_neighbours_are_not(write: Write, row: str, reason: Reason) -> None:
    path = write("m.csv", f"series,timestamp,value\ncpu,1700000000,1\n{row}\ncpu,1700000002,3\n")
    found = read(path)
    assert [(point[2], point[3]) for point in found.points] == [(1.0, 2), (3.0, 4)]
    assert found.rejected == [(3, reason)]


def test_rows_that_are_not_utf8_are_rejected(write: Write) -> None:
    path = write("m.csv", b"series,timestamp,value\n\xff\xfe,1700000000,1\ncpu,1700000000,1\n")
    found = read(path)
    assert [point[0] for point in found.points] == ["cpu"]
    assert found.rejected == [(2, Reason.BAD_SERIES)]


def test_a_wide_row_is_rejected_once_and_keeps_its_good_cells(write: Write) -> None:
    found = read(write("m.csv", "timestamp,a,b,c\n1700000000,nan,2,inf\nnever,1,2,3\n"))
    assert found.points == [("b", seconds(YEAR_2023), 2.0, 2)]
    assert found.rejected == [(2, Reason.NOT_FINITE), (3, Reason.BAD_TIMESTAMP)]


def test_a_single_value_column_has_no_empty_cells(write: Write) -> None:
    found = read(write("cpu.csv", "timestamp,value\n1700000000,\n1700000001,1\n"))
    assert found.rejected == [(2, Reason.MISSING_FIELD)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a,b,c\n1,2,3\n", "no column 'timestamp' in the first line (a, b, c)"),
        ("1700000000,1.5\n1700000001,2\n", "no column 'timestamp' in the first line"),
        ("timestamp\n1700000000\n", "no column 'value' in the first line (timestamp)"),
        ("series,timestamp\ncpu,1700000000\n", "no column 'value' in the first line (series, timestamp)"),
        ("timestamp,a,a\n1700000000,1,2\n", "names a column twice"),
        ('"series,timestamp,value\ncpu,1700000000,1\n', "the first line is not CSV: unexpected end of data"),
        (b"\x7fELF\xff\xfe\x00\n", "neither JSON lines nor CSV"),
    ],
)
def test_a_first_line_that_names_no_usable_columns_is_an_error_with_the_fix(write: Write, content: str | bytes, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read(write("m.csv", content))
    assert says in str(caught.value)


LINES = "# sent by hand\n\ncpu,host=a idle=1,n=2i 1700000000000000000\n  # more\nbroken\r\ncpu,host=a idle=3 1700000060\n"


@pytest.mark.parametrize("name", ["m.influx", "m.lp", "m.lp.gz", "m.txt", "m"])
def test_line_protocol_is_read_line_by_line_without_comments(write: Write, name: str) -> None:
    assert read(write(name, LINES), format="influx") == Found(
        [
            ("cpu,host=a,idle", seconds(YEAR_2023), 1.0, 3),
            ("cpu,host=a,n", seconds(YEAR_2023), 2.0, 3),
            ("cpu,host=a,idle", seconds(YEAR_2023 + 60), 3.0, 6),
        ],
        [(5, Reason.INVALID_LINE)],
    )


def test_csv_stays_csv_where_topics_carry_line_protocol(write: Write) -> None:
    assert read(write("m.csv", "timestamp,a\n1700000000,1\n"), format="influx").points == [("a", seconds(YEAR_2023), 1.0, 2)]


def test_line_protocol_by_name_that_the_mapping_does_not_read_is_an_error_with_the_fix(write: Write) -> None:
    path = write("m.lp.gz", LINES)
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value) == f'{path}: is line protocol by its name; set input.format = "influx", or rename it'


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.csv.gz", "m"])
def test_an_empty_file_holds_nothing(write: Write, name: str) -> None:
    assert read(write(name, "")) == Found([], [])
    assert read(write(name, "\n\n")) == Found([], [])


@pytest.mark.parametrize("name", ["m", "m.txt", "m.log.gz"])
def test_a_name_that_tells_nothing_leaves_it_to_the_first_character(write: Write, name: str) -> None:
    as_json = write(name, '{"series": "cpu", "timestamp": 1700000000, "value": 1}\n')
    assert read(as_json).points == [("cpu", seconds(YEAR_2023), 1.0, 1)]
    as_csv = write(name, "series,timestamp,value\ncpu,1700000000,1\n")
    assert read(as_csv).points == [("cpu", seconds(YEAR_2023), 1.0, 2)]


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[BinaryIO]:
    """Writes to our standard input."""
    ours, theirs = os.pipe()
    with os.fdopen(ours) as stream, os.fdopen(theirs, "wb", buffering=0) as writer:
        monkeypatch.setattr(sys, "stdin", stream)
        yield cast(BinaryIO, writer)


def test_standard_input_is_read_like_a_file(piped: BinaryIO) -> None:
    piped.write(b"timestamp,value\n1700000000,1\n")
    piped.close()
    assert read("-").points == [("stdin", seconds(YEAR_2023), 1.0, 2)]
    assert not sys.stdin.buffer.closed


def test_an_interrupt_just_before_a_read_that_waits_ends_it(piped: BinaryIO) -> None:
    """Nothing wakes a read that began after the signal came; `interrupt_main` is such a signal."""
    interrupt, end = threading.Timer(0.2, _thread.interrupt_main), threading.Timer(5.0, piped.close)
    interrupt.start()
    end.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        read("-")
    assert time.monotonic() - began < 4.0
    end.cancel()
    interrupt.join()


@pytest.mark.parametrize("chunk", [1, 7, 64])
@pytest.mark.parametrize("name", ["m.csv", "m.jsonl"])
def test_where_the_chunks_are_cut_changes_nothing(write: Write, monkeypatch: pytest.MonkeyPatch, name: str, chunk: int) -> None:
    rows = [(f"s{i % 3}", YEAR_2023 + i, i / 7) for i in range(40)]
    if name == "m.csv":
        path = write(name, "series,timestamp,value\n" + "".join(f"{s},{t},{v!r}\n" for s, t, v in rows) + "bad\n\ns,1700000000,9")
    else:
        path = write(name, "".join(json.dumps({"series": s, "timestamp": t, "value": v}) + "\n" for s, t, v in rows) + "bad\n\n{}")
    whole = read(path)
    monkeypatch.setattr(reading, "CHUNK_BYTES", chunk)
    assert read(path) == whole
    assert len(whole.points) >= 40


def test_the_position_tells_how_much_of_the_file_was_read(write: Write) -> None:
    path = write("m.csv.gz", "timestamp,value\n" + "".join(f"{YEAR_2023 + i},{i}\n" for i in range(1_000)))
    with LineFile(path) as file:
        assert file.size == Path(path).stat().st_size
        assert file.position == 0
        for _ in read_batches(file, MAPPING):
            pass
        assert (file.position, file.lines) == (file.size, 1_001)


def test_damaged_compressed_data_are_an_error_that_names_the_file(write: Write) -> None:
    path = Path(write("m.csv.gz", "timestamp,value\n" + "1700000000,1\n" * 10_000))
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], b"not gzip at all", whole[:20] + b"\xff" * 20 + whole[40:]):
        path.write_bytes(data)
        with pytest.raises(SourceError, match=r"m\.csv\.gz: the compressed data are damaged"):
            read(str(path))


def test_a_line_without_an_end_does_not_fill_the_memory(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_LINE_BYTES", 1_000)
    monkeypatch.setattr(reading, "CHUNK_BYTES", 100)
    with pytest.raises(SourceError, match="is this a text file"):
        read(write("m.csv", "x" * 2_000))


@pytest.mark.parametrize(("path", "says"), [("none.csv", "no such file"), (".", "is a directory"), ("a\0b", "cannot be opened")])
def test_what_cannot_be_opened_is_said_in_one_line(tmp_path: Path, path: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        LineFile(str(tmp_path / path))


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["", " ", "nan", "inf", "1_000", "٣", "0x10", "OK", "1e999", " 5 ", "+1", "-0.0", "true"]),
)
TIMES = st.one_of(
    st.integers(0, 5_000_000_000).map(str),
    st.sampled_from(["", "1700000000.25", "2023-11-14 22:13:20", "2023-11-14T22:13:20Z", "2023-02-30 00:00:00", "now", "1_7", "17e8"]),
)
NAMES = st.sampled_from(["cpu", "a b", "", "ünï", "x_y", "\u2028", "n" * 600])


ROWS = st.lists(st.tuples(NAMES, TIMES, NUMBERS), max_size=12)
COLUMNS = ("series", "timestamp", "value")


@given(ROWS)
def test_csv_gives_the_points_that_the_same_texts_give_as_json(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("same")
    (folder / "m.csv").write_text(",".join(COLUMNS) + "\n" + "".join(f"{','.join(row)}\n" for row in rows), "utf-8", newline="")
    # An empty time is one that is not there.
    records = [{key: cell for key, cell in zip(COLUMNS, row, strict=True) if cell or key != "timestamp"} for row in rows]
    (folder / "m.jsonl").write_text("\n" + "".join(json.dumps(record) + "\n" for record in records), "utf-8")
    assert read(str(folder / "m.csv")) == read(str(folder / "m.jsonl"))


@given(ROWS)
def test_a_quote_anywhere_changes_how_fast_a_file_is_read_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("quote")
    text = "series,timestamp,value\n" + "".join(f"{','.join(row)}\n" for row in rows)
    (folder / "m.csv").write_text(text, "utf-8", newline="")
    plain = read(str(folder / "m.csv"))
    (folder / "m.csv").write_text(text + '"cpu",1700000000,1\n', "utf-8", newline="")
    quoted = read(str(folder / "m.csv"))
    assert quoted.points[-1][0] == "cpu"
    assert (quoted.points[:-1], quoted.rejected) == plain


def test_columns_hold_the_lines_as_they_came(write: Write) -> None:
    with LineFile(write("m.csv", "timestamp,value\n1700000000,1\r\n\n1700000001,x\n")) as file:
        (batch,) = read_batches(file, MAPPING, topic="other", first=100)
    assert isinstance(batch, Columns)
    assert [(m.topic, m.offset, (m.value or b"").rstrip(b"\r")) for m in batch.messages] == [
        ("other", 101, b"1700000000,1"),
        ("other", 103, b"1700000001,x"),
    ]
    assert batch.points.message.dtype == np.int32


# -- what is normal ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "bad"),
    [
        ("value,series\n5\n1,a\n2,a\n", 1),
        ('value,series\n1,a\n3,"a\n2,a\n"7,a\n', 2),
        (f"value,series\n1,a\n3,{'x' * 200_000}\n2,a\n", 1),
        ('"by, unit",series,value\n%,a,1\n%,a,\n%,a,2\n', 1),
    ],
)
def test_a_line_of_a_reference_that_cannot_be_read_costs_only_itself(
    write: Write, caplog: pytest.LogCaptureFixture, content: str, bad: int
) -> None:
    path = Path(write("normal.csv", content))
    with caplog.at_level(logging.WARNING):
        normal = read_normal(path, MAPPING, 2)
    assert {series: each.values.tolist() for series, each in normal.items()} == {"a": [1.0, 2.0]}
    assert [record.getMessage() for record in caplog.records] == [f"{path}: {bad} lines hold no number to learn from (not_a_number {bad})"]


def test_a_reference_whose_first_line_is_not_csv_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match=r"normal\.csv: the first line is not CSV"):
        read_normal(Path(write("normal.csv", '"series,value\na,1\n')), MAPPING, 1)


# -- results -----------------------------------------------------------------------


def test_rejected_lines_are_written_with_their_origin_and_reason(tmp_path: Path) -> None:
    out = tmp_path / "rejected.jsonl"
    with JsonLinesFile(str(out)) as file:
        file.write_rejected([Rejected(Message("m.csv", 0, 7, -1, None, b"caf\xe9,1"), Reason.BAD_SERIES, "why")])
        file.write_rejected([])
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        {"file": "m.csv", "line": 7, "reason": "bad_series", "detail": "why", "text": "caf\\xe9,1"}
    ]


@pytest.mark.parametrize("path", [".", "none/out.jsonl", "a\0b"])
def test_results_that_cannot_be_written_are_said_in_one_line(tmp_path: Path, path: str) -> None:
    with pytest.raises(StreamklError, match="cannot be written"):
        JsonLinesFile(str(tmp_path / path))
