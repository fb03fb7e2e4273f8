"""The only room that knows every other one: from a configuration to a running program."""

from streamkl.assembly.plan import build_plan
from streamkl.assembly.service import run

__all__ = ["build_plan", "run"]
