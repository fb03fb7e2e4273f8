"""One input cut at random, again and again, also with an engine that is packed and unpacked in between: always the same bytes."""

import json
import random
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from streamkl.assembly.plan import build_engine, build_plan
from streamkl.config import Config
from streamkl.engine.outgoing import encode_event, encode_rejected
from streamkl.engine.plan import Plan
from streamkl.model import Message, Outgoing, Partition
from tests.system.service import T0

HERE = Partition("metrics", 0)
LEARNED, INCIDENT, SPIKE, POINTS = 150, range(180, 220), 235, 250
LATE, BROKEN, SILENT = 0.02, 0.02, 0.03  # chances with each point
ONE_BY_ONE = 0.02  # chance of pieces of one record each
TELL_EVERY = 500


class Said(NamedTuple):
    """What one engine made of the input."""

    events: list[Outgoing]
    rejected: list[Outgoing]
    state: bytes


def material(seed: int) -> list[Message]:
    """Numbers that shift and leap, statuses, points that are late, missing or broken: everything that ends in an event or a dead letter."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    bodies: list[bytes] = []
    for number in range(POINTS):
        incident = number in INCIDENT
        values: dict[str, float | str] = {
            "cpu": dice.gauss(50.0, 5.0) + (40.0 if incident else 0.0),
            "queue": float(dice.choice([0, 0, 0, 1, 2])) + (9.0 if incident else 0.0),
            "spikes": dice.lognormvariate(0.0, 0.3) * (1000.0 if number == SPIKE else 1.0),
            "code": dice.choice(["500", "503"]) if incident else "200",
        }
        for series, value in values.items():
            if dice.random() < SILENT:
                continue
            at = T0 + number - (dice.randrange(2000) if dice.random() < LATE else 0)
            bodies.append(json.dumps({"series": series, "timestamp": at, "value": value}).encode())
            if dice.random() < BROKEN:
                bodies.append(b'{"series": "cpu", "timestamp": ')
    return [Message(*HERE, offset, T0 * 1000, None, body) for offset, body in enumerate(bodies)]


def plan() -> Plan:
    """Short windows and a generous budget, so that much is said; every kind of reference."""
    detector = {"windows": ["16 points", "64 points"], "false_alarms": "1 per 1000 points", "reference": {"size": LEARNED}}
    kinds = {"cpu": {"kind": "trailing"}, "queue": {"kind": "decayed"}, "spikes": {"kind": "seasonal"}}
    monitors = [{"name": name, "match": name, "detector": {"reference": kind | {"size": LEARNED}}} for name, kind in kinds.items()]
    return build_plan(Config.model_validate({"detector": detector, "monitors": monitors}))


def said(made: Plan, messages: Sequence[Message], cuts: Iterable[int] = (), restarts: frozenset[int] = frozenset()) -> Said:
    """What an engine says that gets the messages in pieces, and is restored from its own state before some of them."""
    engine = build_engine(made, HERE, None)
    events: list[Outgoing] = []
    rejected: list[Outgoing] = []
    for start, end in pairwise([0, *sorted(cuts), len(messages)]):
        if start in restarts:
            engine = build_engine(made, HERE, engine.snapshot())
        output = engine.receive(messages[start:end])
        events += [encode_event(event, "anomalies", "urn:streamkl:test") for event in output.events]
        rejected += [encode_rejected(each, "dead") for each in output.rejected]
    return Said(events, rejected, engine.snapshot())


def cut(messages: int, dice: random.Random) -> tuple[list[int], frozenset[int]]:
    """Where pieces begin, mostly a few or some dozens, sometimes at every record; and before which of them there is a restart."""
    pieces = messages if dice.random() < ONE_BY_ONE else int(messages ** (0.75 * dice.random()))
    cuts = dice.sample(range(1, messages), min(pieces, messages - 1))
    return cuts, frozenset(dice.sample(cuts, min(len(cuts), dice.choice([0, 0, 1, 3]))))


def rebatch(times: int, seed: int) -> int:
    """0 where all of them said the same; 1 and the first seed that did not."""
    made, messages = plan(), material(seed)
    whole = said(made, messages)
    began = time.monotonic()
    for number in range(1, times + 1):
        dice = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret
        if said(made, messages, *cut(len(messages), dice)) != whole:
            sys.stdout.write(f"cut {number} of seed {seed} says something else\n")
            return 1
        if number % TELL_EVERY == 0 or number == times:
            sys.stdout.write(f"{number} of {times} equal, {time.monotonic() - began:.0f} s\n")
            sys.stdout.flush()
    outcome = f"{len(whole.events)} events, {len(whole.rejected)} dead letters, {len(whole.state)} bytes of state"
    sys.stdout.write(f"{len(messages)} records, {outcome}\n")
    return 0
