"""Likelihood-ratio test that groups of trials have one mean, under heterogeneity in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import chdtrc

from meta.stats.binomial.sets import Sets, TermsFunction, tally
from meta.stats.binomial.summit import summit
from meta.stats.numeric.codes import Code, CodeArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.normal.scales import FloatArray


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
        trials: :func:`meta.stats.binomial.bootstrap.bootstrap_lr`.
    """
    s, shape = tally(x, n, include, groups)
    statistic, df, code = ratio(terms, s)
    p = np.where(code == Code.OK, chdtrc(np.maximum(df, 1), statistic), np.nan)
    return LikelihoodRatio(statistic.reshape(shape), df.reshape(shape), p.reshape(shape), code.reshape(shape))


def ratio(terms: TermsFunction, s: Sets) -> tuple[FloatArray, FloatArray, CodeArray]:
    """Likelihood-ratio statistic, df and code of a flat batch.

    Parameters
    ----------
    terms : callable (x, n, mu, v) -> Terms
    s : Sets
    """
    pooled = s._replace(group=np.zeros_like(s.group), member=np.ones((1, len(s.group))))
    null, null_code, _ = summit(terms, pooled)
    alternative, code, _ = summit(terms, s)
    df = (s.k > 0).sum(-1) - 1.0
    lost = (code == Code.NOT_CONVERGED) | (null_code == Code.NOT_CONVERGED)
    failed = np.where(df < 1, Code.ONE_GROUP, np.where(lost, Code.NOT_CONVERGED, Code.OK))
    statistic = np.maximum(2 * (alternative.value - null.value), 0.0)  # the alternative contains the null
    return np.where(failed == Code.OK, statistic, np.nan), df, failed.astype(np.int8)
