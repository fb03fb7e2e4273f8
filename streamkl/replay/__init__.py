"""Files through the engine of the service: `judging` runs them, `display` shows how far it is and what came out."""

from streamkl.replay.command import replay_files
from streamkl.replay.judging import Summary, judge_files

__all__ = ["Summary", "judge_files", "replay_files"]
