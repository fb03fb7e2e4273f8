"""`streamkl calibrate`: what it prints and writes, how it fails, and that a topic says what a file of the same points says."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from streamkl import checking
from streamkl.calibrate.writing import config_text
from streamkl.config import Config, load
from tests.calibrate.material import autoregressive, run, write_csv
from tests.conftest import RunningBroker


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def three() -> list[str]:
    """An easy series, one with dependence, and one too short."""
    noise = np.random.default_rng(0).normal(size=1_900)  # no longer, or larger references would be simulated
    return [
        write_csv(Path("easy.csv"), 100 + 5 * noise),
        write_csv(Path("slow.csv"), autoregressive(0.9, 1, 1_900)),
        write_csv(Path("young.csv"), noise[:300]),
    ]


def report(*arguments: str) -> dict[str, Any]:
    code, out, _ = run(*arguments, "--json", "--quiet")
    assert code == 0
    found: dict[str, Any] = json.loads(out)
    return found


def test_the_worst_series_comes_first_and_the_unknown_last(three: list[str]) -> None:
    code, out, _ = run(*three, "--quiet")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "Smallest shift of the mean found within 100 points at 1 per series per week, the worst series first:"
    assert [line.split()[0] for line in lines[2:5]] == ["slow", "easy", "young"]
    easy = next(line for line in lines if line.startswith("easy"))
    shown = re.search(r"([\d.]+) σ = ([\d.]+)", easy)
    assert shown is not None
    assert 0.5 < float(shown[1]) < 1.6
    assert float(shown[2]) == pytest.approx(5 * float(shown[1]), rel=0.05)
    assert "still learning: 500 points are needed" in out
    assert re.search(r"series +3 +1 without a shift", out)
    assert re.search(r"points +4,100", out)
    assert not any(line.endswith("...") or "\x1b" in line for line in lines)


def test_json_has_everything_of_every_series(three: list[str]) -> None:
    found = report(*three, "--top", "1", "--within", "60")
    slow, easy, young = found["series"]
    assert found["within_points"] == easy["power"]["within_points"] == 60
    assert (easy["points"], easy["interval_seconds"], easy["start"]) == (1_900, 60.0, "2023-11-14T22:13:20Z")
    assert easy["sigma"] == pytest.approx(5.0, rel=0.05)
    assert easy["effective_points"] > 1_600
    assert slow["effective_points"] == pytest.approx(1_900 * 0.1 / 1.9, rel=0.5)
    assert slow["lag1"] == pytest.approx(0.9, abs=0.03)
    assert easy["run_length_points"] == 10_080
    for window in easy["windows"][:2]:
        assert window["threshold_nats"] == pytest.approx(window["table_threshold_nats"] * window["guard_factor"])
        assert window["guard_factor"] >= 1
    up, down = easy["power"]["up"], easy["power"]["down"]
    assert easy["power"]["half"]["units"] == max(up["half"]["units"], down["half"]["units"])
    assert (young["power"], young["run_length_points"], young["windows"]) == (None, None, [])
    totals = found["totals"]
    assert totals["memory_bytes"] == sum(each["memory_bytes"] for each in found["series"])
    assert (totals["series"], totals["points"], totals["unmeasured_series"]) == (3, 4_100, 1)
    assert totals["promised_per_week"] is None  # one has not learned its interval
    assert report(three[0])["totals"]["promised_per_week"] == pytest.approx(1.0)


def test_the_same_files_give_the_same_bytes(three: list[str]) -> None:
    assert run(*three, "--json", "--quiet") == run(*three, "--json", "--quiet")


def test_what_is_written_is_accepted_and_holds_what_is_suggested(three: list[str]) -> None:
    code, out, _ = run(*three, "--write", "new.toml", "--quiet")
    assert code == 0
    text = Path("new.toml").read_text()
    assert text.startswith("# streamkl calibrate on easy.csv, slow.csv, young.csv: 3 series, 4,100 points")
    assert "points, one time in two." in text.replace("\n#  ", "")
    assert checking.check_config(Path("new.toml")) == []
    taken = [line.split("suggested: ")[1] for line in out.splitlines() if ": suggested: " in line]
    written = load(Path("new.toml")).detector
    for change in taken[0].split("; ") if taken else []:
        option, value = change.split(" = ")
        shown = {"reference.size": str(written.reference.size), "bins": str(written.bins), "windows": ", ".join(map(str, written.windows))}
        assert shown[option] == value


def test_settings_that_find_nothing_are_replaced_by_settings_that_do(folder: Path) -> None:
    Path("c.toml").write_text("[detector]\nwindows = ['16 points']\ndrift = false\n")
    files = [write_csv(Path(f"m{i}.csv"), np.random.default_rng(i).normal(size=8_000)) for i in range(3)]
    before = report(*files, "--config", "c.toml")
    assert [advice["taken"] for advice in before["advice"]] == [True]
    assert run(*files, "--config", "c.toml", "--write", "better.toml", "--quiet")[0] == 0
    after = report(*files, "--config", "better.toml")
    assert after["totals"]["median_sigmas"] < 0.95 * before["totals"]["median_sigmas"]
    assert before["advice"][0]["suggested_sigmas"] == pytest.approx(after["totals"]["median_sigmas"])
    assert not after["advice"][0]["taken"]


@pytest.fixture
def rich_config(monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("STREAMKL_KAFKA__SASL_PASSWORD", "canary-77")
    Path("rich.toml").write_text(
        """
[kafka]
topics = ["one", "two"]
bootstrap_servers = ["a:9092", "b:9093"]
security_protocol = "SASL_PLAINTEXT"
sasl_mechanism = "PLAIN"
sasl_username = "me"
[input]
series = "{tags.host}/{series}"
[detector]
windows = ["16 points", "64 points"]
false_alarms = "2 per series per day"
[detector.reference]
kind = "trailing"
gap = 300
[detector.gates]
min_effect = 0.5
[[silences]]
name = "night"
match = "web/*"
start = "2023-11-14T22:13:20"
end = "2023-11-14T22:13:30"
[[monitors]]
name = "web-site"
match = "web*"
[monitors.detector]
bins = 8
[monitors.detector.reference]
kind = "seasonal"
[[monitors]]
name = "off"
match = "debug*"
kind = "ignore"
[[monitors]]
name = "episodes"
match = "e*"
[monitors.detector.episodes]
cooldown = 3
[monitors.detector.gates]
direction = "up"
"""
    )
    return load(Path("rich.toml"))


def test_a_given_configuration_is_carried_over_whole(rich_config: Config) -> None:
    Path("m.jsonl").write_text(
        "".join(json.dumps({"series": "m", "tags": {"host": h}, "timestamp": 1_700_000_000 + i, "value": i % 7}) + "\n"
                for i in range(600) for h in ("web", "x", "debug"))
    )  # fmt: skip
    code, _, err = run("m.jsonl", "--config", "rich.toml", "--write", "out.toml", "--quiet")
    assert (code, err) == (0, "")
    assert "canary" not in Path("out.toml").read_text()
    assert checking.check_config(Path("out.toml")) == []
    assert load(Path("out.toml")) == rich_config  # too short to suggest anything


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "config").glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_configurations_are_written_as_they_are_read(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parents[1])
    config = load(path)
    (folder / "again.toml").write_text(config_text(config, {"detector": ["why"], "": ["figures " * 50]}))
    assert load(folder / "again.toml") == config


def test_monitors_have_their_own_settings_and_ignored_series_are_counted(rich_config: Config) -> None:
    rows = [
        json.dumps({"series": "m", "tags": {"host": h}, "timestamp": 1_700_000_000 + i, "value": i % 5})
        for i in range(600)
        for h in ("web", "debug")
    ]
    Path("m.jsonl").write_text("\n".join([*rows, "nonsense"]))
    found = report("m.jsonl", "--config", "rich.toml")
    assert [(each["series"], each["monitor"]) for each in found["series"]] == [("web/m", "web-site")]
    assert found["totals"]["rejected"] == {"ignored by a monitor": 600, "invalid_json": 1, "silenced": 10}
    assert found["series"][0]["points"] == 590


def test_categories_and_series_without_a_clock_are_reported_as_such() -> None:
    status = np.random.default_rng(2).choice(["200", "ok", "500"], 900)
    Path("m.csv").write_text("series,timestamp,value\n" + "".join(f"status,{1_700_000_000 + i},s{v}\n" for i, v in enumerate(status)))
    Path("still.csv").write_text("series,timestamp,value\n" + "".join(f"still,1700000000,{i % 10}\n" for i in range(3_000)))
    found = {each["series"]: each for each in report("m.csv", "still.csv")["series"]}
    assert (found["status"]["kind"], found["status"]["sigma"], found["status"]["power"]) == ("categorical", None, None)
    assert found["status"]["note"] == "categories have no mean to shift"
    assert found["status"]["windows"][0]["threshold_nats"] > 0
    assert (found["still"]["interval_seconds"], found["still"]["start"], found["still"]["run_length_points"]) == (None, None, 10_000)
    code, out, _ = run("m.csv", "still.csv", "--quiet")
    assert code == 0
    assert "no clock" in out


def test_heartbeats_are_no_series() -> None:
    Path("c.toml").write_text("[input]\nheartbeat = 'beat-*'\n")
    Path("m.csv").write_text("series,timestamp,value\nbeat-1,1700000000,1\ncpu,1700000000,1\n")
    found = report("m.csv", "--config", "c.toml")
    assert [each["series"] for each in found["series"]] == ["cpu"]
    assert found["totals"]["rejected"] == {"heartbeats": 1}


def test_a_budget_for_all_series_is_shared(three: list[str]) -> None:
    Path("c.toml").write_text("[detector]\nfalse_alarms = '1 per week in all'\n")
    alone = report(three[0], "--config", "c.toml")["series"][0]
    shared = next(each for each in report(*three, "--config", "c.toml")["series"] if each["series"] == "easy")
    assert shared["run_length_points"] == pytest.approx(3 * alone["run_length_points"])


def test_series_of_one_name_in_two_files_are_two_series() -> None:
    for name in ("a.csv", "b.csv"):
        Path(name).write_text("series,timestamp,value\ncpu,1700000000,1\n")
    _, out, _ = run("a.csv", "b.csv", "--quiet")
    assert "cpu (a.csv)" in out
    assert "cpu (b.csv)" in out


def test_only_the_worst_are_shown_unless_all_are_wanted() -> None:
    Path("m.csv").write_text("timestamp," + ",".join(f"s{i:02}" for i in range(30)) + "\n" + "1700000000" + ",1" * 30 + "\n")
    assert "... and 10 series more (--top 0 shows all, --json everything)" in run("m.csv", "--quiet")[1]
    every = run("m.csv", "--quiet", "--top", "0")[1]
    assert "series more" not in every
    assert "s29" in every


def test_names_are_printed_as_they_are() -> None:
    Path("m.csv").write_text("series,timestamp,value\n[red]x[/red],1700000000,1\n")
    assert "[red]x[/red]" in run("m.csv", "--quiet")[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name files or --topic, and not both"),
        (["good.csv", "--topic", "metrics"], "name files or --topic, and not both"),
        (["good.csv", "--bootstrap", "localhost:9092"], "--bootstrap has no effect without --topic"),
        (["none.csv"], "none.csv: no such file"),
        (["good.csv", "--write", "good.csv"], "good.csv: exists already; name a new file"),
        (["good.csv", "--write", "none/out.toml"], "none/out.toml: cannot be written: there is no folder none"),
        (["empty.csv"], "there is not one point to calibrate on"),
        (["bad.jsonl"], "there is not one point to calibrate on (rejected: invalid_json 2)"),
        (["-", "-"], "-: standard input can be read only once"),
        (["good.csv", "--config", "none.toml"], "none.toml: no such file"),
        (["--topic", "m", "--bootstrap", "http://x"], "--bootstrap 'http://x': write host:port, for example localhost:9092"),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_code_2(arguments: list[str], says: str) -> None:
    write_csv(Path("good.csv"), np.zeros(10))
    Path("empty.csv").write_text("")
    Path("bad.jsonl").write_text("x\ny\n")
    before = Path("good.csv").read_bytes()
    code, out, err = run(*arguments, "--quiet")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {says}")
    assert len(err.splitlines()) == 1
    assert Path("good.csv").read_bytes() == before


@pytest.mark.parametrize("arguments", [["x.csv", "--within", "1"], ["x.csv", "--top", "-1"], ["x.csv", "--fast"]])
def test_numbers_out_of_range_are_explained(arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Usage: streamkl calibrate" in err


def test_nobody_listening_is_one_line_and_exit_code_1() -> None:
    code, out, err = run("--topic", "metrics", "--bootstrap", "127.0.0.1:1", "--quiet")
    assert (code, out) == (1, "")
    assert err.startswith("error: no Kafka broker can be reached: 127.0.0.1:1 refuses the connection")
    assert len(err.splitlines()) == 1


@pytest.mark.broker
def test_a_topic_says_what_a_file_of_the_same_points_says(
    broker: RunningBroker, admin: KafkaAdminClient, create_topic: Callable[..., str]
) -> None:
    topic = create_topic(2)
    groups = admin.list_groups()
    lines: list[bytes] = []
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    series = {name: np.random.default_rng(i).normal(size=3_000) for i, name in enumerate(("a", "b"))}
    for i in range(3_000):
        for partition, name in enumerate(series):
            record = json.dumps({"series": name, "timestamp": 1_700_000_000 + 60 * i, "value": float(series[name][i])}).encode()
            lines.append(record)
            producer.send(topic, record, partition=partition)
    producer.send(topic, b"not JSON", partition=0)
    producer.flush()
    producer.close()
    Path("m.jsonl").write_bytes(b"\n".join([*lines, b"not JSON"]))
    arguments = ("--json", "--quiet", "--within", "50")
    code, out, err = run("--topic", topic, "--bootstrap", broker.bootstrap, *arguments)
    assert (code, err) == (0, "")
    found, expected = json.loads(out), report("m.jsonl", "--within", "50")
    assert [each.pop("stream") for each in found["series"]] != [each.pop("stream") for each in expected["series"]]
    assert found == expected
    assert admin.list_groups() == groups


@pytest.mark.broker
def test_a_topic_that_does_not_exist_is_one_line_and_exit_code_1(broker: RunningBroker, topic_name: str) -> None:
    code, out, err = run("--topic", topic_name, "--bootstrap", broker.bootstrap, "--quiet")
    assert (code, out, err) == (1, "", f"error: topic {topic_name}: does not exist; `--topic` names one that does\n")
