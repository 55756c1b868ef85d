"""Estimators of the between-trial variance tau2 of y_i ~ N(mu_g, v_i + tau2).

One function an estimator, one signature, one dict. An estimator gets flat arrays, shape (B, k), in
which every row has at least one degree of freedom, and returns tau2 >= 0 and whether it converged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

from meta.stats.codes import Code, CodeArray
from meta.stats.roots import bracketed_root
from meta.stats.scales import BoolArray, FloatArray
from meta.stats.weights import Arms, arms

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Tau2Method = Literal["REML", "DL", "PM", "common-effect"]
Estimator = Callable[[Arms], tuple[FloatArray, BoolArray]]

_GRID = 64  # nodes on which the restricted likelihood is searched for its highest peak
_CHUNK = 2_000_000  # numbers held at once while it is: 16 MB


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
    method : {"REML", "DL", "PM", "common-effect"}
        Restricted maximum likelihood [1]_, DerSimonian-Laird [2]_, Paule-Mandel [3]_, or 0.
    groups : array_like of int, shape (k,), optional
        Group index of each trial: the groups have means of their own and tau2 in common.

    Returns
    -------
    tau2 : ndarray, shape (...)
        In squared units of `y`, truncated at zero; NaN where not estimable.
    code : ndarray of int8, shape (...)
        A :class:`~meta.stats.codes.Code`.

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

    Examples
    --------
    >>> from meta.stats.scales import LOGIT
    >>> effects = LOGIT.effects(responders=[5, 6, 2, 1], n=[18, 32, 29, 21])
    >>> tau2, code = estimate(effects.y, effects.v)      # metafor 5.1-12: 0.306545872
    >>> round(float(tau2), 6)
    0.306546
    """
    given = arms(y, v, include, groups)
    shape, flat = given.y.shape[:-1], given.flat()
    code = np.where(flat.finite, Code.OK, Code.INFINITE_EFFECT).astype(np.int8)
    if method == "common-effect":
        return np.where(flat.finite, 0.0, np.nan).reshape(shape), code.reshape(shape)
    code[(code == Code.OK) & (flat.df < 1)] = Code.FEW_TRIALS
    tau2 = np.full(len(code), np.nan)
    rows = np.flatnonzero(code == Code.OK)
    if rows.size:
        value, converged = METHODS[method](flat.rows(rows))
        tau2[rows] = np.where(converged, value, np.nan)
        code[rows[~converged]] = Code.NOT_CONVERGED
    return tau2.reshape(shape), code.reshape(shape)


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
    zero = np.zeros(len(a.y))
    value = (a.q(zero) - a.df) / trace(a, zero)
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
    rows = np.flatnonzero(a.q(value) > target)
    if rows.size:
        above = a.rows(rows)
        value[rows], converged[rows] = bracketed_root(
            lambda t, i: above.rows(i).q(t) - target[rows[i]], np.zeros(rows.size), high[rows]
        )
    return value, converged


def _restricted_maximum_likelihood(a: Arms) -> tuple[FloatArray, BoolArray]:
    """Find the highest peak of the restricted likelihood on a grid, then solve the score beside it.

    The likelihood can have two peaks (one at zero, one far out), so a local search is not enough.
    """
    value, converged = np.zeros(len(a.y)), np.ones(len(a.y), dtype=bool)
    low, high = _peak(a)
    rows = np.flatnonzero((high > low) & ~((low == 0) & (_score(a, low) <= 0)))
    if rows.size:
        inner = a.rows(rows)
        value[rows], converged[rows] = bracketed_root(
            lambda t, i: _score(inner.rows(i), t), low[rows], high[rows]
        )
    return value, converged


def _peak(a: Arms) -> tuple[FloatArray, FloatArray]:
    """Neighbouring grid values between which the restricted likelihood peaks, each of shape (B,)."""
    scale = np.where(a.include, a.v, np.inf).min(-1)
    grid = scale[:, None] * (1 + bound(a) / scale)[:, None] ** np.linspace(0, 1, _GRID) - scale[:, None]
    best = np.empty(len(a.y), dtype=np.intp)
    size = max(1, _CHUNK // (_GRID * a.y.shape[-1]))
    for start in range(0, len(best), size):
        some = slice(start, start + size)
        tiled = Arms(a.y[some, None], a.v[some, None], a.include[some, None], a.groups)
        best[some] = _restricted_loglik(tiled, grid[some]).argmax(-1)
    rows = np.arange(len(best))
    return grid[rows, np.maximum(best - 1, 0)], grid[rows, np.minimum(best + 1, _GRID - 1)]


def _restricted_loglik(a: Arms, tau2: FloatArray) -> FloatArray:
    """Restricted log-likelihood up to a constant."""
    at = a.weighted(tau2)
    logs = np.log(np.where(a.include, at.w, 1.0)).sum(-1)
    groups = np.log(np.where(at.total > 0, at.total, 1.0)).sum(-1)
    loglik: FloatArray = 0.5 * (logs - groups - (at.w * at.residual**2).sum(-1))
    return loglik


def _score(a: Arms, tau2: FloatArray) -> FloatArray:
    """Twice the derivative of the restricted log-likelihood."""
    at = a.weighted(tau2)
    score: FloatArray = (at.w**2 * at.residual**2).sum(-1) - trace(a, tau2)
    return score


def trace(a: Arms, tau2: FloatArray) -> FloatArray:
    """sum(w) - sum over groups of sum(w^2)/sum(w): the trace of the residual projection.

    Parameters
    ----------
    a : Arms
    tau2 : ndarray, shape (...)

    Returns
    -------
    ndarray, shape (...)
        Inverse squared units of the effects.
    """
    at = a.weighted(tau2)
    squares = (at.w**2) @ a.groups.T
    lost = np.divide(squares, at.total, out=np.zeros_like(squares), where=at.total > 0)
    value: FloatArray = at.w.sum(-1) - lost.sum(-1)
    return value


METHODS: dict[Tau2Method, Estimator] = {
    "REML": _restricted_maximum_likelihood,
    "DL": _dersimonian_laird,
    "PM": _paule_mandel,
}
