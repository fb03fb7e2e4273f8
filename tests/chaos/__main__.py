"""`python -m tests.chaos`: strike the real service with faults, one life after another, and compare each with an offline replay."""

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.batchings import rebatch
from tests.chaos.faults import FAULTS
from tests.chaos.grounds import GROUNDS
from tests.chaos.life import Plan, hunt, live
from tests.chaos.mutants import MUTANTS
from tests.chaos.oracle import keep
from tests.chaos.outcome import HEADING, append, done
from tests.chaos.page import page
from tests.chaos.scene import Ground
from tests.chaos.soak import ENDURED, Sample, soak


def main() -> int:
    """0: every life was equal to its replay (every mutant was caught); 1: one was not, and the evidence of a broken life is kept."""
    chosen = _arguments()
    if chosen.page:
        sys.stdout.write(page())
        return 0
    if chosen.batchings:
        return rebatch(chosen.batchings, chosen.seed)
    with ExitStack() as stack:
        grounds = _Grounds(stack)
        if chosen.soak:
            return _soak(chosen, grounds)
        return _hunt_mutants(chosen, grounds) if chosen.mutants else _run(chosen, grounds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--fault", action="append", help="row or name in the table of faults, may be repeated (default: kill at random)")
    parser.add_argument("--all", action="store_true", help="every fault, one after another")
    parser.add_argument("--mix", action="store_true", help="two faults at a time, which ones the seed says")
    parser.add_argument("--runs", type=int, default=10, help="lives of the service for each fault, each with its own topics")
    parser.add_argument("--strikes", type=int, default=0, help="in each life (default: what the fault says)")
    parser.add_argument("--seed", type=int, default=1, help="the first life's seed; the next one has the next number")
    parser.add_argument("--client", choices=["kafka-python", "confluent"], default="kafka-python", help="what the service reads through")
    parser.add_argument("--mutants", action="store_true", help="services that break the promise: each has to be caught within so many runs")
    parser.add_argument("--batchings", type=int, default=0, help="no service: so many random ways to cut one input, all with one result")
    parser.add_argument(
        "--soak", type=float, default=0.0, help="one process outlives faults for so many minutes; FILE of --append: what it holds"
    )
    parser.add_argument("--page", action="store_true", help="nothing is run: docs/faults.md, with what the committed table holds")
    parser.add_argument("--append", type=Path, help="a table that each life adds its line to; lives that stand there are not repeated")
    parser.add_argument("--evidence", type=Path, default=Path("chaos-evidence"), help="where logs and findings of broken lives are kept")
    return parser.parse_args()


class _Grounds:
    """Opened when they are first needed."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._open: dict[str, Ground] = {}

    def of(self, fault: str) -> Ground:
        name = FAULTS[fault].ground
        if name not in self._open:
            self._open[name] = self._stack.enter_context(GROUNDS[name]())
        return self._open[name]


def _plans(chosen: argparse.Namespace) -> Iterator[Plan]:
    seeds = range(chosen.seed, chosen.seed + chosen.runs)
    if chosen.mix:
        mixing = [name for name, fault in FAULTS.items() if fault.mixes]
        for seed in seeds:
            pair = random.Random(f"mix/{seed}").sample(mixing, 2)  # noqa: S311 - no secret
            yield Plan(seed, tuple(sorted(pair)), chosen.strikes, client=chosen.client)
        return
    wanted = list(FAULTS) if chosen.all else chosen.fault or ["kill at random"]
    names = [name for name, fault in FAULTS.items() if {name, str(fault.row)} & set(wanted)]
    if not names:
        raise SystemExit(f"no such fault: {', '.join(wanted)}; there are:\n  " + "\n  ".join(FAULTS))
    yield from (Plan(seed, (name,), chosen.strikes, client=chosen.client) for seed in seeds for name in names)


def _run(chosen: argparse.Namespace, grounds: _Grounds) -> int:
    known = done(chosen.append)
    wanted = [plan for plan in _plans(chosen) if (plan.name, plan.seed) not in known]
    _say(HEADING)
    broken = [plan for plan in wanted if not _one(chosen, grounds.of(plan.faults[0]), plan)]
    return 1 if broken else 0


def _one(chosen: argparse.Namespace, ground: Ground, plan: Plan) -> bool:
    """Whether this life was equal to its replay. Only what was broken leaves files."""
    with tempfile.TemporaryDirectory(prefix="streamkl-chaos-") as name:
        folder = Path(name)
        outcome = live(ground, folder, plan)
        _say(outcome.row())
        if chosen.append:
            append(chosen.append, outcome.row())
        if not outcome.clean:
            keep(folder, vars(outcome))
            kept = chosen.evidence / f"{plan.name.replace(' ', '-')}-{plan.seed}"
            _say(f"evidence: {shutil.copytree(folder, kept, dirs_exist_ok=True)}")
        return outcome.clean


def _soak(chosen: argparse.Namespace, grounds: _Grounds) -> int:
    with tempfile.TemporaryDirectory(prefix="streamkl-chaos-") as name:
        outcome, samples = soak(grounds.of(ENDURED[0]), Path(name), chosen.soak, chosen.seed, chosen.append)
        _say(f"{HEADING}\n{outcome.row()}")
        _say("\t".join(Sample._fields))
        for sample in samples[:: max(1, len(samples) // 20)]:
            _say("\t".join(map(str, sample)))
        for each in outcome.ended:
            _say(each)
        if not outcome.clean:
            keep(Path(name), vars(outcome))
            _say(f"evidence: {shutil.copytree(name, chosen.evidence / f'soak-{chosen.seed}', dirs_exist_ok=True)}")
    return 0 if outcome.clean else 1


def _hunt_mutants(chosen: argparse.Namespace, grounds: _Grounds) -> int:
    missed = 0
    for name, mutant in MUTANTS.items():
        with tempfile.TemporaryDirectory(prefix="streamkl-chaos-") as folder:
            caught = hunt(grounds.of(mutant.fault), Path(folder), name, chosen.seed, chosen.runs)
        missed += caught is None
        _say(f"{name}: " + ("NOT CAUGHT" if caught is None else f"caught in life {caught.seed - chosen.seed + 1}"))
    return 1 if missed else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
