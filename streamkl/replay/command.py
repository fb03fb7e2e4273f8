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
from streamkl.replay.judging import check_files, judge_files


def replay_files(paths: Sequence[str], config: Config, events: str, rejected: str | None, *, joined: bool, quiet: bool) -> None:
    """Judge files; events and rejected lines go to files (`-`: standard output), progress and totals to standard error.

    InputError if a result would overwrite an input, or both results would be one file. What they held before is lost only once all inputs
    can be opened and the plan stands.
    """
    _refuse_overwriting(paths, [out for out in (events, rejected) if out is not None])
    mixed = events == "-" and sys.stdout.isatty()  # a bar would run through the events
    with ExitStack() as stack:
        watch = stack.enter_context(display.progress(paths, shown=not quiet, bar=not mixed))
        begin = time.perf_counter()
        check_files(paths)
        plan = build_plan(config)
        out = stack.enter_context(JsonLinesFile(events))
        refused = stack.enter_context(JsonLinesFile(rejected)) if rejected is not None else None

        def keep(output: Output) -> None:
            out.write_events(output.events)
            if refused is not None:
                refused.write_rejected(output.rejected)

        summary = judge_files(paths, plan, config.input.mapping(), keep, watch, joined=joined)
        seconds = time.perf_counter() - begin
    if not quiet:
        display.show(summary, seconds)


def _refuse_overwriting(paths: Sequence[str], results: Sequence[str]) -> None:
    inputs, places = set(map(_place, paths)), [_place(out) for out in results]
    for out, place in zip(results, places, strict=True):
        if out != "-" and place in inputs:
            raise InputError(f"{out}: is one of the files to be read; name another for the results")
    if len(set(places)) < len(places):
        raise InputError(f"{results[0]}: cannot hold both events and rejected lines; name two")


def _place(path: str) -> Path | None:
    """The file behind a name, whatever way leads to it; None for standard input and output."""
    return None if path == "-" else Path(path).resolve()
