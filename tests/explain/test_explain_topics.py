"""`streamkl explain --topic T --partition P --offset O` on a real broker, beside what the service wrote."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from streamkl.adapters.state_files import FileStateStore
from streamkl.assembly.plan import build_plan
from streamkl.config import load
from streamkl.engine.engine import Engine
from streamkl.model import Partition
from tests.conftest import RunningBroker
from tests.explain.test_explain_files import run
from tests.system.service import Place, metrics

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def place(broker: RunningBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A service has read two partitions with an incident each, and is gone."""
    opened = Place(broker.bootstrap, tmp_path_factory.mktemp("service"), partitions=2)
    opened.create("metrics")
    for number in (0, 1):
        lines = [*metrics(0, 700, series=f"s{number}"), b"{no json", *metrics(700, 40, shift=40.0, series=f"s{number}")]
        opened.publish([*lines, *metrics(740, 200, series=f"s{number}")], number)
    opened.start()
    opened.wait_until_read()
    assert opened.stop() == 0
    yield opened
    opened.close()


def ask(place: Place, partition: int, offset: int, config: Path | None = None) -> dict[str, Any]:
    where = ["--topic", place.topics["metrics"], "--partition", str(partition), "--offset", str(offset)]
    code, out, err = run(*where, "-c", str(config or place.config()), "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_every_event_of_the_service_is_derived_again_and_found_byte_for_byte(place: Place) -> None:
    events = place.events()
    assert {event["type"] for event in events} >= {"opened", "closed"}
    for event in events:
        source: Any = event["source"]
        answer = ask(place, source["partition"], source["last_offset"])
        assert answer["written"] == {"same": [event["id"]], "different": [], "missing": [], "unexplained": []}
        assert answer["verdict"]["events"] == [event]
        assert answer["first_offset_read"] == 0


def test_a_quiet_record_and_a_dead_letter_have_no_event_on_either_side(place: Place) -> None:
    quiet, dead = ask(place, 1, 650), ask(place, 1, 700)
    assert quiet["verdict"]["points"][0]["fate"] == "judged"
    assert dead["verdict"]["rejected"] == "invalid_json"
    for answer in (quiet, dead):
        assert answer["written"] == {"same": [], "different": [], "missing": [], "unexplained": []}


def test_another_configuration_is_found_out(place: Place, tmp_path: Path) -> None:
    event: Any = next(event for event in place.events() if event["type"] == "opened")
    other = tmp_path / "other.toml"
    other.write_text(place.config().read_text().replace('"1 per 10000 points"', '"1 per 9000 points"'))
    answer = ask(place, event["source"]["partition"], event["source"]["last_offset"], other)
    assert answer["written"]["same"] == []
    assert [*answer["written"]["different"], *answer["written"]["unexplained"]] == [event["id"]]


def test_a_saved_state_stands_for_the_records_before_it(place: Place, tmp_path: Path) -> None:
    event: Any = next(event for event in place.events() if event["type"] == "closed")
    where, offset = event["source"]["partition"], event["source"]["last_offset"]
    plan = build_plan(load(place.config()))
    engine = Engine(Partition(place.topics["metrics"], where), plan)
    engine.receive([message for message in place.read("metrics") if message.partition == where and message.offset < 650])
    store = FileStateStore(tmp_path / "kept")
    store.save(engine.partition, 650, engine.snapshot())
    store.close()
    base = [
        "--topic",
        place.topics["metrics"],
        "--partition",
        str(where),
        "-c",
        str(place.config()),
        "--state",
        str(store.path(engine.partition)),
    ]
    code, out, err = run(*base, "--offset", str(offset), "--json")
    assert code == 0, err
    assert json.loads(out)["written"]["same"] == [event["id"]]
    assert json.loads(out)["first_offset_read"] == 0
    code, _, err = run(*base, "--offset", "600")
    assert (code, "--state: holds offset 600 already (it goes on at 650)" in err) == (2, True)
    code, _, err = run(*base[:-1], str(tmp_path / "none"), "--offset", "700")
    assert (code, "none: cannot be read (No such file or directory)" in err) == (2, True)
    code, _, err = run(*base[:3], str(1 - where), *base[4:], "--offset", "700")
    assert (code, "belongs to" in err) == (2, True)


def test_what_is_not_held_is_named(place: Place, broker: RunningBroker) -> None:
    base = ["--topic", place.topics["metrics"], "-c", str(place.config())]
    code, _, err = run(*base, "--partition", "0", "--offset", "999999")
    assert (code, "offset 999999 is not written yet" in err, "offsets 0 to 940 can be read" in err) == (2, True, True)
    code, _, err = run(*base, "--partition", "7", "--offset", "1")
    assert (code, "has no partition 7; it has 2" in err) == (1, True)
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.delete_records({TopicPartition(place.topics["metrics"], 0): 50})
    admin.close()
    code, out, err = run(*base, "--partition", "0", "--offset", "20")
    assert (code, "offset 20 is no longer held; offsets 50 to" in err) == (2, True)
    code, out, _ = run(*base, "--partition", "0", "--offset", "100")
    assert code == 0
    assert "Read from offset 50 on: earlier records are no longer held" in out
