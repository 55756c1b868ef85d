"""Data sets of arms in groups, the sums of their likelihood terms, and a coarse table of their profile.

Flat batches: one row a data set, groups with means mu_g of their own and one v for all. A row's
log-likelihood is a sum of terms that depend on (x, n, mu, v) alone, so that a table over distinct arms
serves every data set that contains them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import logit, xlogy

from meta.errors import DataError
from meta.stats.binomial.terms import Terms
from meta.stats.normal.scales import BoolArray, FloatArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

TermsFunction = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], Terms]

# v of the coarse table: sqrt(v) from below the sampling error of 5,000 patients to a spread from 0 to 1
TABLE_V: FloatArray = np.concatenate([[0.0], 4.0 ** np.arange(-5, 7)])
_FINEST = 2.0**-14  # spacing of mu in the table where it is closest
_ROUNDS = 8  # at most, to find the means of the table
_TINY = 1e-300


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
        What the leading axes are broadcast against.

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
    """Derivatives by ln(v + scale) in place of v; `factor` is v + scale."""
    d_v = t.d_v * factor
    return t._replace(d_v=d_v, d_muv=t.d_muv * factor, d_vv=t.d_vv * factor**2 + d_v)


def concave(d_mumu: FloatArray) -> FloatArray:
    """A second derivative that makes Newton's step in mu one uphill."""
    return np.asarray(-np.maximum(np.abs(d_mumu), _TINY))


class Table(NamedTuple):
    """Profile over the means at each of V values of v.

    `v` and the profile log-likelihood `value` and its `slope` in v have shape (B, V); the means `mu` that
    maximise it and their `information` (B, V, G). All approximate.
    """

    v: FloatArray
    value: FloatArray
    slope: FloatArray
    mu: FloatArray
    information: FloatArray

    def rows(self, rows: NDArray[np.intp]) -> Table:
        """Some rows."""
        return Table(*(z[rows] for z in self))


def coarse(terms: TermsFunction, s: Sets) -> Table:
    """Tabulate the profile over the means. A group that is one-sided must have been left out."""
    mu, width = _guess(s)
    spacing = np.clip(2.0 ** np.floor(np.log2(width)), _FINEST, 1.0)
    for _ in range(_ROUNDS):  # mostly the first is enough
        node = np.round(mu / spacing) * spacing
        t = _table(terms, s, node)
        curvature = concave(t.d_mumu)
        # in a tail that bends up there is no telling how far the peak is, and no parabola
        limit = np.where(t.d_mumu < 0, 3 * width, np.minimum(width, 1.0))
        step = np.clip(-t.d_mu / curvature, -limit, limit)
        mu = node + step
        near = np.abs(step) <= width
        if (near & (t.d_mumu <= 0)).all():
            break
    value = (t.value + np.where(near & (t.d_mumu < 0), -step * curvature * step / 2, 0.0)).sum(-1)
    slope = (t.d_v + t.d_muv * step).sum(-1)
    return Table(np.broadcast_to(TABLE_V, value.shape), value, slope, mu, -curvature)


def _guess(s: Sets) -> tuple[FloatArray, FloatArray]:
    """Weighted means of empirical log odds at each v, and their standard errors, shape (B, V, G)."""
    y = logit((s.x + 0.5) / (s.n + 1))
    variance = 1 / (s.x + 0.5) + 1 / (s.n - s.x + 0.5)
    w = (s.n > 0)[:, None] / (variance[:, None] + TABLE_V[:, None])
    total = np.maximum(s.by_group(w), _TINY)
    mu = s.by_group(w * y[:, None]) / total
    x, n = s.by_group(s.x), s.by_group(s.n)
    pooled = logit(np.where((x > 0) & (x < n), x, 0.5) / np.maximum(n, 1))  # exact at v = 0
    scale = s.scale[:, None, None]
    mu += (pooled - mu[:, 0])[:, None] * scale / (scale + TABLE_V[:, None])
    return mu, np.where(total > _TINY, 1 / np.sqrt(total), 1.0)


def _table(terms: TermsFunction, s: Sets, node: FloatArray) -> Terms:
    """Sums of terms at nodes (B, V, G), each distinct (x, n, mu, v) computed once."""
    most = s.n.max(initial=0) + 1
    kinds, arm = np.unique(s.x * most + s.n, return_inverse=True)
    lattice = np.round(node / _FINEST).astype(np.int64)[..., s.group]
    column = np.arange(len(TABLE_V))[:, None]
    key = (arm.reshape(s.x.shape)[:, None] * len(TABLE_V) + column << 32) + lattice + (1 << 31)
    cells, where = np.unique(key, return_inverse=True)
    which, j = np.divmod(cells >> 32, len(TABLE_V))
    mu = ((cells & (1 << 32) - 1) - (1 << 31)) * _FINEST
    x, n = np.divmod(kinds[which], most)
    at = np.stack(terms(x, n, mu, TABLE_V[j]))
    return Terms(*s.by_group(at[:, where.reshape(key.shape)]))


def ceiling(s: Sets) -> FloatArray:
    """Where the log-likelihood tends to as v grows, per group, shape (B, G); -inf with an interior arm.

    The true rates are then 0 or 1, and a group's mean rate the share of its arms without non-responders.
    """
    none, everyone = s.extremes
    total = np.maximum(none + everyone, 1)
    height = xlogy(none, none / total) + xlogy(everyone, everyone / total)
    return np.where(s.k > none + everyone, -np.inf, height)
