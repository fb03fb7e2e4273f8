"""`no_data_after` and `heartbeat`: how they are written, what is refused, and that they reach the engine."""

from pathlib import Path

import pytest

from streamkl.assembly.plan import build_plan
from streamkl.config import Config, load
from streamkl.errors import ConfigError
from streamkl.units import AbsenceLimit, parse_absence


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("5m", AbsenceLimit(300_000_000, 0)),
        (" 1h 30m ", AbsenceLimit(5_400_000_000, 0)),
        ("3 intervals", AbsenceLimit(0, 3)),
        ("10,000 Intervals", AbsenceLimit(0, 10_000)),
    ],
)
def test_a_limit_is_read_and_written_back(text: str, limit: AbsenceLimit) -> None:
    assert parse_absence(text) == limit
    assert parse_absence(str(limit)) == limit


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("5", 'needs a unit, for example "5 intervals" or "5m"'),
        ("0s", "must be longer than 0s"),
        ("2 intervals", "must be 3 to 10000 intervals"),
        ("10001 intervals", "must be 3 to 10000 intervals"),
        ("soon", 'is not a length of absence; write a duration such as "5m", or "5 intervals"'),
        ("", "is not a length of absence"),
    ],
)
def test_anything_else_is_refused_with_the_fix(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("(", r"\(")):
        parse_absence(text)


def configured(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "streamkl.toml"
    path.write_text(text)
    return load(path)


def test_a_monitor_inherits_the_limit_and_may_have_its_own_or_none(tmp_path: Path) -> None:
    text = """
        [input]
        heartbeat = "beat/*"
        [detector]
        no_data_after = "5m"
        [[monitors]]
        name = "slow"
        match = "slow/*"
        [monitors.detector]
        no_data_after = "10 intervals"
        [[monitors]]
        name = "rare"
        match = "rare/*"
        [monitors.detector]
        no_data_after = ""
        [[monitors]]
        name = "other"
        match = "other/*"
    """
    plan = build_plan(configured(tmp_path, text))
    five_minutes = AbsenceLimit(300_000_000, 0)
    assert [monitor.no_data_after for monitor in plan.monitors] == [AbsenceLimit(0, 10), None, five_minutes, five_minutes]
    assert plan.heartbeat == "beat/*"


def test_off_by_default() -> None:
    plan = build_plan(Config())
    assert ([monitor.no_data_after for monitor in plan.monitors], plan.heartbeat) == ([None], "")


@pytest.mark.parametrize("value", ["5", '"5"', '"2 intervals"', "true"])
def test_a_mistake_is_one_line_that_names_the_option(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        configured(tmp_path, f"[detector]\nno_data_after = {value}\n")
    (problem,) = refused.value.problems
    assert "detector.no_data_after" in problem


def test_a_limit_beyond_the_time_when_series_are_forgotten_is_refused_once(tmp_path: Path) -> None:
    text = '[detector]\nno_data_after = "7d"\n[[monitors]]\nname = "a"\nmatch = "a*"\n'
    with pytest.raises(ConfigError) as refused:
        configured(tmp_path, text)
    (problem,) = refused.value.problems
    assert "detector.no_data_after" in problem
    assert 'must be shorter than state.evict_after ("7d")' in problem
    own = '[[monitors]]\nname = "a"\nmatch = "a*"\n[monitors.detector]\nno_data_after = "8d"\n'
    with pytest.raises(ConfigError, match=r"monitors\[0\]\.detector\.no_data_after"):
        configured(tmp_path, own)
