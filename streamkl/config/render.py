"""The configuration file with every option, and the page about them: both written from the models."""

import textwrap
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from streamkl.config.catalogue import Table, accepts, is_secret, section_of, tables, written
from streamkl.config.descriptions import descriptions
from streamkl.config.section import Section
from streamkl.config.sources import PREFIX

_WIDTH = 110
_EXAMPLES = {"detector": 'windows = ["5m"]'}

_FILE_HEAD = f"""\
# streamkl: every option, with its default. Nothing in this file is required; `streamkl check FILE` tells all its mistakes.
# A line that begins with # and a name (no space between) is an option that is off, or an example.
#
# Environment variables override the file: {PREFIX}KAFKA__BOOTSTRAP_SERVERS="a:9092, b:9092", {PREFIX}DETECTOR__REFERENCE__SIZE=1000.
# Secrets stay out of it: {PREFIX}KAFKA__SASL_PASSWORD=..., or {PREFIX}KAFKA__SASL_PASSWORD_FILE=/run/secrets/sasl_password.
# Durations are texts such as "250ms", "90s", "5m", "1h 30m" or "7d". Relative paths start at the working directory.
"""

_PAGE_HEAD = f"""\
# Configuration

The file is [TOML](https://toml.io). Every option has a default, so an empty file is valid; unknown options are refused.
`streamkl config` prints a file with every option, and `streamkl check FILE` prints all mistakes with the option, its value and the fix.

- **Durations** are texts: `"250ms"`, `"90s"`, `"5m"`, `"1h 30m"`, `"7d"`, `"2w"`. A number without a unit is refused.
- **Windows** are `"64 points"` or a duration of event time.
- **False alarms** are `"1 per series per week"`, `"0.5 per series per month"`, `"1 per 10000 points"` (of each series), or
  `"5 per day in all"` for all series together ([how it is divided](how-it-works.md#the-whole-fleet)). A month is 30 days, a year 365.
- **Environment variables** override the file: `{PREFIX}` + section + `__` + option, in capitals. Lists are written with commas:
  `{PREFIX}KAFKA__BOOTSTRAP_SERVERS="a:9092, b:9092"`. `[[monitors]]` and `[[silences]]` can only be set in the file.
- **Secrets** are refused in the file. Set the variable (`{PREFIX}KAFKA__SASL_PASSWORD`), or let it name a file
  (`{PREFIX}KAFKA__SASL_PASSWORD_FILE`, or `sasl_password_file` in `[kafka]`). They are never printed.
- **A monitor** takes everything from `[detector]` that its own `[monitors.detector]` does not say.
  A `[monitors.detector.reference]` that names its `kind` starts from the defaults instead.
- **Relative paths** start at the working directory.

Other thresholds, gates or episodes for some series are a monitor each; what it does not say comes from `[detector]`:

```toml
[detector]
false_alarms = "1 per series per week"
[detector.gates]
min_relative_effect = 0.05                      # 5 % of the median, or it is not worth a page

[[monitors]]
name = "checkout"
match = "shop/checkout/*"
[monitors.detector]
false_alarms = "1 per series per day"           # sooner, at the price of more false alarms
[monitors.detector.gates]
min_effect = 20.0                               # milliseconds; the 5 % hold as well
direction = "up"
[monitors.detector.episodes]
min_duration = "5m"

[[monitors]]
name = "free-disk"
match = "*/disk_free"
[monitors.detector.gates]
direction = "down"

[[monitors]]
name = "scratch"
match = "test-*"
kind = "ignore"
```

This page is generated (`streamkl config --format markdown`).
"""


def default_toml() -> str:
    """A configuration file with every option, its description, bounds, unit and default; it means the same as an empty one."""
    return "\n".join([_FILE_HEAD, *(line for table in tables() for line in _toml_table(table))]).rstrip("\n") + "\n"


def markdown() -> str:
    """The page that lists every option."""
    return "\n".join([_PAGE_HEAD, *(line for table in tables() for line in _page_table(table))]).rstrip("\n") + "\n"


def _toml_table(table: Table) -> Iterator[str]:
    yield from _comment(_about(table.section))
    yield f"#[[{table.name}]]" if table.listed else f"[{table.name}]"
    texts = descriptions(table.section)
    for name, field in table.section.model_fields.items():
        if section_of(field) is None:
            yield from _comment(texts[name])
            yield from _comment(_range(field))
            yield _toml_option(name, field, off=table.listed)
        elif table.listed:
            yield from _comment(f"{texts[name]} For example:")
            yield f"#[{table.name}.{name}]"
            yield f"#{_EXAMPLES[name]}"
    yield ""


def _toml_option(name: str, field: FieldInfo, *, off: bool) -> str:
    if is_secret(field):
        return f'#{name}_file = "/run/secrets/{name}"'
    value = next(iter(field.examples or []), None if field.is_required() else field.default)
    off = off or field.is_required() or field.default is None
    return f"{'#' if off else ''}{name} = {written(value, field)}"


def _range(field: FieldInfo) -> str:
    text = accepts(field)
    return f"{text[0].upper()}{text[1:]}; {_default(field)}."


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "off by default" if field.default is None else f"default {written(field.default, field)}"


def _comment(text: str) -> Iterator[str]:
    yield from (f"# {line}" for line in textwrap.wrap(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False))


def _about(section: type[Section]) -> str:
    return (section.__doc__ or "").split("\n", 1)[0]


def _page_table(table: Table) -> Iterator[str]:
    yield from (f"## `[[{table.name}]]`" if table.listed else f"## `[{table.name}]`", "", _about(table.section), "")
    rows = [(name, field) for name, field in table.section.model_fields.items() if table.listed or section_of(field) is None]
    if rows:
        yield from ("| option | meaning | accepts | default |", "|---|---|---|---|")
        texts = descriptions(table.section)
        yield from (_row(name, field, texts[name]) for name, field in rows)
        yield ""


def _row(name: str, field: FieldInfo, text: str) -> str:
    inner = section_of(field)
    default = "required" if field.is_required() else "off" if field.default is None else f"`{written(field.default, field)}`"
    cells = (
        f"`{name}`",
        " ".join(text.split()),
        "a table" if inner else accepts(field),
        f"`[{name}]`" if inner else default,
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
