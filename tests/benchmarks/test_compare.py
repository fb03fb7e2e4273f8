"""The benchmark of comparisons in small: what drifts is found, what does not is not, and every contender is asked."""

import numpy as np
import pytest

from benchmarks import compare_frames, compare_nulls
from benchmarks.compare_frames import CONTENDERS, DRIFTING, FEATURES, frames
from benchmarks.compare_nulls import KINDS, Cell


def test_both_frames_have_all_features_and_are_made_anew_alike() -> None:
    (reference, current), again = frames(2_000), frames(2_000)
    assert reference.shape == current.shape == (1_000, FEATURES)
    assert set(DRIFTING) <= set(reference.columns)
    assert reference.equals(again[0])


def test_contenders_find_what_moved_far() -> None:
    reference, current = frames(4_000)
    current["n00"] += 20
    for name, find in CONTENDERS.items():
        if name in compare_frames.contenders() and not name.startswith("evidently"):
            assert "n00" in find(reference, current), name


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_of_quiet_pairs_is_counted(kind: str) -> None:
    rates = compare_nulls.measure(Cell(kind, 60, 90, 4))
    assert 0 <= rates.ours <= 0.5


def test_power_counts_both_tests() -> None:
    found = compare_nulls.power("mean up", 50, 6)
    assert 0 <= found.ours <= 1
    assert 0 <= found.kolmogorov_smirnov <= 1
    assert np.isclose(found.ours * 6, round(found.ours * 6))
