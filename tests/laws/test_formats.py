"""How points are written never changes what becomes of them: mapped JSON, Telegraf's JSON and line protocol give the same events and the
same state, byte for byte, and so does a codec that remembers no layouts."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamkl.engine.codec import Codec
from streamkl.engine.points import Points
from streamkl.model import Message
from tests.engine.material import NOW_MS, mapping
from tests.engine.plans import HERE, MINUTE_MS, engine, feed, monitor, plan, written

Metric = dict[str, Any]
NAMES = {"series": "{name},{tags.*},{field}", "value": "fields.*"}
HOSTS = ("web 1", "web,2", "wéb=3", "late")
DAY_MS = 86_400_000


def metrics() -> list[list[Metric]]:
    """A batch a minute from a few hosts, each with four numbers; two shift, one is silent until it is forgotten, and one has text."""
    dice = np.random.default_rng(4)
    batches = []
    for minute in range(260):
        batch = []
        for place, host in enumerate(HOSTS):
            if host == "late" and 60 <= minute < 180:
                continue
            values = dice.normal(100.0, 1.0, 2) + (30.0 if 100 + 20 * place <= minute < 150 and place < 2 else 0.0)
            fields: dict[str, object] = {
                "user": float(values[0]),
                "system": round(float(values[1]), 3),
                "forks": minute % 5,
                "up": minute % 7 > 0,
            }
            if place == 2:
                fields = {"version": f"1.{minute}"} | fields
            when = NOW_MS + MINUTE_MS * minute
            batch.append({"name": "cpu", "tags": {"zone": "a", "host": host}, "fields": fields, "timestamp": when})
        batches.append(batch)
    return batches


def as_line(metric: Metric) -> str:
    """With the tags in another order."""

    def escaped(text: str) -> str:
        return text.replace(",", r"\,").replace("=", r"\=").replace(" ", r"\ ")

    tags = "".join(f",{key}={escaped(value)}" for key, value in sorted(metric["tags"].items()))
    fields = ",".join(f"{key}={json.dumps(value)}{'i' if type(value) is int else ''}" for key, value in metric["fields"].items())
    return f"{metric['name']}{tags} {fields} {metric['timestamp']}000000"


WRITERS: dict[str, tuple[dict[str, str], Callable[[list[Metric]], str]]] = {
    "mapped JSON": ({"format": "json", "points": "metrics"}, lambda batch: json.dumps({"metrics": batch})),
    "an array of mapped JSON": ({"format": "json"}, json.dumps),
    "Telegraf's batches": ({"format": "telegraf"}, lambda batch: json.dumps({"metrics": batch}, separators=(",", ":"))),
    "line protocol": ({"format": "influx"}, lambda batch: "\n".join(map(as_line, batch))),
}  # fmt: skip


def outcome(codec: Codec, records: Sequence[str], pieces: Sequence[int] = ()) -> tuple[list[Any], bytes, int]:
    """The events as they leave, the state, and how many points there were."""
    made = replace(plan(monitor("*up", "categorical", "up"), monitor(), evict_after_us=60 * MINUTE_MS * 1_000), codec=codec)
    messages = [Message(*HERE, offset, NOW_MS + DAY_MS, None, raw.encode()) for offset, raw in enumerate(records)]
    one = engine(made)
    events = written(feed(one, messages, pieces))
    assert one.stats().evicted > 0
    return events, one.snapshot(), one.stats().points


class Forgetful(Codec):
    """Gives points without layouts."""

    def decode(self, messages: Sequence[Message]) -> Any:
        decoded = super().decode(messages)
        points = decoded.points
        decoded.points = Points(points.series, points.timestamp_us, points.value, points.text, points.message)
        return decoded


@pytest.fixture(scope="module")
def expected() -> tuple[list[Any], bytes, int]:
    options, write = WRITERS["mapped JSON"]
    found = outcome(Forgetful(mapping(**options, **NAMES)), list(map(write, metrics())))
    assert len(found[0]) > 2
    assert found[2] > 3_000
    return found


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("pieces", [(), tuple(range(1, 260)), (7, 8, 100, 131, 200)], ids=["one batch", "one by one", "in pieces"])
def test_the_same_points_give_the_same_events_and_state(
    writer: str, pieces: tuple[int, ...], expected: tuple[list[Any], bytes, int]
) -> None:
    options, write = WRITERS[writer]
    assert outcome(Codec(mapping(**options, **NAMES)), list(map(write, metrics())), pieces) == expected


def test_single_metrics_are_the_same_too() -> None:
    singles = [metric for batch in metrics() for metric in batch]
    telegraf = outcome(Codec(mapping(format="telegraf", **NAMES)), [json.dumps(metric) for metric in singles], range(1, 900, 40))
    assert telegraf == outcome(Codec(mapping(format="influx", **NAMES)), list(map(as_line, singles)))
    assert telegraf == outcome(Forgetful(mapping(**NAMES)), [json.dumps(metric) for metric in singles])


def test_a_codec_that_serves_several_partitions_gives_each_its_own_seats() -> None:
    """Two engines take turns with the same layouts; in one of them the series were born in another order."""
    options, write = WRITERS["Telegraf's batches"]
    records = list(map(write, metrics()))
    made = replace(plan(), codec=Codec(mapping(**options, **NAMES)))
    backwards = [write(batch[::-1]) for batch in metrics()]
    engines, alone = [engine(made), engine(made)], [engine(replace(made, codec=Codec(mapping(**options, **NAMES)))) for _ in range(2)]
    for offset, raws in enumerate(zip(records, [*backwards[:30], *records[30:]], strict=True)):
        for raw, shared, own in zip(raws, engines, alone, strict=True):
            sent = [Message(*HERE, offset, NOW_MS + DAY_MS, None, raw.encode())]
            assert shared.receive(sent) == own.receive(sent)
    assert [one.snapshot() for one in engines] == [one.snapshot() for one in alone]


def test_points_that_are_written_out_are_the_same_too(expected: tuple[list[Any], bytes, int]) -> None:
    """Arrays of points with their names in full; those of equal names in equal order share a layout."""

    def points(metric: Metric) -> list[Metric]:
        tags = ",".join(
            f"{key}={metric['tags'][key].translate(str.maketrans({sign: chr(92) + sign for sign in ',='}))}" for key in ("host", "zone")
        )
        numbers = {name: value for name, value in metric["fields"].items() if not isinstance(value, str)}
        return [{"series": f"cpu,{tags},{name}", "timestamp": metric["timestamp"], "value": value} for name, value in numbers.items()]

    records = [json.dumps([point for metric in batch for point in points(metric)]) for batch in metrics()]
    for pieces in ((), range(1, 260), (7, 8, 100, 131, 200)):
        assert outcome(Codec(mapping()), records, pieces) == expected
