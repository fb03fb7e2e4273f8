"""The alarm ratio, its interval and its verdict, from tallies whose answer is known; and what is kept of them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import alarm_tables, cells, kept, rivals
from benchmarks.cells import EARLY, Cell, Tally, tally
from benchmarks.kept import Kept
from benchmarks.report import Report, Section, grid, write
from benchmarks.tasks import run
from benchmarks.verdicts import Limits, Ratio, pooled
from benchmarks.zoo import EVERY

NORMAL = Cell("normal", 500, 1_000)


def test_the_ratio_is_all_alarms_over_all_promised_ones() -> None:
    found = alarm_tables.ratio(NORMAL, [Tally(9_500, 12, 1_000, 3, 19, 9.0), Tally(9_500, 7, 1_000, 1, 0, 3.0)])
    assert (found.alarms, found.promised, found.value) == (19, 19.0, 1.0)


def test_the_first_windows_are_counted_apart() -> None:
    found = alarm_tables.ratio(NORMAL, [Tally(9_500, 12, 1_000, 3, 19, 9.0), Tally(9_500, 7, 1_000, 1, 0, 3.0)], early=True)
    assert (found.alarms, found.promised, found.value) == (4, 2.0, 2.0)


def test_the_interval_spans_what_the_series_differ_by() -> None:
    same = pooled([10] * 10, [10.0] * 10)
    assert (same.low, same.high) == (1.0, 1.0)
    # Half of ten draws come up "20": the 5 % and 95 % points of Binomial(10, 1/2) are 2 and 8.
    apart = pooled([0, 20] * 5, [10.0] * 10)
    assert (apart.low, apart.high) == pytest.approx((0.4, 1.6), abs=0.01)


def test_silence_still_leaves_room_for_a_rate() -> None:
    # Poisson: with 2.996 alarms expected none is seen with probability exp(-2.996) = 5 %.
    found = pooled([0, 0], [5.0, 5.0])
    assert (found.value, found.low, found.high) == pytest.approx((0.0, 0.0, 0.2996))


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (Ratio(100, 100.0, 0.8, 1.2), "holds"),
        (Ratio(140, 100.0, 1.2, 1.6), "holds?"),
        (Ratio(160, 100.0, 1.4, 1.8), "fails?"),
        (Ratio(200, 100.0, 1.8, 2.2), "fails"),
        (Ratio(40, 100.0, 0.3, 0.49), "fails"),
        (Ratio(40, 100.0, 0.3, 0.51), "fails?"),
    ],
)
def test_a_verdict_says_whether_more_points_could_turn_it(ratio: Ratio, verdict: str) -> None:
    assert Limits(0.5, 1.5).verdict(ratio) == verdict


def test_a_single_alarm_on_a_constant_is_too_many() -> None:
    assert Limits(0.0, 0.0).verdict(pooled([0, 0], [5.0, 5.0])) == "holds"
    assert Limits(0.0, 0.0).verdict(pooled([0, 1], [5.0, 5.0])) == "fails"


def test_the_promise_is_required_where_enough_was_learned() -> None:
    assert Cell("normal", 500, 10_000).required
    assert not Cell("normal", 500, 100_000).required
    assert not Cell("daily_sine", 500, 168).required  # two days are 576 points
    assert Cell("daily_sine", 2_000, 168).required
    assert Cell("weekdays", 10_000, 100_000).required


def test_only_independent_continuous_series_may_not_be_too_quiet() -> None:
    assert {name for name in EVERY if Cell(name, 500, 168).limits.floor > 0} == {
        "normal", "uniform", "exponential", "lognormal", "student_t3", "response_time",
    }  # fmt: skip
    assert Cell("constant", 500, 168).limits == Limits(0.0, 0.0)


@pytest.mark.parametrize(("run_length", "alarms"), [(168, 100), (1_000, 100), (10_000, 100), (100_000, 10), (604_800, 10)])
def test_a_cell_has_enough_points(run_length: int, alarms: int) -> None:
    cell = Cell("normal", 500, run_length)
    assert cell.series * cell.points >= alarms * run_length
    assert cell.points > EARLY


def test_a_constant_is_judged_after_learning_and_never_alarms() -> None:
    cell = Cell("constant", 500, 1_000)
    found = tally(cell, 0)
    assert (found.alarms, found.early_alarms, found.above, found.confidence) == (0, 0, 0, 0.0)
    assert found.judged == cell.points + 400  # single points from the 101st on
    assert found.early_judged == EARLY


def test_a_tally_is_a_function_of_cell_and_seed() -> None:
    cell = Cell("ar_0.9", 500, 168)
    found = tally(cell, 1)
    assert found == tally(cell, 1)
    assert 0 < found.early_alarms < found.alarms <= found.above
    assert 0 < found.confidence <= found.alarms


def test_tables_hold_every_cell_once_and_count_those_that_hold() -> None:
    good, bad = [Tally(100_000, 10, 10_000, 1, 50, 9.0)] * 20, [Tally(100_000, 40, 10_000, 4, 50, 4.0)] * 20
    done = {Cell("normal", 500, 10_000): good, Cell("garch", 500, 10_000): bad, Cell("inar", 500, 10_000): good}
    counts = {("river ADWIN", "garch"): [3] * 10}
    titles = {section.title: section.rows for section in alarm_tables.sections(done, counts)}
    assert titles["Alarm ratio"] == [
        {"process": "normal", "learned": 500, "1 per 10,000": "1.00 (1.00–1.00) ✓"},
        {"process": "garch", "learned": 500, "1 per 10,000": "4.00 (4.00–4.00) ✗"},
    ]
    assert [row["process"] for row in titles["Alarm ratio, held-out processes"]] == ["inar"]
    assert titles["Alarms per 10,000 points, beside others with their defaults"] == [
        {"process": "garch", "streamkl": 4.0, "river ADWIN": 3.0}
    ]
    by_confidence = titles["Alarm ratio by the mean confidence of a cell's events, all cells"]
    assert [(row["confidence"], row["cells"], row["alarm ratio"]) for row in by_confidence] == [
        ("0.00 to 0.25", 1, 4.0),
        ("0.75 to 1.00", 2, 1.0),
    ]
    first, second = alarm_tables.summary(done)
    assert "cells that hold 1 of 2 (1 of them" in first
    assert "cells that hold 1 of 1" in second
    assert [row["verdict"] for row in alarm_tables.rows(done)] == ["holds", "fails", "holds"]


def test_what_is_kept_comes_back_for_the_same_key_only(tmp_path: Path) -> None:
    store = Kept("cells", tmp_path)
    store.put({"cell": 1, "detector": "abc"}, [1, 2])
    assert store.get({"detector": "abc", "cell": 1}) == [1, 2]
    assert store.get({"cell": 1, "detector": "abd"}) is None
    for path in (tmp_path / "cells").iterdir():
        path.write_text("{")
    assert store.get({"cell": 1, "detector": "abc"}) is None


def test_a_cell_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    cell, asked = Cell("constant", 500, 1_000, quick=True), []
    monkeypatch.setattr(cells, "tally", lambda _, seed: asked.append(seed) or Tally(10, 0, 10, 0, 0, 0.0))
    first = cells.measure(cell)
    assert asked == list(range(cell.series))
    assert cells.measure(cell) == first
    assert len(asked) == cell.series


def test_a_cell_with_another_plan_has_another_key() -> None:
    keys = [NORMAL.key, replace(NORMAL, learned=2_000).key, replace(NORMAL, quick=True).key, replace(NORMAL, process="uniform").key]
    assert len({json.dumps(key) for key in keys}) == 4
    assert NORMAL.key == Cell("normal", 500, 1_000).key


def test_tasks_come_back_in_their_order_from_one_process_and_from_two() -> None:
    for jobs in (1, 2):
        assert list(run(abs, [-3, 1, -2], [1, 1, 1], "numbers", jobs).items()) == [(-3, 3), (1, 1), (-2, 2)]


@pytest.mark.parametrize("name", rivals.installed())
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


def test_sections_are_for_people_and_rows_for_programs(tmp_path: Path) -> None:
    sections = [Section("First", [{"a": 1}]), Section("Second", [{"b": 2.0}])]
    write(Report("two", "Two", "python -m benchmarks.two", ["Measured once."], [{"c": 3}], sections), tmp_path)
    page = (tmp_path / "two.md").read_text().splitlines()
    assert [line for line in page if line.startswith("## ")] == ["## First", "## Second"]
    assert page.index("- Measured once.") < page.index("## First")
    assert "| c |" not in page
    assert json.loads((tmp_path / "two.json").read_text())["rows"] == [{"c": 3}]


def test_a_few_rows_of_many_columns_stand_upright() -> None:
    assert grid([{"a": 1, "b": 2.5, "c": None, "d": "x"}]) == [["a", "1"], ["b", "2.5"], ["c", "-"], ["d", "x"]]
    assert grid([{"a": 1, "b": 2.5, "c": None, "d": "x"}], upright=False) == [["a", "b", "c", "d"], ["1", "2.5", "-", "x"]]
    assert grid([{"a": 1}, {"a": 2}]) == [["a"], ["1"], ["2"]]
