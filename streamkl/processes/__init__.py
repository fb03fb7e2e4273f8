"""`streamkl run --processes`: several members of one consumer group on one machine, and the supervisor over them."""

from streamkl.processes.running import run

__all__ = ["run"]
