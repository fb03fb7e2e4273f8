"""docs/faults.md: the table of faults with what the campaigns have found, written by `python -m tests.chaos --page`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.chaos.faults import FAULTS
from tests.chaos.outcome import rows
from tests.chaos.rows import ROWS, Row

PAGE = Path("docs/faults.md")
TABLE = Path("tests/chaos/results.tsv")
MIXED = 47

HEAD = """# Faults: what was staged, how often, and what came out

Each life is the real service on a real broker in its own topics: it learns, is struck while records are written, and at the end every
event, every dead letter, their order and the final state are compared, byte for byte, with an
engine that read the topic at once. "Equal" means: nothing lost, nothing twice, nothing different, and no end that was not asked for.
Lines of single lives, with seed and commit: `tests/chaos/results.tsv`.

- `python -m tests.chaos --fault ROW|NAME --runs N --seed S`: so many lives; `--mix`: two faults at a time; `--append FILE` makes a long
  series resumable, `--evidence FOLDER` keeps the logs of a life that is not equal.
- `make chaos`: all of it, in hours. It may be stopped at any time and goes on where it was.
- The broker stands behind a proxy that knows where Kafka's requests begin, so that a process dies between two of them, or one of them is
  delayed, lost or repeated. Faults of replicas run on three brokers with replication 3 and `min.insync.replicas` 2.
- The harness is believed because it finds planted defects ([delivery](delivery.md#how-it-is-tested)).

This page is written by `python -m tests.chaos --page`.

"""


class Tally(NamedTuple):
    """All lives of one fault, or of all pairs."""

    lives: int
    strikes: int
    broken: int

    def __str__(self) -> str:
        return f"{self.lives} lives, {self.strikes:,} strikes, " + ("all equal" if not self.broken else f"**{self.broken} not equal**")


def page(table: Path = TABLE) -> str:
    """The whole page."""
    lives = list(rows(table))
    lines = ["| row | fault | expected | staged as | found | tests | not staged |", "|---|---|---|---|---|---|---|"]
    lines += [_line(row, lives) for row in ROWS]
    return HEAD + "\n".join(lines) + "\n"


def _line(row: Row, lives: Sequence[Sequence[str]]) -> str:
    names = [name for name, fault in FAULTS.items() if fault.row == row.number]
    staged = "<br>".join(names) if row.number != MIXED else f"pairs of {sum(fault.mixes for fault in FAULTS.values())} faults"
    found = "<br>".join(_found(names, lives) if row.number != MIXED else [str(_tally([each for each in lives if " + " in each[0]]))])
    tests = "<br>".join(f"`{name}`" for name in row.tests)
    return f"| {row.number or '–'} | {row.fault} | {row.expected} | {staged} | {found} | {tests} | {row.missing} |"


def _found(names: Sequence[str], lives: Sequence[Sequence[str]]) -> Iterator[str]:
    for name in names:
        own = [each for each in lives if each[0] == name]
        yield str(_tally(own)) if own else "no campaign yet"


def _tally(lives: Sequence[Sequence[str]]) -> Tally:
    return Tally(len(lives), sum(int(each[2]) for each in lives), sum(each[10] != "equal" for each in lives))
