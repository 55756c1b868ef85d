"""Likelihood-ratio test that groups of trials have one mean, under heterogeneity in common.

Against chi-squared, which makes p too small with few trials, and against a parametric bootstrap at given
heterogeneity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import chdtrc, chdtri, expit

from meta.errors import DataError
from meta.stats.binomial.likelihood import fixed, highest_peaks
from meta.stats.binomial.marginal import marginal_terms
from meta.stats.binomial.terms import Sets, TermsFunction, tally
from meta.stats.numeric.codes import Code, CodeArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.normal.scales import FloatArray

DRAWS = 5000  # the Monte-Carlo standard error is then 0.003 at p = 0.05
_SAME = 1e-8  # the same counts give the same ratio but for rounding
_CHI2_LEVEL = 0.05
_FEW_ARMS = 25  # up to which every simulated set is searched for several peaks


class LikelihoodRatio(NamedTuple):
    """Test that all groups have one mean, under a common v: statistic, df and chi-squared p, shape (...)."""

    statistic: FloatArray
    df: FloatArray
    p: FloatArray
    code: CodeArray


def likelihood_ratio(
    terms: TermsFunction, x: ArrayLike, n: ArrayLike, include: ArrayLike = True, *, groups: ArrayLike
) -> LikelihoodRatio:
    """Likelihood-ratio test of equal means of groups that share v.

    Parameters
    ----------
    terms, x, n, include, groups
        As of :func:`meta.stats.binomial.likelihood.maximise`.

    Returns
    -------
    LikelihoodRatio
        Twice the difference of the maxima (of the suprema where there is none); df is the number of groups
        that have arms, less one; Code.ONE_GROUP where that is 0. The chi-squared p is too small with few
        trials: :func:`meta.stats.binomial.between.bootstrap_lr`.
    """
    s, shape = tally(x, n, include, groups)
    statistic, df, code = ratio(terms, s)
    p = np.where(code == Code.OK, chdtrc(np.maximum(df, 1), statistic), np.nan)
    return LikelihoodRatio(statistic.reshape(shape), df.reshape(shape), p.reshape(shape), code.reshape(shape))


def ratio(
    terms: TermsFunction, s: Sets, start: tuple[FloatArray, FloatArray] | None = None
) -> tuple[FloatArray, FloatArray, CodeArray]:
    """Likelihood-ratio statistic, df and code of a flat batch; `start` as of `highest_peaks`, shape (B,)."""
    pooled = s._replace(group=np.zeros_like(s.group), member=np.ones((1, len(s.group))))
    null, null_code, _ = highest_peaks(terms, pooled, start)
    alternative, code, _ = highest_peaks(terms, s, start)
    df = (s.k > 0).sum(-1) - 1.0
    lost = (code == Code.NOT_CONVERGED) | (null_code == Code.NOT_CONVERGED)
    failed = np.where(df < 1, Code.ONE_GROUP, np.where(lost, Code.NOT_CONVERGED, Code.OK))
    statistic = np.maximum(2 * (alternative.value - null.value), 0.0)  # the alternative contains the null
    return np.where(failed == Code.OK, statistic, np.nan), df, failed.astype(np.int8)


class BootstrapRatio(NamedTuple):
    """Bootstrap of the likelihood-ratio test of equal means, each shape (T,) but `statistic`, shape ().

    `mu` is the common mean under which data were simulated at each `tau`, `p` the share of data sets, the
    observed one among them, whose ratio is at least the observed, `se` its Monte-Carlo standard error, and
    `chi2_rejects` the share of simulated sets whose chi-squared p is 0.05 or less. `failed` counts
    simulated sets whose ratio could not be computed; they count as at least the observed.
    """

    statistic: FloatArray
    tau: FloatArray
    mu: FloatArray
    p: FloatArray
    se: FloatArray
    chi2_rejects: FloatArray
    failed: FloatArray
    code: CodeArray


def bootstrap_lr(
    x: ArrayLike,
    n: ArrayLike,
    groups: ArrayLike,
    include: ArrayLike = True,
    *,
    tau: ArrayLike,
    draws: int = DRAWS,
    seed: int = 1,
) -> BootstrapRatio:
    """Test that groups of trials have one mean log odds, by simulating that they do.

    Parameters
    ----------
    x, n, groups, include : array_like, shape (k,)
        One data set, as of :func:`meta.stats.binomial.likelihood.likelihood_ratio`.
    tau : array_like, shape (T,)
        Standard deviations of the true log odds to simulate with, >= 0. The p-value depends on tau, which
        few trials hardly determine: report it beside the p-value.
    draws : int, default 5000
        Simulated data sets a value of tau.
    seed : int, default 1
        Every value of tau starts from it, so that its p does not depend on the other values.

    Returns
    -------
    BootstrapRatio
        Code.ONE_GROUP without two groups that have trials; Code.INFINITE_MU where the common mean is
        infinite, so that nothing can be simulated.

    Raises
    ------
    DataError
        If there is more than one data set, `draws` is below 1, or a tau is negative or not finite.

    Notes
    -----
    The data are theta ~ N(mu, tau2), x ~ Binomial(n, expit(theta)) in the binomial-normal model, mu the
    maximum-likelihood estimate at that tau. Each distinct simulated set is maximised once.
    """
    s, shape = tally(x, n, include, groups)
    values = np.atleast_1d(np.asarray(tau, dtype=float))
    if shape != () or draws < 1 or not (np.isfinite(values) & (values >= 0)).all():
        raise DataError("bootstrap_lr: one data set, 1 or more draws, and finite tau >= 0 are allowed")
    observed, df, code = ratio(marginal_terms, s)
    null = fixed(marginal_terms, s.x[0], s.n[0], True, values**2)
    codes = np.where(code == Code.OK, null.code[:, 0], code[0])
    sets = [
        _simulated(s.n[0], mu, t, draws, seed) if ok == Code.OK else np.zeros((draws, s.n.shape[1]))
        for mu, t, ok in zip(null.mu[:, 0], values, codes, strict=True)
    ]
    truth = np.nan_to_num(null.mu[:, 0], posinf=0.0, neginf=0.0), values**2
    any_ = (codes == Code.OK).any()
    simulated = _ratios(s, np.stack(sets), truth) if any_ else np.zeros((len(values), draws))
    failed = np.isnan(simulated)
    reached = failed | (simulated >= observed - _SAME * (1 + observed))
    p = (1 + reached.sum(-1)) / (draws + 1)
    rejects = np.mean(simulated >= chdtri(np.maximum(df, 1), _CHI2_LEVEL), axis=-1)
    estimates = (null.mu[:, 0], p, np.sqrt(p * (1 - p) / (draws + 1)), rejects, failed.sum(-1))
    mu, p, se, rejects, lost = (np.where(codes == Code.OK, z, np.nan) for z in estimates)
    return BootstrapRatio(observed[0], values, mu, p, se, rejects, lost, codes.astype(np.int8))


def _simulated(n: FloatArray, mu: float, tau: float, draws: int, seed: int) -> FloatArray:
    """Responders in simulated data sets, shape (draws, k)."""
    rng = np.random.default_rng(seed)
    theta = mu + tau * rng.standard_normal((draws, len(n)))
    return rng.binomial(n.astype(np.int64), expit(theta)).astype(float)


def _ratios(s: Sets, x: FloatArray, truth: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Likelihood ratios of data sets with the design of `s`, shape (T, draws, k) to (T, draws).

    `truth` is the mean and v, shape (T,), with which they were simulated. Many arms have their peak near it.
    """
    distinct, first, which = np.unique(
        x.reshape(-1, x.shape[-1]), axis=0, return_index=True, return_inverse=True
    )
    by = first // x.shape[1]
    start = (truth[0][by], truth[1][by]) if x.shape[-1] > _FEW_ARMS else None
    sets = s._replace(x=distinct, n=np.broadcast_to(s.n, distinct.shape))
    statistic, _, _ = ratio(marginal_terms, sets, start)
    return np.asarray(statistic[which.reshape(x.shape[:-1])])
