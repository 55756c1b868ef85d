"""Mixed-effects meta-regression, y_i ~ N(x_i b, v_i + tau2).

Where the design only assigns trials to groups, tau2 is estimated by meta.stats.normal.tau2, where group
means have a closed form. Any other design takes one small QR decomposition for each data set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import chdtrc

from meta.errors import DataError
from meta.stats.normal.tau2 import Tau2Method, estimate
from meta.stats.normal.weights import Arms, arms
from meta.stats.numeric.codes import Code, CodeArray
from meta.stats.numeric.roots import bracketed_root

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from meta.stats.normal.scales import BoolArray, FloatArray

R2_DEFINITION = "max(0, (tau2 without - tau2 with the groups) / tau2 without)"
_GENERAL = ("REML", "ML", "DL", "common-effect")  # for designs that are more than groups
_GRID = 64  # nodes on which the likelihood is searched for its highest peak
_CHUNK = 2_000_000  # numbers held at once while it is: 16 MB


class Regression(NamedTuple):
    """Coefficients (..., p), their covariance (..., p, p), and scalars of shape (...).

    `qm` tests all coefficients but the intercept (Wald), `qe` is Q of the residuals at tau2 = 0; both
    with chi-squared degrees of freedom and p-value.
    """

    b: FloatArray
    se: FloatArray
    cov: FloatArray
    tau2: FloatArray
    qm: FloatArray
    qm_df: FloatArray
    qm_p: FloatArray
    qe: FloatArray
    qe_df: FloatArray
    qe_p: FloatArray
    code: CodeArray


def regress(
    y: ArrayLike,
    v: ArrayLike,
    x: ArrayLike,
    include: ArrayLike = True,
    *,
    method: Tau2Method = "REML",
    tau2: ArrayLike | None = None,
) -> Regression:
    """Regress effects on moderators of the trials, with a between-trial variance beside them.

    Parameters
    ----------
    y, v, include : array_like, shape (..., k)
        As in :func:`meta.stats.normal.tau2.estimate`.
    x : array_like, shape (k, p)
        Design, with the intercept as a column of ones where one is wanted; see :func:`indicators`.
    method : {"REML", "DL", "EB", "HE", "HS", "ML", "PM", "PMM", "SJ", "common-effect"}
        Estimator of tau2. Any of them where the design has p distinct rows, that is where it only assigns
        trials to groups; otherwise REML, ML, DL or common-effect.
    tau2 : array_like, shape (...), optional
        Between-trial variance, instead of an estimate; NaN gives NaN with Code.NOT_CONVERGED.

    Returns
    -------
    Regression
        NaN with Code.FEW_TRIALS where the included trials do not identify the coefficients, or leave
        no degree of freedom for tau2. Without an intercept `qm` tests all coefficients; with nothing but
        one it is NaN. `qe` is NaN without a degree of freedom.

    Raises
    ------
    DataError
        If shapes do not fit, the columns of `x` are collinear, or the estimator does not know the design.

    References
    ----------
    .. [1] Viechtbauer (2010), J Stat Softw 36(3), doi:10.18637/jss.v036.i03; Raudenbush (2009), in Cooper,
       Hedges & Valentine (eds), The Handbook of Research Synthesis, 2nd ed., 295-315
    """
    a = arms(y, v, include)
    design = _design(x, a.y.shape[-1])
    shape, flat = a.y.shape[:-1], a.flat()
    code = np.where(flat.finite, Code.OK, Code.INFINITE_EFFECT).astype(np.int8)
    code[(code == Code.OK) & ~_full_rank(design, flat.include)] = Code.FEW_TRIALS
    spread = np.full(len(code), np.nan)
    rows = np.flatnonzero(code == Code.OK)
    if tau2 is None:
        spread[rows], code[rows] = _tau2(flat.rows(rows), design, method)
    else:
        spread[rows] = np.broadcast_to(np.asarray(tau2, dtype=float), shape).ravel()[rows]
        code[rows[~np.isfinite(spread[rows])]] = Code.NOT_CONVERGED
    return _batch(flat, design, spread, code, shape)


def indicators(groups: ArrayLike) -> FloatArray:
    """Design of a categorical moderator: an intercept, and a column for each group but the first.

    Parameters
    ----------
    groups : array_like of int, shape (k,)
        Group index of each trial; an index that no trial has gets no column.

    Returns
    -------
    ndarray, shape (k, number of groups that have trials)
    """
    index = np.asarray(groups)
    columns: FloatArray = (index[:, None] == np.unique(index)).astype(float)
    columns[:, :1] = 1.0
    return columns


def r2(tau2_without: ArrayLike, tau2_with: ArrayLike) -> FloatArray:
    """Share of tau2 that moderators account for, truncated at zero.

    Parameters
    ----------
    tau2_without, tau2_with : array_like, shape (...)
        Between-trial variance of the model without and with the moderators.

    Returns
    -------
    ndarray, shape (...)
        A fraction; NaN where `tau2_without` is 0, as there is nothing to account for.

    Notes
    -----
    With few trials it varies from 0 to 1 by chance alone.
    """
    before, after = np.broadcast_arrays(
        np.asarray(tau2_without, dtype=float), np.asarray(tau2_with, dtype=float)
    )
    share = np.divide(before - after, before, out=np.full(before.shape, np.nan), where=before > 0)
    return np.asarray(np.maximum(share, 0.0))


def _design(x: ArrayLike, k: int) -> FloatArray:
    """Check the design of `k` trials."""
    design = np.asarray(x, dtype=float)
    if design.ndim != 2 or len(design) != k:
        raise DataError(f"x: found shape {design.shape}; one row a trial, shape ({k}, p), is allowed")
    if not np.isfinite(design).all():
        raise DataError("x: found values that are not finite; finite numbers are allowed")
    if not _full_rank(design, np.ones((1, k), dtype=bool)).all():
        raise DataError(
            f"x: found {design.shape[1]} columns that are collinear in {k} trials; linearly independent "
            "columns are allowed (leave out a moderator that is constant or follows from the others)"
        )
    return design


def _tau2(a: Arms, design: FloatArray, method: Tau2Method) -> tuple[FloatArray, CodeArray]:
    """Estimate tau2 of a flat batch whose designs have full rank."""
    cells, cell = np.unique(design, axis=0, return_inverse=True)
    if len(cells) == design.shape[1]:  # every group has a mean of its own: estimators for groups serve
        return estimate(a.y, a.v, a.include, method=method, groups=cell.reshape(-1))
    if method not in _GENERAL:
        raise DataError(
            f"method: found {method} with a design that is more than groups; {', '.join(_GENERAL)} "
            "are allowed there"
        )
    if method == "common-effect":
        return np.zeros(len(a.y)), np.zeros(len(a.y), dtype=np.int8)
    df = a.k - design.shape[1]
    value, code = np.full(len(df), np.nan), np.full(len(df), Code.FEW_TRIALS, dtype=np.int8)
    rows = np.flatnonzero(df >= 1)
    if rows.size:
        inner = a.rows(rows)
        if method == "DL":
            at = _project(inner, design, np.zeros(rows.size))
            value[rows], converged = np.maximum((at.q_statistic - df[rows]) / at.trace, 0.0), rows >= 0
        else:
            value[rows], converged = _maximum_likelihood(inner, design, df[rows], restricted=method == "REML")
        code[rows] = np.where(converged, Code.OK, Code.NOT_CONVERGED)
        value[rows[~converged]] = np.nan
    return value, code


def _batch(
    a: Arms, design: FloatArray, tau2: FloatArray, code: CodeArray, shape: tuple[int, ...]
) -> Regression:
    """Everything that follows from tau2; NaN where the code is not OK."""
    count, p = len(code), design.shape[1]
    b, cov = np.full((count, p), np.nan), np.full((count, p, p), np.nan)
    qm, qe = np.full(count, np.nan), np.full(count, np.nan)
    intercept = (design == design[0]).all(0) & (design[0] != 0)
    tested = np.flatnonzero(~intercept)
    df = a.k - p
    rows = np.flatnonzero(code == Code.OK)
    if rows.size:
        inner = a.rows(rows)
        at = _project(inner, design, tau2[rows])
        inverse = np.linalg.inv(at.r)
        b[rows], cov[rows] = at.b, inverse @ np.swapaxes(inverse, -1, -2)
        residual = _project(inner, design, np.zeros(rows.size)).q_statistic
        qe[rows] = np.where(df[rows] >= 1, residual, np.nan)
        if tested.size:
            slopes = b[rows][:, tested, None]
            between = cov[np.ix_(rows, tested, tested)]
            qm[rows] = (slopes * np.linalg.solve(between, slopes)).sum((-1, -2))
    se = np.sqrt(np.diagonal(cov, axis1=-2, axis2=-1))
    qm_df, qe_df = np.full(count, float(tested.size)), np.maximum(df, 0.0)
    fields = dict(
        b=b, se=se, cov=cov, tau2=np.where(code == Code.OK, tau2, np.nan), code=code,
        qm=qm, qm_df=qm_df, qm_p=_p(qm, qm_df), qe=qe, qe_df=qe_df, qe_p=_p(qe, qe_df),
    )  # fmt: skip
    return Regression(**{name: z.reshape((*shape, *z.shape[1:])) for name, z in fields.items()})


def _p(statistic: FloatArray, df: FloatArray) -> FloatArray:
    usable = np.isfinite(statistic) & (df >= 1)
    p = chdtrc(np.maximum(df, 1), np.where(usable, statistic, 0.0))
    return np.where(usable, p, np.nan)


class _Projected(NamedTuple):
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


def _full_rank(design: FloatArray, include: BoolArray) -> BoolArray:
    """Whether the coefficients (p,) are estimable from the included trials (B, k), shape (B,)."""
    p = design.shape[1]
    if design.shape[0] < p or p == 0:
        return np.zeros(len(include), dtype=bool)
    # rank must not depend on the units of a moderator
    size = np.abs(design).max(0)
    scaled = np.divide(design, size, out=np.zeros_like(design), where=size > 0)
    masks, which = np.unique(include, axis=0, return_inverse=True)
    full = np.asarray(np.linalg.matrix_rank(masks[..., None] * scaled)) == p
    return np.asarray(full[which.reshape(-1)])


def _project(a: Arms, design: FloatArray, tau2: FloatArray) -> _Projected:
    """Weighted least squares at `tau2`, shape (...), on a design (k, p) of full rank in included trials."""
    w = np.where(a.include, 1 / (a.v + tau2[..., None]), 0.0)
    root = np.sqrt(w)
    q, r = np.linalg.qr(root[..., None] * design)
    z = root * a.y
    along = (q * z[..., None]).sum(-2)
    b = np.linalg.solve(r, along[..., None])[..., 0]
    return _Projected(w, q, r, b, z - (q * along[..., None, :]).sum(-1))


def _maximum_likelihood(
    a: Arms, design: FloatArray, df: FloatArray, *, restricted: bool
) -> tuple[FloatArray, BoolArray]:
    """Maximise the (restricted) likelihood: the root of the score beside the highest node of a grid.

    `a` is flat, (B, k), the design (k, p) of full rank in the included trials, and `df`, (B,), trials less
    coefficients, at least 1. Gives tau2 and whether it converged, (B,).
    """

    def score(t: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
        at = _project(a.rows(rows), design, t)
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
    even = _project(Arms(a.y, np.ones_like(a.v), a.include, a.groups), design, np.zeros(len(df)))
    s = even.q_statistic / df
    reach = (s + np.sqrt(s**2 + 4 * s * np.where(a.include, a.v, 0.0).max(-1))) / 2
    scale = np.where(a.include, a.v, np.inf).min(-1)
    return np.asarray(
        scale[:, None] * (1 + reach / scale)[:, None] ** np.linspace(0, 1, _GRID) - scale[:, None]
    )


def _loglik(a: Arms, design: FloatArray, tau2: FloatArray, *, restricted: bool) -> FloatArray:
    at = _project(a, design, tau2)
    twice = np.log(np.where(a.include, at.w, 1.0)).sum(-1) - at.q_statistic
    if restricted:
        twice -= 2 * np.log(np.abs(np.diagonal(at.r, axis1=-2, axis2=-1))).sum(-1)
    return np.asarray(0.5 * twice)
