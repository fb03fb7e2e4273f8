"""What all tables of the configuration have in common: frozen, no unknown keys, and mistakes that involve several of its options."""

from collections.abc import Iterator
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


class Mistake(NamedTuple):
    """Options that do not go together. The first is the one to change, the others are why; paths are relative to the table."""

    options: tuple[str, ...]
    text: str


class Section(BaseModel):
    """A table of options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def mistakes(self) -> Iterator[Mistake]:
        """Mistakes that involve more than one option; each option by itself is in bounds."""
        return iter(())

    @model_validator(mode="after")
    def _options_go_together(self) -> Self:
        found = list(self.mistakes())
        if found:
            summary = "; ".join(f"{mistake.options[0]}: {mistake.text}" for mistake in found)
            raise PydanticCustomError("mistakes", "{summary}", {"summary": summary, "mistakes": found})
        return self
