"""streamkl as an estimator of scikit-learn: rows judged by themselves, or as the stream that they are.

It needs scikit-learn, which `pip install 'streamkl[sklearn]'` brings.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamkl.config.detector import DetectorConfig
from streamkl.errors import ConfigError
from streamkl.library.scoring import evaluate
from streamkl.library.settings import config_in_points, own
from streamkl.library.surprisal import feature_nats, learn_rows, row_nats

try:
    from sklearn.base import BaseEstimator, OutlierMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"streamkl.sklearn needs scikit-learn ({error}): pip install 'streamkl[sklearn]'", name=error.name) from error

FEWEST_ROWS = 10  # beyond the threshold, if rows alone are to tell where it lies

Array = NDArray[np.float64]


class KLDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Outliers and incidents beside a reference, which `fit` learns from rows (n, d) of finite numbers.

    Two questions, two kinds of method. None of them changes the estimator; only `fit` does.

    - *Is this row an outlier?* `predict`, `decision_function` and `score_samples` judge each row by itself, so that neither order nor
      neighbours matter: how rarely a normal row lies as far from the median, in the feature in which it is most surprising.
    - *Has the stream changed?* `score_stream` reads rows in their order, as those that came right after the rows of `fit`: windows, drift
      and single points, with the threshold calibrated as everywhere in streamkl. For that, `fit` wants its rows in order of time.

    Signs are scikit-learn's: `score_samples` and `decision_function` are lower for stranger rows, `predict` says -1 for outliers and 1 for
    the rest. `score_stream` is streamkl's own: 1.0 is the boundary, and higher is stranger.

    Parameters
    ----------
    contamination
        Share of normal rows that may be called outliers, above 0 and at most 0.5: of new rows it is kept within a fifth or so where it is
        ten rows of those fitted, and up to twice as many are called so where it is one. Where it is less than one, the threshold is
        continued beyond what was seen, by a heavy tail: then mostly fewer are called so, and only rows far out.
    points_per_false_alarm
        `score_stream`: rows between two false alarms, on average and at least.
    reference_size, windows, bins
        `score_stream`: rows learned first, window lengths in rows, and equal-frequency bins of the reference.

    Attributes
    ----------
    offset_
        Threshold of `score_samples`.
    reference_
        The rows of `fit`, (n, d).
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn; names where X has them.

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> detector = KLDetector(contamination=0.001).fit(rng.normal(size=(1_000, 3)))
    >>> detector.predict([[0.1, -0.5, 0.3], [0.1, -7.0, 0.3]]).tolist()
    [1, -1]
    >>> stream = rng.normal(size=(300, 3))
    >>> stream[200:] *= 2.5  # hardly any of these rows is an outlier by itself
    >>> int(np.flatnonzero(detector.score_stream(stream) >= 1)[0])
    204
    """

    def __init__(
        self,
        contamination: float = 0.01,
        points_per_false_alarm: int = 10_000,
        reference_size: int = 500,
        windows: tuple[int, ...] = (16, 64, 256),
        bins: int = 16,
    ) -> None:
        self.contamination = contamination
        self.points_per_false_alarm = points_per_false_alarm
        self.reference_size = reference_size
        self.windows = windows
        self.bins = bins

    def fit(self, X: Any, y: None = None) -> Self:  # noqa: ARG002, N803
        """Learn what is normal from rows (n, d), n at least 2. O(n d).

        Raises ConfigError for parameters out of bounds, ValueError for what is no matrix of finite numbers.
        """
        if not isinstance(own(self.contamination), int | float) or not 0 < self.contamination <= 0.5:
            raise ConfigError([f"contamination = {self.contamination!r}: must be above 0 and at most 0.5; try 0.01"])
        self._config()
        self.reference_ = validate_data(self, X, dtype=np.float64, ensure_min_samples=2, copy=True)
        self._normal = learn_rows(self.reference_)
        self.offset_ = -self._threshold(row_nats(self._normal, self.reference_))
        return self

    def score_samples(self, X: Any) -> Array:  # noqa: N803
        """(n,): minus the surprise of each row in nats; 0 for the most ordinary ones. O(n d)."""
        rows = self._rows(X)
        return -row_nats(self._normal, rows)

    def decision_function(self, X: Any) -> Array:  # noqa: N803
        """(n,): `score_samples` minus `offset_`; below 0 for outliers."""
        scores = self.score_samples(X)
        return np.asarray(scores - self.offset_)

    def predict(self, X: Any) -> NDArray[np.int64]:  # noqa: N803
        """(n,): -1 for outliers, 1 for the rest."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def feature_surprise(self, X: Any) -> Array:  # noqa: N803
        """(n, d): the surprise of each feature of each row by itself, in nats: why a row is an outlier. O(n d)."""
        rows = self._rows(X)
        return feature_nats(self._normal, rows)

    def score_stream(self, X: Any) -> Array:  # noqa: N803
        """(n,): statistic / threshold at each row, in order, of rows that came right after those of `fit`; at least 1 in an incident.

        The first `reference_size` rows of all are learned: fit more. Each call begins behind `fit` anew. O((n + fitted) d).
        """
        rows = self._rows(X)
        return evaluate(np.concatenate([self.reference_, rows]), config=self._config()).ratio[len(self.reference_) :]

    def _config(self) -> DetectorConfig:
        share = DetectorConfig().point_share
        return config_in_points(
            self.points_per_false_alarm, size=self.reference_size, windows=self.windows, bins=self.bins, point_share=share
        )

    def _rows(self, X: Any) -> Array:  # noqa: N803
        check_is_fitted(self)
        rows: Array = validate_data(self, X, dtype=np.float64, reset=False)
        return rows

    def _threshold(self, nats: Array) -> float:
        """Nats that the wanted share of normal rows exceeds."""
        n = len(nats)
        if self.contamination * n >= 1:
            return float(np.quantile(nats, 1 - self.contamination, method="weibull"))  # what a new row exceeds with that probability
        count = min(FEWEST_ROWS, n)
        return float(np.sort(nats)[-count] + np.log(count / n / self.contamination))
