"""`streamkl reshard` on a real broker: what was learned goes on elsewhere, every result is there once, and it refuses in time."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
from typer.testing import CliRunner

from streamkl.adapters.kafka import partition_of
from streamkl.assembly.plan import build_plan
from streamkl.cli import app
from streamkl.config import load
from streamkl.engine.engine import Engine
from streamkl.model import Message, Partition
from tests.conftest import RunningBroker
from tests.system.service import Place, metrics

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]
SERIES = tuple(f"host-{number}" for number in range(8))


@pytest.fixture
def place(broker: RunningBroker, tmp_path: Path) -> Iterator[Place]:
    opened = Place(broker.bootstrap, tmp_path, partitions=2)
    opened.options |= {
        "kafka.delivery": '"exactly_once"',
        "kafka.group_instance_id": '"one"',
        "state.backend": '"topic"',
        "state.topic": f'"state-{opened.name}"',
    }
    opened.create("metrics")
    yield opened
    opened.close()


def write(place: Place, start: int, count: int, shift: float = 0.0, partitions: int | None = None) -> None:
    """Keyed by series, and placed as a producer does that knows of so many partitions."""
    known = place.partitions if partitions is None else partitions
    producer = KafkaProducer(bootstrap_servers=place.bootstrap, linger_ms=5)
    streams = {name: metrics(start, count, shift=shift, series=name) for name in SERIES}
    for records in zip(*streams.values(), strict=True):
        for name, record in zip(streams, records, strict=True):
            producer.send(place.topics["metrics"], record, key=name.encode(), partition=partition_of(name.encode(), known))
    producer.flush()
    producer.close()


def grow(place: Place, partitions: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=place.bootstrap)
    admin.create_partitions({place.topics["metrics"]: partitions})
    admin.close()
    place.partitions = partitions


def reshard(place: Place, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["reshard", str(place.config()), *arguments], prog_name="streamkl")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def serve(place: Place) -> None:
    place.start()
    place.wait_until_read()
    assert place.stop() == 0, place.log()


def placeless(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in ("id", "episode_id", "source")}


def expected(place: Place) -> dict[str, list[dict[str, Any]]]:
    """Each series by itself, by an engine that has never heard of partitions."""
    plan = build_plan(load(place.config()))
    told = {}
    messages = sorted(place.read("metrics"), key=lambda message: msgspec.json.decode(message.value or b"")["timestamp"])
    for name in SERIES:
        mine = [message for message in messages if message.key == name.encode()]
        numbered = [Message("m", 0, offset, each.timestamp_ms, each.key, each.value) for offset, each in enumerate(mine)]
        events = Engine(Partition("m", 0), plan).receive(numbered).events
        told[name] = [placeless(msgspec.json.decode(msgspec.json.encode(event))) for event in events]
    return told


def found(place: Place) -> dict[str, list[dict[str, Any]]]:
    events: list[Mapping[str, Any]] = sorted(place.events(), key=lambda event: str(event["detected_at"]))
    assert len({event["id"] for event in events}) == len(events)
    return {name: [placeless(event) for event in events if event["series"] == name] for name in SERIES}


def test_what_was_learned_goes_on_in_the_new_partitions(place: Place) -> None:
    before, after = 2, 4
    write(place, 0, 700)
    write(place, 700, 15, shift=40.0)  # episodes are open when the service ends
    serve(place)
    assert {event["type"] for event in place.events()} >= {"opened"}
    write(place, 715, 15, shift=40.0)  # and go on in records that nobody has read when partitions are added
    grow(place, after)
    write(place, 730, 15, shift=40.0)  # by the new number, still unread
    place.start()
    place.wait_for_line(f"had {before} partitions when its state was saved and has {after} now")
    assert place.processes[-1].wait(60) == 1
    assert "`streamkl reshard` moves what they have learned" in place.log()

    unread = reshard(place)
    assert unread[0] == 1
    assert "was written by a producer that did not know of the new partitions" in unread[2]
    code, out, err = reshard(place, "--settled", "--dry-run")
    assert (code, "nothing was committed" in out) == (0, True), err
    code, out, err = reshard(place, "--settled")
    assert code == 0, err
    goes = sum(partition_of(name.encode(), before) != partition_of(name.encode(), after) for name in SERIES)
    assert goes >= 2
    assert f"{before} -> {after} partitions" in out
    assert f"moved {goes} of {len(SERIES)} series" in out
    assert "stay where they are" not in out
    again = reshard(place, "--settled")
    assert (again[0], again[1]) == (0, "nothing to do: every topic has as many partitions as when its state was saved\n")

    write(place, 745, 200)
    serve(place)
    assert "(saved state)" in place.log()
    assert found(place) == expected(place)
    steps = {name: [event["type"] for event in events] for name, events in found(place).items()}
    assert all(types[0] == "opened" and types[-1] == "closed" for types in steps.values()), steps
    for name in SERIES:
        assert len({event["episode_id"] for event in place.events() if event["series"] == name}) == 1


def test_a_running_service_is_left_alone(place: Place) -> None:
    write(place, 0, 20)
    place.start()
    place.wait_until_read()
    code, _, err = reshard(place)
    assert (code, "still has members (one): stop all instances of the service first" in err) == (1, True)
    assert place.processes[-1].poll() is None
    assert place.stop() == 0


def test_a_kill_in_the_midst_of_it_changes_nothing(place: Place) -> None:
    grow(place, 4)
    write(place, 0, 700)
    serve(place)
    write(place, 700, 30, shift=40.0)
    grow(place, 6)
    write(place, 730, 10, shift=40.0)  # some of them into partitions that were there before
    before = (place.read("anomalies"), place.read("dead"))
    command = [sys.executable, "-m", "streamkl", "reshard", str(place.config()), "--settled"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "judging offsets" in line:
                break
        process.send_signal(signal.SIGKILL)
    assert (place.read("anomalies"), place.read("dead")) == before
    code, out, err = reshard(place, "--settled")
    assert code == 0, err
    assert "stay where they are" not in out
    write(place, 740, 60)
    serve(place)
    assert found(place) == expected(place)


def test_state_in_files_and_keys_of_another_partitioner_are_refused(place: Place) -> None:
    producer = KafkaProducer(bootstrap_servers=place.bootstrap)
    for number, name in enumerate(SERIES):
        for record in metrics(0, 3, series=name):
            producer.send(place.topics["metrics"], record, key=name.encode(), partition=number % 2)
    producer.flush()
    producer.close()
    serve(place)
    grow(place, 4)
    code, _, err = reshard(place, "--settled")
    assert (code, "does not lie where the default partitioner puts its key" in err) == (1, True)
    place.options |= {"state.backend": '"file"', "kafka.delivery": '"at_least_once"'}
    code, _, err = reshard(place)
    assert (code, 'only "topic" can be moved' in err) == (2, True)
