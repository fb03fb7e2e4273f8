"""kill -9 at random moments: no result is lost, none comes twice, none differs, and the state ends as if nothing had happened."""

from pathlib import Path

import pytest

from tests.chaos.life import Plan, live
from tests.chaos.scene import Ground
from tests.conftest import RunningBroker

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]


@pytest.mark.parametrize(("seed", "client"), [(101, "kafka-python"), (102, "kafka-python"), (103, "confluent")])
def test_a_life_with_eleven_kills_writes_what_a_life_without_any_would(
    broker: RunningBroker, tmp_path: Path, seed: int, client: str
) -> None:
    outcome = live(Ground(broker.bootstrap), tmp_path, Plan(seed, strikes=11, client=client))
    assert outcome.results > 30
    assert (outcome.lost, outcome.twice, outcome.different, outcome.ended) == ([], [], [], [])
