"""Where values come from: the text of a file, environment variables, files that hold secrets."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamkl.config.catalogue import is_secret, options, quoted
from streamkl.config.explain import Problem
from streamkl.config.models import Config
from streamkl.errors import ConfigError

PREFIX = "STREAMKL_"
_LARGEST_FILE = 4_000_000


def read(path: Path) -> str:
    """The text of a configuration file; ConfigError where there is none."""
    try:
        if path.is_file() and path.stat().st_size > _LARGEST_FILE:
            raise ConfigError([f"{path}: is not a configuration file (more than {_LARGEST_FILE} bytes)"])
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file; `streamkl config` prints one with every option"]) from None
    except IsADirectoryError:
        raise ConfigError([f"{path}: is a directory; name the configuration file in it"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not a text file in UTF-8"]) from None


def parse(text: str, path: Path | None) -> dict[str, Any]:
    """The tables in a TOML text; ConfigError names the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: is not valid TOML: {error}"]) from None
    except RecursionError:
        raise ConfigError([f"{path}: is not valid TOML: nested too deeply"]) from None


def from_environment() -> dict[str, Any]:
    """Tables as the variables spell them, every value still a text."""
    if not any(name.upper().startswith(PREFIX) for name in os.environ):
        return {}
    from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict  # noqa: PLC0415 - 0.05 s of a start without variables

    class Environment(BaseSettings, Config):
        """Only tells pydantic-settings which variables to look for; `Config` itself must not depend on the environment."""

        model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", enable_decoding=False)

    return dict(EnvSettingsSource(Environment)())


def stray_variables() -> Iterator[str]:
    """Mistakes in variables that name a section which does not exist; pydantic-settings passes over them in silence."""
    for name in sorted(os.environ):
        section, nested, _ = name.upper().removeprefix(PREFIX).lower().partition("__")
        if name.upper().startswith(PREFIX) and nested and section not in Config.model_fields:
            close = difflib.get_close_matches(section, Config.model_fields, n=1)
            yield f"{name}: unknown section; " + (f"did you mean {close[0]}?" if close else f"known: {', '.join(Config.model_fields)}")


def _secret_options() -> Iterator[tuple[str, str]]:
    for path, field in options():
        if is_secret(field):
            yield str(path[0]), str(path[1])


def written_secrets(data: dict[str, Any]) -> Iterator[Problem]:
    """Takes out secrets, which do not belong in a file that is copied, shown and kept in version control."""
    for section, option in _secret_options():
        if isinstance(data.get(section), dict) and option in data[section]:
            del data[section][option]
            variable = f"{PREFIX}{section}__{option}".upper()
            yield Problem(((section, option),), f"a secret does not belong in this file; set {variable}, or {option}_file to a file's path")


def open_secrets(data: dict[str, Any]) -> Iterator[Problem]:
    """Puts the content of a secret's file in its place, without the line's end."""
    for section, option in _secret_options():
        table = data.get(section)
        if not isinstance(table, dict) or f"{option}_file" not in table:
            continue
        path = table.pop(f"{option}_file")
        where = ((section, f"{option}_file"),)
        if option in table:
            yield Problem(where, f"cannot stand beside {option}; remove one of them")
        try:
            table[option] = Path(path).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError, TypeError, ValueError) as error:
            table[option] = "unknown"  # so that the missing secret is not reported a second time
            yield Problem(where, f"cannot be read: {getattr(error, 'strerror', None) or error}", quoted(str(path)))


def line_numbers(text: str) -> dict[str, int]:
    """The line that each option stands on. A look at the lines' beginnings, good enough to point at; tomllib keeps no positions."""
    found: dict[str, int] = {}
    table, counts = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\[\s*([\w.-]+)\s*\]\]", line):
            counts[header[1]] = counts.get(header[1], -1) + 1
            table = f"{header[1]}[{counts[header[1]]}]"
            found.setdefault(table, number)
        elif header := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            table = header[1]
            first, _, rest = table.partition(".")
            if first in counts:
                table = f"{first}[{counts[first]}].{rest}"
            found.setdefault(table, number)
        elif option := re.match(r"\s*([\w.-]+)\s*=", line):
            found.setdefault(f"{table}.{option[1]}".removeprefix("."), number)
    return found
