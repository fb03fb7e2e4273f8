"""What `benchmarks.pipeline` fills topics with, and what it says of a cell."""

from collections.abc import Mapping

import msgspec
import pytest

from benchmarks.forms import Form
from benchmarks.pipeline_cells import Alone, Cell, between, cells, rows
from benchmarks.reading import Speed
from benchmarks.topics import Shape, records
from streamkl.config import InputConfig
from streamkl.engine.codec import Codec
from streamkl.model import Message


def points(shape: Shape) -> list[tuple[float, int]]:
    """(value, time) of all points in record order, as the service reads them; and every record gives as many as it should."""
    codec = Codec(InputConfig.model_validate({"format": shape.form}).mapping())
    messages = [Message("t", where, number, -1, None, value) for number, (where, value) in enumerate(records(shape))]
    found = codec.decode(messages)
    assert not found.rejected
    assert len(messages) == shape.records
    assert len(found.points) == shape.records * shape.points_per_record
    return list(zip(found.points.value.tolist(), found.points.timestamp_us.tolist(), strict=True))


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize(("count", "each"), [(250, 1), (3, 100)])
def test_a_topic_holds_the_same_points_in_every_form(form: Form, count: int, each: int) -> None:
    made = points(Shape("t", count, each, form=form))
    assert made == points(Shape("t", count, each))
    assert made == points(Shape("t", 300, 1))[: len(made)]


def test_hosts_are_spread_over_the_partitions_there_are() -> None:
    assert {where for where, _ in records(Shape("t", 8, 100))} == {0, 1, 2, 3}
    assert {where for where, _ in records(Shape("t", 8, 100, partitions=1))} == {0}


def test_a_metric_of_telegraf_has_ten_fields() -> None:
    (_, raw), *_ = records(Shape("t", 1, 100, form=Form.TELEGRAF))
    assert [len(metric["fields"]) for metric in msgspec.json.decode(raw)["metrics"]] == [10] * 10


def told(cell: Cell, rates: Mapping[str, float], client: str = "kafka-python") -> list[tuple[object, object]]:
    measured = {name: [Speed(rate, 1e6 / rate)] for name, rate in rates.items()}
    return [(row["found"], row["holds"]) for row in rows(cell, measured, [Alone(decode=4e6, kernel=2e6)], client)]


def test_each_cell_is_held_to_its_own_promise() -> None:
    (base, window, *_), (base_100, window_100, *_) = cells("x", 10, 1), cells("x", 10, 100)
    rates = {"bare": 400.0, "streamkl": 320.0, "exactly": 280.0}
    assert told(base, rates) == [(0.8, "yes"), (0.875, "no")]
    assert told(window, {**rates, "streamkl": 300.0})[0] == (0.75, "no")
    assert told(base, {**rates, "streamkl": 500_000.0}, "confluent")[0] == (500_000.0, "yes")
    assert told(base_100, {**rates, "streamkl": 13_000.0})[0] == (0.65, "no")  # of 2 M points/s
    assert told(window_100, {**rates, "streamkl": 10_000.0})[0] == (1_000_000.0, "yes")


def test_what_a_part_does_alone_is_compared_turn_by_turn() -> None:
    """A machine that is half as fast for a while is so for both."""
    _, _, narrow, *_ = cells("x", 10, 100)
    measured = {"bare": [Speed(9e4, 1.0)] * 3, "streamkl": [Speed(16_000.0, 60.0), Speed(8_000.0, 120.0), Speed(15_000.0, 65.0)]}
    apart = [Alone(9e6, 2e6), Alone(4.5e6, 1e6), Alone(9e6, 2e6)]
    (row,) = rows(narrow, measured, apart, "kafka-python")
    assert (row["found"], row["kernel alone"]) == (0.8, 2e6)


def test_every_ratio_is_the_median_of_the_turns() -> None:
    """Medians of each program by itself would say .5: the machine was quick in two of its turns and slow in the others'."""
    base, *_ = cells("x", 10, 1)
    measured = {
        "bare": [Speed(100.0, 8.0), Speed(50.0, 16.0), Speed(60.0, 14.0)],
        "streamkl": [Speed(200.0, 4.0), Speed(100.0, 8.0), Speed(200.0, 4.0)],
        "exactly": [Speed(180.0, 5.0), Speed(95.0, 8.0), Speed(100.0, 8.0)],
    }
    least, exactly = rows(base, measured, [Alone(9e6, 2e6)] * 3, "kafka-python")
    assert (least["found"], least["/ bare"], least["/ bare, CPU"]) == (2.0, 2.0, 2.0)
    assert (exactly["found"], exactly["records/s"]) == (0.9, 100.0)


def test_what_a_part_does_alone_is_between_before_and_after() -> None:
    assert between(Alone(4e6, 1e6), Alone(8e6, 2e6)) == Alone(6e6, 1.5e6)


def test_cells_of_one_topic_follow_one_another() -> None:
    made = [cell.shape.topic for cell in cells("x", 10, 1)]
    assert made == sorted(made, key=list(dict.fromkeys(made)).index)
