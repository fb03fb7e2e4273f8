"""The benchmark of drift detectors: what changes, what is detected, how it is told."""

import numpy as np
import pytest

from benchmarks import drift
from benchmarks.drift import AFTER, LEAD, SLOWLY, Watched, changed, detections


def test_the_spread_grows_to_twice_what_it_was() -> None:
    slowly = changed(np.ones(1_500), SLOWLY)
    assert slowly[[0, 499, 999, 1_499]].tolist() == [1.001, 1.5, 2.0, 2.0]


def test_detections_are_rows_and_begin_with_the_change() -> None:
    for name in ("KLDrift", "ADWIN"):
        found = detections(Watched(name, "normal", "mean + 2 σ", 0))
        assert LEAD <= found[0] < LEAD + 60
        assert found == sorted(found)


def test_tables_count_alarms_and_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "DETECTORS", {"this": None})
    monkeypatch.setattr(drift, "STATIONARY", ("normal",))
    monkeypatch.setattr(drift, "CHANGED", ("mean + 1 σ",))
    rows = [[LEAD - 1, LEAD + 9], [LEAD + 19], []]
    found = {Watched("this", "normal", change, seed): rows[seed] for change in ("", "mean + 1 σ") for seed in range(3)}
    assert list(drift._quiet(found, 3)) == [{"series": "normal", "this": 1.0}]
    assert list(drift._delays(found, "normal", 3)) == [{"change": "mean + 1 σ", "this": "20 (2/3)"}]
    found[Watched("this", "normal", "mean + 1 σ", 0)] = [LEAD - 1]
    assert list(drift._delays(found, "normal", 3)) == [{"change": "mean + 1 σ", "this": "- (1/3)"}]
    assert AFTER == 2_000
