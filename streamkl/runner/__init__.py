"""The loop that makes a service of ports and engine: it decides when, never what.

`loop` polls, feeds, commits and starts over after failures; `holdings` keeps the engines of the partitions that are ours and where each
continues; `figures` counts what happened for whoever watches. None of them knows an adapter or the configuration.
"""

from streamkl.runner.holdings import Holdings
from streamkl.runner.loop import Runner

__all__ = ["Holdings", "Runner"]
