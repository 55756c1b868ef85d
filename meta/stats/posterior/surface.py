"""The likelihood surface: one table a distinct trial, and data sets as sums of tables.

In a random-effects model a trial's marginal log-likelihood depends on its data, mu and tau alone. Tabulated
once at any points (mu, tau), the log-likelihoods of all data sets that are made of these trials
(leave-one-out, subsets, groups, simulated counts) are one matrix product.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import logit

from meta.stats.binomial.marginal import approximate_log_marginal, log_marginal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike

    from meta.stats.normal.scales import BoolArray, FloatArray

    Table = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]

_AT_ONCE = 1_000_000  # likelihoods of one trial at one point that are computed at once: about 200 MB


class Surface(NamedTuple):
    """Distinct trials, and data sets made of them.

    Attributes
    ----------
    table, rough : callable (first, second, mu, tau) -> ndarray
        Marginal log-likelihood of trials with these two data, e.g. x and n, exact and to within a nat; the
        four broadcast.
    first, second : ndarray, shape (m,)
        The data of the distinct trials.
    members : ndarray, shape (B, m)
        How often each distinct trial occurs in each data set.
    place, variance : ndarray, shape (m,)
        Approximate effect and sampling variance of each trial on the analysis scale. They only locate
        the grid.
    bounded : ndarray of bool, shape (m,)
        Whether the trial alone bounds theta on both sides (0 < x < n): its marginal likelihood then
        vanishes like 1/tau, else it tends to a constant.
    """

    table: Table
    rough: Table
    first: FloatArray
    second: FloatArray
    members: FloatArray
    place: FloatArray
    variance: FloatArray
    bounded: BoolArray

    def loglik(
        self, mu: FloatArray, tau: FloatArray, common: FloatArray | None = None, *, rough: bool = False
    ) -> FloatArray:
        """Log-likelihood of every data set at points of any shape (...), shape (B, ...).

        Parameters
        ----------
        mu, tau : ndarray, shape (...)
        common : ndarray, shape (...), optional
            Added to the log-likelihood of every data set: a log prior.
        rough : bool
            To within a nat a trial, and faster.
        """
        mu, tau = np.broadcast_arrays(mu, tau)
        total: FloatArray | None = None
        for part, found in self._tables(mu.ravel(), tau.ravel(), rough=rough):
            tables, members = found, self.members[:, part]
            if common is not None:  # as one trial more, which saves a pass
                everywhere = np.broadcast_to(common, mu.shape).reshape(1, -1)
                members = np.column_stack([members, np.ones(len(members))])
                part_of_total = members @ np.concatenate([tables, everywhere])
                common = None
            else:
                part_of_total = members @ tables
            total = part_of_total if total is None else total + part_of_total
        assert total is not None  # there is a part, if an empty one
        return total.reshape(len(self.members), *mu.shape)

    def expected(self, mu: FloatArray, tau: FloatArray, weight: FloatArray) -> FloatArray:
        """Log-likelihood of each distinct trial, averaged with weights; shape (m,).

        Parameters
        ----------
        mu, tau, weight : ndarray, shape (...)
        """
        flat = (np.broadcast_to(z, weight.shape).ravel() for z in (mu, tau))
        return np.concatenate([tables @ weight.ravel() for _, tables in self._tables(*flat, rough=False)])

    def _tables(self, mu: FloatArray, tau: FloatArray, *, rough: bool) -> Iterator[tuple[slice, FloatArray]]:
        """Log-likelihoods of the distinct trials at some points, shape (trials, points), a part at a time."""
        table, several = self.rough if rough else self.table, max(_AT_ONCE // max(len(mu), 1), 1)
        for start in range(0, max(len(self.first), 1), several):
            part = slice(start, start + several)
            yield part, table(self.first[part, None], self.second[part, None], mu, tau)

    def of(self, rows: np.ndarray) -> Surface:
        """Some of the data sets, with the trials that occur in them."""
        members = self.members[rows]
        return self._replace(members=members)._with(np.flatnonzero(members.any(0)))

    def thinned(self, trials: int) -> Surface:
        """The data sets with some of the distinct trials, whose posteriors are wider."""
        return self._with(np.linspace(0, len(self.first) - 1, trials).astype(np.intp))

    def _with(self, used: np.ndarray) -> Surface:
        return Surface(
            self.table,
            self.rough,
            self.first[used],
            self.second[used],
            self.members[:, used],
            self.place[used],
            self.variance[used],
            self.bounded[used],
        )


def binomial_surface(x: ArrayLike, n: ArrayLike, include: ArrayLike = True) -> Surface:
    """Surface of the binomial-normal model for data sets of responders among patients.

    Parameters
    ----------
    x, n : array_like of int, shape (..., k)
        The leading axes are data sets, made one.
    include : array_like of bool, shape (..., k)
        Trials that count.
    """
    arms, sizes, members = _distinct(x, n, include)
    variance = 1 / (arms + 0.5) + 1 / (sizes - arms + 0.5)
    place = np.asarray(logit((arms + 0.5) / (sizes + 1)))
    bounded = (arms > 0) & (arms < sizes)
    return Surface(log_marginal, approximate_log_marginal, arms, sizes, members, place, variance, bounded)


def normal_surface(y: ArrayLike, v: ArrayLike, include: ArrayLike = True) -> Surface:
    """Surface of the normal-normal model y_i ~ N(mu, v_i + tau2).

    Parameters
    ----------
    y, v : array_like, shape (..., k)
        Effects and sampling variances on the analysis scale; the leading axes are data sets, made one.
    include : array_like of bool, shape (..., k)
        Trials that count.
    """
    effect, variance, members = _distinct(y, v, include)
    bounded = np.full(len(effect), True)
    return Surface(_log_normal, _log_normal, effect, variance, members, effect, variance, bounded)


def _log_normal(y: FloatArray, v: FloatArray, mu: FloatArray, tau: FloatArray) -> FloatArray:
    total = v + tau**2
    return np.asarray(-((y - mu) ** 2) / (2 * total) - np.log(2 * np.pi * total) / 2)


def _distinct(a: ArrayLike, b: ArrayLike, include: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The distinct pairs of data that count, and how often each occurs in each data set."""
    first, second, used = np.broadcast_arrays(
        np.asarray(a, dtype=float), np.asarray(b, dtype=float), np.asarray(include, dtype=bool)
    )
    k = first.shape[-1]
    first, second, used = (z.reshape(prod(z.shape[:-1]), k) for z in (first, second, used))
    rows, _ = np.nonzero(used)
    firsts, i = np.unique(first[used], return_inverse=True)
    seconds, j = np.unique(second[used], return_inverse=True)  # numbers are sorted far faster than pairs
    pairs, index = np.unique(i * len(seconds) + j, return_inverse=True)
    members = np.bincount(rows * len(pairs) + index, minlength=len(first) * len(pairs))
    i, j = np.divmod(pairs, max(len(seconds), 1))
    return firsts[i], seconds[j], members.reshape(len(first), len(pairs)).astype(float)
