"""Defaults and their hash: what a configuration is, apart from how it is written."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from streamkl.config import Config, DetectorConfig, KafkaConfig, config_hash


def config(**tables: Any) -> Config:
    return Config.model_validate(tables)


def test_the_defaults_are_valid_and_survive_being_written_and_read() -> None:
    assert Config.model_validate(Config().model_dump()) == Config()
    assert Config.model_validate_json(Config().model_dump_json()) == Config()


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Config().http.port = 1  # type: ignore[misc]


def test_library_users_get_the_same_checks() -> None:
    with pytest.raises(ValidationError, match=re.escape("reference.size: must be more than the longest window")):
        DetectorConfig.model_validate({"windows": ["900 points"]})
    with pytest.raises(ValidationError, match="sasl_mechanism: missing"):
        KafkaConfig(security_protocol="SASL_SSL")


@pytest.mark.parametrize("chosen", ["telegraf", "influx"])
def test_a_format_brings_its_names_and_values_and_options_override_them(chosen: str) -> None:
    assert (config(input={"format": chosen}).input.series, config(input={"format": chosen}).input.value) == (
        "{name},{tags.*},{field}",
        "fields.*",
    )
    found = config(input={"format": chosen, "series": "{tags.host}/{name}", "value": "fields.idle"}).input
    assert (found.series, found.value, found.timestamp) == ("{tags.host}/{name}", "fields.idle", "timestamp")
    assert (config(input={"format": "json"}).input.series, config(input={"format": "json"}).input.value) == ("{series}", "value")


def test_the_hash_is_stable_between_processes_and_releases() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", config_hash(Config()))
    assert config_hash(Config()) == config_hash(config(detector={}, kafka={}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"detector": {"grace": "1h"}}, {"detector": {"grace": "60m"}}),
        ({"detector": {"false_alarms": "1 per week"}}, {"detector": {"false_alarms": "1 per series per 7 days"}}),
        ({"detector": {"windows": ["1m"]}}, {"detector": {"windows": ["60s"]}}),
        ({"input": {"earliest": "2000-01-01"}}, {"input": {"earliest": "2000-01-01T01:00:00+01:00"}}),
        ({"input": {"format": "telegraf"}}, {"input": {"format": "influx"}}),
        ({"input": {"format": "influx"}}, {"input": {"series": "{name},{tags.*},{field}", "value": "fields.*"}}),
        ({"kafka": {"group_id": "a"}}, {"kafka": {"group_id": "b"}}),
        ({"http": {"port": 0}}, {"http": {"port": 1}}),
        ({"state": {"directory": "a"}}, {"state": {"directory": "b"}}),
    ],
)
def test_the_hash_does_not_depend_on_spelling_or_on_what_changes_no_verdict(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert config_hash(config(**one)) == config_hash(config(**other))


@pytest.mark.parametrize(
    "other",
    [
        {"detector": {"bins": 8}},
        {"detector": {"windows": ["64 points", "16 points", "256 points"]}},
        {"detector": {"false_alarms": "2 per series per week"}},
        {"detector": {"false_alarms": "1 per week in all"}},
        {"detector": {"certainty": 0.95}},
        {"detector": {"episodes": {"first_after": 1_000}}},
        {"detector": {"reference": {"size": 501}}},
        {"detector": {"episodes": {"cooldown": 17}}},
        {"input": {"value": "v"}},
        {"state": {"max_series": 7}},
        {"state": {"evict_after": "8d"}},
        {"monitors": [{"name": "a"}]},
    ],
)
def test_the_hash_depends_on_everything_that_changes_a_verdict(other: dict[str, Any]) -> None:
    assert config_hash(config(**other)) != config_hash(Config())


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"fleet": {"series": 200}}, "fleet.series: has no effect, since no budget is shared"),
        ({"fleet": {"partitions": 12}}, "fleet.partitions: has no effect, since no budget is shared"),
        (
            {"detector": {"false_alarms": "5 per day in all"}, "fleet": {"series": 200, "partitions": 12}},
            "partitions: has no effect with series = 200; remove it",
        ),
        ({"detector": {"certainty": 0.3}}, "certainty: would let most series break the budget; try 0.95"),
        ({"detector": {"false_alarms_without_clock": "5 per day in all"}}, "false_alarms_without_clock: must be in points"),
    ],
)
def test_what_a_shared_budget_and_a_certainty_do_not_go_together_with(tables: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(says)):
        config(**tables)


def test_a_fleet_is_divided_where_a_monitor_shares_a_budget() -> None:
    shared = {"name": "a", "match": "a*", "detector": {"false_alarms": "5 per day in all"}}
    made = config(fleet={"partitions": 12}, monitors=[shared])
    assert (made.fleet.partitions, made.monitors[0].detector.false_alarms.in_all, made.detector.false_alarms.in_all) == (12, True, False)
    assert config_hash(made) != config_hash(config(fleet={"partitions": 6}, monitors=[shared]))
