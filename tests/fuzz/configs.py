"""Configuration files as people and editors break them: each is valid, or refused with lines that an operator can act on."""

import random
from collections.abc import Sequence
from pathlib import Path

from streamkl.checking import load_checked
from streamkl.config import load
from streamkl.config.render import default_toml
from streamkl.errors import ConfigError
from tests.fuzz.mutations import mutate

ROOT = Path(__file__).parents[2] / "config"
CHECKED = 25  # every so manieth is also checked against disk and arithmetic, which costs more


def corpus() -> Sequence[bytes]:
    """The shipped files, with options that are off switched on as well."""
    shipped = [path.read_bytes() for path in sorted(ROOT.glob("*.toml"))]
    on = "\n".join(line.removeprefix("#") if line.startswith("#") and "=" in line else line for line in default_toml().splitlines())
    pieces = [block.encode() for block in default_toml().split("\n\n") if "[" in block]
    return [*shipped, on.encode(), *pieces]


def fuzz(seed: int, count: int, folder: Path) -> dict[str, int]:
    """So many changed files. AssertionError for anything but a ConfigError of one-line problems."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    seeds, done = corpus(), {"valid": 0, "refused": 0, "problems": 0}
    path = folder / f"{seed}.toml"
    for number in range(count):
        path.write_bytes(_changed(dice, seeds))
        try:
            (load_checked if number % CHECKED == 0 else load)(path)
            done["valid"] += 1
        except ConfigError as error:
            assert error.problems, f"seed {seed}, number {number}: refused without a reason"
            for problem in error.problems:
                assert problem.strip(), f"seed {seed}, number {number}: an empty problem"
            done["refused"] += 1
            done["problems"] += len(error.problems)
        except Exception as error:
            raise AssertionError(f"seed {seed}, number {number}: {type(error).__name__}: {error}") from error
    return done


def _changed(dice: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Lines lost, doubled and in another order; values of other options; then bytes."""
    lines = dice.choice(seeds).split(b"\n")
    for _ in range(dice.choice((0, 1, 3))):
        at = dice.randrange(len(lines))
        other = dice.choice(dice.choice(seeds).split(b"\n"))
        key, found, _ = lines[at].partition(b" = ")
        value = other.partition(b" = ")[2]
        lines[at] = dice.choice((b"", other, lines[at] + b"\n" + lines[at], key + b" = " + value if found and value else other))
    raw = b"\n".join(lines)
    return raw if dice.random() < 0.3 else mutate(raw, dice, seeds)
