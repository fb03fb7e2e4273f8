"""A configuration as a TOML text that says what differs from the defaults, with the calibration's figures as comments."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from streamkl.config import Config, DetectorConfig, ReferenceConfig
from streamkl.config.catalogue import is_secret, section_of, written
from streamkl.config.section import Section
from streamkl.errors import InputError

_WIDTH = 110
_OMITTED = object()


def config_text(config: Config, comments: Mapping[str, Sequence[str]]) -> str:
    """What `streamkl check` reads as the same configuration. `comments` stand above the tables that their keys name, "" at the top; those
    of a monitor are named "monitors.NAME". Secrets are left out: they come from variables or their own files."""
    lines = [*_comment(comments.get("", ())), *_table("", config, None, config, comments)]
    return "\n".join(lines).rstrip("\n") + "\n"


def require_new(path: Path) -> None:
    """InputError where a configuration cannot be written: there is a file already, or no folder for it."""
    if path.exists():
        raise InputError(f"{path}: exists already; name a new file, so that no configuration is lost")
    if not path.parent.is_dir():
        raise InputError(f"{path}: cannot be written: there is no folder {path.parent}")


def write_config(path: Path, text: str) -> None:
    """Make a new file. InputError where there is one already, or where none can be made."""
    require_new(path)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from None


def _table(name: str, table: Section, base: Section | None, config: Config, comments: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The options of a table that differ from its `base` (None: the defaults), then the tables in it."""
    nested: list[str] = []
    for option, field in type(table).model_fields.items():
        value = getattr(table, option)
        plain = _OMITTED if field.is_required() else field.get_default(call_default_factory=True) if base is None else getattr(base, option)
        section = section_of(field)
        if section is not None:
            nested += _nested(f"{name}.{option}".removeprefix("."), value, plain, config, comments)
        elif value != plain and value is not None and not is_secret(field):
            yield f"{option} = {written(value, field)}"
    yield from nested


def _nested(name: str, value: Any, plain: Any, config: Config, comments: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if isinstance(value, tuple):
        for item in value if value != plain else ():
            yield from ("", *_comment(comments.get(f"{name}.{getattr(item, 'name', '')}", ())), f"[[{name}]]")
            yield from _table(name, item, None, config, comments)
        return
    base = plain if isinstance(plain, Section) else None
    if isinstance(value, DetectorConfig) and name != "detector":
        base = config.detector  # a monitor says only what differs from [detector]
    kind_changed = (
        isinstance(value, ReferenceConfig) and isinstance(base, ReferenceConfig) and value != base and name != "detector.reference"
    )
    lines = list(_table(name, value, None if kind_changed else base, config, comments))
    if kind_changed:  # a reference that names its kind stands alone
        lines = [f'kind = "{value.kind}"', *(line for line in lines if not line.startswith("kind ="))]
    notes = list(_comment(comments.get(name, ())))
    if lines or notes:
        head = [] if lines and not lines[0] else [f"[{name}]"]
        yield from ("", *notes, *head, *lines)


def _comment(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield from (
            f"# {line}" for line in textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        )
