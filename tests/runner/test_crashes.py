"""Whatever strikes between any two steps: nothing is lost, and what is repeated is equal."""

import random

import pytest

from streamkl.errors import FencedError, SinkError
from tests.runner.conftest import Start
from tests.runner.world import P0, P1, STAGES, Crash, World, numbers, sink_error


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("commit", range(1, 9))
def test_a_crash_between_any_two_steps_loses_nothing_and_repeats_only_equal_results(
    world: World, start: Start, commit: int, stage: str
) -> None:
    world.write(P0, numbers(60))
    world.write(P1, numbers(30, seed=5))
    world.faults[commit, stage] = Crash()
    with pytest.raises(Crash):
        start(commit_seconds=0.15, snapshot_seconds=0.5).run_until_idle()
    start(commit_seconds=0.15, snapshot_seconds=0.5).run_until_idle()
    world.assert_nothing_lost_or_changed()


@pytest.mark.parametrize("seed", range(30))
def test_any_mix_of_faults_loses_nothing_and_repeats_only_equal_results(world: World, start: Start, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret
    world.write(P0, numbers(200, seed=seed))
    world.write(P1, numbers(200, seed=-seed))
    for commit in range(1, 60):
        if dice.random() < 0.4:
            world.faults[commit, dice.choice(STAGES)] = dice.choice([Crash(), sink_error(), FencedError("moved on")])

    def maybe_rebalance() -> None:
        if dice.random() < 0.1:
            world.assign(*dice.choice([[], [P0], [P1], [P0, P1]]))

    def end() -> None:
        if set(world.assignment.partitions) == {P0, P1}:
            life.runner.stop()
        else:
            world.assign(P0, P1)

    for _ in range(100):
        life = start(commit_seconds=dice.choice([0.05, 0.3]), snapshot_seconds=dice.choice([0.1, 2.0]), most=dice.choice([1, 4, 50]))
        life.source.on_poll = maybe_rebalance
        life.source.on_idle = end
        try:
            life.runner.run()
        except (Crash, SinkError):  # SinkError: in the last commit
            continue
        if world.committed == {P0: 200, P1: 200}:
            break
    assert world.committed == {P0: 200, P1: 200}
    world.assert_nothing_lost_or_changed()
