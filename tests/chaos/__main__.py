"""`python -m tests.chaos --runs N --seed S`: kill the real service at random moments, N times over, and compare with an offline replay."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from streamkl.broker.launcher import Broker
from tests.chaos.life import HEADING, Outcome, Plan, hunt, keep, live
from tests.chaos.mutants import MUTANTS


def main() -> int:
    """0: every run was equal to its replay (every mutant was caught); 1: one was not, and the evidence of a broken life is kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="lives of the service, each with its own topics")
    parser.add_argument("--kills", type=int, default=10, help="kill -9 in each life")
    parser.add_argument("--seed", type=int, default=1, help="the first life's seed; the next one has the next number")
    parser.add_argument(
        "--mutants", action="store_true", help="services that break the promise instead: each has to be caught within so many runs"
    )
    parser.add_argument("--bootstrap", help="an existing broker instead of one of our own")
    parser.add_argument("--append", type=Path, help="a file that each life adds its line to; lives that stand there are not repeated")
    parser.add_argument("--evidence", type=Path, default=Path("chaos-evidence"), help="where logs and findings of broken lives are kept")
    chosen = parser.parse_args()
    campaign = _hunt_mutants if chosen.mutants else _run
    if chosen.bootstrap:
        return campaign(chosen, chosen.bootstrap)
    with Broker() as broker:
        return campaign(chosen, broker.bootstrap)


def _run(chosen: argparse.Namespace, bootstrap: str) -> int:
    _say(HEADING)
    done = _done(chosen.append)
    wanted = [seed for seed in range(chosen.seed, chosen.seed + chosen.runs) if seed not in done]
    broken = [seed for seed in wanted if not _one(chosen, bootstrap, seed)]
    return 1 if broken else 0


def _one(chosen: argparse.Namespace, bootstrap: str, seed: int) -> bool:
    """Whether this life was equal to its replay. Only what was broken leaves files."""
    with tempfile.TemporaryDirectory(prefix="streamkl-chaos-") as name:
        folder = Path(name)
        try:
            outcome = live(bootstrap, folder, Plan(seed, chosen.kills))
        except AssertionError as error:
            outcome = Outcome(seed, chosen.kills, 0, 0, [], [], [f"no end: {error}"], 0.0)
        _say(outcome.row())
        if chosen.append:
            with chosen.append.open("a") as table:
                table.write(outcome.row() + "\n")
        if not outcome.clean:
            keep(folder, outcome)
            _say(f"evidence: {shutil.copytree(folder, chosen.evidence / str(seed), dirs_exist_ok=True)}")
        return outcome.clean


def _hunt_mutants(chosen: argparse.Namespace, bootstrap: str) -> int:
    missed = 0
    for mutant in MUTANTS:
        with tempfile.TemporaryDirectory(prefix="streamkl-chaos-") as name:
            caught = hunt(bootstrap, Path(name), Plan(chosen.seed, chosen.kills, mutant=mutant), chosen.runs)
        missed += caught is None
        _say(f"{mutant}: " + ("NOT CAUGHT" if caught is None else f"caught in life {caught.seed - chosen.seed + 1}"))
    return 1 if missed else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _done(path: Path | None) -> set[int]:
    if path is None or not path.exists():
        return set()
    return {int(line.split()[0]) for line in path.read_text().splitlines() if line.split()[:1] and line.split()[0].isdigit()}


if __name__ == "__main__":
    sys.exit(main())
