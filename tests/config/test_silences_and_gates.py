"""Silences and gates as an operator writes them: what is read, what is refused and how, and what a monitor overrides."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from streamkl.assembly.plan import build_plan
from streamkl.assembly.silences import calendar_of
from streamkl.checking import check_config, summary
from streamkl.config import Config, config_hash, load
from streamkl.errors import ConfigError, InputError
from streamkl.units import parse_instant

Write = Callable[[str], Path]
ROOT = Path(__file__).parents[2]
EVENT = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20240402T120000\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"
CALENDAR = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{EVENT}END:VCALENDAR\r\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a configuration file into an empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)

    def write_file(text: str) -> Path:
        path = tmp_path / "streamkl.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


SILENCE = '[[silences]]\nname = "x"\n'
ONE_MISTAKE = {
    "nothing": (SILENCE, 'silences[0].cron: missing; say when, by cron = "0 3 * * 0" with duration = "2h", or start and end, or'),
    "two ways": (
        SILENCE + 'cron = "0 3 * * 0"\nduration = "2h"\nics = "a.ics"',
        'silences[0].ics = "a.ics": cannot stand beside cron; remove one of them, or write two [[silences]] (line 5)',
    ),
    "cron alone": (SILENCE + 'cron = "0 3 * * 0"', "silences[0].duration: missing; cron says when it begins, and this how long it lasts"),
    "duration for nothing": (
        SILENCE + 'duration = "2h"\nstart = "2024-01-01"\nend = "2024-01-02"',
        'silences[0].duration = "2h": has no effect without cron; remove it',
    ),
    "no cron expression": (
        SILENCE + 'cron = "0 3 * *"\nduration = "2h"',
        'silences[0].cron = "0 3 * *": is not a cron expression (five fields are needed); write for example "0 3 * * 0"',
    ),
    "no such minute": (SILENCE + 'cron = "61 3 * * 0"\nduration = "2h"', "is not a cron expression (Bad minute)"),
    "no such day": (SILENCE + 'cron = "0 0 30 2 *"\nduration = "2h"', "is not a cron expression (Bad day-of-month)"),
    "too long": (SILENCE + 'cron = "0 3 * * 0"\nduration = "32d"', 'silences[0].duration = "32d": must be between 0s and 31d'),
    "no zone": (
        SILENCE + 'cron = "0 3 * * 0"\nduration = "2h"\ntimezone = "Berlin"',
        'silences[0].timezone = "Berlin": is not a time zone; write for example "Europe/Berlin" or "UTC"; try "UTC" (line 5)',
    ),
    "a folder of zones": (SILENCE + 'cron = "0 3 * * 0"\nduration = "2h"\ntimezone = "Europe"', "is not a time zone"),
    "a zone by a path": (SILENCE + 'cron = "0 3 * * 0"\nduration = "2h"\ntimezone = "/etc/passwd"', "is not a time zone"),
    "no end": (SILENCE + 'start = "2024-01-01"', "silences[0].end: missing; start is of no use without it"),
    "no start": (SILENCE + 'end = "2024-01-01"', "silences[0].start: missing; end is of no use without it"),
    "backwards": (
        SILENCE + 'start = "2024-01-02"\nend = "2024-01-01T23:00"',
        'silences[0].end = "2024-01-01T23:00": must be later than start (2024-01-02T00:00:00)',
    ),
    "no time": (
        SILENCE + 'start = "tomorrow"\nend = "2024-01-01"',
        'start = "tomorrow": is not an ISO 8601 time; write "2024-',
    ),
    "no file": (SILENCE + 'ics = "a.ics"', 'silences[0].ics = "a.ics": cannot be read: No such file or directory; relative paths start at'),
    "no name": ('[[silences]]\nics = "a.ics"', "silences[0].name: missing; it must be a name of 1 to 64 letters"),
    "no list": ("[silences]\nname = 'x'", "silences: must be a list of tables, written [[silences]] (line 1)"),
    "unknown": (SILENCE + 'crn = "x"\nstart = "2024-01-01"\nend = "2024-01-02"', "silences[0].crn: unknown key; did you mean cron?"),
    "negative effect": (
        "[detector.gates]\nmin_effect = -1",
        "detector.gates.min_effect = -1: must be between 0 and 1e+18; try 0.0 (line 2)",
    ),
    "no direction": (
        '[detector.gates]\ndirection = "left"',
        'gates.direction = "left": must be one of "both", "up", "down"; try "both"',
    ),
    "gates of a monitor": (
        '[[monitors]]\nname = "a"\n[monitors.detector.gates]\nmin_efect = 1',
        "monitors[0].detector.gates.min_efect: unknown key; did you mean min_effect?",
    ),
}


@pytest.mark.parametrize("case", ONE_MISTAKE)
def test_a_mistake_is_one_line_that_names_the_option_and_the_fix(write: Write, case: str) -> None:
    text, line = ONE_MISTAKE[case]
    problems = check_config(write(text))
    assert len(problems) == 1, problems
    assert line in problems[0]
    assert "\n" not in problems[0]


def test_a_calendar_file_that_cannot_be_understood_is_a_mistake_of_the_option(write: Write) -> None:
    path = write(SILENCE + 'ics = "a.ics"')
    Path("a.ics").write_text("hello")
    assert check_config(path)[0].startswith('silences[0].ics = "a.ics": is not an iCalendar file that can be understood: ')
    with pytest.raises(InputError, match=r"silence x: a.ics is not an iCalendar file"):
        build_plan(load(path))


def us(text: str) -> int:
    return parse_instant(text)


def test_times_are_read_on_the_clocks_of_the_zone(write: Write) -> None:
    config = load(
        write(
            SILENCE + 'start = "2024-07-01T12:00"\nend = "2024-07-02T00:00:00Z"\ntimezone = "Europe/Berlin"\n'
            '[[silences]]\nname = "y"\ncron = "0 3 * * 1"\nduration = "2h"\ntimezone = "America/New_York"\n'
            '[[silences]]\nname = "z"\nstart = "2024-07-01"\nend = "2024-07-02"\n'
        )
    )
    once, mondays, day = (calendar_of(silence) for silence in config.silences)
    assert once(0, 0) == [(us("2024-07-01T10:00:00Z"), us("2024-07-02T00:00:00Z"))]
    assert mondays(us("2024-07-01"), us("2024-07-02")) == [(us("2024-07-01T07:00:00Z"), us("2024-07-01T09:00:00Z"))]
    assert day(0, 0) == [(us("2024-07-01T00:00:00Z"), us("2024-07-02T00:00:00Z"))]


def test_a_plan_holds_the_silences_with_their_calendars(write: Write) -> None:
    path = write(SILENCE + 'ics = "a.ics"\nmatch = "web-*"\ntimezone = "Europe/Berlin"')
    Path("a.ics").write_bytes(CALENDAR.encode())
    assert check_config(path) == []
    (silence,) = build_plan(load(path)).silences
    assert (silence.name, silence.match) == ("x", "web-*")
    times = np.array([us(f"2024-04-02T{clock}:00Z") for clock in ("09:59", "10:00", "10:59", "11:00")])
    assert silence.covers(times).tolist() == [False, True, True, False]


def test_silences_can_change_without_learning_everything_again(write: Write) -> None:
    plain = config_hash(Config())
    assert config_hash(load(write(SILENCE + 'start = "2024-01-01"\nend = "2024-01-02"'))) == plain
    assert config_hash(load(write("[detector.gates]\nmin_effect = 1"))) != plain


def test_what_would_run_is_told_in_a_line(write: Write) -> None:
    path = write(
        SILENCE + 'cron = "0 3 * * 0"\nduration = "90m"\ntimezone = "Europe/Berlin"\nmatch = "web-*"\n'
        '[[silences]]\nname = "y"\nstart = "2024-07-01"\nend = "2024-07-02"\n[[silences]]\nname = "z"\nics = "a.ics"\n'
    )
    Path("a.ics").write_bytes(CALENDAR.encode())
    lines = [line for line in summary(load(path)).splitlines() if line.startswith("silences")]
    assert lines == [
        "silences web-* (x): 0 3 * * 0 (Europe/Berlin) for 1h 30m",
        "silences * (y): 2024-07-01T00:00:00Z to 2024-07-02T00:00:00Z",
        "silences * (z): the events of a.ics (UTC)",
    ]


OVERRIDES = """
[detector]
false_alarms = "1 per series per week"
[detector.gates]
min_effect = 5.0
direction = "up"
[detector.episodes]
min_points = 3
cooldown = 40

[[monitors]]
name = "checkout"
match = "shop/checkout/*"
[monitors.detector]
false_alarms = "1 per series per day"
[monitors.detector.gates]
min_effect = 0.5
[monitors.detector.episodes]
min_points = 1

[[monitors]]
name = "free-disk"
match = "*/disk_free"
[monitors.detector.gates]
direction = "down"
"""


def test_a_monitor_overrides_single_options_of_every_table_and_inherits_the_rest(write: Write) -> None:
    plan = build_plan(load(write(OVERRIDES)))
    checkout, disk, default = (monitor.settings for monitor in plan.monitors)
    assert (checkout.gates.min_effect, checkout.gates.direction) == (0.5, 1)
    assert (disk.gates.min_effect, disk.gates.direction) == (5.0, -1)
    assert (default.gates.min_effect, default.gates.direction) == (5.0, 1)
    assert [(each.episodes.min_points, each.episodes.cooldown) for each in (checkout, disk, default)] == [(1, 40), (3, 40), (3, 40)]
    assert [str(each.budget) for each in (checkout, disk, default)] == [
        "1 per series per day",
        "1 per series per week",
        "1 per series per week",
    ]


@pytest.mark.parametrize("page", ["configuration.md", "how-it-works.md"])
def test_the_examples_of_the_documentation_are_valid(write: Write, page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    Path("releases.ics").write_bytes(CALENDAR.encode())
    assert examples
    for example in examples:
        assert check_config(write(example)) == []


def test_gates_are_off_by_default() -> None:
    (default,) = build_plan(Config()).monitors
    gates = default.settings.gates
    assert (gates.min_effect, gates.min_relative_effect, gates.direction, default.settings.episodes.min_duration_us) == (0.0, 0.0, 0, 0)


def test_a_configuration_with_a_mistake_does_not_load(write: Write) -> None:
    with pytest.raises(ConfigError, match="five fields"):
        load(write(SILENCE + 'cron = "@daily"\nduration = "2h"'))
