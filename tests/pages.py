"""Pages as somebody reads them who tries out every block: what blocks there are, and what makes a block of each kind true."""

import contextlib
import doctest
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import typer
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from streamkl.cli import app
from streamkl.config.load import load

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"])


class Block(NamedTuple):
    """A block of a page, the line before its first one (from 1), and what kind it says it is."""

    page: str
    line: int
    kind: str
    text: str


def blocks(text: str, page: str = "a page") -> list[Block]:
    """Every fenced block in its order; indented ones are taken for commands."""
    return [
        Block(page, token.map[0] + (token.type == "fence"), token.info.strip() if token.type == "fence" else "sh", token.content)
        for token in MarkdownIt("commonmark").parse(text)
        if token.map and token.type in ("fence", "code_block")
    ]


class Reader:
    """Tries out the blocks of one page, one after the other, in a folder of their own (the working directory): Python blocks share their
    names, commands their files. What pages take for granted is there: the project's config/ and docs/, and some data."""

    def __init__(self, folder: Path) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        for name in ("config", "docs"):
            (folder / name).symlink_to(ROOT / name)
        _data(folder)

    def follow(self, block: Block) -> None:
        """Raises an AssertionError that names page and line where the block does not do what it shows."""
        where = f"{block.page}, line {block.line}"
        assert block.kind in _KINDS, f"{where}: a block says what it is, one of {', '.join(_KINDS)}, not {block.kind!r}"
        try:
            _KINDS[block.kind](self, block)
        except Exception as error:
            raise AssertionError(f"{where}: {error}") from error

    def _python(self, block: Block) -> None:
        if ">>>" not in block.text:
            exec(compile("\n" * block.line + block.text, block.page, "exec"), self.names)  # noqa: S102
            return
        test = doctest.DocTestParser().get_doctest(block.text, self.names, block.page, block.page, block.line)
        said: list[str] = []
        doctest.DocTestRunner(verbose=False).run(test, out=said.append, clear_globs=False)
        self.names = test.globs
        assert not said, "".join(said)

    def _console(self, block: Block) -> None:
        assert block.text.startswith("$ "), "begins with `$ ` and a command"
        for shown in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, output = shown.partition("\n")
            printed = "".join(f"{line.rstrip()}\n" for line in run(command).splitlines())
            checker, example = doctest.OutputChecker(), doctest.Example(command, output)
            same = checker.check_output(output, printed, doctest.ELLIPSIS)
            assert same, f"{command}\n{checker.output_difference(example, printed, doctest.ELLIPSIS)}"

    def _sh(self, block: Block) -> None:
        for command in block.text.splitlines():
            run(command)

    def _toml(self, block: Block) -> None:
        """What stands before the first table are options of [detector]."""
        alone = not re.match(r"\s*(#[^\n]*\n\s*)*\[", block.text)
        path = Path("block.toml")
        path.write_text("[detector]\n" * alone + block.text, encoding="utf-8")
        load(path)

    def _json(self, block: Block) -> None:
        json.loads(block.text)

    def _text(self, block: Block) -> None:
        """Output that depends on the machine or on data that are not here, messages, drawings."""


_KINDS: dict[str, Callable[[Reader, Block], None]] = {
    "python": Reader._python,
    "console": Reader._console,
    "sh": Reader._sh,
    "toml": Reader._toml,
    "json": Reader._json,
    "text": Reader._text,
}


class Printed(NamedTuple):
    """What a command prints to standard output, and with what it says on standard error, as on a terminal."""

    out: str
    everything: str


NOTHING = Printed("", "")


def run(command: str) -> str:
    """What a terminal shows of a command line. Of commands that need a broker, install or build, it is only seen that there is such a
    command and option, extra, target or module."""
    words = shlex.split(command, comments=True)
    if not words:
        return ""
    words, target = (words[: words.index(">")], words[words.index(">") + 1]) if ">" in words else (words, None)
    program, *arguments = words
    assert program in _PROGRAMS, f"no reader is sure to have the program {program!r}: {command}"
    printed = _PROGRAMS[program](arguments)
    if target:
        Path(target).write_text(printed.out, encoding="utf-8")
    return "" if target else printed.everything


def _streamkl(arguments: list[str]) -> Printed:
    if arguments[0] in ("run", "reshard", "demo", "broker") or any(word == "--topic" or word.startswith("topic:") for word in arguments):
        _parse(arguments)
        return NOTHING
    done = CliRunner().invoke(app, arguments, prog_name="streamkl", catch_exceptions=False)
    assert done.exit_code == 0, f"streamkl {shlex.join(arguments)}: exit code {done.exit_code}\n{done.output}"
    return Printed(done.stdout, done.output)


def _parse(arguments: list[str]) -> None:
    """Every option and argument as the command line itself reads them."""
    front: Any = typer.main.get_command(app)
    assert arguments[0] in front.commands, f"No such command: {arguments[0]}"
    front.commands[arguments[0]].make_context(arguments[0], arguments[1:]).close()


def _pip(arguments: list[str]) -> Printed:
    """`pip install` of this package, or of the folder of its sources, with extras that it has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = re.fullmatch(r"(\w+|\.)(?:\[([\w,]+)\])?", arguments[-1])
    assert arguments[0] == "install", arguments
    assert wanted, arguments
    assert wanted[1] in (project["name"], "."), arguments
    assert set((wanted[2] or "").split(",")) - {""} <= set(project["optional-dependencies"]), arguments
    return NOTHING


def _make(arguments: list[str]) -> Printed:
    assert re.search(rf"^{arguments[0]}:.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), arguments
    return NOTHING


def _docker(arguments: list[str]) -> Printed:
    assert arguments[0] == "compose", arguments
    assert (ROOT / "docker-compose.yml").exists()
    return NOTHING


def _interpreter(arguments: list[str]) -> Printed:
    module = ROOT.joinpath(*arguments[1].split("."))
    assert arguments[0] == "-m", arguments
    assert module.with_suffix(".py").exists() or (module / "__main__.py").exists(), arguments
    return NOTHING


_PROGRAMS: dict[str, Callable[[list[str]], Printed]] = {
    "streamkl": _streamkl,
    "pip": _pip,
    "make": _make,
    "docker": _docker,
    "python": _interpreter,
}


def _data(folder: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("january", "today"):
        pd.DataFrame({"amount": rng.normal(50, 9, 500), "country": rng.choice(["DE", "FR"], 500)}).to_parquet(folder / f"{name}.parquet")
    minutes = 1_700_000_000 + 60 * np.arange(1_200)
    metrics = pd.DataFrame({"timestamp": minutes, "response_ms": rng.normal(120, 10, 1_200), "cpu": rng.normal(40, 3, 1_200)})
    metrics.to_csv(folder / "metrics.csv", index=False)
    np.savetxt(folder / "latencies.txt", rng.lognormal(3, 1, 200))
    lines = (json.dumps({"tags": {"retries": int(n)}}) for n in rng.poisson(2, 200))
    (folder / "events.jsonl").write_text("\n".join(lines), encoding="utf-8")


@contextlib.contextmanager
def a_reader(folder: Path) -> Iterator[Reader]:
    """A reader whose working directory the folder is."""
    with contextlib.chdir(folder):
        yield Reader(folder)
