"""`streamkl compare`: two samples read, compared, and the report shown and written."""

import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from streamkl.adapters.console.steps import Step, progress
from streamkl.comparison import display
from streamkl.comparison.columns import Table
from streamkl.comparison.comparing import Choice, Comparison, compare_tables
from streamkl.comparison.files import file_table
from streamkl.comparison.topics import is_topic, topic_table
from streamkl.config import Config
from streamkl.config.compare import CompareConfig
from streamkl.config.explain import problems
from streamkl.errors import ConfigError, InputError


def compare(
    reference: str,
    current: str,
    config: Config,
    choice: Choice,
    changes: dict[str, Any],
    *,
    html: Path | None = None,
    as_json: bool = False,
    top: int = 20,
    quiet: bool = False,
) -> Comparison:
    """Compare two files, or two stretches of a topic; the report goes to standard output, progress to standard error, the page to `html`.

    `changes` are options of [compare] that the command line gave. Raises InputError where there is nothing to compare, SourceError where a
    topic cannot be read.
    """
    chosen = changed(config.compare, changes)
    if html is not None and not html.parent.is_dir():
        raise InputError(f"{html}: there is no folder {html.parent}; make it, or write the page elsewhere")
    with progress(shown=not quiet) as step:
        old, new = _table(reference, config, step), _table(current, config, step)
        report = compare_tables(old, new, chosen, choice, lambda what, done, total: step(what, done, total, ""))
    if html is not None:
        try:
            html.write_text(report.to_html(), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{html}: cannot be written: {error.strerror or error}") from None
    if as_json:
        sys.stdout.write(report.to_json() + "\n")
    else:
        display.show(report, top)
    return report


def changed(config: CompareConfig, changes: dict[str, Any]) -> CompareConfig:
    """The options with those of the command line in their places."""
    try:
        return CompareConfig.model_validate(config.model_dump() | {name: value for name, value in changes.items() if value is not None})
    except ValidationError as error:
        given = {"compare": changes}
        found = problems([{**each, "loc": ("compare", *each["loc"])} for each in error.errors()], given)
        raise ConfigError([problem.line() for problem in found]) from None


def _table(name: str, config: Config, step: Step) -> Table:
    step("reading", 0, None, name)
    return topic_table(name, config, step) if is_topic(name) else file_table(Path(name))
