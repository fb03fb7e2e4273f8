"""All benchmarks in turn: what passed is not run again, what fails is told, what lacks data is left out."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import everything, kept
from benchmarks.everything import STEPS, Step, run
from benchmarks.report import ROOT


def test_every_step_is_a_benchmark_and_every_benchmark_a_step() -> None:
    commands = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "typer.run(main)" in path.read_text("utf-8")}
    parts = {"ablation", "drawn"}  # of detection and of folds
    assert {step.module for step in STEPS} == commands - {"everything"} - parts


def test_what_passed_is_not_run_again_and_what_failed_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    passing, failing = Step("confidence", "--help"), Step("confidence", "--no-such-option")
    assert [run(step, [step.options], again=False)["outcome"] for step in (passing, failing)] == ["done", "failed (2)"]
    assert [run(step, [step.options], again=False)["outcome"] for step in (passing, failing)] == ["done before", "failed (2)"]
    assert run(passing, [passing.options], again=True)["outcome"] == "done"


def test_a_step_without_its_data_is_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    monkeypatch.setattr(everything, "STEPS", (Step("quiet_data", "", "--help", ("data",)), Step("drift")))
    app = everything.typer.Typer()
    app.command()(everything.main)
    left_out = CliRunner().invoke(app, ["--quick"])
    assert (left_out.exit_code, "left out: needs --data DIR" in left_out.output, "drift" in left_out.output) == (0, True, False)
    given = CliRunner().invoke(app, ["--quick", "--data", str(tmp_path)])
    assert given.exit_code == 0, given.output
