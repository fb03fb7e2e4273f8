"""`streamkl replay`: files through the engine of the service."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from streamkl.adapters.files import LineFile, reading
from streamkl.cli import app
from streamkl.model import Event
from streamkl.replay import display

BEGIN = 1_700_000_000
INCIDENT = 1_500  # rows before the mean moves by 3 standard deviations, for 200 rows
Replay = Callable[..., tuple[int, str, str]]


@pytest.fixture
def replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replay:
    """Runs the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, ["replay", *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    return run


def values() -> list[float]:
    data = np.random.default_rng(0).normal(size=2_000)
    data[INCIDENT : INCIDENT + 200] += 3.0
    return [round(float(value), 6) for value in data]


def csv_rows() -> list[str]:
    return [f"{BEGIN + 60 * i},{value}\n" for i, value in enumerate(values())]


def write_csv(path: str = "cpu.csv") -> str:
    Path(path).write_text("timestamp,value\n" + "".join(csv_rows()))
    return path


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def summary(text: str) -> dict[str, str]:
    """The first number of each row of the table on standard error."""
    return {line.split()[0]: line.split()[1] for line in text.splitlines() if len(line.split()) > 1}


def test_a_real_change_in_a_file_opens_an_episode_that_closes(replay: Replay) -> None:
    code, out, err = replay(write_csv())
    assert code == 0
    first, last = events(out)[0], events(out)[-1]
    assert (first["type"], first["series"], last["type"]) == ("opened", "cpu", "closed")
    assert INCIDENT + 2 <= first["source"]["last_offset"] <= INCIDENT + 22  # the header is line 1
    assert first["source"]["topic"] == "cpu.csv"
    shown = summary(err)
    assert (shown["files"], shown["points"], shown["series"], shown["episodes"]) == ("1", "2,000", "1", "1")


def test_events_are_valid_by_their_model(replay: Replay) -> None:
    _, out, _ = replay(write_csv())
    assert [msgspec.json.decode(line, type=Event).series for line in out.splitlines()]


def test_json_lines_and_csv_of_the_same_points_give_the_same_episodes(replay: Replay) -> None:
    from_csv = events(replay(write_csv("cpu.csv"))[1])
    lines = "\n" + "".join(json.dumps({"series": "cpu", "timestamp": BEGIN + 60 * i, "value": v}) + "\n" for i, v in enumerate(values()))
    Path("cpu.jsonl").write_text(lines)
    from_lines = events(replay("cpu.jsonl")[1])
    assert json.dumps(from_lines).replace("cpu.jsonl", "cpu.csv") == json.dumps(from_csv)


def write_lines(path: str = "cpu.influx") -> str:
    Path(path).write_text("".join(f"cpu,host=a load={value} {BEGIN + 60 * i}000000000\n" for i, value in enumerate(values())))
    return path


def test_line_protocol_by_its_name_and_csv_of_the_same_points_give_the_same_episodes(replay: Replay) -> None:
    rows = "".join(f'"cpu,host=a,load",{row}' for row in csv_rows())
    Path("cpu.csv").write_text("series,timestamp,value\n" + rows)
    from_csv = events(replay("cpu.csv")[1])
    from_lines = events(replay(write_lines())[1])
    assert len(from_csv) >= 2
    for each in (*from_csv, *from_lines):  # lines are numbered from the heading on, and names say what is read
        del each["id"], each["episode_id"], each["source"], each["config_hash"]
    assert from_lines == from_csv


def test_what_the_configuration_says_of_the_format_goes_before_a_name(replay: Replay) -> None:
    Path("c.toml").write_text("[input]\nformat = 'telegraf'\n")
    code, _, err = replay(write_lines(), "-c", "c.toml")
    assert (code, err) == (2, 'error: cpu.influx: is line protocol by its name; set input.format = "influx", or rename it\n')
    Path("c.toml").write_text("[input]\nseries = '{series}'\nvalue = 'fields.load'\n")
    code, _, err = replay("cpu.influx", "-c", "c.toml")
    assert code == 2
    assert err.startswith('error: input.series = "{series}": {series} is in no metric with format = "influx"')


def test_a_replay_repeats_itself_to_the_byte_however_it_is_read(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = replay(write_csv())[1]
    monkeypatch.setattr(reading, "CHUNK_BYTES", 1_000)
    assert replay("cpu.csv")[1] == whole


def test_joined_files_are_one_stream_and_others_are_not(replay: Replay) -> None:
    rows = csv_rows()
    head = "series,timestamp,value\n"
    for name, part in (("a.csv", rows[:1_000]), ("b.csv", rows[1_000:])):
        Path(name).write_text(head + "".join(f"cpu,{row}" for row in part))
    apart, joined = replay("a.csv", "b.csv"), replay("--joined", "a.csv", "b.csv")
    assert summary(apart[2])["judged"] == "1,800"  # from the 101st point on; each learns for itself
    assert summary(joined[2])["judged"] == "1,900"
    (opened, *_) = events(joined[1])
    assert opened["source"]["topic"] == "a.csv,b.csv"
    assert INCIDENT + 3 <= opened["source"]["last_offset"] <= INCIDENT + 23  # lines are counted through, two are headers


def test_results_go_where_they_are_sent(replay: Replay) -> None:
    path = Path(write_csv())
    path.write_text(path.read_text() + "never,1\n1700000000\n")
    code, out, err = replay(str(path), "--events", "events.jsonl", "--rejected", "rejected.jsonl", "--quiet")
    assert (code, out, err) == (0, "", "")
    assert events(Path("events.jsonl").read_text())[0]["type"] == "opened"
    assert [(line["line"], line["reason"]) for line in events(Path("rejected.jsonl").read_text())] == [
        (2_002, "bad_timestamp"),
        (2_003, "missing_field"),
    ]


def test_rejected_lines_are_counted_by_reason(replay: Replay) -> None:
    Path("m.jsonl").write_text('nonsense\n{"series": "a"}\n{"series": "a", "timestamp": 1700000000, "value": NaN}\n')
    code, out, err = replay("m.jsonl")
    assert (code, out) == (0, "")
    assert [line.split()[1:] for line in err.splitlines() if line.startswith("rejected")] == [
        ["1", "invalid_json"],
        ["1", "missing_field"],
        ["1", "not_finite"],
    ]


def test_the_configuration_is_used(replay: Replay) -> None:
    Path("c.toml").write_text("[input]\nvalue = 'reading'\n[detector.reference]\nsize = 300\n")
    Path("m.csv").write_text("series,timestamp,reading\n" + "".join(f"cpu,{row}" for row in csv_rows()))
    code, _, err = replay("m.csv", "--config", "c.toml")
    assert (code, summary(err)["points"]) == (0, "2,000")
    code, _, err = replay("m.csv")
    assert (code, err) == (
        2,
        "error: m.csv: no column 'value' in the first line (series, timestamp, reading); name the value's column in input.value\n",
    )


def test_series_that_were_forgotten_are_counted_over_all_files(replay: Replay) -> None:
    Path("c.toml").write_text("[state]\nevict_after = '1h'\n")
    later = "".join(f"b,{BEGIN + 60 * minute},1\n" for minute in (400, 420))
    for name in ("x.csv", "y.csv"):
        Path(name).write_text(f"series,timestamp,value\na,{BEGIN},1\n{later}")
    shown = summary(replay("x.csv", "y.csv", "-c", "c.toml")[2])
    assert (shown["series"], shown["forgotten"]) == ("2", "2")
    assert "forgotten" not in summary(replay("x.csv", "y.csv")[2])


def test_a_file_named_like_markup_is_shown_as_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen, path = io.StringIO(), tmp_path / "[red]m.csv"
    path.write_text("timestamp,value\n")
    monkeypatch.setattr(display, "Console", lambda **_: Console(file=screen, force_terminal=True, width=120))
    with LineFile(str(path)) as file, display.progress([str(path)], shown=True, bar=True) as watch:
        watch(file, 3)
    assert "[red]m.csv" in screen.getvalue()


@pytest.mark.parametrize("name", ["empty.csv", "empty.jsonl", "empty"])
def test_an_empty_file_is_no_error(replay: Replay, name: str) -> None:
    Path(name).write_bytes(b"")
    code, out, err = replay(name)
    assert (code, out, summary(err)["points"]) == (0, "", "0")


def test_too_few_points_are_explained(replay: Replay) -> None:
    Path("m.csv").write_text("timestamp,value\n1700000000,1\n")
    _, _, err = replay("m.csv")
    assert "No point was judged: every series was still learning" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.csv"], "none.csv: no such file"),
        (["good.csv", "none.csv"], "none.csv: no such file"),
        (["."], ".: is a directory; name the files in it"),
        (["binary"], "binary: is neither JSON lines nor CSV (its first line is not text)"),
        (["good.csv", "--events", "none/out"], "none/out: cannot be written: No such file or directory"),
        (["good.csv", "--events", "good.csv"], "good.csv: is one of the files to be read; name another for the results"),
        (["good.csv", "--events", "./good.csv"], "./good.csv: is one of the files to be read; name another for the results"),
        (["good.csv", "--rejected", "link.csv"], "link.csv: is one of the files to be read; name another for the results"),
        (["good.csv", "--events", "x", "--rejected", "x"], "x: cannot hold both events and rejected lines; name two"),
        (["good.csv", "--events", "x", "--rejected", "./x"], "x: cannot hold both events and rejected lines; name two"),
        (["good.csv", "--events", "-", "--rejected", "-"], "-: cannot hold both events and rejected lines; name two"),
        (["-", "-"], "-: standard input can be read only once"),
    ],
)
def test_wrong_files_are_one_line_and_exit_code_2(replay: Replay, arguments: list[str], says: str) -> None:
    write_csv("good.csv")
    Path("binary").write_bytes(bytes(range(256)) * 8)
    Path("link.csv").symlink_to("good.csv")
    before = Path("good.csv").read_bytes()
    code, out, err = replay(*arguments)
    assert (code, out, err) == (2, "", f"error: {says}\n")
    assert Path("good.csv").read_bytes() == before


def test_results_of_before_outlive_a_replay_that_cannot_begin(replay: Replay) -> None:
    write_csv("good.csv")
    Path("normal.csv").write_text("series,value\ncpu,1\n")
    Path("c.toml").write_text("[detector.reference]\nkind = 'file'\npath = 'normal.csv'\n")
    results = ["--events", "events.jsonl", "--rejected", "rejected.jsonl"]
    for path in results[1::2]:
        Path(path).write_text("of yesterday\n")
    for arguments in (["typo.csv"], ["good.csv", "typo.csv"], ["-", "-"], ["good.csv", "-c", "c.toml"]):
        assert replay(*arguments, *results)[0] == 2
        assert [Path(path).read_text() for path in results[1::2]] == ["of yesterday\n"] * 2
    assert replay("good.csv", *results)[0] == 0
    assert '"opened"' in Path("events.jsonl").read_text()
    assert Path("rejected.jsonl").read_text() == ""


def test_damaged_data_are_a_problem_at_run_time(replay: Replay) -> None:
    Path("m.csv.gz").write_bytes(b"\x1f\x8b\x08damaged")
    code, _, err = replay("m.csv.gz")
    assert code == 1
    assert err.startswith("error: m.csv.gz: the compressed data are damaged")
    assert len(err.splitlines()) == 1


def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "streamkl", "replay", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def test_ctrl_c_is_quiet(tmp_path: Path) -> None:
    with start("-", "--quiet", cwd=tmp_path) as process:
        assert process.stdin is not None
        process.stdin.write("".join(["timestamp,value\n", *csv_rows()]).encode())
        process.stdin.flush()
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b'{"schema_version"')  # it is at work: an event of what it read so far
        process.send_signal(signal.SIGINT)
        out = process.stdout.read()
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait(timeout=30)
    assert (process.returncode, err) == (130, b"")
    assert all(json.loads(line) for line in out.splitlines())


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    write_csv(str(tmp_path / "cpu.csv"))
    with start("cpu.csv", "--quiet", cwd=tmp_path, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait(timeout=30)
    assert (process.returncode, err) == (0, b"")


def test_a_pipe_is_judged_as_it_flows(tmp_path: Path) -> None:
    with start("-", "--quiet", cwd=tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(["timestamp,value\n", *csv_rows()[: INCIDENT + 100]]).encode())
        process.stdin.flush()
        assert b'"type":"opened"' in process.stdout.readline()  # although the input has not ended
        process.stdin.close()
        assert b'"type":"updated"' in process.stdout.read()
        process.wait(timeout=30)
    assert process.returncode == 0
