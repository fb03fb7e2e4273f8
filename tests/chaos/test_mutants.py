"""Defects that were planted on purpose are found, each by the harm it does: a harness that sees nothing would pass as well."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.grounds import GROUNDS
from tests.chaos.life import hunt
from tests.chaos.mutants import MUTANTS
from tests.chaos.scene import Ground
from tests.conftest import RunningBroker

pytestmark = [pytest.mark.broker, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def three() -> Iterator[Ground]:
    """A cluster, started by the first test that needs it."""
    with GROUNDS["three"]() as opened:
        yield opened


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_service_that_breaks_the_promise_is_caught(request: pytest.FixtureRequest, tmp_path: Path, mutant: str) -> None:
    if FAULTS[MUTANTS[mutant].fault].ground == "three":
        ground = request.getfixturevalue("three")
    else:
        shared: RunningBroker = request.getfixturevalue("broker")
        ground = Ground(shared.bootstrap)
    assert hunt(ground, tmp_path, mutant, seed=7, lives=12)
