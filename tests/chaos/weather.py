"""Circumstances that a service is started in, planted in its process: they change no rule of it, so everything still has to be equal."""

import random
import time
from collections.abc import Callable
from unittest import mock

from streamkl.transport import tuning

HOUR = 3600.0


def _jumping_clock() -> None:
    seconds, nanoseconds = time.time, time.time_ns
    dice = random.Random()  # noqa: S311 - no secret
    mock.patch("time.time", lambda: seconds() + dice.uniform(-HOUR, HOUR)).start()
    mock.patch("time.time_ns", lambda: nanoseconds() + int(dice.uniform(-HOUR, HOUR) * 1e9)).start()


def _impatient() -> None:
    for name, milliseconds in (("TRANSACTIONAL_DELIVERY_TIMEOUT_MS", 3_000), ("REQUEST_TIMEOUT_MS", 1_000)):
        mock.patch.object(tuning, name, milliseconds).start()


WEATHER: dict[str, Callable[[], None]] = {
    "jumping clock": _jumping_clock,  # off by up to an hour, differently each time
    "impatient": _impatient,  # gives a record up after 3 s instead of 15
}
