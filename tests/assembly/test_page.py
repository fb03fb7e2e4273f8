"""The page about the service says what the program does."""

import re
from pathlib import Path

from streamkl.adapters import http_server, telemetry
from streamkl.adapters.kafka import unpacking
from streamkl.assembly import joining, stopping
from streamkl.engine import jsontext, outgoing, router, values
from streamkl.runner import loop
from streamkl.transport import tuning
from tests.statuses import HandClock, a_status

PAGE = (Path(__file__).parents[2] / "docs/service.md").read_text()


def test_every_metric_is_on_the_page_and_every_one_on_the_page_exists() -> None:
    told = telemetry.Telemetry(HandClock(), 1.0)
    told.observe(a_status(newest_us=1))
    exposed = {
        re.sub("_(bucket|sum|count|created)$", "", line.split("{")[0].split(" ")[0]) for line in told.metrics().decode().splitlines()
    }
    ours = {name for name in exposed if name.startswith("streamkl_")}
    assert set(re.findall(r"streamkl_[a-z_]+", PAGE)) == ours


def test_the_numbers_on_the_page_are_those_of_the_program() -> None:
    pauses = [min(loop.FIRST_PAUSE_SECONDS * 2**n, loop.LONGEST_PAUSE_SECONDS) for n in range(loop.MAX_FAILURES - 1)]
    assert 4.5 * 60 <= sum(pauses) <= 5.5 * 60
    for text in (
        f"after a pause of {loop.FIRST_PAUSE_SECONDS:g} s that doubles up\n  to {loop.LONGEST_PAUSE_SECONDS:g} s",
        f"After {loop.MAX_FAILURES} failures in a row, about five minutes",
        f"results that wait for a commit | {loop.MAX_PENDING_RECORDS:,}, or {loop.MAX_PENDING_BYTES // 2**20} MB of keys",
        f"bytes handed to the producer and not acknowledged | {tuning.UNSENT_BYTES // 2**20} MB",
        f"what a compressed batch unpacks to | {unpacking.LARGEST_BATCH // 2**20} MB",
        f"{tuning.MAX_POLL_RECORDS:,} a poll, {tuning.MAX_PARTITION_FETCH_BYTES // 2**20} MB a partition",
        f"a partition, {tuning.FETCH_MAX_BYTES // 2**20} MB an answer",
        f"{outgoing.LARGEST_DEAD_LETTER:,} bytes each",
        f"{values.MAX_TEXT_BYTES} bytes, {router.MOST_CATEGORIES}",
        f"a record's nesting | {jsontext.MAX_DEPTH} levels",
        f"has not turned for {telemetry.ALIVE_SECONDS:g} s",
        f"within the last {telemetry.READY_COMMITS} commit intervals (at least {telemetry.READY_COMMITS} s)",
        f"again every {loop.PROOF_SECONDS:g} s",
        f"{http_server.MAX_CONNECTIONS} connections",
        f"takes longer than {stopping.GRACE_SECONDS:g} s",
        f"tried every {joining.RETRY_SECONDS:g} s",
    ):
        assert text in PAGE
