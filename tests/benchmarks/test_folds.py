"""Nested folds: related series stay together, no series has a say in the setting that judges it, the shipped one is among those drawn."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from benchmarks import alone, folds, kept
from benchmarks.drawn import CONSTANTS, EPISODES, OPTIONS, PATIENCE, config, constants, patient
from benchmarks.nested import Counts, cut, nested
from streamkl.config.detector import DetectorConfig

ROWS, FOUND, MISSED = 2_000, 1_500, 1_700
EVALUATE = """
import csv, json, os
import numpy as np
SLACK = 5

def sets_of(data):
    return sorted(os.listdir(data))

def series_of(data, name):
    folder = os.path.join(data, name)
    if os.path.exists(os.path.join(folder, "labels.json")):
        with open(os.path.join(folder, "labels.json")) as file:
            labels = json.load(file)
        return [dict(kind="nab", series=one, path=os.path.join(folder, one), limits=labels[one]) for one in sorted(labels)]
    with open(os.path.join(folder, "manifest.json")) as file:
        rows = json.load(file)["series"]
    return [dict(kind="window", series=r["series"], path=os.path.join(folder, r["file"]), start=200, interval=60) for r in rows]

def read(row, nan):
    if row["kind"] == "nab":
        with open(row["path"]) as file:
            lines = list(csv.DictReader(file))
        times = np.array([line["timestamp"] for line in lines], "datetime64[us]")
        return np.array([float(line["value"]) for line in lines]), times.astype("datetime64[s]").astype(np.int64), None, times
    with np.load(row["path"]) as one:
        return one["v"], one["t"], one["y"], None
"""
# Of events only what the benchmark reads: a label is found where any of its rows is at the limit; false alarms are not counted.
METRICS = """
import numpy as np

def event_scores(series, threshold, slack):
    ((score, y, interval, cooldown),) = series
    assert (interval, cooldown, slack) == (60, 60, 5)
    starts = np.flatnonzero(np.diff(y.astype(int), prepend=0) == 1)
    found = sum(bool((score[at : at + 10] >= threshold).any()) for at in starts)
    return {"found": found, "false": 0, "missed": len(starts) - found}
"""
NAB = """
import numpy as np
PROFILES = {"standard": (0.11, 1.0)}

class FileScore:
    def __init__(self, name, times, scores, limits):
        self.n_windows = len(limits)
        self.hits = sum(bool(((times >= np.datetime64(a)) & (times <= np.datetime64(b)) & (scores >= 1)).any()) for a, b in limits)

def summarise(files, threshold, false_alarm, miss):
    (file,) = files
    return {"raw": file.hits - miss * (file.n_windows - file.hits)}
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Tools, and two sets of the two kinds; in each of their series one of two labels lies on a peak."""
    tools, data = tmp_path_factory.mktemp("tools"), tmp_path_factory.mktemp("data")
    for name, text in (("evaluate", EVALUATE), ("metrics", METRICS), ("nab", NAB)):
        (tools / f"{name}.py").write_text(text)
    values = np.random.default_rng(5).normal(size=ROWS)
    values[FOUND] += 40.0
    marked = np.zeros(ROWS, np.uint8)
    marked[FOUND : FOUND + 3] = marked[MISSED : MISSED + 5] = 1
    (data / "within").mkdir()
    np.savez(data / "within" / "a.npz", t=1_700_000_000 + 60 * np.arange(ROWS), v=values, y=marked)
    manifest = {"series": [{"series": name, "file": "a.npz", "n": ROWS, "interval_s": 60} for name in ("one", "two", "other")]}
    (data / "within" / "manifest.json").write_text(json.dumps(manifest))
    (data / "beside" / "b").mkdir(parents=True)
    times = np.datetime64("2024-01-01T00:00:00") + 60 * np.arange(ROWS)
    limits = [[str(times[at]), str(times[at + 5])] for at in (FOUND, MISSED)]
    (data / "beside" / "labels.json").write_text(json.dumps({"b/c.csv": limits}))
    lines = [f"{time},{value}" for time, value in zip(times, values, strict=True)]
    (data / "beside" / "b" / "c.csv").write_text("\n".join(["timestamp,value", *lines]))
    return tools, data


def test_the_first_draw_is_the_shipped_setting_and_lies_in_every_range() -> None:
    assert config(0, 0) == config(3, 0) == DetectorConfig()
    assert constants(0) == {}
    assert constants(3) != constants(4)
    assert config(3, 1) == config(3, 1) != config(3, 2) != config(4, 2)
    for name, values in CONSTANTS.items():
        module, _, constant = f"streamkl.{name}".rpartition(".")
        assert getattr(import_module(module), constant) in values
    shipped = DetectorConfig()
    assert all(getattr(shipped, name) in values for name, values in OPTIONS.items())
    assert all(getattr(shipped.episodes, name) in values for name, values in EPISODES.items())


def test_patience_is_a_promise_of_fewer_alarms() -> None:
    assert patient(DetectorConfig(), 1.0) == DetectorConfig()
    longer = patient(DetectorConfig(), 2.0)
    assert longer.false_alarms.run_length_points(60.0) == pytest.approx(2 * 7 * 24 * 60)
    assert longer.false_alarms_without_clock.run_length_points() == 20_000
    assert longer.least_run_length == 2_000


def test_groups_are_never_cut_and_folds_are_about_equal() -> None:
    groups = np.array([0, 0, 0, 1, 2, 2, 3, 4, 5, 5])
    for seed in range(20):
        fold = cut(groups, 3, np.random.default_rng(seed))
        assert all(len(set(fold[groups == group])) == 1 for group in range(6))
        assert np.bincount(fold, minlength=3).min() >= 2
    assert len({tuple(cut(groups, 3, np.random.default_rng(seed))) for seed in range(20)}) > 5


def test_a_series_has_no_say_in_the_setting_that_judges_it() -> None:
    """Of two series each is found by another setting alone, and a third finds a tenth of both: of the one left out nothing is found."""
    parts = np.array([[1.0, 0.0], [0.0, 1.0], [0.1, 0.1]])[:, :, None]
    counts = Counts(parts, np.ones_like(parts), np.array([0, 1]), 0)
    split = nested({"set": counts}, np.ones(3, bool), 2, np.random.default_rng(0), True)
    assert split.figures == {"set": 0.0}
    assert set(split.chosen) == {0, 1}
    split = nested({"set": counts}, np.array([False, False, True]), 2, np.random.default_rng(0), True)
    assert split.figures == {"set": pytest.approx(0.1)}
    assert split.chosen == [2, 2]


def test_a_robust_choice_is_by_all_promises_and_judged_by_the_shipped_one() -> None:
    """Setting 0 is best at the shipped promise and nothing beside it; setting 1 is nearly as good at all three."""
    parts = np.repeat(np.array([[0.0, 1.0, 0.0], [0.8, 0.9, 0.8]])[:, None, :], 4, axis=1)
    counts = Counts(parts, np.ones_like(parts), np.arange(4), 1)
    robust, alone_ = (nested({"set": counts}, np.ones(2, bool), 2, np.random.default_rng(0), how) for how in (True, False))
    assert (robust.figures["set"], alone_.figures["set"]) == (pytest.approx(0.9), pytest.approx(1.0))


def test_drawn_settings_are_measured_in_their_own_process_and_chosen_among(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    monkeypatch.setattr(folds, "FOLDS", 2)
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # of those processes: to compile would take longer than a few points do
    tools, data = folders
    found = folds.measured(1, 2, tools, data, 1, 500)
    assert len(found) == 2
    assert found[0]["found"]["within"]["one"] == [[2.0, 3.0]] * len(PATIENCE)  # one of two labels: 2 · 1 / (2 · 1 + 1)
    assert found[0]["found"]["beside"]["b/c.csv"] == [[2.0, 4.0]] * len(PATIENCE)  # a hit is worth 1, and a miss costs 1
    with pytest.raises(ValueError, match="none of 2 settings keeps the promise"):
        folds.report([each | {"quiet": {"normal": 9.0}} for each in found], data)
    made = folds.report([each | {"quiet": {"normal": 1.0}} for each in found], data)
    assert [row["within"] for row in made.rows] == [pytest.approx(2 / 3, abs=1e-3)] * 9
    assert "within: 3 groups of 3 series" not in made.notes[1]  # all three have the same labels
    monkeypatch.setattr(alone, "alone", None)
    assert folds.measured(1, 2, tools, data, 1, 500) == found  # kept
