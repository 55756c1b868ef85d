"""Case diagnostics of a random-effects fit: each trial is left out in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.stats.normal.heterogeneity import q_test
from meta.stats.normal.pooling import Pooled, pool
from meta.stats.normal.tau2 import Tau2Method, estimate
from meta.stats.normal.weights import arms
from meta.stats.numeric.codes import Code, CodeArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from meta.stats.normal.scales import FloatArray


class Cases(NamedTuple):
    """Diagnostics of each trial, shape (..., k); NaN for a trial that does not count.

    Attributes
    ----------
    rstudent
        Externally studentised residual: distance of the trial from the mean of the others, over the
        standard error of that distance.
    dffits
        Change of the fitted mean when the trial is left out, in standard errors of that mean at the
        others' tau2.
    cook
        Cook's distance: squared change of all group means in their standard errors.
    hat
        Weight of the trial in its group's mean.
    covratio
        Variance of the means without the trial over that with it (of several groups the determinants'
        ratio): below 1 where the trial costs precision.
    tau2_deleted, q_deleted
        tau2 and Cochran's Q without the trial.
    code
        A :class:`~meta.stats.numeric.codes.Code` of the fit without the trial.
    """

    rstudent: FloatArray
    dffits: FloatArray
    cook: FloatArray
    hat: FloatArray
    covratio: FloatArray
    tau2_deleted: FloatArray
    q_deleted: FloatArray
    code: CodeArray

    def rows(self, rows: NDArray[np.intp]) -> Cases:
        """Some trials of a single set."""
        return Cases(*(z[rows] for z in self))  # type: ignore[arg-type]  # in the order of its fields


def influence(
    y: ArrayLike,
    v: ArrayLike,
    include: ArrayLike = True,
    *,
    method: Tau2Method = "REML",
    groups: ArrayLike | None = None,
) -> Cases:
    """Outlier and influence diagnostics of Viechtbauer and Cheung [1]_.

    Parameters
    ----------
    y, v, include, method, groups
        As in :func:`meta.stats.normal.tau2.estimate`; tau2 is estimated anew without each trial.

    Returns
    -------
    Cases
        Where the fit with all trials or the one without the trial cannot be estimated, NaN; Code.FEW_TRIALS
        also where a group has no other trial (tau2_deleted and q_deleted are given nevertheless).

    Raises
    ------
    DataError
        If the shapes do not broadcast.

    Notes
    -----
    The k fits are one batch, so that memory goes with k squared.

    References
    ----------
    .. [1] Viechtbauer & Cheung (2010), Res Synth Methods 1:112-125, doi:10.1002/jrsm.11
    """
    a = arms(y, v, include, groups)
    k = a.y.shape[-1]
    own = a.groups.argmax(0)
    tau2, code = estimate(a.y, a.v, a.include, method=method, groups=groups)
    fit = pool(a.y, a.v, a.include, tau2=tau2, groups=groups)
    # without trial i in row i; the mask neutralises what is left out, infinite effects too
    effect, variance, others = (
        np.broadcast_to(a.y[..., None, :], (*a.y.shape, k)),
        np.broadcast_to(a.v[..., None, :], (*a.y.shape, k)),
        a.include[..., None, :] & ~np.eye(k, dtype=bool),
    )
    tau2_without, code_without = estimate(effect, variance, others, method=method, groups=groups)
    without = pool(effect, variance, others, tau2=tau2_without, groups=groups)
    fitted, error = (z[..., np.arange(k), own] for z in (without.mu, without.se))
    total = a.v + tau2_without
    hat = np.where(a.include, fit.weights, np.nan)
    cook, covratio = _all_means(fit, without)
    code_without = np.where(np.isnan(fitted) & (code_without == Code.OK), Code.FEW_TRIALS, code_without)
    code_without = np.where(code[..., None] != Code.OK, code[..., None], code_without)
    measures = {
        "rstudent": (a.y - fitted) / np.sqrt(total + error**2),
        "dffits": (fit.mu[..., own] - fitted) / np.sqrt(hat * total),
        "cook": cook,
        "hat": hat,
        "covratio": covratio,
        "tau2_deleted": tau2_without,
        "q_deleted": q_test(effect, variance, others, groups=groups).q,
    }
    estimated = a.include & (code[..., None] == Code.OK)
    shown = {name: np.where(estimated, z, np.nan) for name, z in measures.items()}
    return Cases(**shown, code=code_without.astype(np.int8))


def _all_means(fit: Pooled, without: Pooled) -> tuple[FloatArray, FloatArray]:
    """Cook's distance and the covariance ratio over all groups; NaN where one loses its last trial."""
    before, error = fit.mu[..., None, :], fit.se[..., None, :]
    empty = np.isnan(before) & np.isnan(without.mu)
    moved = np.where(empty, 0.0, (before - without.mu) / error)
    ratio = np.where(empty, 1.0, without.se / error)
    return np.asarray((moved**2).sum(-1)), np.asarray((ratio**2).prod(-1))
