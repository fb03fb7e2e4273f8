"""How much a partition may write, as an operator allows it."""

from dataclasses import dataclass

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """`dead_letter_share`: millionths of the records (of their offsets) in the long run, and `dead_letter_burst` at once;
    `episodes_per_hour`: of event time, and at once; None: any number."""

    dead_letter_share: int = MILLION
    dead_letter_burst: int = 1
    episodes_per_hour: int | None = None


UNLIMITED = Limits()
