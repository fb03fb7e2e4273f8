"""Who writes the input while faults strike: quiet stretches, shifted ones, and records that nobody can read."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaProducer
from kafka import errors as kafka_errors

from streamkl.adapters.kafka.sockets import ClosingSocket
from tests.chaos.place import ExactlyOncePlace
from tests.system.service import metrics

SERIES = ("cpu", "mem")
FAULT = 40.0  # eight standard deviations
STRETCH_ENDS = 0.05  # chance with each portion
PORTION = 8
PAUSE_SECONDS = 0.01
GOODBYE_SECONDS = 150.0  # the client gives a record up after 120


class Writer:
    """Writes on where it stopped. Every partition has its own series; what is in the topic in the end counts, not what was sent."""

    def __init__(self, place: ExactlyOncePlace, dice: random.Random) -> None:
        self._topic = place.topics["metrics"]
        self._producer = KafkaProducer(bootstrap_servers=place.bootstrap, linger_ms=2, proxy_url=ClosingSocket.URL)
        self._dice = dice
        self._shifts = [0.0] * place.partitions
        self.written = [0] * place.partitions

    def write(self, records: int, shift: float | None = None) -> None:
        """So many of each series of each partition; the dice choose how far from normal, unless `shift` says so."""
        for partition, start in enumerate(self.written):
            if shift is not None:
                self._shifts[partition] = shift
            elif start and self._dice.random() < STRETCH_ENDS:
                self._shifts[partition] = self._dice.choice([0.0, 0.0, FAULT])
            away = self._shifts[partition]
            lines = [line for name in SERIES for line in metrics(start, records, shift=away, series=f"{name}{partition}")]
            lines += [b"{%d" % number for number in range(start, start + records, 5)]
            self._dice.shuffle(lines)
            for line in lines:
                self._producer.send(self._topic, line, partition=partition)
            self.written[partition] = start + records
        self._producer.flush()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Small portions all the time, on a thread of its own: a broker that is away holds up nobody else."""
        over = threading.Event()
        failures: list[BaseException] = []

        def go_on() -> None:
            while not over.wait(PAUSE_SECONDS):
                try:
                    self.write(self._dice.randrange(1, PORTION))
                except kafka_errors.KafkaError:
                    over.wait(0.5)
                except BaseException as error:  # noqa: BLE001 - told below, on the thread of the test
                    failures.append(error)
                    return

        thread = threading.Thread(target=go_on, name="writer")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(GOODBYE_SECONDS)
        assert not thread.is_alive(), "the writer hangs"
        assert not failures, failures

    def close(self) -> None:
        self._producer.close()
