"""Streaming anomaly detection by Kullback-Leibler divergence, with a threshold calibrated to a false-alarm budget.

The front door: names are loaded when they are first used, so importing the package loads neither numba nor a Kafka client.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamkl.comparison.comparing import Choice, Comparison, compare
    from streamkl.config.compare import CompareConfig
    from streamkl.config.detector import DetectorConfig, EpisodeConfig, GatesConfig, ReferenceConfig
    from streamkl.core.classifier import classifier_losses, prediction_drift
    from streamkl.core.divergence import (
        chi_squared,
        contributions,
        cross_entropy,
        entropy,
        gaussian_kl,
        hellinger,
        jeffreys,
        jensen_shannon,
        kl_divergence,
        psi,
        reverse_kl,
        total_variation,
    )
    from streamkl.core.generated import compare_samples, latent_kl
    from streamkl.core.reliability import calibration_drift, calibration_error
    from streamkl.errors import ConfigError, InputError, StreamklError
    from streamkl.fitting.choosing import fit
    from streamkl.library.detector import Detector
    from streamkl.library.scoring import Evaluation, evaluate, score
    from streamkl.model import Event

_ROOMS = {
    "streamkl.comparison.comparing": ("Choice", "Comparison", "compare"),
    "streamkl.config.compare": ("CompareConfig",),
    "streamkl.config.detector": ("DetectorConfig", "EpisodeConfig", "GatesConfig", "ReferenceConfig"),
    "streamkl.core.classifier": ("classifier_losses", "prediction_drift"),
    "streamkl.core.divergence": (
        "chi_squared",
        "contributions",
        "cross_entropy",
        "entropy",
        "gaussian_kl",
        "hellinger",
        "jeffreys",
        "jensen_shannon",
        "kl_divergence",
        "psi",
        "reverse_kl",
        "total_variation",
    ),
    "streamkl.core.generated": ("compare_samples", "latent_kl"),
    "streamkl.core.reliability": ("calibration_drift", "calibration_error"),
    "streamkl.errors": ("ConfigError", "InputError", "StreamklError"),
    "streamkl.fitting.choosing": ("fit",),
    "streamkl.library.detector": ("Detector",),
    "streamkl.library.scoring": ("Evaluation", "evaluate", "score"),
    "streamkl.model": ("Event",),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "Choice",
    "CompareConfig",
    "Comparison",
    "ConfigError",
    "Detector",
    "DetectorConfig",
    "EpisodeConfig",
    "Evaluation",
    "Event",
    "GatesConfig",
    "InputError",
    "ReferenceConfig",
    "StreamklError",
    "__version__",
    "calibration_drift",
    "calibration_error",
    "chi_squared",
    "classifier_losses",
    "compare",
    "compare_samples",
    "contributions",
    "cross_entropy",
    "entropy",
    "evaluate",
    "fit",
    "gaussian_kl",
    "hellinger",
    "jeffreys",
    "jensen_shannon",
    "kl_divergence",
    "latent_kl",
    "prediction_drift",
    "psi",
    "reverse_kl",
    "score",
    "total_variation",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("streamkl")
    if name not in _HOME:
        raise AttributeError(f"module 'streamkl' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
