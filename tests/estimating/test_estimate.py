"""`streamkl estimate`: the bytes of arrays that are really allocated, by part and in all, and how it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from streamkl.adapters.tables import Tables
from streamkl.cli import app
from streamkl.config import Config
from streamkl.core.bank import Bank
from streamkl.core.layout import allocate, empty_pool, grow, parts
from streamkl.estimating.command import SAVED_BYTES
from streamkl.estimating.sizes import sizes
from streamkl.library.settings import settings_of

DOCS = Path(__file__).parents[2] / "docs"
DETECTORS = [
    {},
    {"point_share": 0.0, "bins": 64},
    {"windows": ["5m", "16 points"]},
    {"windows": ["256 points"], "reference": {"kind": "trailing", "size": 1_000}},
    {"reference": {"kind": "decayed", "gap": 300}},
    {"reference": {"kind": "seasonal", "season": "hour_of_week"}},
]


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["estimate", *arguments], prog_name="streamkl")
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("detector", DETECTORS, ids=str)
def test_the_estimate_is_what_an_allocation_takes(detector: dict[str, object]) -> None:
    config = Config.model_validate({"detector": detector})
    for size in sizes(config):
        settings = replace(settings_of(config.detector), categorical=size.kind == "categorical")
        pool = list(empty_pool(settings.reference.size))
        grow(pool, 7)
        assert size.learned_bytes * 7 == sum(each.nbytes for each in parts(allocate(settings, 7), settings))
        assert size.buffer_bytes * 7 == sum(each.nbytes for each in pool)
        assert sum(size.parts.values()) == size.learned_bytes


@pytest.mark.parametrize("share", [0.75, 0.0])
def test_the_first_verdict_comes_at_that_point(share: float) -> None:
    config = Config.model_validate({"detector": {"point_share": share}})
    for size in sizes(config):
        bank = Bank(replace(settings_of(config.detector), categorical=size.kind == "categorical"), Tables(), 2)
        at, row = np.arange(600), bank.birth()
        values = np.floor(3 * np.abs(np.random.default_rng(1).normal(size=600)))
        verdicts = bank.run(np.full(600, row), at * 10_000_000, values, at)
        assert np.flatnonzero(verdicts.fate == 1)[0] + 1 == size.first_verdict_points


def test_what_it_says_of_all_series_and_of_saved_states() -> None:
    code, out, _ = run("--series", "1000", "--points-per-second", "100", "--json")
    found = json.loads(out)
    first = found["monitors"][0]
    assert code == 0
    assert first["all_learned_bytes"] == 1_000 * first["learned_bytes"]
    assert first["first_verdict_seconds"] == 1_010  # 101 points, one every 10 s
    rows = json.loads((DOCS / "benchmarks" / "packed_state.json").read_text())["rows"]
    measured = [row["bytes"] for row in rows if "points come" in row]
    assert (round(min(measured)), round(max(measured))) == SAVED_BYTES


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        ([], "--series"),
        (["--series", "0"], "--series"),
        (["--series", "5", "--points-per-second", "0"], "at least 1e-06"),
        (["--series", "5", "--points-per-second", "nan"], "at least 1e-06"),
        (["--series", "5", "--points-per-second", "1e-320"], "at least 1e-06"),
        (["none.toml", "--series", "5"], "none.toml"),
    ],
)
def test_a_wrong_call_is_refused_with_the_fix(arguments: list[str], fix: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert fix in err
