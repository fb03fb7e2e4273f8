"""`streamkl explain FILE --line N`: the events that `replay` writes, each record's points with their fates, and how it refuses."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from streamkl.cli import app
from tests.calibrate.material import write_csv

ROOT = Path(__file__).parents[2] / "config"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["explain", *arguments, "--quiet"], prog_name="streamkl")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def verdict(*arguments: str) -> dict[str, Any]:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)["verdict"]
    return found


@pytest.mark.parametrize("name", ["server-metrics", "fraud-drift"])
def test_every_event_of_a_replay_is_derived_again_byte_for_byte(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT.parent)
    lines = (ROOT / f"{name}.expected.jsonl").read_text().splitlines()
    by_record: dict[int, list[str]] = {}
    for line in lines:
        by_record.setdefault(json.loads(line)["source"]["last_offset"], []).append(line)
    for number in list(by_record)[:4]:
        code, out, _ = run(f"config/{name}.scenario.jsonl", "--line", str(number), "-c", f"config/{name}.toml")
        assert code == 0
        assert [line for line in out.splitlines() if line.startswith("{")] == by_record[number]


def test_a_line_of_line_protocol_is_explained_with_all_its_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.lp").write_text("# two lines\nm,t=a b=1,c=2i 1700000000\nm b=OK\n")
    points = verdict("m.lp", "--line", "2")["points"]
    assert [(point["series"], point["value"]) for point in points] == [("m,t=a,b", 1.0), ("m,t=a,c", 2.0)]
    assert verdict("m.lp", "--line", "3")["rejected"] == "invalid_line"


def test_the_score_of_a_point_is_that_of_its_event_and_its_bins_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT.parent)
    events = [json.loads(line) for line in (ROOT / "server-metrics.expected.jsonl").read_text().splitlines()]
    event = next(each for each in events if each["window_name"] == "16 points" and each["type"] == "opened")
    found = verdict(
        "config/server-metrics.scenario.jsonl", "--line", str(event["source"]["last_offset"]), "-c", "config/server-metrics.toml"
    )
    (point,) = [each for each in found["points"] if each["series"] == event["series"]]
    decided = point["channels"][0]
    assert (point["fate"], point["score"], point["output"], point["decided_by"]) == ("judged", event["score"], event["score"], "16 points")
    assert decided["window_name"] == event["window_name"]
    assert decided["threshold_nats"] == event["threshold_nats"]
    assert sum(each["nats"] for each in decided["top_bins"]) == pytest.approx(event["statistic_nats"])
    assert event["top_bins"] == sorted(decided["top_bins"], key=lambda each: -abs(each["nats"]))[:6]
    assert decided["score"] == pytest.approx(decided["statistic_nats"] / decided["threshold_nats"])
    only = verdict(
        "config/server-metrics.scenario.jsonl",
        "--line",
        str(event["source"]["last_offset"]),
        "-c",
        "config/server-metrics.toml",
        "--series",
        event["series"],
    )
    assert only["points"] == [point]


def write(path: Path, records: Sequence[object]) -> str:
    path.write_text("".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records))
    return str(path)


def at(minute: int, value: object, series: str = "a") -> dict[str, object]:
    return {"series": series, "timestamp": 1_700_000_000 + 60 * minute, "value": value}


def test_what_is_not_judged_says_why(tmp_path: Path) -> None:
    options = tmp_path / "streamkl.toml"
    options.write_text(
        'monitors = [{name = "noise", match = "debug*", kind = "ignore"}]\n'
        '[input]\nheartbeat = "beat"\n[state]\nmax_series = 1\n[detector]\ngrace = "1h"\n'
        '[[silences]]\nname = "s"\nmatch = "*"\nstart = "2023-11-14T22:50Z"\nend = "2023-11-14T22:59Z"\n'
    )
    quiet = [at(minute, 1.0 + minute % 7) for minute in range(30)]
    mixed = [at(30, 2.0), at(30, 1.0, "debug-1"), at(30, 1.0, "beat"), at(30, 1.0, "b"), at(30, "text"), at(-100, 3.0), at(40, 3.0)]
    path = write(tmp_path / "mixed.jsonl", [*quiet, mixed, "{", ""])
    found = verdict(path, "--line", "31", "-c", str(options))
    assert [each["fate"] for each in found["points"]] == ["learning", "ignored", "heartbeat", "shed", "refused", "late", "silenced"]
    assert found["points"][0]["why"] == "31 of 500 points are learned"
    assert found["rejected"] == "not_a_number"
    assert [event["kind"] for event in found["events"]] == ["series_shed"]
    broken = verdict(path, "--line", "32", "-c", str(options))
    assert (broken["rejected"], broken["points"]) == ("invalid_json", [])
    code, _, err = run(path, "--line", "33")
    assert (code, "line 33 holds no record" in err) == (2, True)


def test_a_line_of_a_table_is_a_record_too(tmp_path: Path) -> None:
    values = np.random.default_rng(1).normal(size=1_000)
    values[900:] += 8.0
    path = write_csv(tmp_path / "cpu.csv", values)
    replayed = CliRunner().invoke(app, ["replay", path, "--quiet"], prog_name="streamkl").stdout.splitlines()
    opened = json.loads(replayed[0])["source"]["last_offset"]
    assert opened > 901
    shown = {number: verdict(path, "--line", str(number)) for number in (2, 300, opened)}
    assert [each["points"][0]["value"] for each in shown.values()] == [pytest.approx(values[n - 2], abs=1e-6) for n in shown]
    assert shown[300]["points"][0]["decided_by"] == "newest points"
    _, out, _ = run(path, "--line", str(opened))
    assert [line for line in out.splitlines() if line.startswith("{")] == replayed[:1]
    assert "judged: compared with its threshold; an episode is open" in out
    assert "nats of the newest points: jump" in run(path, "--line", "300")[1]


def test_names_cannot_harm_a_terminal(tmp_path: Path) -> None:
    code, out, _ = run(write(tmp_path / "x.jsonl", [at(0, 1.0, "[bold]\u202e")]), "--line", "1")
    assert code == 0
    assert "[bold]\\u202e at" in out


def test_categories_that_look_like_markup_are_shown_as_they_are(tmp_path: Path) -> None:
    names = ["[/api]", "[red]stop"]
    path = write(tmp_path / "x.jsonl", [at(minute, names[minute % 2]) for minute in range(600)])
    code, out, _ = run(path, "--line", "600")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines() if line.startswith("  [")} == set(names)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no.jsonl"], "name a record"),
        (["no.jsonl", "--line", "1"], "no such file"),
        (["--line", "1"], "name a record"),
        (["--topic", "metrics"], "--topic and --offset go together"),
        (["x.jsonl", "--topic", "metrics", "--offset", "1"], "name a record"),
        (["x.jsonl", "--line", "1", "--state", "s"], "--state has no effect without --topic"),
    ],
)
def test_a_record_has_to_be_named(arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(*arguments)
    assert code == 2
    assert said in err


def test_a_series_that_the_record_has_not_is_named_with_those_it_has(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", [at(0, 1.0)])
    assert "it has 'a'" in run(path, "--line", "1", "--series", "b")[2]
