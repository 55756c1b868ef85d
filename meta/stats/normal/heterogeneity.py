"""Heterogeneity of trials: Cochran's Q, and I2 and H2 under both definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import chdtrc

from meta.stats.normal.weights import Arms, arms

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.normal.scales import FloatArray

I2_FROM_TAU2 = "tau2 / (tau2 + typical sampling variance)"
I2_FROM_Q = "max(0, (Q - df) / Q)"
H2_FROM_TAU2 = "(tau2 + typical sampling variance) / typical sampling variance"
H2_FROM_Q = "Q / df"


class QTest(NamedTuple):
    """Cochran's Q, its degrees of freedom and chi-squared p-value, each shape (...)."""

    q: FloatArray
    df: FloatArray
    p: FloatArray


def q_test(
    y: ArrayLike, v: ArrayLike, include: ArrayLike = True, *, groups: ArrayLike | None = None
) -> QTest:
    """Cochran's Q: the weighted squared distances from the common (or group's common) effect.

    Parameters
    ----------
    y, v, include, groups
        As in :func:`meta.stats.normal.tau2.estimate`.

    Returns
    -------
    QTest
        NaN where fewer than two trials of a group inform it; `df` is then 0.

    Notes
    -----
    With few trials the test has next to no power: a large p is no sign of homogeneity.
    """
    return q_test_arms(arms(y, v, include, groups))


def q_test_arms(a: Arms) -> QTest:
    """Cochran's Q as :func:`q_test` gives it.

    Parameters
    ----------
    a : Arms
        Validated input, shape (..., k).
    """
    usable = a.finite & (a.df >= 1)
    q = np.where(usable, a.at_zero.q, np.nan)
    p = np.where(usable, chdtrc(np.maximum(a.df, 1), np.where(usable, q, 0.0)), np.nan)
    return QTest(q, a.df, p)


def typical_variance(a: Arms) -> FloatArray:
    """Higgins and Thompson's typical sampling variance [1]_, df / (sum(w) - sum(w^2)/sum(w)) at tau2 = 0.

    Of arms (..., k), shape (...); squared units of the analysis scale; NaN below two trials.

    References
    ----------
    .. [1] Higgins & Thompson (2002), Stat Med 21:1539-1558, doi:10.1002/sim.1186, eq. 9
    """
    usable = (a.df >= 1) & (a.trace > 0)
    typical: FloatArray = np.divide(a.df, a.trace, out=np.full(a.df.shape, np.nan), where=usable)
    return typical


def i2_from_tau2(tau2: ArrayLike, typical: ArrayLike) -> FloatArray:
    """I2 as the share of tau2 in the total variance of a typical trial.

    Parameters
    ----------
    tau2, typical : array_like, shape (...)
        Between-trial variance, and :func:`typical_variance`.

    Returns
    -------
    ndarray, shape (...)
        A fraction; 1 where `tau2` is infinite.
    """
    t, s = np.asarray(tau2, dtype=float), np.asarray(typical, dtype=float)
    return np.asarray(1 - s / (t + s))


def h2_from_tau2(tau2: ArrayLike, typical: ArrayLike) -> FloatArray:
    """H2 as the total variance of a typical trial over its sampling variance.

    Parameters
    ----------
    tau2, typical : array_like, shape (...)
        Between-trial variance, and :func:`typical_variance`.

    Returns
    -------
    ndarray, shape (...)
        1 or more.
    """
    t, s = np.asarray(tau2, dtype=float), np.asarray(typical, dtype=float)
    return np.asarray((t + s) / s)


def i2_from_q(test: QTest) -> FloatArray:
    """I2 as the excess of Q over its expectation, max(0, (Q - df)/Q); 0 where Q is 0.

    Returns
    -------
    ndarray, shape (...)
        A fraction.
    """
    excess = np.maximum(test.q - test.df, 0.0)
    share: FloatArray = np.divide(excess, test.q, out=np.zeros(excess.shape), where=test.q > 0)
    return np.where(np.isnan(test.q), np.nan, share)


def h2_from_q(test: QTest) -> FloatArray:
    """H2 as Q/df, not truncated: below 1 where trials agree more than expected.

    Returns
    -------
    ndarray, shape (...)
    """
    ratio: FloatArray = np.divide(test.q, test.df, out=np.full(test.q.shape, np.nan), where=test.df >= 1)
    return ratio
