"""Compiling kernels and simulating thresholds before the group is joined: inside it, a loop that does not poll loses its partitions."""

import logging
from dataclasses import replace

import numpy as np

from streamkl.engine.engine import Engine
from streamkl.engine.plan import Monitor, Plan
from streamkl.engine.points import Points
from streamkl.model import MICROSECONDS, Message, Partition
from streamkl.ports import Clock

log = logging.getLogger(__name__)

INCIDENT_POINTS = 300  # a change that opens an episode, so that its explanation is compiled too
WORTH_A_LINE_SECONDS = 3.0


def warm_up(plan: Plan, clock: Clock) -> None:
    """Judge an invented incident with each monitor's settings, in engines that are thrown away.

    About a second; a minute or more on the first start on a machine, where numba's and our own caches are empty.
    """
    began = clock.now()
    log.info("preparing kernels and thresholds (a minute or more on the first start on a machine)")
    for monitor in plan.monitors:
        if monitor.kind != "ignore":
            _judge_incident(plan, monitor)
    seconds = clock.now() - began
    if seconds > WORTH_A_LINE_SECONDS:
        log.info("prepared in %.0f s", seconds)


def _judge_incident(plan: Plan, monitor: Monitor) -> None:
    made = replace(plan, monitors=(replace(monitor, match="*", kind="numeric", normal={}),))
    engine = Engine(Partition("warm-up", 0), made)
    quiet = monitor.settings.reference.size + INCIDENT_POINTS
    count = quiet + INCIDENT_POINTS
    values = np.random.default_rng(0).normal(size=count)
    values[quiet:] += 10.0
    times = np.arange(count, dtype=np.int64) * 10 * MICROSECONDS
    points = Points(["warm-up"] * count, times, values, {}, np.arange(count, dtype=np.int32))
    engine.receive_points(points, [Message("warm-up", 0, offset, -1, None, None) for offset in range(count)])
    Engine(engine.partition, made, engine.snapshot())
