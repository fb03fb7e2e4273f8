"""What the benchmark of saved states counts, on a few series."""

import pytest

from benchmarks.packed_state import fill, measure


def test_the_parts_are_those_of_the_state() -> None:
    engine = fill(series=6, points=620, seed=1)
    assert (engine.stats().series, engine.stats().learning, engine.stats().points) == (6, 0, 6 * 620)
    whole, *parts = measure(engine)
    assert whole["packed, bytes"] == len(engine.snapshot()) / 6
    assert float(whole["packed, bytes"] or 0) < float(whole["plain, bytes"] or 0)
    sizes = [float(part["packed, bytes"] or 0) for part in parts]
    assert sizes == sorted(sizes, reverse=True)
    assert {"time", "position", "recent", "past"} <= {part["array"] for part in parts}
    assert sum(float(part["plain, bytes"] or 0) for part in parts) == pytest.approx(float(whole["plain, bytes"] or 0), rel=0.5)
