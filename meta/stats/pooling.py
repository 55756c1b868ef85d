"""The pooled effect, its intervals, where a new trial would lie, and the test between groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import chdtrc, ndtri, stdtrit

from meta.stats.codes import Code, CodeArray
from meta.stats.weights import arms

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.scales import FloatArray

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
        As in :func:`meta.stats.tau2.estimate`.
    tau2 : array_like, shape (...)
        Between-trial variance; NaN gives NaN.

    Returns
    -------
    Pooled
    """
    a = arms(y, v, include, groups)
    t = np.broadcast_to(np.asarray(tau2, dtype=float), a.y.shape[:-1])
    at = a.weighted(t)
    filled = at.total > 0
    mu = np.where(filled, at.mean, np.nan)
    se = np.sqrt(np.divide(1.0, at.total, out=np.full(at.total.shape, np.nan), where=filled))
    df = a.df
    q = np.divide((at.w * at.residual**2).sum(-1), df, out=np.full(df.shape, np.nan), where=df >= 1)
    share = np.divide(1.0, at.total, out=np.zeros_like(at.total), where=filled)
    return Pooled(mu, se, q, df, at.w * (share @ a.groups))


def interval(pooled: Pooled, *, method: IntervalMethod, level: float = 0.95) -> Limits:
    """Confidence interval for the pooled effect of each group.

    Parameters
    ----------
    pooled : Pooled
    method : {"wald", "hk", "mhk"}
        Normal quantiles with the Wald standard error; Knapp and Hartung's [1]_, t quantiles with
        the standard error times sqrt(q); the same with max(1, q), so that trials which happen to
        agree do not shrink it [2]_.
    level : float, default 0.95

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
    limits = _limits(pooled.mu, se, df, level)
    # Residuals of equal effects are rounding errors of the mean, not exactly zero
    zero = (pooled.df[..., None] >= 1) & (se <= 1e-12 * np.maximum(np.abs(pooled.mu), pooled.se))
    code = np.where(zero, Code.ZERO_VARIANCE, np.where(df >= 1, limits.code, Code.FEW_TRIALS)).astype(np.int8)
    usable = code == Code.OK
    return Limits(np.where(usable, limits.low, np.nan), np.where(usable, limits.high, np.nan), se, df, code)


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
        variance, and the number of trials less the number of estimated means plus one.
    method : {"normal", "t", "hts", "hk"}
        Quantiles of the normal, of t with k-1, with k-2 (Higgins, Thompson & Spiegelhalter [1]_)
        and, with the Knapp-Hartung standard error, k-1 degrees of freedom.
    level : float, default 0.95

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
    df = {"normal": np.full(size.shape, np.inf), "hts": size - 2}.get(method, size - 1)
    return _limits(centre, np.sqrt(variance + error**2), df, level)


def _limits(mu: FloatArray, se: FloatArray, df: FloatArray, level: float) -> Limits:
    upper = (1 + level) / 2
    quantile = np.where(
        np.isinf(df), ndtri(upper), stdtrit(np.where((df >= 1) & np.isfinite(df), df, 1.0), upper)
    )
    code = np.where(df >= 1, Code.OK, Code.NO_DF).astype(np.int8)
    half = np.where(code == Code.OK, quantile, np.nan) * se
    return Limits(mu - half, mu + half, se, df, code)


def between_groups(pooled: Pooled) -> Between:
    """Wald test for differences between group means, with their Wald standard errors.

    Never from Knapp-Hartung standard errors: those of two or three trials that happen to agree are
    close to zero and make the test absurd.

    Parameters
    ----------
    pooled : Pooled

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
