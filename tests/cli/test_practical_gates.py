"""`streamkl replay` with gates, silences and overrides in its configuration: what an operator gets told, from records to events."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

BEGIN = datetime(2024, 3, 29, 0, 0, tzinfo=UTC)  # Friday; Berlin's clocks go forward on Sunday at 01:00 UTC
MINUTES = 3 * 1_440
CONFIG = """
[detector.gates]
min_effect = 20.0
direction = "up"

[[monitors]]
name = "checkout"
match = "checkout/*"
[monitors.detector.gates]
min_effect = 2.0

[[silences]]
name = "nightly-batch"
match = "batch/*"
cron = "30 3 * * *"
duration = "45m"
timezone = "Europe/Berlin"

[[silences]]
name = "migration"
match = "db/*"
start = "2024-03-30T12:00:00+00:00"
end = "2024-03-30T14:00:00+00:00"

[[silences]]
name = "release"
match = "web/*"
ics = "release.ics"
timezone = "Europe/Berlin"
"""
RELEASES = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//EN
BEGIN:VEVENT
UID:release
DTSTART:20240329T200000
DTEND:20240329T210000
RRULE:FREQ=DAILY
END:VEVENT
END:VCALENDAR
"""


def minute(text: str) -> int:
    return (datetime.fromisoformat(text) - BEGIN) // timedelta(minutes=1)


def moved(seed: int, *stretches: tuple[str, str, float]) -> np.ndarray:
    """Around 100, moved by so much from one time to another."""
    values = np.random.default_rng(seed).normal(100.0, 1.0, MINUTES)
    for start, end, by in stretches:
        values[minute(start) : minute(end)] += by
    return values


def columns() -> dict[str, np.ndarray]:
    """Each with one or more changes of four or more standard deviations, all of them certain to be found."""
    nights = [  # 03:30 in Berlin: in winter, and the first one of summer
        ("2024-03-30T02:30+00:00", "2024-03-30T03:15+00:00", 50.0),
        ("2024-03-31T01:30+00:00", "2024-03-31T02:15+00:00", 50.0),
    ]
    releases = [("2024-03-29T19:00+00:00", "2024-03-29T20:00+00:00", 50.0), ("2024-03-31T18:00+00:00", "2024-03-31T19:00+00:00", 50.0)]
    day = ("2024-03-30T12:00+00:00", "2024-03-30T14:00+00:00")
    return {
        "checkout/latency": moved(1, (*day, 4.0)),  # passes a gate of 2
        "cache/latency": moved(2, (*day, 4.0)),  # not one of 20
        "queue/length": moved(3, (*day, 50.0)),
        "free/memory": moved(4, (*day, -50.0)),  # the wrong way
        "batch/duration": moved(5, *nights),
        "other/duration": moved(6, *nights[1:]),  # the same night, not silenced
        "db/locks": moved(7, (*day, 50.0)),
        "web/errors": moved(8, *releases),
    }


def replay(folder: Path, config: str) -> list[dict[str, Any]]:
    (folder / "release.ics").write_text(RELEASES.replace("\n", "\r\n"))
    (folder / "streamkl.toml").write_text(config)
    made = columns()
    with (folder / "metrics.jsonl").open("w") as records:
        for i in range(MINUTES):
            time = (BEGIN + timedelta(minutes=i)).isoformat()
            records.writelines(json.dumps({"series": name, "timestamp": time, "value": round(v[i], 4)}) + "\n" for name, v in made.items())
    command = [sys.executable, "-m", "streamkl", "replay", "metrics.jsonl", "--config", "streamkl.toml", "--events", "events.jsonl"]
    done = subprocess.run([*command, "--quiet"], cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def changes(events: list[dict[str, Any]]) -> set[str]:
    """Series with an episode that opened within a stretch in which something was moved."""
    told = set()
    for event in events:
        at = minute(event["detected_at"])
        if event["type"] == "opened" and abs(columns()[event["series"]][max(at - 16, 0) : at + 1] - 100).max() > 3.9:
            told.add(event["series"])
    return told


def test_gates_silences_and_overrides_from_records_to_events(tmp_path: Path) -> None:
    loud = replay(tmp_path, "")
    assert changes(loud) == set(columns())
    events = replay(tmp_path, CONFIG)
    assert {event["series"] for event in events} == {"checkout/latency", "queue/length", "other/duration"}
    assert changes(events) == {"checkout/latency", "queue/length", "other/duration"}
    for event in events:
        if event["type"] == "opened":
            before, now = event["reference_quantiles"], event["window_quantiles"]
            least = 2.0 if event["monitor"] == "checkout" else 20.0
            assert max(now["p50"] - before["p50"], now["p95"] - before["p95"]) >= least
