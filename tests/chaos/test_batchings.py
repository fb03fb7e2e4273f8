"""However one input is cut, and wherever the engine is packed in between: events, dead letters and state are the same bytes."""

import random

from tests.chaos.batchings import cut, material, plan, said


def test_random_cuts_say_the_same() -> None:
    made, messages = plan(), material(1)
    whole = said(made, messages)
    types = {dict(event.headers)["ce_type"] for event in whole.events}
    assert types >= {b"io.streamkl.anomaly.opened.v1", b"io.streamkl.anomaly.closed.v1"}
    assert whole.rejected
    for seed in range(60):
        assert said(made, messages, *cut(len(messages), random.Random(seed))) == whole  # noqa: S311 - no secret
