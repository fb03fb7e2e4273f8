"""What the benchmark of saved states counts, on a few series."""

import pytest

from benchmarks.packed_state import CASES, Case, fill, parts, whole


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_whole_and_its_parts_are_those_of_the_state(case: Case) -> None:
    engine = fill(series=6, points=620, seed=1, case=case)
    assert (engine.stats().series, engine.stats().learning, engine.stats().points) == (6, 0, 6 * 620)
    assert whole(engine, case)["bytes"] == len(engine.snapshot()) / 6
    found = list(parts(engine))
    sizes = [float(part["packed, bytes"] or 0) for part in found]
    assert sizes == sorted(sizes, reverse=True)
    assert ({"time_step", "position_step", "recent", "past"} <= {part["array"] for part in found}) is (case is CASES[-1])
