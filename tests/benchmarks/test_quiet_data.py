"""Real data's false alarms: which rows count, and that both kinds of set are read alike."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.labelled import Labelled, load
from benchmarks.quiet_data import Quiet, followed, measure, report, summary
from streamkl.config.detector import DetectorConfig

CONFIG = DetectorConfig()


def quiet(name: str, weeks: float, alarms: int) -> Quiet:
    return Quiet("set", name, 10_000, weeks, weeks, alarms, 0)


def test_rows_after_a_label_belong_to_it() -> None:
    marked = np.array([True, False, False, False, True, False])
    assert followed(marked, 0).tolist() == marked.tolist()
    assert followed(marked, 1).tolist() == [True, True, False, False, True, True]
    assert followed(np.zeros(3, bool), 5).tolist() == [False, False, False]


def test_both_kinds_of_set_are_read_with_their_labels(tmp_path: Path) -> None:
    (tmp_path / "beside" / "web").mkdir(parents=True)
    (tmp_path / "beside" / "labels.json").write_text(json.dumps({"web/load.csv": [["2023-11-14 22:14:20", "2023-11-14 22:15:20"]]}))
    lines = [f"2023-11-14 22:{13 + minute}:20,{minute}.5" for minute in range(4)]
    (tmp_path / "beside" / "web" / "load.csv").write_text("\n".join(["timestamp,value", *lines]) + "\n")
    (tmp_path / "within").mkdir()
    np.savez(tmp_path / "within" / "a.npz", t=np.array([60, 120, 180]), v=np.array([1.0, np.nan, 3.0]), y=np.array([0, 1, 0]))
    rows = [{"series": "a", "file": "a.npz", "interval_s": 60}, {"series": "b", "file": "none.npz", "interval_s": None}]
    (tmp_path / "within" / "manifest.json").write_text(json.dumps({"series": rows}))
    first, second = load(tmp_path)
    assert (first.set, first.name, first.seconds[0]) == ("beside", "web/load.csv", 1_700_000_000)
    assert first.values.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert first.anomalous.tolist() == [False, True, True, False]
    assert (second.set, second.name, second.anomalous.tolist()) == ("within", "a", [False, True, False])


def test_an_alarm_counts_unless_it_is_labelled() -> None:
    values = np.random.default_rng(5).normal(size=3_000)
    values[2_000:2_300] += 4.0
    seconds = 1_700_000_000 + 600 * np.arange(3_000)
    known = np.zeros(3_000, bool)
    known[2_000:2_300] = True
    unlabelled, labelled = (measure(Labelled("s", "a", seconds, values, y), CONFIG) for y in (np.zeros(3_000, bool), known))
    assert unlabelled.alarms > labelled.alarms
    # 2,900 points judged (from the 101st on), ten minutes apart.
    # The label and the five rows after it do not count.
    assert unlabelled.weeks == pytest.approx(2_900 / 1_008)
    assert labelled.weeks == pytest.approx((2_900 - 305) / 1_008)
    assert labelled.promised == pytest.approx(labelled.weeks)


def test_a_set_is_pooled_over_its_weeks_and_its_median_is_of_series() -> None:
    row = summary("s", [quiet("a", 9.0, 3), quiet("b", 1.0, 2), quiet("c", 10.0, 0), quiet("short", 0.0, 0)])
    assert (row["series"], row["judged"], row["alarms"], row["weeks"]) == (4, 3, 5, 20.0)
    assert row["alarms per series-week"] == row["alarm ratio"] == 0.25
    assert row["median series"] == pytest.approx(1 / 3)


def test_the_worst_set_and_series_are_named() -> None:
    made = report([quiet("calm", 10.0, 1), quiet("loud", 10.0, 9), quiet("too short to tell", 0.1, 1)], CONFIG)
    assert made.notes[0] == "Alarms per series-week: median set 0.55, worst set 0.55 (set)."
    assert [row["series"] for row in made.sections[1].rows] == ["loud", "calm"]
    assert len(made.rows) == 3


def test_a_set_in_which_nothing_is_long_enough_has_no_rate() -> None:
    row = summary("s", [quiet("short", 0.0, 0)])
    assert row["alarms per series-week"] is None
    assert list(row) == list(summary("s", [quiet("a", 1.0, 0)]))
