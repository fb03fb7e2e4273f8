"""The shipped configuration file and the page about it are what the models say."""

import re
import tomllib
from pathlib import Path

import pytest

from streamkl.config import Config, SilenceConfig, load
from streamkl.config.catalogue import options, section_of, tables
from streamkl.config.descriptions import descriptions
from streamkl.config.render import default_toml, markdown

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("path", "generated"), [("config/streamkl.toml", default_toml()), ("docs/configuration.md", markdown())])
def test_the_shipped_file_is_the_generated_one(path: str, generated: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == generated, f"run: streamkl config --format ... > {path}"


def test_the_file_with_every_option_means_the_same_as_an_empty_one() -> None:
    assert load(ROOT / "config/streamkl.toml") == Config()


def test_every_option_stands_in_the_file_and_those_that_are_off_are_valid_once_switched_on() -> None:
    switched_on = tomllib.loads(re.sub(r"^#(?=[a-z\[])", "", default_toml(), flags=re.MULTILINE))
    monitor = switched_on["monitors"].pop()
    assert set(monitor) == {"name", "match", "kind", "detector"}
    silence = switched_on["silences"].pop()
    assert set(silence) == set(SilenceConfig.model_fields)
    for path, _ in options():
        if path[0] in ("monitors", "silences"):
            continue
        table = switched_on
        for part in path[:-1]:
            table = table[str(part)]
        assert str(path[-1]) in table or f"{path[-1]}_file" in table, f"{path} is missing"


def test_every_option_has_a_row_on_the_page() -> None:
    page = markdown()
    for path, _ in options():
        assert f"| `{path[-1]}` | " in page
    for table in tables():
        texts = descriptions(table.section)
        assert texts.keys() >= {name for name, field in table.section.model_fields.items() if section_of(field) is None}
        for text in texts.values():
            assert text
            assert " ".join(text.split()) in page.replace("\\|", "|")
