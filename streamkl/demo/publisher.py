"""Publishes this machine's metrics to a topic, many times a second, until told to stop: a metrics agent in miniature.

Records are {"series": "cpu.percent", "timestamp": 1760000000000, "value": 12.5}, keyed by series, timestamps in milliseconds.
"""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

import msgspec
from kafka import KafkaProducer

from streamkl.adapters.kafka.client import open_client
from streamkl.demo.machine import Machine
from streamkl.demo.web_probe import WebProbe
from streamkl.errors import SinkError, StreamklError
from streamkl.transport import Cluster

RESPONSE_TIME = "http.response_time_ms"
STATUS_CODE = "http.status_code"
LINGER_MS = 10  # one tick's records travel together


class Point(msgspec.Struct, frozen=True):
    """One record's value."""

    series: str
    timestamp: int  # milliseconds since 1970
    value: float | str


def points(machine: Machine, probe: WebProbe | None, at_ms: int) -> Iterator[Point]:
    """What is known at a tick: this machine's metrics now, and the answers that came since the tick before (with their own time)."""
    for series, value in machine.read().items():
        yield Point(series, at_ms, value)
    if probe is not None:
        probe.ask(at_ms)
        for asked_ms, answer in probe.answered():
            yield Point(RESPONSE_TIME, asked_ms, answer.milliseconds)
            yield Point(STATUS_CODE, asked_ms, answer.status)


def publish(producer: KafkaProducer, topic: str, probe: WebProbe | None, hertz: float, stopped: threading.Event) -> None:
    """Publish at `hertz` until `stopped`. A tick that comes too late is left out rather than made up for."""
    machine, encoder = Machine(), msgspec.json.Encoder()
    period = 1 / hertz
    due = time.monotonic() + period
    while not stopped.wait(max(0.0, due - time.monotonic())):
        for point in points(machine, probe, time.time_ns() // 1_000_000):
            producer.send(topic, key=point.series.encode(), value=encoder.encode(point))
        due += period * max(1, -(-(time.monotonic() - due) // period))


def main() -> int:
    """Publish until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m streamkl.demo.publisher", description=__doc__)
    parser.add_argument("--bootstrap", required=True, help="broker, HOST:PORT")
    parser.add_argument("--topic", default="metrics")
    parser.add_argument("--hertz", type=float, default=20.0, help="points per second of each series")
    parser.add_argument("--web", help="URL of an HTTP server whose response time and status code are measured too")
    arguments = parser.parse_args()
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        probe = WebProbe(arguments.web) if arguments.web else None
        cluster = Cluster(bootstrap_servers=(arguments.bootstrap,), client_id="streamkl-demo-publisher")
        producer = open_client(KafkaProducer, cluster, SinkError, linger_ms=LINGER_MS, allow_auto_create_topics=False)
    except (ValueError, StreamklError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    try:
        publish(producer, arguments.topic, probe, arguments.hertz, stopped)
    finally:
        if probe is not None:
            probe.close()
        producer.close(timeout=5)
    return 0


if __name__ == "__main__":
    sys.exit(main())
