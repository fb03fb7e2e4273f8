"""`python -m tests.fuzz --records 10000000 --chunks 1000000 --configs 100000`: mutated inputs, and what became of them."""

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz import guided

LIFE = 100_000  # records of one engine
MOST_MEMORY = 8 * 2**30  # bytes of address space
PORTION = 10_000  # configurations of one seed


def main(arguments: Sequence[str]) -> int:
    """0, or 1 with what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--records", type=int, default=0, help="records through engines, in all mappings in turn")
    parser.add_argument("--chunks", type=int, default=0, help="state chunks, states and bookmarks; every bit of one chunk besides")
    parser.add_argument("--configs", type=int, default=0, help="configuration files")
    parser.add_argument("--seed", type=int, default=random.randrange(10**9), help="random by default")  # noqa: S311 - no secret
    parser.add_argument(
        "--atheris", choices=["records", "chunks", "configs"], help="look for new paths instead, where atheris is installed"
    )
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs of --atheris")
    options = parser.parse_args(arguments)
    if options.atheris:
        guided.run(options.atheris, options.runs, options.seed)
        return 0
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))  # a bomb is found, instead of felling the machine
    print(f"seed {options.seed}", flush=True)  # noqa: T201
    try:
        _run(options)
    except AssertionError as error:
        print(f"FOUND: {error}", flush=True)  # noqa: T201
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    from tests.fuzz import chunks, configs  # noqa: PLC0415 - atheris has to be there before what it watches

    if options.records:
        _records(options.records, options.seed)
    if options.chunks:
        began = time.monotonic()
        bits = chunks.flips(chunks.corpus()[0])
        done = chunks.fuzz(options.seed, options.chunks)
        _say(f"chunks: {options.chunks:,}: {_listed(done)}; every one of {bits:,} flipped bits found", began)
    if options.configs:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            done: dict[str, int] = {}
            for number, start in enumerate(range(0, options.configs, PORTION)):
                for name, count in configs.fuzz(options.seed + number, min(PORTION, options.configs - start), Path(folder)).items():
                    done[name] = done.get(name, 0) + count
                print(f"{sum(done.values()) - done['problems']:,} configurations so far", file=sys.stderr, flush=True)  # noqa: T201
        _say(f"configs: {options.configs:,}: {_listed(done)}", began)


def _records(count: int, seed: int) -> None:
    from tests.fuzz import records  # noqa: PLC0415

    began, total = time.monotonic(), records.Fuzzed()
    for number, start in enumerate(range(0, count, LIFE)):
        name = list(records.MAPPINGS)[number % len(records.MAPPINGS)]
        done = records.fuzz(name, seed + number, min(LIFE, count - start))
        for field in ("records", "accepted", "both", "rejected", "held_back", "points", "shed", "events"):
            setattr(total, field, getattr(total, field) + getattr(done, field))
        for reason, times in done.reasons.items():
            total.reasons[reason] = total.reasons.get(reason, 0) + times
        print(f"{total.records:,} records so far", file=sys.stderr, flush=True)  # noqa: T201
    _say(
        f"records: {total.records:,} = {total.accepted:,} judged + {total.both:,} judged in part + {total.rejected:,} rejected"
        f" ({total.held_back:,} of these counted only); {total.points:,} points, {total.shed:,} shed, {total.events:,} events;"
        f" {_listed(dict(sorted(total.reasons.items())))}",
        began,
    )


def _listed(done: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in done.items())


def _say(text: str, began: float) -> None:
    print(f"{text}; {time.monotonic() - began:.0f} s; 0 uncaught", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
