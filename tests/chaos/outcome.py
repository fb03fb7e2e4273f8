"""What a life ended with, and the table of such lines that campaigns append to and resume from."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HEADING = "fault\tseed\tstrikes\trecords\tresults\tlost\ttwice\tdifferent\tended\tseconds\tverdict\tversion"
KEY = 2  # columns that name a life


@dataclass(frozen=True)
class Outcome:
    """The four lists are empty where nothing went wrong. `ended`: the service gave up where it should have gone on."""

    fault: str
    seed: int
    strikes: int
    records: int
    results: int
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        return not (self.lost or self.twice or self.different or self.ended)

    def row(self) -> str:
        found = [len(each) for each in (self.lost, self.twice, self.different, self.ended)]
        verdict = "equal" if self.clean else "BROKEN"
        columns = [self.fault, self.seed, self.strikes, self.records, self.results, *found, f"{self.seconds:.0f}", verdict, version()]
        return "\t".join(map(str, columns))


def rows(table: Path) -> Iterator[list[str]]:
    """The lines of a table without its heading; none where there is no table yet."""
    if table.exists():
        yield from (line.split("\t") for line in table.read_text().splitlines()[1:])


def done(table: Path | None) -> set[tuple[str, int]]:
    """(fault, seed) of the lives that stand there."""
    return set() if table is None else {(row[0], int(row[1])) for row in rows(table)}


def append(table: Path, row: str) -> None:
    """One more line; a new table gets its heading first."""
    new = not table.exists()
    with table.open("a") as file:
        file.write(f"{HEADING}\n{row}\n" if new else f"{row}\n")


def version() -> str:
    """The commit that ran, or "?" outside of a repository."""
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "?"
