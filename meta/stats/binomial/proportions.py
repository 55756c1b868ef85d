"""Study-level intervals for one proportion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import betaincinv, ndtri

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from meta.stats.normal.scales import FloatArray

TrialInterval = Literal["clopper-pearson", "wilson", "jeffreys"]


def _beta(probability: float, a: FloatArray, b: FloatArray) -> FloatArray:
    """Quantile of Beta(a, b), 1 where a or b is not positive (the caller overwrites those)."""
    fine = (a > 0) & (b > 0)
    return np.where(fine, betaincinv(np.where(fine, a, 1.0), np.where(fine, b, 1.0), probability), 1.0)


def _clopper_pearson(x: FloatArray, n: FloatArray, tail: float) -> tuple[FloatArray, FloatArray]:
    return _beta(tail, x, n - x + 1), _beta(1 - tail, x + 1, n - x)


def _jeffreys(x: FloatArray, n: FloatArray, tail: float) -> tuple[FloatArray, FloatArray]:
    return _beta(tail, x + 0.5, n - x + 0.5), _beta(1 - tail, x + 0.5, n - x + 0.5)


def _wilson(x: FloatArray, n: FloatArray, tail: float) -> tuple[FloatArray, FloatArray]:
    z = -ndtri(tail)
    centre = (x + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(x * (n - x) / n + z**2 / 4)
    return centre - half, centre + half


_METHODS: dict[TrialInterval, Callable[[FloatArray, FloatArray, float], tuple[FloatArray, FloatArray]]] = {
    "clopper-pearson": _clopper_pearson,
    "wilson": _wilson,
    "jeffreys": _jeffreys,
}


def proportion_interval(
    responders: ArrayLike, n: ArrayLike, *, method: TrialInterval = "clopper-pearson", level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Confidence interval for each proportion.

    Parameters
    ----------
    responders, n : array_like of int, shape (...)
        Counts, 0 <= responders <= n, n >= 1.
    method : {"clopper-pearson", "wilson", "jeffreys"}
        Exact; score; equal-tailed under the Jeffreys prior. The lower limit is 0 without a
        responder and the upper 1 with only responders, as Brown, Cai & DasGupta [1]_ advise.

    Returns
    -------
    low, high : ndarray, shape (...)
        Fractions.

    References
    ----------
    .. [1] Brown, Cai & DasGupta (2001), Stat Sci 16:101-133, doi:10.1214/ss/1009213286

    Examples
    --------
    >>> low, high = proportion_interval(1, 14)
    >>> round(float(low), 4), round(float(high), 4)
    (0.0018, 0.3387)
    """
    x, size = np.broadcast_arrays(np.asarray(responders, dtype=float), np.asarray(n, dtype=float))
    low, high = _METHODS[method](x, size, (1 - level) / 2)
    return np.where(x == 0, 0.0, low), np.where(x == size, 1.0, high)
