"""From a file and the environment to a checked configuration, or to all mistakes at once."""

import copy
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from streamkl.config import sources, trees
from streamkl.config.catalogue import field_at
from streamkl.config.explain import Problem, of_mistakes, problems
from streamkl.config.models import Config
from streamkl.config.section import Mistake
from streamkl.config.trees import MISSING, dotted, find
from streamkl.errors import ConfigError


def load(
    path: Path | None, examine: Callable[[Config], Iterable[Mistake]] | None = None, defaults: Mapping[str, Any] | None = None
) -> Config:
    """The configuration in a TOML file (None: only defaults), overridden by `STREAMKL_SECTION__OPTION` variables.

    Secrets come from a variable, or from the file that the same variable (or option) with `_FILE` (`_file`) at its end names. `examine`
    finds what the models cannot see; it is given what is valid, with defaults for the rest. `defaults` holds tables for what neither file
    nor variables say. Raises ConfigError with every mistake, a line each.
    """
    text = "" if path is None else sources.read(path)
    data = sources.parse(text, path)
    found = list(sources.written_secrets(data))
    environment = sources.from_environment()
    merged = trees.merge(trees.merge(defaults or {}, data), environment)
    found += sources.open_secrets(merged)
    set_aside = {problem.paths[0] for problem in found}
    config, invalid = _validate(merged, set_aside)
    found += invalid
    if config is not None and examine is not None:
        found += [problem for problem in of_mistakes(examine(config), merged) if not _involves(problem, set_aside)]
    lines = sources.line_numbers(text)
    placed = [(_line(problem, lines), problem) for problem in found]
    placed.sort(key=lambda pair: pair[0])
    reported = [problem.line(_origin(problem.paths[0], environment, line)) for line, problem in placed]
    reported += sources.stray_variables()
    if config is None or reported:
        raise ConfigError(reported)
    return config


def _validate(data: dict[str, Any], set_aside: set[trees.Path]) -> tuple[Config | None, list[Problem]]:
    """Validates, then again without what was wrong, because options that contradict one another only show among valid ones.

    Adds what was left out to `set_aside`. None where something required is wrong.
    """
    found: list[Problem] = []
    rest = copy.deepcopy(data)
    while True:
        try:
            return Config.model_validate(rest), found
        except ValidationError as error:
            new = [problem for problem in problems(error.errors(), data) if _is_own(problem, data)]
            found += [problem for problem in new if not _involves(problem, set_aside)]
            left_out = [path for problem in new for path in _leave_out(rest, problem)]
            set_aside.update(left_out, (field_at(problem.paths[0])[0] for problem in new))
            if not left_out:
                return None, found


def _leave_out(data: dict[str, Any], problem: Problem) -> list[trees.Path]:
    """Removes the first of the options involved that is there."""
    involved = (field_at(path)[0] for path in problem.paths)
    return next(([path] for path in involved if trees.remove(data, path)), [])


def _involves(problem: Problem, options: set[trees.Path]) -> bool:
    return any(field_at(path)[0] in options for path in problem.paths)


def _is_own(problem: Problem, data: Mapping[str, Any]) -> bool:
    """A monitor repeats the mistakes of the [detector] that it inherits from; they are reported there."""
    path = problem.paths[0]
    inherits = path[:1] == ("monitors",) and path[2:3] == ("detector",)
    return not inherits or any(find(data, path) is not MISSING for path in problem.paths)


def _line(problem: Problem, lines: Mapping[str, int]) -> int:
    """The line of the option, else of one that it contradicts, else of the table it belongs in; 0 where the file says nothing of them."""
    path = problem.paths[0]
    candidates = (*problem.paths, field_at(path)[0], *(path[:end] for end in range(len(path) - 1, 0, -1)))
    return next((lines[dotted(each)] for each in candidates if dotted(each) in lines), 0)


def _origin(path: trees.Path, environment: Mapping[str, Any], line: int) -> str | None:
    if len(path) > 1 and find(environment, path) is not MISSING:
        return "from " + sources.PREFIX + "__".join(str(part) for part in path).upper()
    return f"line {line}" if line else None
