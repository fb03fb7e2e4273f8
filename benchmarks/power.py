"""How soon a change is found by detectors that alarm equally often without one: `python -m benchmarks.power --help`."""

from itertools import product
from typing import Annotated

import typer

from benchmarks import delays, power_tables
from benchmarks.changes import CHANGES
from benchmarks.contenders import CONTENDERS, KSWIN_NAME
from benchmarks.delays import BASES, CUSUM, Plan, Trial, Tuned
from benchmarks.report import Report, command_line, show, write
from benchmarks.tasks import run


def main(
    *,
    run_length: Annotated[int, typer.Option("--budget", min=100, help="measured points per false alarm of every detector")] = 10_000,
    without: Annotated[list[str] | None, typer.Option(help=f"a detector to leave out ({KSWIN_NAME} takes longest)")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="a fifth of the points and trials, no KSWIN: under two minutes")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/power.{json,md}")] = False,
) -> None:
    """Median points from a change to the alarm, one setting a detector for all changes. Kept under build/ until something changes."""
    left_out = {*(without or []), *([KSWIN_NAME] if quick else [])}
    known = [contender.name for contender in CONTENDERS]
    if not left_out <= set(known):
        raise typer.BadParameter(f"--without: unknown {', '.join(sorted(left_out - set(known)))}; known: {', '.join(known)}")
    names = [name for name in known if name not in left_out]
    plans = [Plan(name, base, run_length, 5 if quick else 1) for base, name in product(BASES, names)]
    tuned: dict[Plan, Tuned] = run(delays.tune, plans, [1] * len(plans), "settings", jobs)
    trials = [Trial(plan, tuned[plan].setting, change.name) for plan in plans for change in CHANGES]
    trials += [Trial(Plan(CUSUM, base, run_length, 5 if quick else 1), 0.0, change.name) for base, change in product(BASES, CHANGES)]
    found = run(delays.measure, trials, [1] * len(trials), "changes", jobs)
    made = Report(
        "power",
        "Points from a change to the alarm, at the same measured alarm rate",
        command_line("power"),
        [*power_tables.goals(found), *power_tables.notes(run_length)],
        list(power_tables.rows(found, tuned)),
        list(power_tables.sections(found, tuned)),
    )
    show(made)
    if save:
        write(made)


if __name__ == "__main__":
    typer.run(main)
