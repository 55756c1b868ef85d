"""Likelihood terms of arms, and their sums over data sets whose arms may lie in groups.

A random-effects model of binomial counts is a function ``terms(x, n, mu, v) -> Terms``: `mu` is the
centre on the logit scale, `v` >= 0 the heterogeneity in that model's own parameter (tau2 of the
binomial-normal, rho/(1 - rho) of the beta-binomial), and v = 0 the plain binomial with expit(mu).
Groups of arms have means of their own and v in common.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import xlogy

from meta.errors import DataError
from meta.stats.normal.scales import BoolArray, FloatArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_TINY = 1e-300


class Terms(NamedTuple):
    """Log-likelihood contributions log Pr(x | n, mu, v), element by element, and their derivatives.

    Every field has the shape to which x, n, mu and v broadcast. `value` includes the binomial
    coefficient. `d_mu` and `d_v` are the first, `d_mumu`, `d_muv` and `d_vv` the second partial
    derivatives; at v = 0 those by v are taken from the right. A trial without patients (n = 0)
    contributes zeros throughout, so that n = 0 is how a trial is left out.
    """

    value: FloatArray
    d_mu: FloatArray
    d_v: FloatArray
    d_mumu: FloatArray
    d_muv: FloatArray
    d_vv: FloatArray


TermsFunction = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], Terms]


class Sets(NamedTuple):
    """Validated counts, shape (B, k), n = 0 for an arm left out; `member` is one-hot, shape (G, k)."""

    x: FloatArray
    n: FloatArray
    group: NDArray[np.intp]
    member: FloatArray

    def rows(self, rows: NDArray[np.intp]) -> Sets:
        """Some rows."""
        return self._replace(x=self.x[rows], n=self.n[rows])

    def only(self, groups: BoolArray) -> Sets:
        """The arms of some groups, shape (B, G), as a batch of the same shape."""
        arms = groups[:, self.group]
        return self._replace(x=np.where(arms, self.x, 0.0), n=np.where(arms, self.n, 0.0))

    def by_group(self, arms: NDArray[np.generic]) -> FloatArray:
        """Sums over the arms of each group, shape (..., k) to (..., G)."""
        return np.asarray(arms.astype(float, copy=False) @ self.member.T)

    @property
    def k(self) -> FloatArray:
        """Arms that count, shape (B, G)."""
        return self.by_group(self.n > 0)

    @property
    def one_sided(self) -> BoolArray:
        """Whether a group has arms and only responders, or none, shape (B, G): its mu is infinite."""
        x, n = self.by_group(self.x), self.by_group(self.n)
        return np.asarray((n > 0) & ((x == 0) | (x == n)))

    @property
    def interior(self) -> BoolArray:
        """Whether some arm has both responders and others, shape (B,): only then is v bounded."""
        return np.asarray(((self.x > 0) & (self.x < self.n)).any(-1))

    @property
    def extremes(self) -> tuple[FloatArray, FloatArray]:
        """Arms without, and arms of nothing but, responders, each shape (B, G)."""
        used = self.n > 0
        return self.by_group(used & (self.x == 0)), self.by_group(used & (self.x == self.n))

    @property
    def scale(self) -> FloatArray:
        """Sampling variance of a typical arm's log odds, shape (B,); ln(v + scale) is the scale for steps."""
        patients, responders = self.n.sum(-1), self.x.sum(-1)
        p = (responders + 0.5) / (patients + 1)
        return np.asarray(np.maximum((self.n > 0).sum(-1), 1) / (np.maximum(patients, 1) * p * (1 - p)))


def tally(
    x: ArrayLike,
    n: ArrayLike,
    include: ArrayLike = True,
    groups: ArrayLike | None = None,
    *,
    lead: tuple[int, ...] = (),
) -> tuple[Sets, tuple[int, ...]]:
    """Validate and flatten counts; the second value is the shape of the leading axes.

    Parameters
    ----------
    x, n : array_like of int, shape (..., k)
        Responders and patients.
    include : array_like of bool, shape (..., k)
        Arms that count.
    groups : array_like of int, shape (k,), optional
        Group index of each arm; one group if left out.
    lead : tuple of int
        Shape against which the leading axes are broadcast as well.

    Raises
    ------
    DataError
        If shapes do not broadcast, counts are impossible, or there is not one group index an arm.
    """
    try:
        responders, patients, use, _ = np.broadcast_arrays(
            np.asarray(x, dtype=float),
            np.asarray(n, dtype=float),
            np.asarray(include, dtype=bool),
            np.empty((*lead, 1)),
        )
    except ValueError as error:
        raise DataError(f"x, n and include: {error}; shapes (..., k) that broadcast are allowed") from None
    if not np.ndim(x) and not np.ndim(n):
        raise DataError("x and n: found single numbers; shapes (..., k) are allowed")
    if not ((responders >= 0) & (responders <= patients) & np.isfinite(patients) | ~use).all():
        raise DataError("x and n: found counts outside 0 <= x <= n; whole numbers within are allowed")
    k = responders.shape[-1]
    group = np.zeros(k, dtype=np.intp) if groups is None else np.asarray(groups)
    if group.shape != (k,):
        raise DataError(f"groups: found shape {group.shape}; one index an arm, shape ({k},), is allowed")
    member = (np.arange(group.max(initial=0) + 1)[:, None] == group).astype(float)
    shape = responders.shape[:-1]
    flat = (prod(shape), k)
    counts = [np.where(use, z, 0.0).reshape(flat) for z in (responders, patients)]
    return Sets(counts[0], counts[1], group.astype(np.intp), member), shape


def sums(terms: TermsFunction, s: Sets, mu: FloatArray, v: FloatArray) -> Terms:
    """Sums of terms over the arms of each group, shape (B, G), at `mu` (B, G) and `v` (B,)."""
    at = np.stack(terms(s.x, s.n, mu[:, s.group], v[:, None]))
    return Terms(*s.by_group(at))


def in_log(t: Terms, factor: FloatArray) -> Terms:
    """Derivatives by ln(v + scale) in place of v; `factor`, the shape of a term, is v + scale."""
    d_v = t.d_v * factor
    return t._replace(d_v=d_v, d_muv=t.d_muv * factor, d_vv=t.d_vv * factor**2 + d_v)


def concave(d_mumu: FloatArray) -> FloatArray:
    """A negative second derivative of the same size and shape, with which Newton's step goes uphill."""
    return np.asarray(-np.maximum(np.abs(d_mumu), _TINY))


def ceiling(s: Sets) -> FloatArray:
    """Where the log-likelihood tends to as v grows, per group, shape (B, G); -inf with an interior arm.

    The true rates are then 0 or 1, and a group's mean rate the share of its arms without non-responders.
    """
    none, everyone = s.extremes
    total = np.maximum(none + everyone, 1)
    height = xlogy(none, none / total) + xlogy(everyone, everyone / total)
    return np.where(s.k > none + everyone, -np.inf, height)
