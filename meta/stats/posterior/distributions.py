"""Posterior distributions of mu, tau, the mean response rate and the true effect of a new trial."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from meta.stats.binomial.marginal import log_marginal
from meta.stats.numeric.interpolation import below, interpolate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.normal.scales import FloatArray
    from meta.stats.posterior.posterior import Posterior

_POINTS = 19  # at which a distribution function is evaluated first, for one data set
_END = 7.7  # normal quantile: probability 7e-15
_EXTRA = 32  # at most, where quantiles are wanted
_STILL = 1e-4  # of the quantiles' range: a correction this small leaves about its square
_MOST_POINTS = 385
_HELD = 5_000_000  # shares of cells held at once
_REACH = 4.3  # normal quantile: probabilities from 1e-5 to 1 - 1e-5
_HERMITE = np.polynomial.hermite_e.hermegauss(5)


class Distribution(NamedTuple):
    """Distribution functions of B data sets at common points, on the normal quantile scale.

    There a distribution function is close to a straight line, so that cubic interpolation between points
    does well; where it is asked for a quantile, points are added until it does very well.

    Attributes
    ----------
    points : ndarray, shape (L,)
        Increasing.
    z : ndarray, shape (B, L)
        Normal quantiles of the probabilities to be below each point.
    exact : callable
        From more points to the same for them.
    """

    points: FloatArray
    z: FloatArray
    exact: Callable[[FloatArray], FloatArray]

    @classmethod
    def of(cls, points: FloatArray, exact: Callable[[FloatArray], FloatArray]) -> Distribution:
        """Evaluate at some points, from a function that gives the probabilities below them."""

        def z(at: FloatArray) -> FloatArray:
            return np.asarray(ndtri(np.clip(exact(at), 1e-15, 1 - 1e-15)))

        return cls(points, _rising(z(points)), z)

    def with_points(self, more: FloatArray) -> Distribution:
        """The same, evaluated at more points."""
        gap = 1e-9 * np.ptp(self.points) + 1e-300
        near = np.abs(
            self.points[np.clip(np.searchsorted(self.points, more), 0, len(self.points) - 1)] - more
        )
        new = np.unique(more[near > gap])
        new = new[np.concatenate([[True], np.diff(new) > gap])] if new.size else new
        points = np.concatenate([self.points, new])
        order = np.argsort(points)
        z = np.concatenate([self.z, self.exact(new)], axis=-1) if new.size else self.z
        return Distribution(points[order], _rising(z[:, order]), self.exact)

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Quantiles at probabilities `p`, shape (Q,) or (B, Q); result shape (B, Q)."""
        target = np.broadcast_to(ndtri(np.asarray(p, dtype=float)), (len(self.z), np.shape(p)[-1]))
        quantiles = self._inverse(target)
        known = self
        for _ in range(2):
            wanted = np.quantile(quantiles, np.linspace(0, 1, min(quantiles.size, _EXTRA)))
            known = known.with_points(np.clip(wanted, self.points[0], self.points[-1]))
            first, quantiles = quantiles, known._inverse(target)
            # Mostly once is enough; where many quantiles are wanted, points among them serve them all
            if quantiles.size > _EXTRA or np.abs(quantiles - first).max() < _STILL * np.ptp(first):
                break
        return quantiles

    def _inverse(self, target: FloatArray) -> FloatArray:
        return interpolate(self.z, self.points, target, monotone=True)

    def below(self, s: ArrayLike) -> FloatArray:
        """Probabilities to be below `s`, shape (Q,); result shape (B, Q)."""
        return np.asarray(ndtr(self.z_at(s)))

    def z_at(self, s: ArrayLike) -> FloatArray:
        """Their normal quantiles."""
        return interpolate(self.points, self.z, np.asarray(s, dtype=float), monotone=True)


def _rising(z: FloatArray) -> FloatArray:
    """Make z strictly increasing, so that it can be inverted, also where probabilities round to 0 or 1."""
    above, beneath = z > _END, z < -_END
    steps: FloatArray = np.cumsum(above, axis=-1) - np.cumsum(beneath[..., ::-1], axis=-1)[..., ::-1]
    spread = np.where(above | beneath, np.sign(z) * _END + 0.25 * steps, z)
    return np.asarray(np.maximum.accumulate(spread, axis=-1) + 1e-12 * np.arange(z.shape[-1]))


def mu_distribution(post: Posterior, shift: float = 0.0) -> Distribution:
    """Distribution of mu + shift tau, on the analysis scale.

    Parameters
    ----------
    shift : float
        Zero for mu; the normal quantile 1.96 for the true effect that 97.5 % of trials are below.
    """

    def matrix(s: FloatArray) -> FloatArray:
        grid = post.cells
        return below(s[:, None] - shift * grid.tau, grid.first, grid.step, post.weight.shape[-1])

    return _distribution(post, *_rough(post, post.cells.mu + shift * post.cells.tau[:, None]), matrix)


def mean_rate_distribution(post: Posterior, values: FloatArray | None = None) -> Distribution:
    """Distribution of the logit of the mean response rate E[expit(theta)].

    Parameters
    ----------
    values : ndarray, shape (T, N), optional
        The logits in each cell, if already computed by :func:`logit_mean_rate`.
    """
    grid = post.cells
    at = logit_mean_rate(grid.mu, grid.tau[:, None]) if values is None else values

    def matrix(s: FloatArray) -> FloatArray:
        ends = interpolate(at, grid.mu, s[None]).T
        return below(ends, grid.first, grid.step, post.weight.shape[-1])

    return _distribution(post, *_rough(post, at), matrix)


def logit_mean_rate(mu: ArrayLike, tau: ArrayLike) -> FloatArray:
    """Logit of the mean response rate, exact at both ends.

    Parameters
    ----------
    mu, tau : array_like, shape (...)
        Mean and standard deviation of the true log odds.

    Returns
    -------
    ndarray, shape (...)
    """
    # By symmetry from the smaller of the two rates, which is the exact one
    log_small = log_marginal(1, 1, -np.abs(mu), tau)
    return np.asarray(np.where(np.asarray(mu) > 0, -1, 1) * (log_small - np.log1p(-np.exp(log_small))))


def predictive_distribution(post: Posterior) -> Distribution:
    """Distribution of the true effect of a new trial, on the analysis scale."""
    grid = post.cells
    nodes, weights = _HERMITE
    values = grid.mu[..., None] + grid.tau[:, None, None] * nodes
    average = post.average[..., None] * (weights / weights.sum())
    moments = post.expectation(grid.mu), post.expectation(grid.mu**2) + post.slices @ grid.tau**2

    def matrix(s: FloatArray) -> FloatArray:
        size = post.weight.shape[-1]
        wide = grid.tau > grid.step
        result = np.zeros((len(s), len(grid.tau), size))
        # A normal narrower than the grid's step is not resolved by it: there the average over it goes outside
        result[:, wide] = ndtr((s[:, None, None] - grid.mu[wide]) / grid.tau[wide, None])
        for node, weight in zip(nodes, weights / weights.sum(), strict=True):
            ends = s[:, None] - node * grid.tau[~wide]
            result[:, ~wide] += weight * below(ends, grid.first[~wide], grid.step[~wide], size)
        return result

    return _distribution(post, (values, average), moments, matrix)


def tau_distribution(post: Posterior) -> Distribution:
    """Distribution of tau in the variable t of the grid; ``post.cells.axis.tau`` carries quantiles back."""
    t = post.cells.t

    def matrix(s: FloatArray) -> FloatArray:
        step = np.array([t[1] - t[0]])
        return below(s[:, None], t[:1], step, len(t))[:, 0, :, None]

    slices = post.slices
    return _distribution(post, (t, slices.mean(0)), (slices @ t, slices @ t**2), matrix)


def _rough(
    post: Posterior, values: FloatArray
) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
    """Values at the cells with their average weights, and two moments of each data set."""
    moments = post.expectation(values), post.expectation(values**2)
    return (values, post.average), moments


def _distribution(
    post: Posterior,
    values: tuple[FloatArray, FloatArray],
    moments: tuple[FloatArray, FloatArray],
    matrix: Callable[[FloatArray], FloatArray],
) -> Distribution:
    """Distribution functions, first at points where the average of the data sets puts normal quantiles.

    `values` of the quantity and their shares in that average say roughly where that is; `moments` are the
    first two of each data set, shape (B,), and say how many points are needed for all of them.
    """
    at, average = (z.ravel() for z in values)
    order = np.argsort(at)
    below_each = np.cumsum(average[order]) - average[order] / 2
    first, second = moments
    spread = np.sqrt(np.maximum(second - first**2, 1e-300))
    mixture = np.sqrt(max(second.mean() - first.mean() ** 2, 1e-300))
    count = int(min(_POINTS * max(mixture / spread.min(), 1.0), _MOST_POINTS))
    levels = ndtr(np.linspace(-_REACH, _REACH, count))
    points = np.interp(levels, below_each / average.sum(), at[order])
    points = points[np.concatenate([[True], np.diff(points) > 1e-12 * np.abs(points).max()])]

    def some(at: FloatArray) -> FloatArray:
        share = matrix(at)
        masses = post.weight if share.shape[-1] > 1 else post.slices[..., None]
        return np.asarray(masses.reshape(len(masses), -1) @ share.reshape(len(at), -1).T)

    def exact(at: FloatArray) -> FloatArray:
        several = max(_HELD // post.average.size, 1)
        parts = [some(at[start : start + several]) for start in range(0, len(at), several)]
        return np.concatenate(parts, axis=-1)

    return Distribution.of(points, exact)
