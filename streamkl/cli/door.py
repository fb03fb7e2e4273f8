"""Where everything raised on purpose becomes one line and an exit code."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from streamkl.errors import ConfigError, InputError, StreamklError

OK, FAILED, USAGE, DRIFT, INTERRUPTED = 0, 1, 2, 3, 130


class Door(TyperGroup):
    """All commands behind one door."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command. Errors that are nobody's doing keep their traceback."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has seen enough (`| head`). Python would complain once more while it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(OK) from None
        except StreamklError as error:
            if ctx.params.get("debug"):
                raise
            _say(error)
            raise typer.Exit(USAGE if isinstance(error, ConfigError | InputError) else FAILED) from None


def _say(error: StreamklError) -> None:
    if isinstance(error, ConfigError) and len(error.problems) > 1:
        typer.echo(f"error: the configuration has {len(error.problems)} mistakes", err=True)
        for problem in error.problems:
            typer.echo(f"  {problem}", err=True)
    else:
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
