"""The pooled effect, its confidence and prediction intervals, and the test between groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import chdtrc, ndtri, stdtrit

from meta.stats.normal.heterogeneity import QTest, q_test_arms, typical_variance
from meta.stats.normal.tau2 import Tau2Method, estimate_arms
from meta.stats.normal.weights import Arms, arms
from meta.stats.numeric.codes import Code, CodeArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.normal.scales import FloatArray

IntervalMethod = Literal["wald", "hk", "mhk"]
PredictionMethod = Literal["normal", "t", "hts", "hk"]


class Pooled(NamedTuple):
    """Group means at a given tau2.

    `mu`, `se` (Wald) have shape (..., G), NaN for an empty group; `q` is Knapp and Hartung's factor,
    shape (...), NaN without a degree of freedom; `weights` add up to 1 within a group, shape (..., k).
    """

    mu: FloatArray
    se: FloatArray
    q: FloatArray
    df: FloatArray
    weights: FloatArray


class Limits(NamedTuple):
    """Limits with the standard error and degrees of freedom (infinite: normal) they were made from."""

    low: FloatArray
    high: FloatArray
    se: FloatArray
    df: FloatArray
    code: CodeArray


class Between(NamedTuple):
    """Test for differences between groups, each shape (...)."""

    statistic: FloatArray
    df: FloatArray
    p: FloatArray


def pool(
    y: ArrayLike,
    v: ArrayLike,
    include: ArrayLike = True,
    *,
    tau2: ArrayLike,
    groups: ArrayLike | None = None,
) -> Pooled:
    """Inverse-variance means of groups that share `tau2`.

    Parameters
    ----------
    y, v, include, groups
        As in :func:`meta.stats.normal.tau2.estimate`.
    tau2 : array_like, shape (...)
        Between-trial variance; NaN gives NaN.
    """
    a = arms(y, v, include, groups)
    return pool_arms(a, np.broadcast_to(np.asarray(tau2, dtype=float), a.y.shape[:-1]))


def pool_arms(a: Arms, tau2: FloatArray) -> Pooled:
    """Inverse-variance means as :func:`pool` gives them.

    Parameters
    ----------
    a : Arms
        Validated input, shape (..., k).
    tau2 : ndarray, shape (...)
    """
    at = a.weighted(tau2)
    filled = at.total > 0
    variance = np.divide(1.0, at.total, out=np.zeros_like(at.total), where=filled)
    q = np.divide(at.q, a.df, out=np.full(a.df.shape, np.nan), where=a.df >= 1)
    mu, se = np.where(filled, at.mean, np.nan), np.where(filled, np.sqrt(variance), np.nan)
    return Pooled(mu, se, q, a.df, at.w * (variance @ a.groups))


class RandomEffects(NamedTuple):
    """A random-effects fit: tau2 and its code, shape (...), the means, Q, and the typical sampling variance.

    The intervals follow from these: :func:`interval`, :func:`prediction`, and I2 from tau2 and `typical` or
    from `test` by :mod:`meta.stats.normal.heterogeneity`.
    """

    tau2: FloatArray
    code: CodeArray
    pooled: Pooled
    test: QTest
    typical: FloatArray


def random_effects(
    y: ArrayLike,
    v: ArrayLike,
    include: ArrayLike = True,
    *,
    method: Tau2Method = "REML",
    tau2: ArrayLike | None = None,
    groups: ArrayLike | None = None,
) -> RandomEffects:
    """Estimate tau2, pool the effects and test their heterogeneity, in one pass over the input.

    Gives what :func:`~meta.stats.normal.tau2.estimate`, :func:`pool`,
    :func:`~meta.stats.normal.heterogeneity.q_test` and
    :func:`~meta.stats.normal.heterogeneity.typical_variance` give one by one.

    Parameters
    ----------
    y, v, include, method, groups
        As in :func:`meta.stats.normal.tau2.estimate`.
    tau2 : array_like, shape (...), optional
        Between-trial variance, instead of an estimate; NaN gives NaN with Code.NOT_CONVERGED.

    Raises
    ------
    DataError
        If the shapes do not broadcast.

    Examples
    --------
    >>> from meta.stats.normal.scales import LOGIT
    >>> effects = LOGIT.effects(responders=[5, 6, 2, 1], n=[18, 32, 29, 21])
    >>> fit = random_effects(effects.y, effects.v)      # metafor 5.1-12: 0.306545872, -1.752335884
    >>> round(float(fit.tau2), 6), round(float(fit.pooled.mu[0]), 6)
    (0.306546, -1.752336)
    """
    given = arms(y, v, include, groups)
    shape, a = given.y.shape[:-1], given.flat()
    if tau2 is None:
        spread, code = estimate_arms(a, method)
    else:
        spread = np.broadcast_to(np.asarray(tau2, dtype=float), shape).reshape(-1)
        code = np.where(np.isfinite(spread), Code.OK, Code.NOT_CONVERGED).astype(np.int8)
    pooled, test, typical = pool_arms(a, spread), q_test_arms(a), typical_variance(a)
    return RandomEffects(
        spread.reshape(shape),
        code.reshape(shape),
        Pooled(*[z.reshape(shape + z.shape[1:]) for z in pooled]),
        QTest(*[z.reshape(shape) for z in test]),
        typical.reshape(shape),
    )


def interval(pooled: Pooled, *, method: IntervalMethod, level: float = 0.95) -> Limits:
    """Confidence interval for the pooled effect of each group.

    Parameters
    ----------
    method : {"wald", "hk", "mhk"}
        Normal quantiles with the Wald standard error; Knapp and Hartung's [1]_, t quantiles with
        the standard error times sqrt(q); the same with max(1, q), so that trials which happen to
        agree do not shrink it [2]_.

    Returns
    -------
    Limits
        Shape (..., G), on the analysis scale. Code.FEW_TRIALS where Knapp-Hartung has no degree of
        freedom, Code.ZERO_VARIANCE where its variance is zero.

    References
    ----------
    .. [1] Hartung & Knapp (2001), Stat Med 20:3875-3889; Knapp & Hartung (2003), 22:2693-2710
    .. [2] Röver, Knapp & Friede (2015), BMC Med Res Methodol 15:99, doi:10.1186/s12874-015-0091-1
    """
    if method == "wald":
        return _limits(pooled.mu, pooled.se, np.full(pooled.mu.shape, np.inf), level)
    q = pooled.q if method == "hk" else np.maximum(pooled.q, 1.0)
    se = pooled.se * np.sqrt(q)[..., None]
    df = np.broadcast_to(pooled.df[..., None], se.shape)
    limits = _limits(pooled.mu, se, df, level, Code.FEW_TRIALS)
    # Residuals of equal effects are rounding errors of the mean, not exactly zero
    zero = (df >= 1) & (se <= 1e-12 * np.maximum(np.abs(pooled.mu), pooled.se))
    for limit in (limits.low, limits.high):
        limit[zero] = np.nan
    limits.code[zero] = Code.ZERO_VARIANCE
    return limits


def prediction(
    mu: ArrayLike,
    se: ArrayLike,
    tau2: ArrayLike,
    k: ArrayLike,
    *,
    method: PredictionMethod = "hts",
    level: float = 0.95,
) -> Limits:
    """Interval for the true effect of a new trial: mu +- quantile * sqrt(tau2 + se^2).

    Parameters
    ----------
    mu, se, tau2, k : array_like, shape (...)
        Pooled effect, its standard error (for ``hk`` the Knapp-Hartung one), between-trial
        variance, and the number of trials that inform it; for one of g groups that share tau2, the trials
        of all groups less g - 1.
    method : {"normal", "t", "hts", "hk"}
        Quantiles of the normal, of t with k-1, with k-2 (Higgins, Thompson & Spiegelhalter [1]_)
        and, with the Knapp-Hartung standard error, k-1 degrees of freedom.

    Returns
    -------
    Limits
        Shape (...), on the analysis scale; Code.NO_DF where the t has no degree of freedom.

    References
    ----------
    .. [1] Higgins, Thompson & Spiegelhalter (2009), J R Stat Soc A 172:137-159,
       doi:10.1111/j.1467-985X.2008.00552.x
    """
    centre, error, variance, size = np.broadcast_arrays(
        *(np.asarray(z, dtype=float) for z in (mu, se, tau2, k))
    )
    df = np.full(size.shape, np.inf) if method == "normal" else size - (2 if method == "hts" else 1)
    return _limits(centre, np.sqrt(variance + error**2), df, level)


def _limits(
    mu: FloatArray, se: FloatArray, df: FloatArray, level: float, missing: Code = Code.NO_DF
) -> Limits:
    """Limits with t quantiles, normal ones where `df` is infinite; NaN with `missing` where it is below 1."""
    upper, usable, normal = (1 + level) / 2, df >= 1, np.isinf(df)
    quantile = np.where(normal, ndtri(upper), stdtrit(np.where(usable & ~normal, df, 1.0), upper))
    half = np.where(usable, quantile, np.nan) * se
    code = np.zeros(half.shape, dtype=np.int8)
    code[~usable] = missing
    return Limits(mu - half, mu + half, se, df, code)


def between_groups(pooled: Pooled) -> Between:
    """Wald test for differences between group means, with their Wald standard errors.

    Never from Knapp-Hartung standard errors: those of two or three trials that happen to agree are
    close to zero and make the test absurd.

    Returns
    -------
    Between
        Chi-squared with (groups that have trials) - 1 degrees of freedom; NaN below two groups.
    """
    filled = np.isfinite(pooled.mu)
    w = np.where(filled, 1 / np.where(filled, pooled.se, 1.0) ** 2, 0.0)
    mu = np.where(filled, pooled.mu, 0.0)
    df = filled.sum(-1) - 1.0
    usable = df >= 1
    total = np.where(usable, w.sum(-1), 1.0)
    grand = (w * mu).sum(-1) / total
    statistic = np.where(usable, (w * (mu - grand[..., None]) ** 2).sum(-1), np.nan)
    p = np.where(usable, chdtrc(np.maximum(df, 1), np.where(usable, statistic, 0.0)), np.nan)
    return Between(statistic, df, p)
