"""Confidence intervals for tau2: Q-profile and profile likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.special import chdtri

from meta.stats.normal.equations import Columns, loglik
from meta.stats.normal.tau2 import bound, estimate_arms, solve_q
from meta.stats.normal.weights import Arms, arms
from meta.stats.numeric.codes import Code, CodeArray
from meta.stats.numeric.roots import bracketed_root

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from meta.stats.normal.scales import FloatArray

Tau2IntervalMethod = Literal["q-profile", "profile-likelihood"]
_DOUBLINGS = 400  # of a first guess at an upper limit; 2^400 is past any level with one degree of freedom


class Tau2Interval(NamedTuple):
    """Limits for tau2, shape (...), NaN with a :class:`~meta.stats.numeric.codes.Code` where there are none."""

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
    level : float, default 0.95

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
    level : float, default 0.95

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
