"""Every block on every page does what it shows, pictures are what commands draw, and what the README links to is there."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import pictures
from tests.pages import PAGES, ROOT, a_reader, blocks, run

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWING = {str(page.relative_to(ROOT)): text for page in PAGES if blocks(text := page.read_text(encoding="utf-8"))}


@pytest.mark.timeout(300)  # the first to run compiles
@pytest.mark.parametrize("page", SHOWING)
def test_every_block_of_a_page_does_what_it_shows(page: str, tmp_path: Path) -> None:
    with a_reader(tmp_path) as reader:
        for block in blocks(SHOWING[page], page):
            reader.follow(block)


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ("```\nstreamkl check streamkl.toml\n```", "a block says what it is"),
        ("```yaml\na: 1\n```", "a block says what it is"),
        ("```python\nassert 1 + 1 == 3\n```", "a page, line 1"),
        ("```python\n>>> 1 + 1\n3\n```", "Expected:\n    3\nGot:\n    2"),
        ("```python\n>>> 1 / 0\n```", "ZeroDivisionError"),
        ("```console\n$ streamkl --version\nstreamkl 99\n```", "Expected:\n    streamkl 99"),
        ("```sh\nstreamkl check nowhere.toml\n```", "nowhere.toml"),
        ("```sh\nstreamkl run config/streamkl.toml --fast\n```", "No such option"),
        ("```sh\nstreamkl replay --topic metrics --speed 3\n```", "No such option"),
        ("    streamkl wander", "No such command"),
        ("```sh\npip install 'streamkl[everything]'\n```", "everything"),
        ("```sh\npip install '.[everything]'\n```", "everything"),
        ("```sh\nmake coffee\n```", "coffee"),
        ("```sh\npython -m benchmarks.nothing\n```", "benchmarks.nothing"),
        ("```sh\nrm -rf folder\n```", "no reader is sure to have"),
        ('```toml\n[input]\nvalu = "x"\n```', "valu"),
        ('```toml\nfalse_alarms = "seldom"\n```', "false_alarms"),
        ("```json\n{'series': 1}\n```", "Expecting property name"),
    ],
)
def test_a_block_that_is_wrong_is_found(block: str, why: str, tmp_path: Path) -> None:
    with a_reader(tmp_path) as reader, pytest.raises(AssertionError, match=re.escape(why)):
        for each in blocks(block):
            reader.follow(each)


def test_names_and_files_last_to_the_end_of_a_page(tmp_path: Path) -> None:
    page = "```python\nx = 1\n```\n```python\n>>> x + 1\n2\n>>> y = 3\n```\n```python\nassert y == 3\n```\n    streamkl config > new.toml\n"
    page += "```console\n$ streamkl check new.toml\n...\n$ streamkl --version\nstreamkl ...\n```\n"
    with a_reader(tmp_path) as reader:
        for block in blocks(page):
            reader.follow(block)
    assert (tmp_path / "new.toml").exists()


def test_the_full_event_of_the_readme_is_one_that_the_shipped_scenario_gives() -> None:
    shown = [json.loads(block.text) for block in blocks(README) if block.kind == "json"]
    event = next(one for one in shown if "episode_id" in one)
    expected = [json.loads(line) for line in (ROOT / "config" / "server-metrics.expected.jsonl").read_text().splitlines()]
    assert event in expected


@pytest.mark.parametrize("page", [page for page in PAGES if not page.is_relative_to(ROOT / "docs")], ids=lambda page: page.name)
def test_every_file_that_a_page_outside_of_the_site_links_to_is_there(page: Path) -> None:
    links = re.findall(r"\]\(((?!http)[^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_picture_of_the_worms_is_what_the_command_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    options = "--column teeth --counts worms --range 0:10 --models uniform,step,binomial"
    run(f"streamkl fit docs/space-worms.csv {options} --picture {tmp_path / 'drawn.svg'}")
    same_picture((tmp_path / "drawn.svg").read_text(encoding="utf-8"), "space-worms.svg")


@pytest.mark.native
def test_the_picture_of_how_it_works_is_what_the_benchmark_draws() -> None:
    same_picture(pictures.draw(), pictures.TARGET.name)


def same_picture(drawn: str, name: str) -> None:
    """But for coordinates, which are rounded to a tenth of a pixel."""
    kept = (ROOT / "docs" / "pictures" / name).read_text(encoding="utf-8")
    number = re.compile(r"-?\d+\.\d")
    assert number.sub("", drawn) == number.sub("", kept)
    assert [float(x) for x in number.findall(drawn)] == pytest.approx([float(x) for x in number.findall(kept)], abs=0.11)


@pytest.mark.parametrize("page", ["choosing.md", "comparison.md"])
def test_figures_copied_from_benchmarks_are_what_stands_there(page: str) -> None:
    """After "from" and a link to a benchmark, rows are rows of that page, whole or in part: the same first cell, the same figures."""
    source: list[list[str]] = []
    copied = 0
    for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines():
        for name in re.findall(r"[Ff]rom \[[^]]+\]\((benchmarks/\w+\.md)", line):
            source = rows((ROOT / "docs" / name).read_text(encoding="utf-8"))
        if line.startswith("#"):
            source = []
        for row in rows(line) if source else []:
            assert any(row[0] == original[0] and not Counter(row) - Counter(original) for original in source), row
            copied += 1
    assert copied > 20


def rows(text: str) -> list[list[str]]:
    """The cells of every table row."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not re.fullmatch(r"[|:-]+", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
