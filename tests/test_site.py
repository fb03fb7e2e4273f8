"""The documentation site: built with warnings as errors, it shows what the pages say and asks no other host for anything."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import streamkl
from tests.browser import dom
from tests.pages import ROOT

PAGES = sorted((ROOT / "docs").rglob("*.md"))
FORMULA = re.compile(r"^ *\$\$\n.*?\n *\$\$$", re.DOTALL | re.MULTILINE)
SHAPES = ("li", "ol", "ul", "table", "tr", "pre", "blockquote", "h2", "h3", "strong", "img")


class _Page(HTMLParser):
    """What a built page consists of, and what a browser would fetch for it without being asked."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: Counter[str] = Counter()
        self.titles: set[str] = set()
        self.links: list[str] = []
        self._within = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ("a", "meta") and not (tag == "link" and given.get("rel") in ("canonical", "prev", "next")):
            self.fetched += [value for name in ("src", "href", "srcset", "data", "poster") if (value := given.get(name))]
        self._within |= tag == "article"
        if self._within:
            self.tags[tag] += 1
            self.titles.add(given.get("id") or "")
            self.links += [given["href"] or ""] if tag == "a" and "href" in given else []

    def handle_endtag(self, tag: str) -> None:
        self._within &= tag != "article"


@pytest.fixture(scope="module")
def site() -> Path:
    """As `make docs` builds it."""
    shutil.rmtree(ROOT / "build" / "site", ignore_errors=True)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100, env=os.environ | {"NO_COLOR": "1"})
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert [line for line in said.splitlines() if re.search("warning|error|griffe", line, re.IGNORECASE)] == []
    return ROOT / "build" / "site"


def built(site: Path, page: Path) -> _Page:
    return _Page((site / page.relative_to(ROOT / "docs")).with_suffix(".html").read_text(encoding="utf-8"))


def test_pages_have_the_shape_that_they_have_everywhere_else(site: Path) -> None:
    """The site reads Markdown by stricter rules: it wants an empty line before a list, and four blanks before what belongs to an item."""
    shown, meant = {}, {}
    for page in PAGES:
        if page.name == "api.md":
            continue
        text = FORMULA.sub("", page.read_text(encoding="utf-8"))
        common = _Page(f"<article>{MarkdownIt('commonmark').enable('table').render(text)}</article>").tags
        name, here = str(page.relative_to(ROOT / "docs")), built(site, page).tags
        shown[name], meant[name] = ({shape: tags[shape] for shape in SHAPES} for tags in (here, common))
    assert shown == meant


def test_every_file_that_a_page_links_to_is_on_the_site(site: Path) -> None:
    """The builder looks at links to pages alone."""
    for page in PAGES:
        local = [link.partition("#")[0] for link in built(site, page).links if not re.match(r"\w+:", link)]
        folder = site / page.relative_to(ROOT / "docs").parent
        assert [link for link in local if not (folder / link).exists()] == [], page


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    titles = built(site, ROOT / "docs" / "api.md").titles
    names = {f"streamkl.{name}" for name in streamkl.__all__ if name != "__version__"}
    rooms = {f"streamkl.river.{name}" for name in ("KLDrift", "KLAnomaly", "KLFilter", "KLHistogram")} | {"streamkl.sklearn.KLDetector"}
    assert names | rooms <= titles


def test_every_formula_is_drawn(site: Path) -> None:
    page = ROOT / "docs" / "mathematics.md"
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert built(site, page).tags["math"] == len(FORMULA.findall(text)) + len(re.findall(r"\$[^$\n]+\$", FORMULA.sub("", text)))


def test_no_page_fetches_anything_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert foreign(_Page(page.read_text(encoding="utf-8"))) == []
    for sheet in site.rglob("*.css"):
        asked = re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]+)", sheet.read_text(encoding="utf-8"))
        assert [address for address in asked if re.match(r"https?:|//", address)] == []


@pytest.mark.parametrize("page", ["index", "mathematics", "api"])
def test_an_open_page_has_loaded_nothing_from_another_host(page: str, site: Path, tmp_path: Path) -> None:
    """Its scripts could load others, for what a page has: diagrams, galleries, editors."""
    opened = _Page(dom((site / f"{page}.html").as_uri(), tmp_path))
    assert [address for address in foreign(opened) if not address.startswith("file:")] == []
    assert opened.tags["pre"] > 0


def test_what_would_be_fetched_from_elsewhere_is_seen() -> None:
    page = '<link href="//fonts.example/a.css" rel="stylesheet"><script src="https://cdn.example/b.js"></script><a href="https://c.example">c</a>'
    assert foreign(_Page(page + '<img src="pictures/d.svg"><img src="data:image/png;base64,AA">')) == [
        "//fonts.example/a.css",
        "https://cdn.example/b.js",
    ]


def foreign(page: _Page) -> list[str]:
    """What it fetches by a whole address."""
    return [address for address in page.fetched if re.match(r"(?!data:)\w+:|//", address)]
