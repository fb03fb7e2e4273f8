"""Several instances in one group: partitions move between them with their state, in good order or by force."""

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.oracle import compare
from tests.chaos.place import ExactlyOncePlace, exactly_once
from tests.chaos.writer import Writer
from tests.conftest import RunningBroker

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]


@pytest.fixture
def place(broker: RunningBroker, tmp_path: Path) -> Iterator[ExactlyOncePlace]:
    opened = exactly_once(broker.bootstrap, tmp_path, partitions=2)
    opened.options["kafka.session_timeout_seconds"] = "1.5"
    opened.create("metrics")
    yield opened
    opened.close()


def join(place: ExactlyOncePlace, name: str) -> None:
    place.options["kafka.group_instance_id"] = f'"{name}"'
    place.start()


def test_an_instance_that_joins_and_one_that_is_killed_change_nothing(place: ExactlyOncePlace) -> None:
    writer = Writer(place, random.Random("takeover"))  # noqa: S311 - no secret
    writer.write(700)
    join(place, "one")
    place.wait_until_read()
    join(place, "two")
    for _ in range(5):
        writer.write(20)
    place.wait_for_line("(saved state)")
    writer.write(60)
    place.processes[0].kill()
    place.processes[0].wait(60)
    writer.write(60)
    place.wait_until_read(1)
    writer.write(60)
    join(place, "three")
    writer.write(60)
    place.wait_for_line("(saved state)")
    place.processes[1].send_signal(signal.SIGTERM)
    assert place.processes[1].wait(60) == 0
    writer.write(60)
    place.wait_until_read(2)
    assert place.stop() == 0
    writer.close()
    outcome = compare(place)
    assert outcome.results > 10
    assert (outcome.lost, outcome.twice, outcome.different) == ([], [], [])


def test_a_second_process_of_the_same_name_takes_over_and_the_first_one_ends(place: ExactlyOncePlace) -> None:
    writer = Writer(place, random.Random("zombie"))  # noqa: S311 - no secret
    writer.write(700)
    join(place, "one")
    place.wait_until_read()
    join(place, "one")
    place.wait_for_line("continues with offset")
    writer.write(60)
    assert place.processes[0].wait(60) == 1
    assert "another process runs with our group_instance_id" in place.log(0)
    place.wait_until_read()
    assert place.stop() == 0
    writer.close()
    outcome = compare(place)
    assert (outcome.lost, outcome.twice, outcome.different) == ([], [], [])
