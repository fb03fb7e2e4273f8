"""What a person reads of the episodes: the sentence, the numbers behind it, and where the records are."""

import msgspec
import pytest
from kafka import KafkaProducer

from streamkl.demo.watch import EventReader, told
from streamkl.errors import SourceError
from streamkl.model import Bin
from tests.demo.events import event


def test_an_opening_is_told_with_its_explanation() -> None:
    assert told(event()).plain.splitlines() == [
        "10:00:03  OPENED    http.response_time_ms  p95 rose from 60 to 180  (critical, score 2.2)",
        "                    KL(window || reference) = 0.55 nats over 64 points, threshold 0.25 for 1 per series per day (table+tail)",
        "                    150 and above: 0.2% of the points before, 12.5% now, +0.52 nats",
        "                    below 12.5: 6.0% of the points before, 0.0% now, +0.00 nats",
        "                    from metrics/0, offsets 4000 to 4711",
    ]


def test_a_series_without_data_is_told_without_nats() -> None:
    absence = {"kind": "no_data", "window_name": None, "statistic_nats": None, "threshold_nats": None, "score": 1.0, "severity": "warning"}
    assert told(event(**absence, sentence="no point for 5 min; normally one every 10 s")).plain.splitlines() == [
        "10:00:03  OPENED    http.response_time_ms  no point for 5 min; normally one every 10 s  (warning, score 1.0)",
        "                    from metrics/0, offsets 4000 to 4711",
    ]


def test_later_steps_take_one_line() -> None:
    updated, closed = event(type="updated", score=3.14), event(type="closed", sentence="recovered")
    assert told(updated).plain == "10:00:03  UPDATED   http.response_time_ms  p95 rose from 60 to 180  (critical, score 3.1)"
    assert told(closed).plain == "10:00:03  CLOSED    http.response_time_ms  recovered"


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"low": 20.0, "high": 30.5}, "20 to 30.5"),
        ({"low": 20.0, "high": 20.0}, "exactly 20"),
        ({"low": None, "high": None, "category": "500"}, "500"),
    ],
)
def test_bins_are_named_by_what_falls_into_them(part: dict[str, object], words: str) -> None:
    bins = (Bin(reference_share=0.5, window_share=0.25, nats=-0.17, **part),)
    assert f"{words}: 50.0% of the points before, 25.0% now, -0.17 nats" in told(event(top_bins=bins)).plain


@pytest.mark.broker
def test_events_are_read_from_the_first_record_on(broker, create_topic) -> None:
    topic = create_topic(partitions=2)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    for partition in (0, 1):
        producer.send(topic, msgspec.json.encode(event(id=str(partition))), partition=partition)
    producer.close()
    with EventReader(broker.bootstrap, topic) as reader:
        found = {}
        for _ in range(100):
            found |= {each.id: each for each in reader.read(0.2)}
            if len(found) == 2:
                break
    assert found == {"0": event(id="0"), "1": event(id="1")}


@pytest.mark.broker
def test_a_topic_that_does_not_exist_is_named(broker, topic_name) -> None:
    with pytest.raises(SourceError, match=f"topic {topic_name} does not exist on {broker.bootstrap}"):
        EventReader(broker.bootstrap, topic_name)
