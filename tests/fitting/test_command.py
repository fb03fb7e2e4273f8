"""`streamkl fit` on files of every kind: what it reads, prints, draws, and how it fails."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from typer.testing import CliRunner

import streamkl as library
from streamkl.cli import app, samples
from streamkl.config.fitting import KIND, KINDS

ROOT = Path(__file__).parents[2]
TEETH = str(ROOT / "docs" / "space-worms.csv")
VALUES = [1, 2, 2, 3, 3, 3, 4, 4, 7]


def streamkl(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `streamkl fit`."""
    result = CliRunner().invoke(app, ["fit", *arguments], prog_name="streamkl")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("plain.txt", "\n".join(map(str, VALUES)), []),
        ("plain.csv", "size\r\n" + "\r\n".join(map(str, VALUES)) + "\r\n", []),
        ("bom.csv", "\ufeffsize\n\n" + "\n".join(map(str, VALUES)) + "\n", []),
        ("table.csv", "host;size\n" + "\n".join(f"a{i};{x}" for i, x in enumerate(VALUES)), ["--column", "size"]),
        ("quoted.csv", 'host,"the size"\n' + "\n".join(f'"a,{i}","{x}"' for i, x in enumerate(VALUES)), ["--column", "the size"]),
        ("lines.jsonl", "\n".join(f'{{"host": "a", "size": {x}}}' for x in VALUES), []),
        ("value.jsonl", "\n".join(f'{{"id": {i}, "value": {x}}}' for i, x in enumerate(VALUES)), []),
        ("deep.jsonl", "\n".join(f'{{"a": {{"b": "{x}"}}}}' for x in VALUES), ["--column", "a.b"]),
        ("counts.csv", "size,n\n1,1\n2,2\n3,3\n4,2\n5,0\n7,1\n", ["--counts", "n"]),
        ("counts.jsonl", "\n".join(f'{{"size": {x}, "n": {n}}}' for x, n in ((1, 1), (2, 2), (3, 3), (4, 2), (7, 1))), ["--counts", "n"]),
    ],
)
def test_the_same_numbers_out_of_every_kind_of_file(name: str, text: str, options: list[str], tmp_path: Path) -> None:
    path, packed = tmp_path / name, tmp_path / f"{name}.gz"
    path.write_bytes(text.encode())
    packed.write_bytes(gzip.compress(text.encode()))
    expected = library.fit(VALUES, models="poisson,normal")
    for each in (path, packed):
        code, out, err = streamkl(str(each), *options, "--models", "poisson, normal", "--json", "--quiet")
        assert (code, err) == (0, "")
        report = json.loads(out)
        assert report["values"] == 9
        assert [fit["kl_nats"] for fit in report["models"]] == [fit.kl_nats for fit in expected.models]
        assert report["models"][0]["parameters"] == expected.models[0].parameters


def test_standard_input_over_many_chunks() -> None:
    values = np.random.default_rng(1).normal(size=120_000)
    text = "x\n" + "\n".join(map(repr, values.tolist())) + "\n"
    assert len(text) > 2_000_000
    command = [sys.executable, "-m", "streamkl", "fit", "-", "--models", "normal", "--json"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert report["values"] == 120_000
    assert report["models"][0]["parameters"]["sd"] == pytest.approx(values.std(), rel=1e-2)


def test_what_is_no_number_is_left_out_counted_and_the_first_is_named(tmp_path: Path) -> None:
    path = tmp_path / "dirty.csv"
    path.write_text("host,size\na,1\na,oops\na\na,nan\na,\n\na,1e999\na,1\na,2\n", encoding="utf-8")
    code, out, err = streamkl(str(path), "--column", "size", "--models", "uniform")
    assert code == 0
    assert out.startswith("3 values, discrete: 2 different numbers, entropy 0.918 bits = 0.637 nats\n")
    assert err.splitlines() == [
        f"{path}: left out 4 lines that are no numbers, the first 'oops' in line 3",
        f"{path}: left out 2 empty values",
    ]
    assert streamkl(str(path), "--column", "size", "--models", "uniform", "--quiet")[2] == ""


def test_infinite_losses_are_null_in_json_and_words_on_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "signed.txt"
    path.write_text("-1\n-1\n0\n0\n3\n3\n", encoding="utf-8")
    fit = json.loads(streamkl(str(path), "--models", "poisson", "--json")[1])["models"][0]
    assert (fit["kl_nats"], fit["cross_entropy_bits"], fit["curve"]) == (None, None, None)
    code, out, _ = streamkl(str(path), "--models", "poisson,normal")
    assert code == 0
    assert "poisson: gives no probability to 2 of 6 values (-1), so its KL is infinite\n" in out
    assert "inf " not in out
    assert streamkl(str(path), "--models", "poisson")[1].endswith("No model can have given these values.\n")


def test_the_picture_shows_data_models_and_minima(tmp_path: Path) -> None:
    target = tmp_path / "fit.svg"
    arguments = [TEETH, "--counts", "worms", "--range", "0:10", "--models", "binomial,uniform", "--picture", str(target)]
    assert streamkl(*arguments)[0] == 0
    root = ET.fromstring(target.read_text(encoding="utf-8"))  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    texts = [each.text for each in root.iter(f"{space}text")]
    assert {
        "binomial: 0.477 bits at p = 0.57",
        "uniform: 0.338 bits",
        "binomial",
        "uniform",
        "100 values, and what models say",
        "bits per value",
    } <= {*texts}
    assert len([each for each in root.iter(f"{space}polyline") if each.get("points")]) == 4
    assert len([each for each in root.iter(f"{space}rect") if each.get("fill") == "#c9d6e3"]) == 11
    first = target.read_bytes()
    assert streamkl(*arguments)[0] == 0
    assert target.read_bytes() == first


@pytest.mark.parametrize(
    "values", [np.random.default_rng(3).lognormal(0, 2, 400), np.arange(30) % 7 - 3, np.random.default_rng(4).normal(1e9, 1, 300)]
)
def test_any_data_can_be_drawn(values: "np.ndarray[tuple[int], np.dtype[np.float64]]", tmp_path: Path) -> None:
    path, target = tmp_path / "values.txt", tmp_path / "fit.svg"
    path.write_text("\n".join(map(repr, values.tolist())), encoding="utf-8")
    assert streamkl(str(path), "--picture", str(target))[0] == 0
    text = target.read_text(encoding="utf-8")
    ET.fromstring(text)  # noqa: S314 - our own
    assert "nan" not in text
    assert "inf" not in text.replace("Information", "")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("1\n2\n", ["--models", "gausian"], "models: there is no 'gausian'; choose from uniform, step, binomial"),
        ("1\n2\n", ["--range", "0-10"], "--range: must be LOWEST:HIGHEST, such as 0:10, not '0-10'"),
        ("1\n2\n", ["--range", "a:b"], "--range: must be LOWEST:HIGHEST, such as 0:10, not 'a:b'"),
        ("1\n2\n", ["--picture", "fit.png"], "--picture: fit.png: the picture is an SVG; name a file that ends in .svg"),
        ("1\n2\n", ["--picture", "no/such/fit.svg"], "--picture: no/such/fit.svg: cannot be written: No such file or directory"),
        ("a,b\n1,2\n", [], "has several columns (a, b); choose one with --column"),
        ("a,b\n1,2\n", ["--column", "c"], "--column: no column 'c' in the first line (a, b)"),
        ("a,b\n1,2\n", ["--column", "a", "--counts", "n"], "--counts: no column 'n' in the first line (a, b)"),
        ("1,2\n3,4\n", [], "the first line must name the columns, but is '1,2'"),
        ("1\n2\n", ["--column", "a"], "the first line must name the columns, but is '1'"),
        ('{"a": 1, "b": 2}\n', [], "the first line has the fields a, b; choose one with --column"),
        ('{"a": 1, "b": 2}\n', ["--column", "a.*"], "--column: 'a.*' names several fields; name one"),
        ('{"a": 1, "b": 2}\n', ["--column", "a..b"], "--column: 'a..b' is no path: use names and steps"),
        ("[1, 2]\n", [], "JSON lines must be objects or plain numbers, but the first is '[1, 2]'"),
        ("", [], "holds not one number"),
        ("a\nb\nc\n", [], "holds not one number; the first that is none is 'b' in line 2"),
        ("a\n\x1b[31m\n", [], r"the first that is none is '\x1b[31m' in line 2"),
        ("4\n4\n", [], "values must differ, but each of the 2 is 4: one number says it all"),
        ("a,n\n1,0.5\n2,1\n", ["--counts", "n"], "counts must be whole numbers of 0 or more, but one is 0.5"),
        ("1.5\n2\n", ["--kind", "discrete"], "values must be whole numbers to be discrete, but one is 1.5"),
        ("1\n2\n", ["--cells", "1"], "cells must be between 2 and 1000, not 1"),
    ],
)
def test_a_mistake_is_one_line_with_the_fix(
    text: str, options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").write_text(text, encoding="utf-8")
    code, out, err = streamkl("data", *options)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not list(tmp_path.glob("fit.*"))


def test_a_picture_of_no_possible_model_shows_the_data(tmp_path: Path) -> None:
    path, target = tmp_path / "signed.txt", tmp_path / "fit.svg"
    path.write_text("-1\n-1\n3\n3\n", encoding="utf-8")
    assert streamkl(str(path), "--models", "poisson", "--picture", str(target))[0] == 0
    assert target.read_text(encoding="utf-8").count("<rect") == 3


def test_the_kinds_of_the_command_line_are_those_of_the_function() -> None:
    assert tuple(samples.Kind) == KINDS
    assert samples.Kind.AUTO == KIND


def test_a_file_that_is_not_there() -> None:
    assert streamkl("no-such.csv") == (2, "", "error: no-such.csv: no such file\n")
