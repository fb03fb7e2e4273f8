"""The forms in which benchmarks write the points of a scrape into one record."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

FIELDS = 10  # numbers of a metric, where there are several

Point = Mapping[str, Any]  # series ("host.metric"), timestamp in seconds, value


class Form(StrEnum):
    """What `input.format` calls them."""

    JSON = "json"
    TELEGRAF = "telegraf"
    INFLUX = "influx"


def encode(form: Form, points: Sequence[Point]) -> bytes:
    """The points of one host at one time: an object where it is one, else an array, a batch of metrics or several lines.

    >>> at = {"timestamp": 1_700_000_000}
    >>> encode(Form.INFLUX, [{"series": "a.cpu", "value": 1.5, **at}, {"series": "a.disk", "value": 2.0, **at}])
    b'scrape-0,host=a cpu=1.5,disk=2.0 1700000000000000000'
    """
    return _ENCODERS[form](points)


def _json(points: Sequence[Point]) -> bytes:
    return msgspec.json.encode(points[0] if len(points) == 1 else points)


def _telegraf(points: Sequence[Point]) -> bytes:
    metrics = list(_metrics(points))
    return msgspec.json.encode(metrics[0] if len(metrics) == 1 else {"metrics": metrics})


def _influx(points: Sequence[Point]) -> bytes:
    return "\n".join(
        f"{metric['name']},host={metric['tags']['host']} "
        f"{','.join(f'{name}={value}' for name, value in metric['fields'].items())} {metric['timestamp']}000000000"
        for metric in _metrics(points)
    ).encode()


def _metrics(points: Sequence[Point]) -> Iterator[dict[str, Any]]:
    for number, at in enumerate(range(0, len(points), FIELDS)):
        some = points[at : at + FIELDS]
        names = [point["series"].partition(".") for point in some]
        fields = {name: point["value"] for (_, _, name), point in zip(names, some, strict=True)}
        yield {"fields": fields, "name": f"scrape-{number}", "tags": {"host": names[0][0]}, "timestamp": some[0]["timestamp"]}


_ENCODERS: Mapping[Form, Callable[[Sequence[Point]], bytes]] = {Form.JSON: _json, Form.TELEGRAF: _telegraf, Form.INFLUX: _influx}
