"""The command line: what it prints, how it fails, and with which exit code."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streamkl.cli import app
from streamkl.config.render import default_toml, markdown

COMMANDS = ["run", "check", "replay", "calibrate", "estimate", "explain", "fit", "compare", "reshard", "demo", "broker", "config"]
ROOT = Path(__file__).parents[2]


def streamkl(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command, run in this process."""
    result = CliRunner().invoke(app, list(arguments), prog_name="streamkl")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_help_teaches_what_it_is_how_to_begin_and_where_to_read_on() -> None:
    code, out, err = streamkl("--help")
    assert (code, err) == (0, "")
    for words in ("anomaly detection", "streamkl demo", "streamkl replay", "streamkl run", "docs/configuration.md", "130  interrupted"):
        assert words in out


def test_help_lists_all_commands_those_of_the_main_job_first() -> None:
    listed = streamkl("--help")[1].partition("Commands:")[2]
    assert [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2:3].isalpha()][: len(COMMANDS)] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_an_example(command: str) -> None:
    code, out, err = streamkl(command, "--help")
    assert (code, err) == (0, "")
    assert f"Example: streamkl {command}" in out
    assert command in streamkl("--help")[1]


def loaded(modules: set[str], *arguments: str) -> tuple[str, list[str]]:
    """What a call prints, and which of these modules it loads."""
    script = f"""
import sys
from streamkl.cli import main
try:
    main()
finally:
    print(*{modules} & set(sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr.split()


def test_help_loads_nothing_heavy() -> None:
    out, heavy = loaded({"numba", "numpy", "kafka", "river", "uvicorn", "pydantic", "scipy", "rich"}, "--help")
    assert "Usage: streamkl" in out
    assert heavy == []


@pytest.mark.parametrize("command", [["replay", "--quiet"], ["check"]])
def test_what_needs_no_broker_loads_no_client(command: list[str], tmp_path: Path) -> None:
    given = tmp_path / "given.csv"
    given.write_text("timestamp,value\n1700000000,1\n" if command[0] == "replay" else "[kafka]\ntopics = ['metrics']\n")
    _, heavy = loaded({"kafka", "prometheus_client", "uvicorn"}, *command, str(given))
    assert heavy == []


def test_the_module_and_the_version() -> None:
    done = subprocess.run([sys.executable, "-m", "streamkl", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == "streamkl 0.1.0\n"
    assert 'version = "0.1.0"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["unknown"],
        ["run"],
        ["check"],
        ["replay"],
        ["check", "a", "b"],
        ["--colour"],
        ["broker", "--port", "0"],
        ["run", "streamkl.toml", "--processes", "0"],
        ["run", "streamkl.toml", "--processes", "two"],
        ["run", "streamkl.toml", "--processes", "1000"],
        ["config", "--format", "x"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    code, out, err = streamkl(*arguments)
    assert (code, out) == (2, "")
    assert "Usage: streamkl" in err


def test_config_prints_every_option_as_a_file_or_as_a_page() -> None:
    assert streamkl("config") == (0, default_toml(), "")
    assert streamkl("config", "--format", "markdown") == (0, markdown(), "")


@pytest.mark.parametrize("name", ["streamkl", "server-metrics", "fraud-drift"])
def test_check_of_a_shipped_configuration_says_what_would_run(name: str) -> None:
    code, out, err = streamkl("check", str(ROOT / "config" / f"{name}.toml"))
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()][:3] == ["reads", "writes", "judges"]


def test_check_of_an_empty_file_is_check_of_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("")
    code, out, _ = streamkl("check", str(tmp_path / "empty.toml"))
    assert code == 0
    assert "metrics on localhost:9092" in out
    assert "1 per series per week" in out


THREE_MISTAKES = """
[kafka]
bootstrap_servers = ["127.0.0.1:{port}"]
group_ip = "x"
[detector]
windows = ["1 point", "64 points"]
[http]
port = 70000
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Stands where a broker would, to see whether anybody comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


@pytest.mark.parametrize("command", [["check"], ["run"], ["replay", "none.csv", "--config"]])
def test_all_mistakes_are_printed_before_anything_is_contacted_or_read(command: list[str], tmp_path: Path, listener: socket.socket) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(THREE_MISTAKES.format(port=listener.getsockname()[1]))
    code, out, err = streamkl(*command, str(path))
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "error: the configuration has 3 mistakes",
        "  kafka.group_ip: unknown key; did you mean group_id? (line 4)",
        "  detector.false_alarms_without_clock: cannot be kept by a window of 1 point against 500 points; "
        'the smallest budget it can keep is "1 per 83 points"; or try a longer window (line 6)',
        "  http.port = 70000: must be between 0 and 65535; try 9464 (line 8)",
    ]
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file; `streamkl config` prints one with every option"),
        ("folder", "is a directory; name the configuration file in it"),
        (b"\x7fELF\x02\x01\x00\xff", "is not a text file in UTF-8"),
        (b"[kafka", "is not valid TOML: Expected ']' at the end of a table declaration"),
    ],
    ids=["missing", "folder", "binary", "broken"],
)
def test_a_configuration_that_cannot_be_read_is_one_line(command: str, content: bytes | str | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    code, out, err = streamkl(command, str(path))
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {path}: {says}")
    assert len(err.splitlines()) == 1


def test_missing_files_are_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('[kafka]\nsecurity_protocol = "SSL"\nssl_cafile = "none.pem"\n[detector.reference]\nkind = "file"\npath = "none.csv"\n')
    code, _, err = streamkl("check", str(path))
    assert code == 2
    assert [line.split(": no such file")[0].strip() for line in err.splitlines()[1:]] == [
        'kafka.ssl_cafile = "none.pem"',
        'detector.reference.path = "none.csv"',
    ]


def test_a_reference_file_with_too_little_in_it_is_found_by_check(tmp_path: Path) -> None:
    (tmp_path / "normal.csv").write_text("series,value\ncpu,1\n")
    path = tmp_path / "a.toml"
    path.write_text(f'[detector.reference]\nkind = "file"\npath = "{tmp_path}/normal.csv"\n')
    code, out, err = streamkl("check", str(path))
    assert (code, out) == (2, "")
    assert "series 'cpu' has 1 numbers, fewer than reference.size (500)" in err


def test_debug_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    arguments = ["check", str(tmp_path / "none.toml")]
    plain = subprocess.run([sys.executable, "-m", "streamkl", *arguments], capture_output=True, text=True, check=False)
    debug = subprocess.run([sys.executable, "-m", "streamkl", "--debug", *arguments], capture_output=True, text=True, check=False)
    assert (plain.returncode, "Traceback" in plain.stderr) == (2, False)
    assert (debug.returncode, "Traceback" in debug.stderr) == (1, True)


def test_no_secret_reaches_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "canary-51d2"
    monkeypatch.setenv("STREAMKL_KAFKA__SASL_PASSWORD", canary)
    path = tmp_path / "a.toml"
    good = '[kafka]\nsecurity_protocol = "SASL_SSL"\nsasl_mechanism = "PLAIN"\nsasl_username = "me"\n'
    for text, code in ((good, 0), (good + "client_id = 3\n", 2), (good + f'ssl_password = "{canary}"\n', 2)):
        path.write_text(text)
        found, out, err = streamkl("check", str(path))
        assert found == code
        assert canary not in out + err
