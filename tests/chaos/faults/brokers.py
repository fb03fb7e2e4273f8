"""Brokers die, pause, are away, or lack replicas."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from streamkl.broker.launcher import Broker
from tests.chaos.faults.fault import Fault, patient
from tests.chaos.scene import Scene

AWAY_SECONDS = (30.0, 60.0)
PAUSE_SECONDS = (11.0, 15.0)  # the service gives a silent broker up after 10
GROWTH_BYTES = 64 * 2**20  # of memory, while the broker is away
EVENT_PARTITIONS = 3
ENDING_BYTES = 100  # the end of a transaction still fits, no dead letter does
FAILOVER_SECONDS = 4.0  # until other brokers have taken over what the lost one coordinated


@contextmanager
def restart(scene: Scene) -> Iterator[None]:
    """Any broker, killed or stopped in good order; with one of its partitions it takes coordinators with it."""
    scene.begin()
    broker = scene.dice.choice(scene.ground.brokers)
    time.sleep(scene.dice.uniform(0.0, 1.0))
    broker.kill() if scene.dice.random() < 0.5 else broker.stop()
    time.sleep(scene.dice.uniform(0.0, 2.0))
    try:
        yield
    finally:
        _start(scene, broker)


@contextmanager
def away(scene: Scene) -> Iterator[None]:
    """For long, while the service runs: it waits, does not grow, and goes on."""
    scene.begin()
    process = psutil.Process(scene.process.pid)
    before = process.memory_info().rss
    broker = scene.ground.brokers[0]
    broker.kill()
    try:
        time.sleep(scene.dice.uniform(*AWAY_SECONDS))
        assert scene.running, scene.place.log(scene.main)
        assert process.memory_info().rss - before < GROWTH_BYTES
        yield
    finally:
        broker.start()


@contextmanager
def away_at_the_start(scene: Scene) -> Iterator[None]:
    """The service is started while nobody listens: it waits for the broker and says so."""
    scene.kill()
    broker = scene.ground.brokers[0]
    broker.kill()
    try:
        scene.start()
        time.sleep(scene.dice.uniform(3.0, 12.0))
        assert scene.running, scene.place.log(scene.main)
        yield
    finally:
        broker.start()


@contextmanager
def paused(scene: Scene) -> Iterator[None]:
    """Connections stay, answers do not come, for longer than a request may take."""
    scene.begin()
    broker = scene.dice.choice(scene.ground.brokers)
    time.sleep(scene.dice.uniform(0.0, 1.0))
    broker.pause()
    try:
        time.sleep(scene.dice.uniform(*PAUSE_SECONDS))
        yield
    finally:
        broker.resume()


def _events_on_the_last_broker(scene: Scene) -> None:
    """One replica: with that broker the events have no leader, while everything else goes on."""
    last = scene.ground.brokers[-1].node.number
    with scene.admin() as admin:
        admin.create_topics([NewTopic(scene.place.topics["anomalies"], replica_assignments={n: [last] for n in range(EVENT_PARTITIONS)})])
        admin.wait_for_topics([scene.place.topics["anomalies"]])


@contextmanager
def leader_lost(scene: Scene) -> Iterator[None]:
    """The broker that leads the events is gone for longer than a record may take."""
    scene.begin()
    time.sleep(scene.dice.uniform(0.0, 1.0))
    broker = scene.ground.brokers[-1]
    broker.kill()
    try:
        time.sleep(FAILOVER_SECONDS + scene.patience * scene.dice.uniform(1.0, 1.5))
        yield
    finally:
        _start(scene, broker)


def _events_on_all_brokers(scene: Scene) -> None:
    with scene.admin() as admin:
        settings = {"min.insync.replicas": str(len(scene.ground.brokers))}
        topic = NewTopic(scene.place.topics["anomalies"], EVENT_PARTITIONS, len(scene.ground.brokers), topic_configs=settings)
        admin.create_topics([topic])
        admin.wait_for_topics([scene.place.topics["anomalies"]])


@contextmanager
def too_few_replicas(scene: Scene) -> Iterator[None]:
    """One broker is gone, and the events want all of them in sync."""
    scene.begin()
    broker = scene.dice.choice(scene.ground.brokers)
    time.sleep(scene.dice.uniform(0.0, 1.0))
    broker.kill()
    try:
        time.sleep(scene.patience * scene.dice.uniform(0.3, 1.5))
        yield
    finally:
        _start(scene, broker)


@contextmanager
def dead_letters_refused(scene: Scene) -> Iterator[None]:
    """The dead-letter topic accepts no record any more: the service ends and names it, and passes none over."""
    scene.begin()
    _limit_dead_letters(scene, ENDING_BYTES)
    try:
        scene.process.wait(60)
        scene.struck.add(scene.main)
        assert scene.process.poll() == 1, scene.place.log(scene.main)
        assert f"topic {scene.place.topics['dead']}: " in scene.place.log(scene.main)
    finally:
        _limit_dead_letters(scene, 2**20)
    yield


def _limit_dead_letters(scene: Scene, size: int) -> None:
    with scene.admin() as admin:
        limit = {"max.message.bytes": str(size)}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, scene.place.topics["dead"], configs=limit)])


def _start(scene: Scene, broker: Broker) -> None:
    broker.launch()
    broker.wait_ready(members=len(scene.ground.brokers))


BROKERS = (
    Fault(12, "broker restart", restart),
    Fault(12, "one broker of three restarts", restart, ground="three", mixes=False),
    Fault(13, "broker away", away, strikes=1, mixes=False),
    Fault(13, "broker away at the start", away_at_the_start, strikes=1, mixes=False),
    Fault(14, "broker paused", paused, strikes=1, mixes=False),
    Fault(14, "one broker of three pauses", paused, ground="three", strikes=1, mixes=False, prepare=patient(20)),
    Fault(15, "leader of the events lost", leader_lost, ground="three", strikes=1, mixes=False, prepare=_events_on_the_last_broker),
    Fault(16, "too few replicas", too_few_replicas, ground="three", strikes=1, mixes=False, prepare=_events_on_all_brokers),
    Fault(42, "dead letters refused", dead_letters_refused, mixes=False),
)
