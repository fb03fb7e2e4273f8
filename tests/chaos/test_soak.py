"""What counts as level in a long life."""

from tests.chaos.soak import Sample, rising


def held(memory: list[float], threads: list[int], descriptors: list[int]) -> list[Sample]:
    return [Sample(float(i), i, *each) for i, each in enumerate(zip(memory, threads, descriptors, strict=True))]


def test_what_grows_while_warming_up_and_what_jumps_for_a_moment_is_level() -> None:
    samples = held([100, 130, 137, 137, 138, 180, 139, 139], [2, 4, 4, 4, 4, 9, 4, 4], [10, 20, 22, 22, 22, 18, 22, 22])

    assert rising(samples) == []


def test_what_goes_on_growing_is_named_with_its_figures() -> None:
    samples = held([100, 110, 120, 130, 140, 150, 160, 170], [4, 4, 4, 4, 4, 4, 5, 5], [20, 20, 20, 20, 20, 40, 60, 80])

    assert rising(samples) == ["memory_mb grew from 125 to 165", "threads grew from 4 to 5", "descriptors grew from 20 to 70"]
