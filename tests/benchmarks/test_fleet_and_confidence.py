"""What the two benchmarks of budgets in all and of confidence count, on runs small enough to check."""

import numpy as np
import pytest

from benchmarks.confidence import looks, tabulate
from benchmarks.fleet import interval, measure


def test_alarms_of_a_fleet_are_those_of_the_days_that_count() -> None:
    row = measure(3, "300 per day in all", a_day=300.0, days=2, settled=1, seed=0)
    all_days = measure(3, "300 per day in all", a_day=300.0, days=2, settled=0, seed=0)
    assert (row["promised"], all_days["promised"]) == (300.0, 600.0)
    assert 0 < float(row["alarms"] or 0) < float(all_days["alarms"] or 0)
    assert row["alarm ratio"] == float(row["alarms"] or 0) / 300.0
    assert float(row["from"] or 0) <= float(row["alarm ratio"] or 0) <= float(row["to"] or 0)


def test_an_interval_over_equal_series_is_a_point() -> None:
    assert interval(np.array([3, 3, 3, 3]), 6.0) == (2.0, 2.0)


def test_every_window_ends_where_it_is_compared_with() -> None:
    found = looks("ar_0.9", 20_000, seed=1)
    assert [distance for _, distance in found[-3:]] == [0.0, 0.0, 0.0]
    assert all(0.0 <= sure <= 1.0 for sure, _ in found)
    assert max(abs(distance) for _, distance in found) > 0.01


def test_looks_are_told_apart_by_their_confidence() -> None:
    rows = list(tabulate({0: [0.0, 0.0], 4: [float(np.log(2.0))]}))
    assert [row["confidence"] for row in rows] == ["0 to 0.25", "1"]
    assert [row["looks"] for row in rows] == [2, 1]
    assert (rows[0]["50 %"], rows[1]["95 %"]) == (1.0, pytest.approx(2.0))
