"""Weighted least squares on a general design, one small QR decomposition a cell, and tau2 beside it.

Designs that say no more than which group a trial is in need none of this: meta.stats.normal.weights and
meta.stats.normal.tau2 know group means in closed form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.stats.normal.weights import Arms
from meta.stats.numeric.roots import bracketed_root

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from meta.stats.normal.scales import BoolArray, FloatArray

_GRID = 64  # nodes on which the likelihood is searched for its highest peak, as in meta.stats.normal.tau2
_CHUNK = 2_000_000  # numbers held at once while it is: 16 MB


class Projected(NamedTuple):
    """sqrt(w) X = QR at some tau2, and the residuals times sqrt(w): `e`, shape (..., k)."""

    w: FloatArray
    q: FloatArray
    r: FloatArray
    b: FloatArray
    e: FloatArray

    @property
    def q_statistic(self) -> FloatArray:
        """The weighted sum of squared residuals, shape (...)."""
        return np.asarray((self.e**2).sum(-1))

    @property
    def trace(self) -> FloatArray:
        """Trace of P = W - W X (X'WX)^-1 X'W, shape (...)."""
        return np.asarray((self.w * (1 - (self.q**2).sum(-1))).sum(-1))


def full_rank(design: FloatArray, include: BoolArray) -> BoolArray:
    """Whether the trials that count tell the coefficients apart.

    Parameters
    ----------
    design : ndarray, shape (k, p)
    include : ndarray of bool, shape (B, k)

    Returns
    -------
    ndarray of bool, shape (B,)
    """
    p = design.shape[1]
    if design.shape[0] < p or p == 0:
        return np.zeros(len(include), dtype=bool)
    # rank must not depend on the units of a moderator
    size = np.abs(design).max(0)
    scaled = np.divide(design, size, out=np.zeros_like(design), where=size > 0)
    masks, which = np.unique(include, axis=0, return_inverse=True)
    full = np.asarray(np.linalg.matrix_rank(masks[..., None] * scaled)) == p
    return np.asarray(full[which.reshape(-1)])


def project(a: Arms, design: FloatArray, tau2: FloatArray) -> Projected:
    """Weighted least squares at `tau2`.

    Parameters
    ----------
    a : Arms
        Shape (..., k).
    design : ndarray, shape (k, p)
        Of full rank in the trials that count.
    tau2 : ndarray, shape (...)

    Returns
    -------
    Projected
    """
    w = np.where(a.include, 1 / (a.v + tau2[..., None]), 0.0)
    root = np.sqrt(w)
    q, r = np.linalg.qr(root[..., None] * design)
    z = root * a.y
    along = (q * z[..., None]).sum(-2)
    b = np.linalg.solve(r, along[..., None])[..., 0]
    return Projected(w, q, r, b, z - (q * along[..., None, :]).sum(-1))


def maximum_likelihood(
    a: Arms, design: FloatArray, df: FloatArray, *, restricted: bool
) -> tuple[FloatArray, BoolArray]:
    """Find the highest peak of the (restricted) likelihood on a grid, then solve the score beside it.

    Parameters
    ----------
    a : Arms
        Flat, shape (B, k).
    design : ndarray, shape (k, p)
        Of full rank in the trials that count.
    df : ndarray, shape (B,)
        Trials less coefficients, at least 1.
    restricted : bool
        Whether it is the likelihood of the residuals, as REML maximises it.

    Returns
    -------
    tau2 : ndarray, shape (B,)
    converged : ndarray of bool, shape (B,)
    """

    def score(t: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
        at = project(a.rows(rows), design, t)
        lost = at.trace if restricted else at.w.sum(-1)
        return np.asarray((at.w * at.e**2).sum(-1) - lost)

    grid = _nodes(a, design, df)
    best = np.empty(len(df), dtype=np.intp)
    size = max(1, _CHUNK // (_GRID * design.size))
    for start in range(0, len(df), size):
        some = slice(start, start + size)
        tiled = Arms(a.y[some, None], a.v[some, None], a.include[some, None], a.groups)
        best[some] = _loglik(tiled, design, grid[some], restricted=restricted).argmax(-1)
    rows = np.arange(len(df))
    below, value, above = (
        grid[rows, z] for z in (np.maximum(best - 1, 0), best, np.minimum(best + 1, _GRID - 1))
    )
    rising = score(value, rows) > 0
    low, high = np.where(rising, value, below), np.where(rising, above, value)
    converged = np.ones(len(df), dtype=bool)
    inside = np.flatnonzero((high > low) & (score(low, rows) > 0))
    if inside.size:
        value[inside], converged[inside] = bracketed_root(
            lambda t, i: score(t, inside[i]), low[inside], high[inside]
        )
    return value, converged


def _nodes(a: Arms, design: FloatArray, df: FloatArray) -> FloatArray:
    """Values of tau2 from 0 to one that neither ML nor REML exceeds, geometric in v + tau2; (B, _GRID).

    With S the unweighted residual sum of squares, sum(w e^2) <= Q/tau2 <= S/tau2^2, and the trace is at
    least df/(tau2 + largest v): beyond the root of df tau2^2 = S (tau2 + largest v) the score is negative.
    """
    even = project(Arms(a.y, np.ones_like(a.v), a.include, a.groups), design, np.zeros(len(df)))
    s = even.q_statistic / df
    reach = (s + np.sqrt(s**2 + 4 * s * np.where(a.include, a.v, 0.0).max(-1))) / 2
    scale = np.where(a.include, a.v, np.inf).min(-1)
    return np.asarray(
        scale[:, None] * (1 + reach / scale)[:, None] ** np.linspace(0, 1, _GRID) - scale[:, None]
    )


def _loglik(a: Arms, design: FloatArray, tau2: FloatArray, *, restricted: bool) -> FloatArray:
    at = project(a, design, tau2)
    twice = np.log(np.where(a.include, at.w, 1.0)).sum(-1) - at.q_statistic
    if restricted:
        twice -= 2 * np.log(np.abs(np.diagonal(at.r, axis1=-2, axis2=-1))).sum(-1)
    return np.asarray(0.5 * twice)
