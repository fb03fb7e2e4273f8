"""What a validation found, as one line per mistake that names the option, the value and the fix."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from streamkl.config.catalogue import accepts, bounds, field_at, is_secret, options, quoted, section_at, section_of, written
from streamkl.config.section import Mistake
from streamkl.config.trees import MISSING, Path, dotted, find

_LONGEST_VALUE = 60


class Problem(NamedTuple):
    """A mistake: the options involved (the first is the one to change) and what is wrong with it."""

    paths: tuple[Path, ...]
    text: str
    value: str | None = None

    def line(self, origin: str | None = None) -> str:
        """`kafka.port = -1: must be … (line 3)`."""
        value = "" if self.value is None else f" = {self.value}"
        return f"{dotted(self.paths[0])}{value}: {self.text}{f' ({origin})' if origin else ''}"


def problems(errors: Iterable[ErrorDetails], data: Mapping[str, Any]) -> Iterator[Problem]:
    """Each of pydantic's errors about `data`, in our words."""
    for error in errors:
        path = tuple(error["loc"])
        if error["type"] == "mistakes":
            yield from of_mistakes(error["ctx"]["mistakes"], data, path)
        elif error["type"] == "extra_forbidden":
            yield Problem((path,), unknown(path))
        else:
            yield _of_option(error, path, data)


def of_mistakes(mistakes: Iterable[Mistake], data: Mapping[str, Any], table: Path = ()) -> Iterator[Problem]:
    """Mistakes that a table found, with their values in `data`."""
    for mistake in mistakes:
        paths = tuple((*table, *(int(part) if part.isdigit() else part for part in option.split("."))) for option in mistake.options)
        yield Problem(paths, mistake.text, _shown(paths[0], data))


def unknown(path: Path) -> str:
    """What to say about a key that does not exist: the nearest one that does."""
    key, table = str(path[-1]), section_at(path[:-1])
    here = list(table.model_fields) if table else []
    close = difflib.get_close_matches(key, here, n=1, cutoff=0.6)
    if close:
        return f"unknown key; did you mean {close[0]}?"
    elsewhere = [dotted(found) for found, _ in options() if found[-1] == key]
    if elsewhere:
        return f"unknown key; did you mean {' or '.join(elsewhere)}?"
    return f"unknown key; known here: {', '.join(here)}" if here else "unknown key"


def _of_option(error: ErrorDetails, path: Path, data: Mapping[str, Any]) -> Problem:
    option, field = field_at(path)
    if field is None:
        return Problem((path,), error["msg"])
    table = section_of(field)
    if error["type"] == "missing":
        return Problem((path,), f"missing; it must be {accepts(field)}")
    if table is not None:
        listed = isinstance(path[-1], int) or field.annotation is not table
        wanted = f"a list of tables, written [[{dotted(option)}]]" if listed else f"a table, written [{dotted(option)}]"
        return Problem((path,), f"must be {wanted}", _shown(path, data))
    text = str(error["ctx"]["error"]) if error["type"] == "value_error" else f"must be {_wanted(error, field)}"
    default = "" if field.is_required() or field.default in (None, "") else f"; try {written(field.default, field)}"
    return Problem((path,), text + default, _shown(path, data))


def _wanted(error: ErrorDetails, field: FieldInfo) -> str:
    beyond = error["type"].startswith(("greater_than", "less_than"))
    return bounds(field) if beyond else accepts(field)


def _shown(path: Path, data: Mapping[str, Any]) -> str | None:
    _, field = field_at(path)
    value = find(data, path)
    if field is None or is_secret(field) or value is MISSING or isinstance(value, Mapping):
        return None
    if isinstance(value, str):
        value = re.sub(r"//[^/@]*@", "//***@", value)  # somebody's password, most likely
    text = quoted(value) if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
