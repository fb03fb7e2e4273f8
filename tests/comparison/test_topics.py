"""`streamkl compare` on two stretches of a topic, on a real broker."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from kafka import KafkaProducer

from streamkl.comparison.topics import parse_stretch
from streamkl.units import parse_instant
from tests.comparison.test_command import run
from tests.conftest import RunningBroker

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday


def test_moments_are_absolute_or_before_the_newest_point() -> None:
    newest = parse_instant("2026-02-02T12:00:00Z")
    same_day = parse_stretch("topic:payments@-29d..-28d").between(newest)
    assert same_day == (parse_instant("2026-01-04T12:00:00Z"), parse_instant("2026-01-05T12:00:00Z"))
    absolute = parse_stretch("topic:payments@2026-01-05..2026-01-06T00:00:00+01:00")
    assert (absolute.topic, absolute.between(newest)) == ("payments", (parse_instant("2026-01-05"), parse_instant("2026-01-05T23:00:00Z")))
    begin, end = parse_stretch("topic:payments").between(newest)
    assert begin < 0 < newest < end


@pytest.mark.broker
@pytest.mark.timeout(300)
def test_a_day_is_compared_with_the_same_weekday_four_weeks_before(
    broker: RunningBroker, create_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic, rng = create_topic(partitions=2), np.random.default_rng(1)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    for day in (0, 28):
        for number in range(400):
            at = BEGIN + timedelta(days=day, minutes=3 * number)
            amount = rng.lognormal(3, 0.5) * (1.4 if day else 1.0)
            for name, value in (("amount", amount), ("distance", rng.exponential()), ("card", str(rng.choice(["a", "b"])))):
                record = {"series": name, "timestamp": at.isoformat(), "value": value}
                producer.send(topic, json.dumps(record).encode(), partition=number % 2)
    producer.send(topic, b"{no json", partition=0)
    producer.flush()
    producer.close()
    config = tmp_path / "c.toml"
    config.write_text(f'kafka.bootstrap_servers = ["{broker.bootstrap}"]\ninput.max_ahead = "365d"\n')
    code, out, err = run(f"topic:{topic}@-29d..-28d", f"topic:{topic}@-1d..", "-c", config, "--json", "--quiet", "--fail-on", "drift")
    assert (code, err) == (3, "")
    report = json.loads(out)
    assert {name: feature["drift"] for name, feature in report["features"].items()} == {"amount": True, "card": False, "distance": False}
    assert report["features"]["card"]["kind"] == "categorical"
    assert report["features"]["amount"]["current_values"] == 400
    assert report["joint"] is None
    code, _, err = run(f"topic:{topic}@2030-01-01..", f"topic:{topic}", "-c", config, "--quiet")
    assert code == 2
    assert "there is no point in this stretch (2,400 points in all, 1 rejected records)" in err
