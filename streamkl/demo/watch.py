"""Follows the downstream topic from its first record and tells each event in lines for a person."""

import argparse
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import msgspec
from kafka import KafkaConsumer, TopicPartition
from rich.console import Console
from rich.text import Text

from streamkl.adapters.kafka.client import open_client
from streamkl.errors import SourceError, StreamklError
from streamkl.model import Bin, Event
from streamkl.transport import Cluster

STYLES = {"opened": "bold red", "updated": "yellow", "closed": "bold green", "warning": "magenta"}
BINS_TOLD = 2


class EventReader:
    """Reads events; commits nothing and belongs to no group, so that it disturbs nobody."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        """Raises SourceError where the broker or the topic is not there."""
        cluster = Cluster(bootstrap_servers=(bootstrap,), client_id="streamkl-demo-watch")
        self._consumer = open_client(KafkaConsumer, cluster, SourceError, auto_offset_reset="earliest", isolation_level="read_committed")
        partitions = self._consumer.partitions_for_topic(topic)
        if not partitions:
            self._consumer.close()
            raise SourceError(f"topic {topic} does not exist on {bootstrap}")
        self._consumer.assign([TopicPartition(topic, number) for number in sorted(partitions)])
        self._decoder = msgspec.json.Decoder(Event)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._consumer.close()

    def read(self, timeout_seconds: float) -> Iterator[Event]:
        """The events that came since, waiting so long for the first."""
        for records in self._consumer.poll(timeout_ms=round(timeout_seconds * 1000)).values():
            for record in records:
                yield self._decoder.decode(record.value)


def told(event: Event) -> Text:
    """An event in a few lines: what happened, what changed, which bins say so, and how it was judged.

    An update is told in its first line only: the rest stands under the episode's opening.
    """
    lines = [Text.assemble((f"{_clock(event.detected_at)}  {event.type.upper():<8}", STYLES.get(event.type, "")), *_headline(event))]
    if event.type == "opened":
        lines += [Text(f"{'':20}{line}", "dim") for line in _explanation(event)]
    return Text("\n").join(lines)


def _headline(event: Event) -> Iterator[str | tuple[str, str]]:
    yield (f"  {event.series}", "bold")
    yield f"  {event.sentence}"
    if event.type != "closed":
        yield f"  ({event.severity}, score {event.score:.1f})"


def _explanation(event: Event) -> Iterator[str]:
    if event.kind == "distribution":
        yield from _divergence(event)
    yield f"from {event.source.topic}/{event.source.partition}, offsets {event.source.first_offset} to {event.source.last_offset}"


def _divergence(event: Event) -> Iterator[str]:
    yield (
        f"{event.statistic_name} = {event.statistic_nats:.2f} nats over {event.window_name}, threshold {event.threshold_nats:.2f}"
        f" for {event.calibration.budget} ({event.calibration.method})"
    )
    for part in event.top_bins[:BINS_TOLD]:
        yield f"{_range(part)}: {part.reference_share:.1%} of the points before, {part.window_share:.1%} now, {part.nats:+.2f} nats"


def _range(part: Bin) -> str:
    if part.category is not None:
        return part.category
    if part.low is None:
        return f"below {part.high:.4g}"
    if part.high is None:
        return f"{part.low:.4g} and above"
    return f"exactly {part.low:.4g}" if part.low == part.high else f"{part.low:.4g} to {part.high:.4g}"


def _clock(time: str | None) -> str:
    return "" if time is None else time[11:19]


def main() -> int:
    """Tell events until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m streamkl.demo.watch", description=__doc__)
    parser.add_argument("--bootstrap", required=True, help="broker, HOST:PORT")
    parser.add_argument("--topic", default="anomalies")
    arguments = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    try:
        with EventReader(arguments.bootstrap, arguments.topic) as reader:
            while True:
                for event in reader.read(1.0):
                    console.print(told(event))
    except KeyboardInterrupt:
        return 0
    except StreamklError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
