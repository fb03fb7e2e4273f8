"""The shipped configurations do what they say: records in, expected events out.

Expected events are written by `streamkl replay config/NAME.scenario.jsonl --config config/NAME.toml --events config/NAME.expected.jsonl`
and read by a human before they are committed.
"""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from streamkl.assembly.plan import build_plan
from streamkl.checking import load_checked
from streamkl.engine.engine import Output
from streamkl.replay import judge_files

CONFIG = Path(__file__).parents[2] / "config"
SCENARIOS = sorted(path.name.removesuffix(".scenario.jsonl") for path in CONFIG.glob("*.scenario.jsonl"))
# The hash changes whenever an option is added; it says nothing about the events.
IGNORED = {"config_hash"}


def replay(name: str) -> list[dict[str, Any]]:
    """The events as they would be read from the topic."""
    config = load_checked(CONFIG / f"{name}.toml")
    outputs: list[Output] = []
    judge_files([str(CONFIG / f"{name}.scenario.jsonl")], build_plan(config), config.input.mapping(), outputs.append)
    return [json.loads(msgspec.json.encode(event)) for output in outputs for event in output.events]


def alike(found: Any, expected: Any) -> bool:
    """Equal, but for the last digits of numbers, in which machines may differ."""
    if isinstance(expected, dict):
        return set(found) == set(expected) and all(alike(found[key], expected[key]) for key in expected if key not in IGNORED)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(alike(one, other) for one, other in zip(found, expected, strict=True))
    if isinstance(expected, float):
        return bool(found == pytest.approx(expected, rel=1e-9))
    return bool(found == expected)


def test_there_is_a_scenario_for_every_shipped_configuration_but_the_list_of_all_options() -> None:
    assert sorted(path.stem for path in CONFIG.glob("*.toml") if path.stem != "streamkl") == SCENARIOS


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_records_of_a_scenario_give_the_expected_events(name: str) -> None:
    expected = [json.loads(line) for line in (CONFIG / f"{name}.expected.jsonl").read_text("utf-8").splitlines()]
    found = replay(name)
    assert [(event["type"], event["series"], event["detected_at"]) for event in found] == [
        (event["type"], event["series"], event["detected_at"]) for event in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert alike(one, other), f"{one}\n{other}"


def test_the_slow_database_is_reported_while_it_is_slow_and_not_before() -> None:
    events = replay("server-metrics")
    begin, end = "2026-03-02T16:00:00Z", "2026-03-02T16:50:00Z"  # as make_scenarios.py has it
    opened = {event["series"]: event["detected_at"] for event in events if event["type"] == "opened"}
    assert set(opened) == {"web/web-1/response_ms", "web/web-1/status"}
    assert all(begin <= at <= end for at in opened.values())
    assert [event["series"] for event in events if event["type"] == "closed"] == ["web/web-1/status", "web/web-1/response_ms"]


def test_the_job_that_hangs_is_reported_on_the_host_where_it_is() -> None:
    events = replay("telegraf")
    begin, end = "2026-03-02T11:40:00Z", "2026-03-02T12:25:00Z"  # as make_scenarios.py has it
    opened = {event["series"]: event["detected_at"] for event in events if event["type"] == "opened"}
    assert set(opened) == {"cpu,cpu=cpu-total,host=db-1,usage_idle", "cpu,cpu=cpu-total,host=db-1,usage_user"}
    assert all(begin <= at <= end for at in opened.values())
    assert sum(event["type"] == "closed" for event in events) == 2


def test_the_tested_cards_are_reported_in_the_country_and_the_feature_where_they_are() -> None:
    events = replay("fraud-drift")
    assert {event["series"] for event in events} == {"payments/DE/amount"}
    assert events[0]["type"] == "opened"
    assert "2026-02-20" <= events[0]["detected_at"] < "2026-02-23"


def test_the_wednesday_that_looks_like_a_sunday_is_reported_and_no_sunday() -> None:
    events = replay("same-weekday")
    assert [event["type"] for event in events] == ["opened", "closed"]
    assert all(event["detected_at"].startswith("2026-02-25T") for event in events)  # as make_scenarios.py has it
    assert events[0]["reference"] == {"start": "2026-01-28T00:00:00Z", "end": "2026-01-29T00:00:00Z", "points": 72}


def test_the_records_are_those_that_the_script_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = load_script()
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    script.main()
    for name in SCENARIOS:
        assert (tmp_path / f"{name}.scenario.jsonl").read_text() == (CONFIG / f"{name}.scenario.jsonl").read_text()


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_scenarios", Path(__file__).with_name("make_scenarios.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
