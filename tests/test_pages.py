"""What pages under docs/ show of commands is what they print, and pictures are what they draw. (Python on pages runs as doctests.)"""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streamkl.cli import app

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
SHOWN = [
    pytest.param(command, output, id=f"{page.stem}: {command}")
    for page in PAGES
    for command, output in re.findall(r"```console\n\$ streamkl (.*)\n((?:.*\n)*?)```", page.read_text(encoding="utf-8"))
]


def streamkl(command: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that it prints, called in the project's folder, without the blanks at their ends."""
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, shlex.split(command), prog_name="streamkl", catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    return [line.rstrip() for line in result.stdout.splitlines()]


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_a_command_prints_what_the_page_shows(command: str, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert streamkl(command, monkeypatch) == output.splitlines()


def test_commands_are_found_on_the_pages() -> None:
    assert len(SHOWN) >= 2


def test_the_picture_of_the_worms_is_what_the_command_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = "--column teeth --counts worms --range 0:10 --models uniform,step,binomial"
    streamkl(f"fit docs/space-worms.csv {options} --picture {tmp_path / 'drawn.svg'}", monkeypatch)
    drawn, kept = (path.read_text(encoding="utf-8") for path in (tmp_path / "drawn.svg", ROOT / "docs" / "pictures" / "space-worms.svg"))
    number = re.compile(r"-?\d+\.\d")  # coordinates, rounded to a tenth of a pixel
    assert number.sub("", drawn) == number.sub("", kept)
    assert [float(x) for x in number.findall(drawn)] == pytest.approx([float(x) for x in number.findall(kept)], abs=0.11)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_every_file_that_a_page_links_to_is_there(page: Path) -> None:
    links = re.findall(r"\]\(((?!http)[^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
