"""Records that nobody promised to write: an engine takes them all, and every one of them is accounted for."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from streamkl.engine.codec import Codec
from streamkl.engine.engine import Engine
from streamkl.engine.limits import Limits
from streamkl.engine.outgoing import encode_event, encode_rejected
from streamkl.engine.plan import Plan
from streamkl.model import Message, Partition
from tests.engine import test_influx
from tests.engine.material import NOW_MS, mapping
from tests.engine.plans import monitor, plan
from tests.engine.test_codec import ACCEPTED, REJECTED
from tests.fuzz.mutations import mutate

BATCH = 500
WORTH = 40  # of a batch are as they were, so that series are born, learn and alarm
MAPPINGS = {
    "flat": mapping(),
    "several values": mapping(points="metrics", series="{name},{tags.*},{field}", value="fields.*"),
    "from everywhere": mapping(series="{key}{header:h}{topic}", value="$", timestamp=""),
    "telegraf": mapping(format="telegraf", series="{name},{tags.*},{field}", value="fields.*"),
    "influx": mapping(format="influx", series="{name},{tags.*},{field}", value="fields.*"),
    "deep": mapping(points="$.a.*", series="{$.b}{c.*}", timestamp="[0]", value="[1]", time_unit="ms"),
}
GOOD = {  # a record of each mapping: a series, a second, a value
    "flat": b'{"series":"s%d","timestamp":%d,"value":%.3f}',
    "several values": b'{"metrics":[{"name":"m","tags":{"h":"%d","z":"b"},"timestamp":%d,"fields":{"u":%.3f,"v":2,"w":"x"}}]}',
    "telegraf": b'{"metrics":[{"fields":{"a":1,"b":true},"name":"n","tags":{"h":"%d"},"timestamp":%d},{"fields":{"v":%.3f},"name":"m"}]}',
    "influx": b'm,h=%d n=%di,v=%.3f,x="y"\nn a=1,b=t 1700000001\n',
    "from everywhere": b"1%d%d%.3f",
    "deep": b'{"b":"n%d","a":{"x":[[%d000,%.3f]],"y":[[1700000000124,1]]}}',
}
VALUES: tuple[object, ...] = (
    None, True, False, 0, -1, -0.0, 0.1, 5e-324, 1.7976931348623157e308, float("nan"), float("inf"), 10**25, 2**63, 1_700_000_000,
    1_700_000_000_123, 4_102_444_800, 0.5e10, "", " ", "x", "0.31", "1e999", "NaN", "+Inf", "2023-11-14T22:13:20Z", "1970-01-01", "x" * 600,
    "\ud800", "a\x00b", "\u202e", "<img onerror=x>", "beat-1", "ignored-1", [], {}, [[]], [1, 2], {"a": 1}, [None] * 150, {"value": 1},
)  # fmt: skip
WRITTEN = tuple(raw for raw, _ in (*ACCEPTED.values(), *REJECTED.values()) if raw is not None and len(raw) < 1_000)
LINES = tuple(raw for raw, _ in (*test_influx.ACCEPTED.values(), *test_influx.REJECTED.values()) if raw is not None and len(raw) < 1_000)


@dataclass
class Fuzzed:
    """What became of the records so far."""

    records: int = 0
    accepted: int = 0  # records that gave points, and were not rejected
    both: int = 0  # gave points, and were rejected for others
    rejected: int = 0  # gave none, and were rejected
    held_back: int = 0  # rejected records beyond the limit: counted, not written
    points: int = 0
    shed: int = 0
    events: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


def made(name: str) -> Plan:
    """A plan with small limits, so that all of them are reached."""
    limits = Limits(dead_letter_share=500_000, dead_letter_burst=100, episodes_per_hour=50)
    judged = plan(monitor("ignored*", "ignore", "ignored"), monitor(), max_series=200)
    return replace(judged, codec=Codec(MAPPINGS[name]), limits=limits, heartbeat="beat*")


def batches(name: str, seed: int, count: int) -> Iterator[list[Message]]:
    """Mutated records with mutated keys, times and headers."""
    dice = random.Random(f"{name}/{seed}")  # noqa: S311 - no secret
    for start in range(0, count, BATCH):
        yield [_message(name, dice, offset) for offset in range(start, min(start + BATCH, count))]


def _message(name: str, dice: random.Random, offset: int) -> Message:
    others = LINES if name == "influx" else WRITTEN
    raw: bytes | None = GOOD[name] % (offset % 7, NOW_MS // 1_000 + offset // 9, abs(dice.gauss(0, 1)))
    if offset % BATCH >= WORTH:
        kind = dice.random()
        if kind < 0.4 and name != "influx":
            raw = json.dumps(_remade(json.loads(raw or b""), dice)).encode()
        elif kind < 0.99:
            raw = mutate(raw if kind < 0.6 and raw else dice.choice(others), dice, others)
        else:
            raw = None
    when = dice.choice((NOW_MS, NOW_MS + offset, NOW_MS + offset, -1, 0, 2**63 - 1, -(2**63)))
    key = None if dice.random() < 0.5 else mutate(b"key-%d" % (offset % 30), dice)
    headers = (("h", mutate(b"h", dice)),) if dice.random() < 0.3 else ()
    return Message("metrics", 0, offset, when, key, raw, headers)


def _remade(document: object, dice: random.Random) -> object:
    """A document of the same kind in which a member or an element is another one, is there twice, or is missing."""
    if isinstance(document, dict) and document and dice.random() < 0.9:
        name = dice.choice(list(document))
        return (
            document | {name: _remade(document[name], dice)} if dice.random() < 0.85 else {k: v for k, v in document.items() if k != name}
        )
    if isinstance(document, list) and document and dice.random() < 0.9:
        at = dice.randrange(len(document))
        return [*document[:at], _remade(document[at], dice), *document[at + (dice.random() < 0.7) :]]
    return dice.choice(VALUES)


def fuzz(name: str, seed: int, count: int) -> Fuzzed:
    """So many records through one engine. AssertionError, with the seed and the offset, for one that is not accounted for."""
    judged = made(name)
    engine, done = Engine(Partition("metrics", 0), judged), Fuzzed()
    for messages in batches(name, seed, count):
        where = f"{name}, seed {seed}, offsets {messages[0].offset} to {messages[-1].offset}"
        try:
            _take(engine, messages, done, judged.codec)
        except Exception as error:
            raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
    stats = engine.stats()
    assert stats.messages == done.records == count, f"{name}, seed {seed}"
    assert done.accepted + done.both + done.rejected == count
    assert sum(stats.rejected.values()) == done.both + done.rejected
    assert stats.unlettered == done.held_back
    done.shed, done.reasons = stats.shed, stats.rejected
    assert stats.series <= 200
    assert Engine(Partition("metrics", 0), judged, engine.snapshot()).snapshot() == engine.snapshot()
    return done


def _take(engine: Engine, messages: Sequence[Message], done: Fuzzed, codec: Codec) -> None:
    decoded = codec.decode(messages)
    gave = {messages[index].offset for index in decoded.points.message.tolist()}
    before = engine.stats()
    output = engine.receive(messages)
    after = engine.stats()
    refused = sum(after.rejected.values()) - sum(before.rejected.values())
    letters = {each.message.offset for each in output.rejected}
    assert len(letters) == len(output.rejected), "a dead letter twice"
    unread = {each.message.offset for each in decoded.rejected}
    assert gave | unread == {message.offset for message in messages}, "a record that is neither judged nor rejected"
    held = after.unlettered - before.unlettered
    assert len(letters) + held == refused >= len(unread), "a rejected record that is not counted"
    assert after.points - before.points == len(decoded.points)
    for event in output.events:
        encode_event(event, "anomalies", "urn:fuzz")
    for each in output.rejected:
        encode_rejected(each, "dead")
    done.records += len(messages)
    done.points += len(decoded.points)
    done.events += len(output.events)
    done.held_back += held
    done.rejected += len(unread - gave)
    done.both += refused - len(unread - gave)
    done.accepted += len(messages) - refused
