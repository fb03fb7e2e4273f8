"""From a configuration and a number to so many running services under one supervisor."""

import logging
from contextlib import ExitStack

from streamkl.adapters.clock import MonotonicClock
from streamkl.adapters.console import ConsoleLog
from streamkl.adapters.kafka import input_partitions
from streamkl.adapters.state_files import FileStateStore
from streamkl.assembly import service
from streamkl.assembly.clients import client_of
from streamkl.assembly.delivering import open_store, state_topic
from streamkl.assembly.joining import cluster_of
from streamkl.assembly.leash import Leash
from streamkl.assembly.member import Member, check_count, of_process
from streamkl.assembly.plan import build_plan
from streamkl.assembly.stopping import Stopping
from streamkl.assembly.warming import warm_up
from streamkl.config import Config
from streamkl.errors import SourceError
from streamkl.processes.decisions import idle
from streamkl.processes.supervisor import Supervisor

log = logging.getLogger(__name__)

NAME = "supervisor"  # in its lines of the log


def run(config: Config, count: int) -> int:
    """Run `count` services of one configuration until SIGTERM or SIGINT, or until one of them ends with an error that a new start would not
    mend; return the exit code. Returns in every process: the supervisor, and each service under it. To be called in the main thread, with
    no other running.

    Raises as `service.run`.
    """
    check_count(config, count)
    with ExitStack() as stack:
        store = open_store(config, stack)  # and so the directory is locked until the last process has ended
        leash = Leash()
        number, code = _supervise(config, count, leash)
        if number is None:
            return code
        if isinstance(store, FileStateStore):
            store.be_process(number)
        return service.run(of_process(config, number), Member(number, leash, store))


def _supervise(config: Config, count: int, leash: Leash) -> tuple[int | None, int]:
    """Returns in the supervisor with (None, exit code); in each process, free of everything of the supervisor's, with (its number, 0)."""
    numbers: list[int] = []
    clock = MonotonicClock()
    with ExitStack() as stack:
        stack.enter_context(ConsoleLog(clock, NAME))
        stopping = stack.enter_context(Stopping())
        stack.callback(leash.let_go)
        client_of(config.kafka, state_topic(config))  # what is not installed is said once
        warm_up(build_plan(config), clock)
        _introduce(config, count)
        code = Supervisor(count, leash, stopping, clock).run(numbers.append)
        if not numbers:
            log.info("all processes have ended")
    return (numbers[0], 0) if numbers else (None, code or 0)


def _introduce(config: Config, count: int) -> None:
    """Say who is who, and who may be idle: where the cluster does not answer, the processes will say what they wait for."""
    first, last = of_process(config, 0), of_process(config, count - 1)
    pages = f", HTTP on ports {first.http.port} to {last.http.port}" if first.http.port else ""
    names = f"{first.kafka.group_instance_id} to {last.kafka.group_instance_id}"
    log.info("%d processes of group %s: %s%s", count, config.kafka.group_id, names, pages)
    kafka = config.kafka
    ours = tuple(filter(None, (kafka.events_topic, kafka.dead_letter_topic, state_topic(config))))
    try:
        partitions = input_partitions(cluster_of(kafka), topics=kafka.topics, topic_pattern=kafka.topic_pattern, excluded_topics=ours)
    except SourceError:
        return
    if warning := idle(count, partitions):
        log.warning("%s", warning)
