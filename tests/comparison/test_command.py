"""`streamkl compare` on files: what it prints, how it fails, its exit codes, and the page in a real browser."""

import html.parser
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from streamkl import compare
from streamkl.cli import app
from tests.browser import dom, screenshot
from tests.comparison.material import credit


def run(*arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    result = CliRunner().invoke(app, ["compare", *map(str, arguments)], prog_name="streamkl")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same applications in every kind of file."""
    place, rng = tmp_path_factory.mktemp("samples"), np.random.default_rng(12)
    for name, frame in (("old", pd.DataFrame(credit(rng, 900))), ("new", pd.DataFrame(credit(rng, 700, later=True)))):
        frame.to_csv(place / f"{name}.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S")
        frame.to_csv(place / f"{name}.csv.gz", index=False, date_format="%Y-%m-%dT%H:%M:%S")
        frame.to_csv(place / f"{name}.semicolons", index=False, sep=";", date_format="%Y-%m-%dT%H:%M:%S")
        frame.to_parquet(place / f"{name}.parquet")
        frame.to_json(place / f"{name}.jsonl", orient="records", lines=True, date_format="iso", date_unit="s", double_precision=15)
    return place


def test_files_of_every_kind_give_the_same_report(folder: Path) -> None:
    wanted = compare(folder / "old.parquet", folder / "new.parquet")
    assert wanted.drifted == ["purpose", "income"]
    for ending in ("csv", "csv.gz", "semicolons", "jsonl"):
        found = compare(folder / f"old.{ending}", str(folder / f"new.{ending}"))
        assert found.drifted == wanted.drifted
        for name, feature in wanted.features.items():
            assert found.features[name].kind == feature.kind, (ending, name)
            assert found.features[name].divergence == pytest.approx(feature.divergence, abs=1e-9), (ending, name)


def test_what_is_printed_says_what_drifts_and_what_that_is_worth(folder: Path) -> None:
    code, out, err = run(folder / "old.csv", folder / "new.parquet", "--quiet")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    names = [word for line in lines[2:] if (word := line.split(" ")[0]) in ("purpose", "income", "age", "amount", "owner", "reference")]
    assert names[:2] == ["purpose", "income"]
    assert "holiday 0.0% → " in lines[2]
    assert "missing" in lines[1]
    assert "drift: 2 of 8 features" in lines
    assert "Two samples without drift are found to drift at most once in 20 comparisons, all features together." in lines
    assert any(line.startswith("purpose: holiday holds ") for line in lines)


def test_a_file_that_is_not_utf8_differs_in_what_cannot_be_read_alone(tmp_path: Path) -> None:
    known = "city\n" + "Bonn\nKiel\n" * 200
    (tmp_path / "old.csv").write_text(known)
    (tmp_path / "new.csv").write_text(known + "München\n", "latin-1")
    report = compare(tmp_path / "old.csv", tmp_path / "new.csv")
    assert not report.drift
    assert report.features["city"].effect.new_categories == ("M\\xfcnchen",)


def test_drift_is_a_code_of_its_own_where_it_is_asked_for(folder: Path) -> None:
    assert run(folder / "old.csv", folder / "new.csv", "--fail-on", "drift")[0] == 3
    assert run(folder / "old.csv", folder / "old.csv", "--fail-on", "drift")[0] == 0
    assert run(folder / "old.csv", folder / "new.csv", "--fail-on", "drift", "--only", "age", "--only", "own*")[0] == 0


def test_json_is_the_whole_report_with_the_options_of_the_line_and_of_the_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[compare]\nalpha = 0.01\nunit = "bits"\nseed = 3\n')
    arguments = (
        folder / "old.parquet",
        folder / "new.parquet",
        "-c",
        tmp_path / "c.toml",
        "--seed",
        4,
        "--ignore",
        "reference",
        "--no-joint",
    )
    code, out, _ = run(*arguments, "--json", "--categorical", "dependants", "--divergence", "jensen_shannon")
    report = json.loads(out)
    assert (code, report["alpha"], report["unit"], report["measure"], report["joint"]) == (0, 0.01, "bits", "jensen_shannon", None)
    assert report["features"]["dependants"]["kind"] == "categorical"
    assert "reference" not in report["features"]
    assert run(*arguments, "--json", "--categorical", "dependants", "--divergence", "jensen_shannon")[1] == out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.csv", "new.csv"], "none.csv: no such file; name a CSV, Parquet or JSON lines file"),
        ([".", "new.csv"], "is a directory; name a file in it"),
        (["empty.csv", "new.csv"], "empty.csv: is empty"),
        (["header.csv", "new.csv"], "no feature can be compared (age: the reference is empty"),
        (["binary.parquet", "new.csv"], "binary.parquet: cannot be read: "),
        (["broken.jsonl", "new.csv"], "broken.jsonl: cannot be read: "),
        (["ragged.csv", "new.csv"], "ragged.csv: cannot be read: "),
        (["other.csv", "new.csv"], "the two samples have no feature in common: "),
        (["old.csv", "new.csv", "--only", "agge"], "no feature is called 'agge'; there are: age, amount"),
        (["old.csv", "new.csv", "--alpha", "2"], "compare.alpha = 2.0: must be between 0.0001 and 0.5"),
        (["old.csv", "new.csv", "--divergence", "kll"], 'compare.divergence = "kll": must be one of "kl", "reverse_kl"'),
        (["old.csv", "new.csv", "--html", "no/such/folder.html"], "there is no folder no/such; make it"),
        (["topic:", "new.csv"], "topic:: write topic:NAME@FROM..TO"),
        (["topic:a@soon..", "new.csv"], "is not an ISO 8601 time"),
        (["topic:a@2026-02-01..2026-01-01", "new.csv"], "ends before it begins"),
    ],
)
def test_wrong_use_is_one_line_that_names_the_fix(folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str) -> None:
    monkeypatch.chdir(folder)
    Path("empty.csv").write_text("")
    Path("header.csv").write_text("age,amount\n")
    Path("binary.parquet").write_bytes(b"PAR1 and nothing of the kind")
    Path("broken.jsonl").write_text('{"age": 1}\n{"age": \n')
    Path("ragged.csv").write_text("age,amount\n1,2\n3\n")
    Path("other.csv").write_text("height\n1\n")
    code, out, err = run(*arguments, "--quiet")
    assert (code, out) == (2, "")
    assert says in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


class _Reader(html.parser.HTMLParser):
    """What a page holds, and whatever it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [
            value or "" for name, value in attrs if name in ("src", "href", "srcset", "data") and not (value or "").startswith("#")
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_opens_in_a_browser_shows_everything_and_loads_nothing(folder: Path, tmp_path: Path) -> None:
    hostile = "<script>document.title='taken'</script>"
    samples = [pd.read_parquet(folder / f"{name}.parquet").rename(columns={"age": hostile}) for name in ("old", "new")]
    samples[1][hostile] += 4
    page = tmp_path / "drift.html"
    page.write_text(compare(*samples).to_html(), encoding="utf-8")
    opened = dom(page.as_uri(), tmp_path)
    reader = _Reader()
    reader.feed(opened)
    assert reader.loads == []
    assert "script" not in reader.tags
    assert reader.tags.count("svg") == 16  # a gauge and a picture for each feature
    assert "<title>current against reference</title>" in opened
    for words in ("Drift in 3 of 8 features", "holiday", "How features depend on one another", hostile):
        assert words in reader.text
    shot = screenshot(page.as_uri(), tmp_path)
    assert shot.read_bytes()[:4] == b"\x89PNG"
    assert shot.stat().st_size > 20_000  # not a white sheet
