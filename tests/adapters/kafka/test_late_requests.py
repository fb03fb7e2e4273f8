"""A request that was thought lost arrives when another transaction is open: it neither ends that one nor moves its offsets back."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streamkl.assembly.clients import client_of
from streamkl.config import KafkaConfig
from streamkl.model import Outgoing, Partition
from streamkl.transport import Cluster
from streamkl.transport.clients import Kept, Parcel, Transactor
from tests.adapters.kafka.places import OnKafka, join_group, member_of, with_both
from tests.chaos.grounds import GROUNDS
from tests.chaos.proxy import END_TXN, TXN_OFFSET_COMMIT, Frame, LostConnectionError, Proxy, Rule
from tests.chaos.scene import Ground

pytestmark = pytest.mark.broker

ARRIVAL_SECONDS = 0.5


class Loser(Rule):
    """Keeps the first such request and breaks its connection; the next ending waits until the kept one has arrived before it."""

    def __init__(self, proxy: Proxy, api: int) -> None:
        self._proxy, self._api = proxy, api
        self._kept: bytes | None = None
        self.before_the_next_ending = False

    async def request(self, frame: Frame) -> bytes:
        if frame.api == self._api and self._kept is None:
            self._kept = frame.body
            raise LostConnectionError
        if frame.api == END_TXN and self.before_the_next_ending:
            await self.arrive()
        return frame.body

    async def arrive(self) -> None:
        assert self._kept is not None
        self._proxy.send(self._kept)
        await asyncio.sleep(ARRIVAL_SECONDS)


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with GROUNDS["one"]() as opened:
        yield opened


@pytest.fixture
def behind(ground: Ground) -> OnKafka:
    return OnKafka(ground.bootstrap)


@pytest.fixture
def consumer(ground: Ground, behind: OnKafka, group: str) -> Iterator[KafkaConsumer]:
    opened = join_group(ground.bootstrap, group, behind.topic())
    yield opened
    opened.close(autocommit=False)


def lose(ground: Ground, api: int) -> Loser:
    assert ground.proxy
    ground.proxy.rule = loser = Loser(ground.proxy, api)
    return loser


def through_proxy(ground: Ground) -> str:
    assert ground.proxy
    return ground.proxy.bootstrap


def late(ground: Ground, loser: Loser) -> None:
    assert ground.proxy
    asyncio.run_coroutine_threadsafe(loser.arrive(), ground.proxy.loop).result(10)


def parcel(topic: str, value: bytes) -> Parcel:
    return Parcel(Outgoing(topic, b"k", value, ()))


def to(consumer: KafkaConsumer, offset: int) -> Callable[[Sequence[int]], dict[Partition, Kept]]:
    return lambda _delivered: {Partition(*next(iter(consumer.assignment()))): Kept(offset)}


def committed(consumer: KafkaConsumer) -> int | None:
    """A broker whose group topic is only being made has nothing to say for a moment."""
    where: TopicPartition = next(iter(consumer.assignment()))
    deadline = time.monotonic() + 10
    while (offset := consumer.committed(where)) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    return offset  # type: ignore[no-any-return]


def values(place: OnKafka, topic: str) -> list[bytes | None]:
    return [message.value for message in place.read(topic)]


def test_in_the_bare_library_an_ending_ends_a_later_transaction(ground: Ground, behind: OnKafka, group: str) -> None:
    alerts = behind.topic()
    with KafkaProducer(bootstrap_servers=through_proxy(ground), transactional_id=f"bare-{group}") as producer:
        producer.init_transactions()
        loser = lose(ground, END_TXN)
        producer.begin_transaction()
        producer.send(alerts, b"first").get(timeout=10)
        producer.commit_transaction()
        producer.begin_transaction()
        producer.send(alerts, b"not yet").get(timeout=10)
        late(ground, loser)
        assert values(behind, alerts) == [b"first", b"not yet"]
        with suppress(Exception):
            producer.abort_transaction()


def transactor_of(client: str, ground: Ground, group: str) -> Transactor:
    kind = client_of(KafkaConfig(client=client), "")  # type: ignore[arg-type]
    return kind.transactor(Cluster(bootstrap_servers=(through_proxy(ground),), client_id="test"), group)


@with_both
def test_an_ending_that_comes_late_ends_nothing(ground: Ground, behind: OnKafka, group: str, consumer: KafkaConsumer, client: str) -> None:
    alerts, member = behind.topic(), member_of(client, consumer.group_metadata())
    transactor = transactor_of(client, ground, group)
    transactor.open()
    loser = lose(ground, END_TXN)
    transactor.commit([parcel(alerts, b"first")], to(consumer, 1), member)

    def too_early(_delivered: Sequence[int]) -> dict[Partition, Kept]:
        late(ground, loser)
        raise ValueError("the process dies here")

    with pytest.raises(ValueError, match="dies here"):
        transactor.commit([parcel(alerts, b"not yet")], too_early, member)
    transactor.close()
    assert values(behind, alerts) == [b"first"]
    assert committed(consumer) == 1


@with_both
def test_offsets_that_come_late_move_nothing_back(ground: Ground, group: str, consumer: KafkaConsumer, client: str) -> None:
    member = member_of(client, consumer.group_metadata())
    transactor = transactor_of(client, ground, group)
    transactor.open()
    loser = lose(ground, TXN_OFFSET_COMMIT)
    transactor.commit([], to(consumer, 1), member)
    loser.before_the_next_ending = True
    transactor.commit([], to(consumer, 2), member)
    transactor.close()
    assert committed(consumer) == 2
