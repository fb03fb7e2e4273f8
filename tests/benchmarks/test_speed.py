"""What the speed benchmarks feed in and how they turn commits into a speed."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets import generate, load, write_files
from benchmarks.feed import in_turns, shipped, single
from benchmarks.one_by_one import installed
from benchmarks.reading import Mark, TooShortError, speed
from benchmarks.speed import by_size, memory, with_ratio
from benchmarks.topics import Shape, records
from benchmarks.where_time_goes import history, parts
from streamkl.core.layout import row_bytes


def test_speed_is_measured_between_commits_after_the_warm_up_and_before_the_end() -> None:
    marks = [
        Mark(0.0, 10, 9.0),
        Mark(5.0, 290, 9.5),
        Mark(6.0, 400, 10.0),
        Mark(7.0, 600, 10.8),
        Mark(8.0, 800, 11.0),
        Mark(99.0, 1_000, 12.0),
    ]
    assert speed(marks, total=1_000) == (200.0, 2_500.0)


def test_too_few_commits_are_no_speed() -> None:
    with pytest.raises(TooShortError, match="only 2 commits were seen between 30% of 1,000 records and the end"):
        speed([Mark(0.0, 500, 0.0), Mark(1.0, 600, 1.0), Mark(2.0, 1_000, 2.0)], total=1_000)


def test_records_of_one_and_of_a_hundred_points_hold_the_same_points() -> None:
    singles = [(partition, json.loads(value)) for partition, value in records(Shape("t", 250, 1))]
    arrays = [(partition, point) for partition, value in records(Shape("t", 3, 100)) for point in json.loads(value)]
    assert singles == arrays[:250]
    assert len(arrays) == 300


def test_a_series_stays_on_one_partition() -> None:
    homes: dict[str, set[int]] = {}
    for partition, value in records(Shape("t", 20, 100)):
        for point in json.loads(value):
            homes.setdefault(point["series"], set()).add(partition)
    assert len(homes) == 400
    assert all(len(home) == 1 for home in homes.values())
    assert set.union(*homes.values()) == {0, 1, 2, 3}


def test_where_the_time_goes_begins_with_the_whole_and_the_history_names_every_step() -> None:
    rows = list(parts(shipped(), lambda made: [float(len(each.windows)) + each.drift + bool(each.point_share) for each in made]))
    assert [row["the part takes"] for row in rows] == [None, 1.0, 1.0, 2.0, 4.0]
    assert all(row["what"] and row["default, ns"] for row in history().rows)


def test_cases_take_turns_and_the_first_turn_does_not_count() -> None:
    taken: list[str] = []
    quick, slow = iter([90.0, 1.0, 5.0, 2.0]), iter([99.0, 30.0, 10.0, 20.0])
    found = in_turns([lambda: (taken.append("quick"), next(quick))[1], lambda: (taken.append("slow"), next(slow))[1]], 3)
    assert (found, taken) == ([2.0, 20.0], ["quick", "slow"] * 4)


def test_peers_take_points_one_by_one() -> None:
    for peer in installed():
        take = peer.make()
        for at in range(5):
            take(at, 0.5 * at)


def test_a_folder_of_both_kinds_is_read_without_its_missing_values(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "load.csv").write_text("timestamp,value\n2023-11-14 22:13:20,1.5\n2023-11-14 22:14:20,\n1700000120,2.5\n")
    np.savez(tmp_path / "disk.npz", t=np.array([1, 2, 3]), v=np.array([1.0, np.nan, 3.0]), y=np.zeros(3))
    np.savez(tmp_path / "pair.npz", t=np.array([1, 2]), v=np.array([[1.0, 10.0], [2.0, 20.0]]))
    found = {each.name: (each.seconds.tolist(), each.values.tolist()) for each in load(tmp_path)}
    assert found == {
        "disk": ([1, 3], [1.0, 3.0]),
        "pair.0": ([1, 2], [1.0, 2.0]),
        "pair.1": ([1, 2], [10.0, 20.0]),
        "web.load": ([1_700_000_000, 1_700_000_120], [1.5, 2.5]),
    }


def test_written_files_hold_every_digit_of_the_series(tmp_path: Path) -> None:
    each = generate(1, 50)[0]
    (lines,), (table,) = write_files([each], tmp_path, "jsonl"), write_files([each], tmp_path, "csv")
    points = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [(point["timestamp"], point["value"]) for point in points] == list(zip(each.seconds, each.values, strict=True))
    assert {point["series"] for point in points} == {each.name}
    again = load(tmp_path)[0]
    assert table.stem == again.name == each.name
    np.testing.assert_array_equal(again.values, each.values)
    np.testing.assert_array_equal(again.seconds, each.seconds)


def test_the_cost_by_size_starts_at_the_shortest_window_and_memory_is_what_a_row_takes() -> None:
    sizes = list(by_size(1, 1_000))
    first, second, *others = with_ratio(sizes, sizes[0], "times the first")
    assert (first["times the first"], first["window, points"], second["window, points"]) == (1.0, 100, 1_000)
    assert [row["bins"] for row in others] == [8, 256]
    assert [row["bytes a series"] for row in memory()] == [row_bytes(shipped()), row_bytes(single())]
