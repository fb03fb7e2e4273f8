"""Imported once by the process that lives are forked from: everything loaded and compiled, so that a start takes a tenth of a second."""

from pathlib import Path
from tempfile import TemporaryDirectory

from streamkl import cli as _loaded_with_all_it_needs  # noqa: F401
from streamkl.adapters.clock import MonotonicClock
from streamkl.assembly.plan import build_plan
from streamkl.assembly.warming import warm_up
from streamkl.config import load
from tests.chaos.place import exactly_once

with TemporaryDirectory() as _folder:
    warm_up(build_plan(load(exactly_once("127.0.0.1:1", Path(_folder), 1).config())), MonotonicClock())
