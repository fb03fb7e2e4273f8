"""What the benchmark of floods counts, on a flood small enough to check."""

import pytest

from benchmarks.many_names import SCENES, batches, measure


@pytest.mark.parametrize(("scene", "shed"), list(zip(SCENES, [3_000, 1_000, 0, 0, 3_000], strict=True)))
def test_a_full_table_stays_as_it_is_and_every_name_beyond_it_is_counted(scene: str, shed: int) -> None:
    row = measure(scene, series=2_000, names=3_000)  # 50 MB: of less the process may hold enough from before
    assert (row["series"], row["points shed"]) == (2_000, shed)
    assert float(row["MB at most"] or 0) > 0


def test_every_name_of_a_flood_is_another_one_and_within_the_limit() -> None:
    for known, flood in SCENES.values():
        names = {message.value.split(b'"')[3] for batch in batches(flood, 25_000, 0) for message in batch if message.value}
        assert len(names) == 25_000
        assert max(map(len, names)) <= 512
        assert not known or not any(name.startswith(known.encode()) for name in names)
