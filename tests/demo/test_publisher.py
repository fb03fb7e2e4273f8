"""The demo's publisher on a real broker: every metric of this machine and of the web server, at the promised pace, in order."""

import sys
import time
from collections import defaultdict
from pathlib import Path

import msgspec
import psutil
import pytest
from kafka import KafkaConsumer, TopicPartition

from streamkl.demo.programs import Program

pytestmark = pytest.mark.broker

SECONDS = 4.0


@pytest.fixture
def published(broker, create_topic, web_url: str, tmp_path: Path) -> dict[str, list[dict[str, object]]]:
    """The decoded records of some seconds by series; checks the key of each."""
    topic = create_topic()
    command = [sys.executable, "-m", "streamkl.demo.publisher", "--bootstrap", broker.bootstrap, "--topic", topic, "--web", web_url]
    with Program("publisher", command, tmp_path) as program:
        consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
        consumer.assign([TopicPartition(topic, 0)])
        records = []
        until = None
        while until is None or time.monotonic() < until:
            program.check()
            for batch in consumer.poll(timeout_ms=200).values():
                records += batch
            if records and until is None:
                until = time.monotonic() + SECONDS
        consumer.close()
    series = defaultdict(list)
    for record in records:
        point = msgspec.json.decode(record.value)
        assert record.key.decode() == point["series"]
        series[point["series"]].append(point)
    return dict(series)


def test_every_metric_comes_twenty_times_a_second_in_order(published) -> None:
    cores = {f"cpu.core{number}.percent" for number in range(psutil.cpu_count())}
    assert cores | {"cpu.percent", "memory.used_percent", "load.one_minute", "http.response_time_ms", "http.status_code"} <= set(published)
    for points in published.values():
        times = [point["timestamp"] for point in points]
        assert times == sorted(set(times))
        pace = (len(times) - 1) / (times[-1] - times[0]) * 1000
        assert 10 < pace <= 20.5  # a busy machine may leave ticks out
        assert abs(times[-1] / 1000 - time.time()) < 60


def test_values_are_what_their_names_say(published) -> None:
    values = {series: [point["value"] for point in points] for series, points in published.items()}
    assert set(values["http.status_code"]) == {"200"}
    assert all(1 < milliseconds < 10_000 for milliseconds in values["http.response_time_ms"])
    for series in published:
        if series.endswith("percent"):
            assert all(0 <= share <= 100 for share in values[series])
        elif series.endswith("per_second"):
            assert all(rate >= 0 for rate in values[series])
    assert sum(values["network.sent_mib_per_second"]) > 0  # our own records, at least
    assert len(published["http.response_time_ms"]) == len(published["http.status_code"])
