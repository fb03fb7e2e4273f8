"""From the past of the series to figures an operator can decide by: thresholds, the shifts they find, memory, and settings that suit."""

from streamkl.calibrate.command import calibrate

__all__ = ["calibrate"]
