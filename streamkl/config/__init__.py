"""What an operator may choose: the models with every default, how they are read and how they are shown. Nothing here acts on a choice."""

from streamkl.config.compare import CompareConfig
from streamkl.config.connection import KafkaConfig
from streamkl.config.detector import DetectorConfig, EpisodeConfig, GatesConfig, MonitorConfig, ReferenceConfig
from streamkl.config.fingerprint import config_hash
from streamkl.config.input import InputConfig
from streamkl.config.load import load
from streamkl.config.models import DEFAULT_MONITOR, Config, HttpConfig, StateConfig
from streamkl.config.silence import SilenceConfig

__all__ = [
    "DEFAULT_MONITOR",
    "CompareConfig",
    "Config",
    "DetectorConfig",
    "EpisodeConfig",
    "GatesConfig",
    "HttpConfig",
    "InputConfig",
    "KafkaConfig",
    "MonitorConfig",
    "ReferenceConfig",
    "SilenceConfig",
    "StateConfig",
    "config_hash",
    "load",
]
