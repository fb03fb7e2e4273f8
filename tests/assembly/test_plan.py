"""From a configuration to a plan: every choice arrives, and files of what is normal are read or refused in words."""

import logging
from pathlib import Path

import pytest

from streamkl.assembly.plan import build_engine, build_plan
from streamkl.assembly.warming import warm_up
from streamkl.config import Config, DetectorConfig, MonitorConfig, ReferenceConfig, config_hash
from streamkl.engine.engine import Engine
from streamkl.engine.fleet import Fleet
from streamkl.errors import InputError
from streamkl.model import Message, Partition
from tests.statuses import HandClock

SIZE = 500  # as shipped tables have it: nothing is simulated


def config_with(path: Path, kind: str = "auto") -> Config:
    detector = DetectorConfig(reference=ReferenceConfig(kind="file", path=path, size=SIZE))
    return Config(monitors=(MonitorConfig(name="given", match="given*", kind=kind, detector=detector),))


def test_monitors_keep_their_order_and_the_rest_goes_to_the_default() -> None:
    config = Config(monitors=(MonitorConfig(name="a", match="a*", kind="categorical"), MonitorConfig(name="b", match="b*", kind="ignore")))
    plan = build_plan(config)
    assert [(monitor.name, monitor.match, monitor.kind) for monitor in plan.monitors] == [
        ("a", "a*", "categorical"),
        ("b", "b*", "ignore"),
        ("default", "*", "auto"),
    ]
    assert plan.config_hash == config_hash(config)
    assert plan.max_series == 100_000
    assert plan.evict_after_us == 7 * 86_400 * 1_000_000


@pytest.mark.parametrize(
    ("name", "header", "line"),
    [
        ("normal.csv", "series,value\n", "given/cpu,{i}\n"),
        ("normal.tsv", "value\tother\tseries\n", "{i}\tx\tgiven/cpu\n"),
        ("normal.csv", "series,timestamp,value\n", "given/cpu,{t},{i}\n"),
        ("normal.jsonl", "", '{{"series":"given/cpu","timestamp":{t},"value":{i}}}\n'),
    ],
)
def test_what_is_normal_is_read_from_any_form_and_judged_from_the_first_point(tmp_path: Path, name: str, header: str, line: str) -> None:
    path = tmp_path / name
    path.write_text(header + "".join(line.format(i=i % 7, t=1_700_000_000 + i) for i in range(520)))
    plan = build_plan(config_with(path))
    normal = plan.monitors[0].normal["given/cpu"]
    assert normal.values.tolist() == [i % 7 for i in range(520)]
    assert normal.times.tolist() == ([(1_700_000_000 + i) * 1_000_000 for i in range(520)] if "{t}" in line else [0] * 520)
    engine = Engine(Partition("t", 0), plan)
    record = '{{"series":"given/cpu","timestamp":{},"value":3}}'
    engine.receive([Message("t", 0, i, -1, None, record.format(1_700_001_000 + i).encode()) for i in range(300)])
    assert (engine.stats().learning, engine.stats().judged > 0) == (0, True)


def test_lines_without_a_number_are_passed_over_with_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "normal.csv"
    path.write_text("series,value\n" + "given,1\n" * 510 + "given,\ngiven,nan\ngiven,inf\ngiven\n")
    with caplog.at_level(logging.WARNING):
        plan = build_plan(config_with(path))
    assert len(plan.monitors[0].normal["given"].values) == 510
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: 4 lines hold no number to learn from (not_a_number 2, not_finite 2)"
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("series,value\n" + "given,1\n" * 499, r"series 'given' has 499 numbers, fewer than reference\.size \(500\)"),
        ("series,value\n", "holds no numbers to compare with"),
        ("a,b\n1,2\n", "names no columns 'series' and 'value'"),
        ("", "names no columns"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "normal.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        build_plan(config_with(path))
    assert "normal.csv" in str(caught.value)


def test_a_file_of_a_monitor_that_ignores_its_series_is_not_read(tmp_path: Path) -> None:
    assert build_plan(config_with(tmp_path / "missing.csv", kind="ignore")).monitors[0].normal == {}


def test_warming_up_needs_no_records_and_leaves_the_plan_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    plan = build_plan(Config(monitors=(MonitorConfig(name="a", match="a*", kind="categorical"), MonitorConfig(name="b", kind="ignore"))))
    engine = Engine(Partition("t", 0), plan)
    before = engine.snapshot()
    with caplog.at_level(logging.INFO):
        warm_up(plan, HandClock())
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == ["preparing kernels and thresholds"]
    assert engine.snapshot() == Engine(Partition("t", 0), plan).snapshot() == before


def shared(**fleet: int) -> Config:
    return Config.model_validate({"detector": {"false_alarms": "5 per day in all"}, "fleet": fleet})


def test_how_a_budget_in_all_is_divided_arrives() -> None:
    assert build_plan(shared(partitions=12)).fleet == Fleet(series=0, partitions=12)
    assert build_plan(shared(series=200)).fleet == Fleet(series=200, partitions=1)


@pytest.mark.parametrize(
    ("config", "partition", "complains"),
    [
        (shared(partitions=3), 2, False),
        (shared(partitions=3), 3, True),
        (shared(), 1, True),
        (shared(series=200), 7, False),
        (Config(), 7, False),
    ],
)
def test_a_partition_that_the_fleet_does_not_count_is_complained_of(
    config: Config, partition: int, complains: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        engine = build_engine(build_plan(config), Partition("metrics", partition), None)
    assert engine.partition == Partition("metrics", partition)
    said = "".join(record.getMessage() for record in caplog.records)
    assert said == (
        f"fleet.partitions = {config.fleet.partitions}, but metrics has a partition {partition}: together the partitions may raise more"
        " than the budget in all; set it to the number of partitions of all topics"
        if complains
        else ""
    )
