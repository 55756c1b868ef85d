"""The scales on which proportions are pooled: transformation, sampling variance and the way back.

Definitions follow Schwarzer, Chemaitelly, Abu-Raddad & Rücker (2019), Res Synth Methods 10:476-483,
doi:10.1002/jrsm.1348; the double arcsine is half of Freeman & Tukey's (1950) sum of two arcsines,
and its inverse Miller's (1978), Am Stat 32:138.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from meta.results.estimands import Estimand
from meta.stats.numeric.codes import Code, CodeArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
ScaleName = Literal["logit", "log", "identity", "arcsine", "double-arcsine"]


class Effects(NamedTuple):
    """Effects and sampling variances, shape (..., k); `corrected` where a continuity correction acted.

    `code` is Code.INFINITE_EFFECT where `y` or `v` is NaN because the scale has no finite value.
    """

    y: FloatArray
    v: FloatArray
    corrected: BoolArray
    code: CodeArray

    def rows(self, rows: NDArray[np.intp]) -> Effects:
        """Some trials of a single set."""
        return Effects(self.y[rows], self.v[rows], self.corrected[rows], self.code[rows])


@dataclass(frozen=True, slots=True)
class Scale:
    """One analysis scale.

    Attributes
    ----------
    name : str
    estimand : Estimand
        What the back-transformed pooled effect estimates when true effects are normal on this scale.
    normal : bool
        True where an arm of 0 or n responders needs a continuity correction.
    transform, variance : callable (x, n) -> ndarray
        Effect and sampling variance from counts that may be fractional (after correction).
    inverse : callable (y, n) -> ndarray
        Back to a proportion in 0 to 1; only the double arcsine uses `n`.
    """

    name: ScaleName
    estimand: Estimand
    normal: bool
    transform: Callable[[FloatArray, FloatArray], FloatArray]
    variance: Callable[[FloatArray, FloatArray], FloatArray]
    inverse: Callable[[FloatArray, FloatArray], FloatArray]

    def effects(
        self,
        responders: ArrayLike,
        n: ArrayLike,
        include: ArrayLike = True,
        *,
        continuity: float = 0.5,
    ) -> Effects:
        """Effects and sampling variances from counts.

        Parameters
        ----------
        responders, n : array_like of int, shape (..., k)
            Counts, 0 <= responders <= n, n >= 1 where included.
        include : array_like of bool, shape (..., k)
            Trials that count; the others get effect 0 and variance 1, which nothing uses.
        continuity : float, default 0.5
            Added to responders and to non-responders of arms with 0 or n responders, on the normal
            scales only; 0 for no correction.

        Returns
        -------
        Effects
            NaN with Code.INFINITE_EFFECT where the scale has no finite effect or no variance.
        """
        x, size, use = np.broadcast_arrays(
            np.asarray(responders, dtype=float), np.asarray(n, dtype=float), np.asarray(include, dtype=bool)
        )
        extreme = use & ((x == 0) | (x == size)) & self.normal
        corrected = extreme & (continuity > 0)
        add = np.where(corrected, continuity, 0.0)
        finite = use & ~(extreme & ~corrected)
        safe_x = np.where(finite, x + add, 1.0)
        safe_n = np.where(finite, size + 2 * add, 2.0)
        y = np.where(finite, self.transform(safe_x, safe_n), np.where(use, np.nan, 0.0))
        v = np.where(finite, self.variance(safe_x, safe_n), np.where(use, np.nan, 1.0))
        code = np.where(use & ~finite, Code.INFINITE_EFFECT, Code.OK).astype(np.int8)
        return Effects(y, v, corrected, code)


def _double_arcsine(x: FloatArray, n: FloatArray) -> FloatArray:
    return 0.5 * (np.arcsin(np.sqrt(x / (n + 1))) + np.arcsin(np.sqrt((x + 1) / (n + 1))))


def _arcsine_inverse(y: FloatArray, n: FloatArray) -> FloatArray:
    return np.sin(np.clip(y, 0.0, np.pi / 2)) ** 2


def _double_arcsine_inverse(y: FloatArray, n: FloatArray) -> FloatArray:
    low, high = _double_arcsine(np.zeros_like(n), n), _double_arcsine(n, n)
    inside = np.clip(y, low, high)  # the transform reaches no further: beyond lies 0 or 1
    sine = np.sin(2 * inside)
    root = np.sqrt(np.clip(1 - (sine + (sine - 1 / sine) / n) ** 2, 0.0, 1.0))
    return np.clip(0.5 * (1 - np.sign(np.cos(2 * inside)) * root), 0.0, 1.0)


LOGIT = Scale(
    "logit",
    Estimand.MEDIAN,
    normal=True,
    transform=lambda x, n: logit(x / n),
    variance=lambda x, n: 1 / x + 1 / (n - x),
    inverse=lambda y, n: expit(y),
)
LOG = Scale(
    "log",
    Estimand.MEDIAN,
    normal=True,
    transform=lambda x, n: np.log(x / n),
    variance=lambda x, n: 1 / x - 1 / n,
    inverse=lambda y, n: np.exp(np.minimum(y, 0.0)),
)
IDENTITY = Scale(
    "identity",
    Estimand.MEAN,
    normal=True,
    transform=lambda x, n: x / n,
    variance=lambda x, n: x * (n - x) / n**3,
    inverse=lambda y, n: np.clip(y, 0.0, 1.0),
)
ARCSINE = Scale(
    "arcsine",
    Estimand.MEDIAN,
    normal=False,
    transform=lambda x, n: np.arcsin(np.sqrt(x / n)),
    variance=lambda x, n: 1 / (4 * n),
    inverse=_arcsine_inverse,
)
DOUBLE_ARCSINE = Scale(
    "double-arcsine",
    Estimand.MEDIAN,
    normal=False,
    transform=_double_arcsine,
    variance=lambda x, n: 1 / (4 * n + 2),
    inverse=_double_arcsine_inverse,
)

SCALES: dict[ScaleName, Scale] = {s.name: s for s in (LOGIT, LOG, IDENTITY, ARCSINE, DOUBLE_ARCSINE)}


def harmonic_mean(n: ArrayLike, include: ArrayLike = True) -> FloatArray:
    """Harmonic mean of the included sample sizes.

    Parameters
    ----------
    n : array_like, shape (..., k)
        Patients.
    include : array_like of bool, shape (..., k)

    Returns
    -------
    ndarray, shape (...)
        NaN where nothing is included.
    """
    size, use = np.broadcast_arrays(np.asarray(n, dtype=float), np.asarray(include, dtype=bool))
    k = use.sum(-1)
    inverse = np.where(use, 1 / np.where(use, size, 1.0), 0.0).sum(-1)
    mean: FloatArray = np.divide(k, inverse, out=np.full(k.shape, np.nan), where=k > 0)
    return mean
