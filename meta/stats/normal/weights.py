"""Inverse-variance weights and group means: the sums that every estimator here is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from meta.errors import DataError
from meta.stats.normal.scales import BoolArray, FloatArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Weighted(NamedTuple):
    """Sums under weights w = 1/(v + tau2) within groups.

    `w` and `residual` (y minus its group's mean) have shape (..., k); `total` (sum of weights) and
    `mean` have shape (..., G). Trials left out weigh 0; an empty group has total 0 and mean 0.
    """

    w: FloatArray
    total: FloatArray
    mean: FloatArray
    residual: FloatArray

    @property
    def q(self) -> FloatArray:
        """Generalised Q: the weighted sum of squared residuals, shape (...)."""
        q: FloatArray = (self.w * self.residual**2).sum(-1)
        return q


@dataclass(frozen=True, eq=False)
class Arms:
    """Validated input: excluded trials hold y = 0, v = 1; `groups` is one-hot, shape (G, k).

    What several statistics need is computed once, when first asked for: one Arms serves a whole fit.
    """

    y: FloatArray
    v: FloatArray
    include: BoolArray
    groups: FloatArray

    @cached_property
    def k(self) -> FloatArray:
        """Trials that count, shape (...)."""
        k: FloatArray = self.include.sum(-1, dtype=float)
        return k

    @cached_property
    def df(self) -> FloatArray:
        """Trials less groups that have any, shape (...)."""
        members = self.include.astype(float) @ self.groups.T
        df: FloatArray = self.k - (members > 0).sum(-1)
        return df

    @cached_property
    def finite(self) -> BoolArray:
        """Whether every trial that counts has a finite effect and a positive variance, shape (...)."""
        finite: BoolArray = np.asarray(np.isfinite(self.y + self.v).all(-1))  # the others are NaN
        return finite

    @cached_property
    def at_zero(self) -> Weighted:
        """Weights, totals, means and residuals at tau2 = 0."""
        return self.weighted(np.zeros(self.y.shape[:-1]))

    @cached_property
    def trace(self) -> FloatArray:
        """sum(w) - sum over groups of sum(w^2)/sum(w) at tau2 = 0: the trace of the residual projection."""
        at = self.at_zero
        own = at.w[..., None, :] * self.groups
        before = np.zeros_like(
            own
        )  # sums over pairs: a difference would cancel where one weight is nearly all
        np.cumsum(own[..., :-1], axis=-1, out=before[..., 1:])
        pairs = (own * before).sum(-1)
        trace: FloatArray = 2 * np.divide(pairs, at.total, out=np.zeros_like(pairs), where=at.total > 0).sum(
            -1
        )
        return trace

    def weighted(self, tau2: FloatArray) -> Weighted:
        """Weights, totals, means and residuals at `tau2`, shape (...)."""
        w = np.where(self.include, 1 / (self.v + tau2[..., None]), 0.0)
        total = w @ self.groups.T
        mean = np.divide((w * self.y) @ self.groups.T, total, out=np.zeros_like(total), where=total > 0)
        return Weighted(w, total, mean, np.where(self.include, self.y - mean @ self.groups, 0.0))

    def q(self, tau2: FloatArray) -> FloatArray:
        """Generalised Q at `tau2`, shape (...)."""
        return self.weighted(tau2).q

    def flat(self) -> Arms:
        """The same with the leading axes made one, shape (B, k)."""
        shape = (prod(self.y.shape[:-1]), self.y.shape[-1])
        return Arms(self.y.reshape(shape), self.v.reshape(shape), self.include.reshape(shape), self.groups)

    def rows(self, rows: NDArray[np.intp]) -> Arms:
        """Some rows of a flat batch."""
        return Arms(self.y[rows], self.v[rows], self.include[rows], self.groups)


def arms(y: ArrayLike, v: ArrayLike, include: ArrayLike = True, groups: ArrayLike | None = None) -> Arms:
    """Broadcast effects, variances and mask, and neutralise what is left out.

    Parameters
    ----------
    y, v : array_like, shape (..., k)
        Effects and sampling variances on the analysis scale.
    include : array_like of bool, shape (..., k)
        Trials that count.
    groups : array_like of int, shape (k,), optional
        Group index of each trial; one group if left out.

    Raises
    ------
    DataError
        If the shapes do not broadcast or there is not one group index a trial.
    """
    try:
        effect, variance, use = np.broadcast_arrays(
            np.asarray(y, dtype=float), np.asarray(v, dtype=float), np.asarray(include, dtype=bool)
        )
    except ValueError as error:
        raise DataError(f"y, v and include: {error}; shapes (..., k) that broadcast are allowed") from None
    k = effect.shape[-1]
    one_hot = np.ones((1, k)) if groups is None else _one_hot(np.asarray(groups), k)
    # NaN passes through the sums in silence, where an infinity or a zero variance would warn
    effect = np.where(np.isfinite(effect), effect, np.nan)
    variance = np.where(np.isfinite(variance) & (variance > 0), variance, np.nan)
    return Arms(np.where(use, effect, 0.0), np.where(use, variance, 1.0), use, one_hot)


def _one_hot(index: NDArray[np.generic], k: int) -> FloatArray:
    """Membership of `k` trials in groups, shape (G, k)."""
    if index.shape != (k,):
        raise DataError(f"groups: found shape {index.shape}; one index a trial, shape ({k},), is allowed")
    one_hot: FloatArray = (np.arange(index.max(initial=0) + 1)[:, None] == index).astype(float)
    return one_hot
