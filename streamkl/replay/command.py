"""`streamkl replay`: files, a plan and places for the results, put together."""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from streamkl.adapters.files import JsonLinesFile
from streamkl.assembly.plan import build_plan
from streamkl.config import Config
from streamkl.engine.engine import Output
from streamkl.errors import InputError
from streamkl.replay import display
from streamkl.replay.judging import judge_files


def replay_files(paths: Sequence[str], config: Config, events: str, rejected: str | None, *, joined: bool, quiet: bool) -> None:
    """Judge files; events and rejected lines go to files (`-`: standard output), progress and totals to standard error.

    InputError if a result would overwrite an input.
    """
    _refuse_overwriting(paths, [out for out in (events, rejected) if out is not None])
    mixed = events == "-" and sys.stdout.isatty()  # a bar would run through the events
    with ExitStack() as stack:
        out = stack.enter_context(JsonLinesFile(events))
        refused = stack.enter_context(JsonLinesFile(rejected)) if rejected is not None else None
        watch = stack.enter_context(display.progress(paths, shown=not quiet, bar=not mixed))

        def keep(output: Output) -> None:
            out.write_events(output.events)
            if refused is not None:
                refused.write_rejected(output.rejected)

        begin = time.perf_counter()
        summary = judge_files(paths, build_plan(config), config.input.mapping(), keep, watch, joined=joined)
        seconds = time.perf_counter() - begin
    if not quiet:
        display.show(summary, seconds)


def _refuse_overwriting(paths: Sequence[str], results: Sequence[str]) -> None:
    inputs = {Path(path).resolve() for path in paths if path != "-"}
    for out in results:
        if out != "-" and Path(out).resolve() in inputs:
            raise InputError(f"{out}: is one of the files to be read; name another for the results")
    if len(results) == 2 and results[0] == results[1]:
        raise InputError(f"{results[0]}: cannot hold both events and rejected lines; name two")
