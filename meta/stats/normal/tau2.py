"""The between-trial variance tau2 of y_i ~ N(mu_g, v_i + tau2): estimators and confidence intervals.

One function an estimator, one signature, one dict, METHODS. An estimator gets flat arrays, shape (B, k), in
which every row has at least one degree of freedom, and returns tau2 >= 0 and whether it converged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import chdtri

from meta.stats.normal.equations import Columns, highest_peak, loglik, solve
from meta.stats.normal.scales import BoolArray, FloatArray
from meta.stats.normal.weights import Arms, arms
from meta.stats.numeric.codes import Code, CodeArray
from meta.stats.numeric.roots import bracketed_root

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Tau2Method = Literal["REML", "DL", "EB", "HE", "HS", "ML", "PM", "PMM", "SJ", "common-effect"]
Tau2IntervalMethod = Literal["q-profile", "profile-likelihood"]
Estimator = Callable[[Arms], tuple[FloatArray, BoolArray]]
_DOUBLINGS = 400  # of a first guess at an upper limit; 2^400 is past any level with one degree of freedom


def estimate(
    y: ArrayLike,
    v: ArrayLike,
    include: ArrayLike = True,
    *,
    method: Tau2Method = "REML",
    groups: ArrayLike | None = None,
) -> tuple[FloatArray, CodeArray]:
    """Estimate the between-trial variance tau2 of y_i ~ N(mu_g, v_i + tau2).

    Parameters
    ----------
    y : array_like, shape (..., k)
        Observed effects on the analysis scale, e.g. log odds.
    v : array_like, shape (..., k)
        Sampling variances, squared units of `y`; positive where included.
    include : array_like of bool, shape (..., k)
        Trials that count; the others contribute nothing.
    method : {"REML", "DL", "EB", "HE", "HS", "ML", "PM", "PMM", "SJ", "common-effect"}
        Restricted maximum likelihood, maximum likelihood, Hedges, Hunter-Schmidt [1]_,
        DerSimonian-Laird [2]_, Paule-Mandel [3]_ (and empirical Bayes, which solves the same equation
        and differs in name only), Paule-Mandel with the median instead of the mean of Q [4]_,
        Sidik-Jonkman [5]_, or 0.
    groups : array_like of int, shape (k,), optional
        Group index of each trial: the groups have means of their own and tau2 in common.

    Returns
    -------
    tau2 : ndarray, shape (...)
        In squared units of `y`, truncated at zero; NaN where not estimable.
    code : ndarray of int8, shape (...)
        A :class:`~meta.stats.numeric.codes.Code`.

    Raises
    ------
    DataError
        If the shapes do not broadcast.

    References
    ----------
    .. [1] Viechtbauer (2005), J Educ Behav Stat 30:261-293, doi:10.3102/10769986030003261
    .. [2] DerSimonian & Laird (1986), Control Clin Trials 7:177-188
    .. [3] Paule & Mandel (1982), J Res Natl Bur Stand 87:377-385; DerSimonian & Kacker (2007),
       Contemp Clin Trials 28:105-114
    .. [4] Viechtbauer (2021), Median-unbiased estimators for the amount of heterogeneity in
       meta-analysis, European Congress of Methodology, Valencia
    .. [5] Sidik & Jonkman (2005), J R Stat Soc C 54:367-384, doi:10.1111/j.1467-9876.2005.00489.x

    Examples
    --------
    >>> from meta.stats.normal.scales import LOGIT
    >>> effects = LOGIT.effects(responders=[5, 6, 2, 1], n=[18, 32, 29, 21])
    >>> tau2, code = estimate(effects.y, effects.v)      # metafor 5.1-12: 0.306545872
    >>> round(float(tau2), 6)
    0.306546
    """
    given = arms(y, v, include, groups)
    tau2, code = estimate_arms(given.flat(), method)
    shape = given.y.shape[:-1]
    return tau2.reshape(shape), code.reshape(shape)


def estimate_arms(a: Arms, method: Tau2Method) -> tuple[FloatArray, CodeArray]:
    """Estimate tau2 as :func:`estimate` does, of validated input.

    Parameters
    ----------
    a : Arms
        Flat, shape (B, k).
    method
        As in :func:`estimate`.

    Returns
    -------
    tau2, code : ndarray, shape (B,)
    """
    code = np.zeros(len(a.y), dtype=np.int8)
    code[~a.finite] = Code.INFINITE_EFFECT
    if method == "common-effect":
        return np.where(a.finite, 0.0, np.nan), code
    few = a.df < 1
    code[a.finite & few] = Code.FEW_TRIALS
    rows = np.flatnonzero(a.finite & ~few)
    tau2, converged = np.full(len(code), np.nan), np.ones(len(code), dtype=bool)
    if 0 < rows.size < len(code):
        tau2[rows], converged[rows] = METHODS[method](a.rows(rows))
    elif rows.size:
        tau2, converged = METHODS[method](a)
    code[~converged] = Code.NOT_CONVERGED
    return np.where(converged, tau2, np.nan), code


def bound(a: Arms) -> FloatArray:
    """A value that REML and PM cannot exceed: the squared range of the effects.

    Parameters
    ----------
    a : Arms
        Shape (..., k), at least one trial in each cell.

    Returns
    -------
    ndarray, shape (...)

    Notes
    -----
    With p_i = w_i / sum(w) a residual is at most (1 - p_i) times the range R, hence
    sum(w^2 r^2) <= R^2/tau2 (sum(w) - sum(w^2)/sum(w)): the restricted score is negative beyond
    R^2. Likewise Q(tau2) <= k R^2 / (4 tau2), which is below k - 1.
    """
    high = np.where(a.include, a.y, -np.inf).max(-1)
    low = np.where(a.include, a.y, np.inf).min(-1)
    bound: FloatArray = (high - low) ** 2
    return bound


def _dersimonian_laird(a: Arms) -> tuple[FloatArray, BoolArray]:
    """Equate Q at tau2 = 0 with its expectation."""
    value = (a.at_zero.q - a.df) / a.trace
    return np.maximum(value, 0.0), np.ones(len(value), dtype=bool)


def _paule_mandel(a: Arms) -> tuple[FloatArray, BoolArray]:
    """Solve Q(tau2) = df; Q falls in tau2."""
    return solve_q(a, a.df, bound(a))


def solve_q(a: Arms, target: FloatArray, high: FloatArray) -> tuple[FloatArray, BoolArray]:
    """The tau2 in [0, high] at which Q(tau2), which falls, reaches `target`; 0 where it is below already.

    Parameters
    ----------
    a : Arms
        Flat, shape (B, k).
    target, high : ndarray, shape (B,)
        A value of Q, and a tau2 at which Q is below it.

    Returns
    -------
    tau2 : ndarray, shape (B,)
    converged : ndarray of bool, shape (B,)
    """
    value, converged = np.zeros(len(target)), np.ones(len(target), dtype=bool)
    rows = np.flatnonzero(a.at_zero.q > target)
    if rows.size:
        value[rows], converged[rows] = solve(Columns.of(a.rows(rows)), target[rows], high[rows])
    return value, converged


def _restricted_maximum_likelihood(a: Arms) -> tuple[FloatArray, BoolArray]:
    """Maximise the likelihood of the residuals, which knows that the means were estimated."""
    return highest_peak(Columns.of(a), restricted=True)


def _maximum_likelihood(a: Arms) -> tuple[FloatArray, BoolArray]:
    """Maximise the likelihood over the means and tau2."""
    return highest_peak(Columns.of(a), restricted=False)


def _hedges(a: Arms) -> tuple[FloatArray, BoolArray]:
    """Equate the unweighted sum of squares with its expectation."""
    squares, expected = _unweighted(a)
    return np.maximum((squares - expected) / a.df, 0.0), np.ones(len(squares), dtype=bool)


def _unweighted(a: Arms) -> tuple[FloatArray, FloatArray]:
    """The unweighted sum of squared residuals, and what sampling error alone makes it."""
    even = Arms(a.y, np.ones_like(a.v), a.include, a.groups).weighted(np.zeros(len(a.y)))
    inverse = np.divide(1.0, even.total, out=np.zeros_like(even.total), where=even.total > 0)
    share = np.where(a.include, 1 - inverse @ a.groups, 0.0)
    return (even.residual**2).sum(-1), (a.v * share).sum(-1)


def _hunter_schmidt(a: Arms) -> tuple[FloatArray, BoolArray]:
    """Compare Q with the number of trials."""
    value = (a.at_zero.q - a.k) / a.at_zero.w.sum(-1)
    return np.maximum(value, 0.0), np.ones(len(value), dtype=bool)


def _sidik_jonkman(a: Arms) -> tuple[FloatArray, BoolArray]:
    """Scale a crude first estimate by the Q it leaves; never 0 unless all effects are equal."""
    crude = _unweighted(a)[0] / a.k
    rows = np.flatnonzero(crude > 0)
    value = np.zeros(len(crude))
    value[rows] = crude[rows] * a.rows(rows).q(crude[rows]) / a.df[rows]
    return value, np.ones(len(value), dtype=bool)


def _median_paule_mandel(a: Arms) -> tuple[FloatArray, BoolArray]:
    """Solve Q(tau2) = median of its chi-squared distribution."""
    median = np.asarray(chdtri(a.df, 0.5), dtype=np.float64)
    return solve_q(a, median, a.k * bound(a) / median)


METHODS: dict[Tau2Method, Estimator] = {
    "REML": _restricted_maximum_likelihood,
    "DL": _dersimonian_laird,
    "EB": _paule_mandel,  # Morris' empirical Bayes estimator solves the same equation
    "HE": _hedges,
    "HS": _hunter_schmidt,
    "ML": _maximum_likelihood,
    "PM": _paule_mandel,
    "PMM": _median_paule_mandel,
    "SJ": _sidik_jonkman,
}


class Tau2Interval(NamedTuple):
    """Limits for tau2, shape (...), NaN with a `Code` where there are none."""

    low: FloatArray
    high: FloatArray
    code: CodeArray


def q_profile(
    y: ArrayLike,
    v: ArrayLike,
    include: ArrayLike = True,
    *,
    level: float = 0.95,
    groups: ArrayLike | None = None,
) -> Tau2Interval:
    """Q-profile confidence interval for tau2: where Q(tau2) meets its chi-squared quantiles.

    Parameters
    ----------
    y, v, include, groups
        As in :func:`meta.stats.normal.tau2.estimate`.

    Returns
    -------
    Tau2Interval
        Squared units of `y`. Code.EMPTY_INTERVAL where even tau2 = 0 leaves Q below its lower
        quantile; Code.FEW_TRIALS below one degree of freedom.

    References
    ----------
    .. [1] Viechtbauer (2007), Stat Med 26:37-52, doi:10.1002/sim.2514
    """
    a = arms(y, v, include, groups)
    shape, flat = a.y.shape[:-1], a.flat()
    df, finite = flat.df, flat.finite
    code = np.where(finite, np.where(df >= 1, Code.OK, Code.FEW_TRIALS), Code.INFINITE_EFFECT).astype(np.int8)
    low, high = np.full(len(df), np.nan), np.full(len(df), np.nan)
    rows = np.flatnonzero(code == Code.OK)
    if rows.size:
        inner = flat.rows(rows)
        low[rows], high[rows], code[rows] = _profile(inner, df[rows], (1 - level) / 2)
    return Tau2Interval(low.reshape(shape), high.reshape(shape), code.reshape(shape))


def _profile(a: Arms, df: FloatArray, tail: float) -> tuple[FloatArray, FloatArray, CodeArray]:
    upper, lower = (np.asarray(chdtri(df, p), dtype=np.float64) for p in (tail, 1 - tail))
    # Q(tau2) <= k R^2 / (4 tau2), so that Q is below a quantile beyond k R^2 / (4 quantile)
    # (twice that, lest rounding leave it just above where all v are negligible)
    reach = a.k * bound(a) / 2
    low, low_ok = solve_q(a, upper, reach / upper)
    high, high_ok = solve_q(a, lower, reach / lower)
    empty = a.q(np.zeros(len(df))) < lower
    code = np.where(low_ok & high_ok, np.where(empty, Code.EMPTY_INTERVAL, Code.OK), Code.NOT_CONVERGED)
    usable = code == Code.OK
    return np.where(usable, low, np.nan), np.where(usable, high, np.nan), code.astype(np.int8)


def profile_likelihood(
    y: ArrayLike,
    v: ArrayLike,
    include: ArrayLike = True,
    *,
    method: Literal["REML", "ML"] = "REML",
    level: float = 0.95,
    groups: ArrayLike | None = None,
) -> Tau2Interval:
    """Profile-likelihood interval for tau2: where the (restricted) likelihood falls below its cut-off.

    Parameters
    ----------
    y, v, include, groups
        As in :func:`meta.stats.normal.tau2.estimate`.
    method : {"REML", "ML"}
        Which likelihood; the interval contains that estimate.

    Returns
    -------
    Tau2Interval
        Squared units of `y`; Code.FEW_TRIALS below one degree of freedom.

    Notes
    -----
    The limits are the crossings nearest to the estimate on either side; beyond a second, lower peak
    the likelihood could cross again.

    References
    ----------
    .. [1] Hardy & Thompson (1996), Stat Med 15:619-629
    """
    a = arms(y, v, include, groups)
    shape, flat = a.y.shape[:-1], a.flat()
    peak, code = estimate_arms(flat, method)
    low, high = np.full(len(peak), np.nan), np.full(len(peak), np.nan)
    rows = np.flatnonzero(code == Code.OK)
    if rows.size:
        inner = flat.rows(rows)
        low[rows], high[rows], code[rows] = _crossings(inner, peak[rows], level, restricted=method == "REML")
    return Tau2Interval(low.reshape(shape), high.reshape(shape), code.reshape(shape))


def _crossings(
    a: Arms, peak: FloatArray, level: float, *, restricted: bool
) -> tuple[FloatArray, FloatArray, CodeArray]:
    """Where the likelihood meets its cut-off below and above the peak."""
    c, everything = Columns.of(a), np.arange(len(peak))
    cut = loglik(c, peak[:, None], restricted=restricted)[:, 0] - float(chdtri(1, 1 - level)) / 2

    def height(t: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
        return loglik(c.take(rows), t[:, None], restricted=restricted)[:, 0] - cut[rows]

    low, zero = np.zeros(len(peak)), np.zeros(len(peak))
    inside = np.flatnonzero(height(zero, everything) < 0)
    below = np.ones(len(peak), dtype=bool)
    if inside.size:
        low[inside], below[inside] = bracketed_root(
            lambda t, i: -height(t, inside[i]), zero[inside], peak[inside]
        )
    # The likelihood falls at least like tau2^(-df/2) in the end, so that doubling gets past the cut-off
    far = bound(a) + np.where(a.include, a.v, 0.0).max(-1)
    for _ in range(_DOUBLINGS):
        above = height(far, everything) > 0
        if not above.any():
            break
        far = np.where(above, 2 * far, far)
    high, reached = bracketed_root(height, peak, far)
    code = np.where(below & reached & ~above, Code.OK, Code.NOT_CONVERGED).astype(np.int8)
    usable = code == Code.OK
    return np.where(usable, low, np.nan), np.where(usable, high, np.nan), code
