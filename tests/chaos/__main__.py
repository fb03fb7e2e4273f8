"""`python -m tests.chaos --runs N --seed S`: kill the real service at random moments, N times over, and compare with an offline replay."""

import argparse
import sys
import tempfile
from pathlib import Path

from streamkl.broker.launcher import Broker
from tests.chaos.life import HEADING, Plan, keep, live


def main() -> int:
    """0: every run was equal to its replay; 1: one was not, and its evidence is kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="lives of the service, each with its own topics")
    parser.add_argument("--kills", type=int, default=10, help="kill -9 in each life")
    parser.add_argument("--seed", type=int, default=1, help="the first life's seed; the next one has the next number")
    parser.add_argument("--bootstrap", help="an existing broker instead of one of our own")
    parser.add_argument("--append", type=Path, help="a file that each life adds its line to; lives that stand there are not repeated")
    chosen = parser.parse_args()
    done = _done(chosen.append)
    _say(HEADING)
    if chosen.bootstrap:
        return _run(chosen, chosen.bootstrap, done)
    with Broker() as broker:
        return _run(chosen, broker.bootstrap, done)


def _run(chosen: argparse.Namespace, bootstrap: str, done: set[int]) -> int:
    broken = 0
    for seed in range(chosen.seed, chosen.seed + chosen.runs):
        if seed in done:
            continue
        folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
        outcome = live(bootstrap, folder, Plan(seed, chosen.kills))
        _say(outcome.row())
        if chosen.append:
            with chosen.append.open("a") as table:
                table.write(outcome.row() + "\n")
        if not outcome.clean:
            broken += 1
            _say(f"evidence: {keep(folder, outcome)}")
    return 1 if broken else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _done(path: Path | None) -> set[int]:
    if path is None or not path.exists():
        return set()
    return {int(line.split()[0]) for line in path.read_text().splitlines() if line.split()[:1] and line.split()[0].isdigit()}


if __name__ == "__main__":
    sys.exit(main())
