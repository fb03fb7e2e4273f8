"""The service: adapters, engines and loop put together, started when the cluster lets us, and stopped in good order."""

import gc
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from streamkl.adapters.clock import MonotonicClock
from streamkl.adapters.console import ConsoleLog
from streamkl.adapters.telemetry import Telemetry
from streamkl.assembly.allocating import keep_memory
from streamkl.assembly.clients import Client, Session, client_of
from streamkl.assembly.delivering import deliver_through, encoders_of, open_store, state_topic
from streamkl.assembly.joining import join
from streamkl.assembly.member import Member
from streamkl.assembly.plan import build_engine, build_plan
from streamkl.assembly.stopping import Stopping
from streamkl.assembly.warming import warm_up
from streamkl.config import Config
from streamkl.engine.plan import Plan
from streamkl.ports import Observer, StateStore
from streamkl.runner import Holdings, Runner

YOUNG_OBJECTS = 50_000  # between two collections; Python's own 700 would come a dozen times a batch

log = logging.getLogger(__name__)


def run(config: Config, member: Member | None = None) -> int:
    """Run the service until SIGTERM or SIGINT, and return the exit code 0. To be called in the main thread.

    `member`: it is one of several under a supervisor, who may ask it to stop too.

    Raises ConfigError, InputError, SourceError, SinkError and SnapshotError: what the operator has to act on. Nothing committed is lost by
    any of them, and a restart goes on from there.
    """
    clock = MonotonicClock()
    with ExitStack() as stack:
        client = client_of(config.kafka, state_topic(config))
        console = stack.enter_context(ConsoleLog(clock, str(member.number) if member else ""))
        stopping = stack.enter_context(Stopping())
        if member is not None:
            member.leash.obey(partial(stopping.request, "the supervisor"))
        store = member.store if member else open_store(config, stack)
        telemetry = Telemetry(clock, config.kafka.commit_interval_seconds)
        _serve_http(config, telemetry, stack)
        plan = build_plan(config)
        if member is None:  # or we were forked from who has done it
            warm_up(plan, clock)
        gc.freeze()  # what has been imported and loaded stays: no later collection looks through it
        gc.set_threshold(YOUNG_OBJECTS)  # messages come by ten thousands and are no garbage while they are judged
        keep_memory()
        session = join(config.kafka, state_topic(config), client, stopping, clock, telemetry)
        if session is None:
            return 0
        stack.callback(session.close)
        runner = _build_runner(config, plan, client, session, store, (telemetry, console))
        stopping.tell(runner.stop)
        runner.run()
        log.info("stopped in good order")
    return 0


def _build_runner(
    config: Config, plan: Plan, client: Client, session: Session, store: StateStore | None, observers: Sequence[Observer]
) -> Runner:
    kafka = config.kafka
    source = client.source(session)
    outlet, states = deliver_through(config, client, session, store)
    return Runner(
        source=source,
        outlet=outlet,
        holdings=Holdings(source, states, partial(build_engine, plan), encoders_of(kafka)),
        clock=MonotonicClock(),
        commit_seconds=kafka.commit_interval_seconds,
        snapshot_seconds=kafka.snapshot_interval_seconds,
        observers=observers,
    )


def _serve_http(config: Config, telemetry: Telemetry, stack: ExitStack) -> None:
    if config.http.port == 0:
        return
    from streamkl.adapters.http_server import HttpServer  # noqa: PLC0415 - a tenth of a second that a service without one can save

    server = HttpServer(
        host=config.http.host,
        port=config.http.port,
        allowed_hosts=config.http.allowed_hosts,
        metrics=telemetry.metrics,
        not_alive=telemetry.not_alive,
        not_ready=telemetry.not_ready,
    )
    stack.callback(server.close)
    log.info("metrics, health and readiness on http://%s:%d", config.http.host, server.port)
