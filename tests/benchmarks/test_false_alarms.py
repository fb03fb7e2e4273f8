"""The alarm ratio and its interval, from tallies whose answer is known."""

import json
from pathlib import Path

import pytest

from benchmarks import rivals
from benchmarks.false_alarms import Job, Tally, interval, measure, row, tabulate
from benchmarks.report import Report, grid, write
from streamkl.config.detector import DetectorConfig


def job(process: str, seed: int, detector: str = "streamkl") -> Job:
    return Job(detector, process, "1 per 1000 points", 10_000, seed, None)


def test_the_ratio_is_all_alarms_over_all_promised_ones() -> None:
    line = row(job("normal", 0), [Tally(9_500, 9.5, 12, 19), Tally(9_500, 9.5, 7, 0)], 1_000)
    assert line["alarm ratio"] == 1.0
    assert (line["alarms"], line["promised"], line["points judged"]) == (19, 19.0, 19_000)
    assert line["% above threshold"] == pytest.approx(0.1)


def test_a_detector_without_a_budget_is_held_against_the_run_length() -> None:
    line = row(job("normal", 0, "river ADWIN"), [Tally(2_000, 0.0, 6, None)], 1_000)
    assert line["alarm ratio"] == 3.0
    assert line["% above threshold"] is None


def test_the_interval_spans_what_the_series_differ_by() -> None:
    assert interval([10] * 10, [10.0] * 10) == (1.0, 1.0)
    low, high = interval([0, 20] * 5, [10.0] * 10)
    # Half of ten draws come up "20": the 2.5 % and 97.5 % points of Binomial(10, 1/2) are 2 and 8.
    assert (low, high) == pytest.approx((0.4, 1.6), abs=0.01)


def test_silence_still_leaves_room_for_a_rate() -> None:
    # Poisson: with 3.689 alarms expected none is seen with probability exp(-3.689) = 2.5 %.
    assert interval([0, 0], [5.0, 5.0]) == pytest.approx((0.0, 0.3689))


def test_rows_come_in_the_order_of_the_jobs() -> None:
    done = {job(name, seed): Tally(10, 1.0, 1, 0) for name in ("poisson_3", "normal") for seed in (0, 1)}
    assert [line["process"] for line in tabulate(done, 1_000)] == ["poisson_3", "normal"]


def test_a_constant_is_judged_after_learning_and_never_alarms() -> None:
    learned, n = DetectorConfig().reference.size, 2_000
    judged = n - learned
    assert measure(Job("streamkl", "constant", "1 per 1000 points", n, 0, None)) == Tally(judged, judged / 1_000, 0, 0)
    assert measure(Job("streamkl", "constant", "1 per series per hour", n, 0, 60)) == Tally(judged, judged / 60, 0, 0)


def test_a_tally_is_a_function_of_its_job() -> None:
    one = Job("streamkl", "ar_0.9", "1 per 100 points", 5_000, 1, None)
    assert measure(one) == measure(one)
    assert measure(one).alarms > 0


@pytest.mark.parametrize("name", rivals.RIVALS)
def test_rivals_are_silent_on_a_constant_and_repeat_themselves(name: str) -> None:
    assert rivals.alarms(name, "constant", 1_000, seed=0) == 0
    assert rivals.alarms(name, "ar_0.99", 1_000, seed=0) == rivals.alarms(name, "ar_0.99", 1_000, seed=0) > 0


def test_a_report_is_written_for_people_and_for_programs(tmp_path: Path) -> None:
    report = Report("speed", "Speed", "python -m benchmarks.speed", ["Measured once."], [{"what": "a|b", "points/s": 1234567.8}])
    write(report, tmp_path)
    assert json.loads((tmp_path / "speed.json").read_text())["rows"] == [{"what": "a|b", "points/s": 1234567.8}]
    page = (tmp_path / "speed.md").read_text().splitlines()
    assert page[0] == "# Speed"
    assert page[2:5] == ["| what | points/s |", "|---|---:|", "| a\\|b | 1,234,568 |"]
    assert "- Measured once." in page


def test_a_few_rows_of_many_columns_stand_upright() -> None:
    assert grid([{"a": 1, "b": 2.5, "c": None, "d": "x"}]) == [["a", "1"], ["b", "2.5"], ["c", "-"], ["d", "x"]]
    assert grid([{"a": 1}, {"a": 2}]) == [["a"], ["1"], ["2"]]
