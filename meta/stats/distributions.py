"""Distributions of what a posterior of (mu, tau) says: mu, tau, the mean rate, a new trial's effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from meta.stats.marginal import log_marginal
from meta.stats.sinc import below, interpolate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from meta.stats.posterior import Posterior
    from meta.stats.scales import FloatArray

_POINTS = 37  # at which a distribution function is evaluated, for one data set
_MOST_POINTS = 385
_REACH = 4.3  # normal quantile: probabilities from 1e-5 to 1 - 1e-5
_HERMITE = np.polynomial.hermite_e.hermegauss(5)


class Distribution(NamedTuple):
    """Distribution functions of B data sets at common points, on the normal quantile scale.

    There a distribution function is close to a straight line, so that cubic interpolation is exact to
    about 1e-6 of a probability.

    Attributes
    ----------
    points : ndarray, shape (L,)
    z : ndarray, shape (B, L)
        Normal quantiles of the probabilities to be below each point.
    """

    points: FloatArray
    z: FloatArray

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Quantiles at probabilities `p`, shape (Q,) or (B, Q); result shape (B, Q).

        Parameters
        ----------
        p : array_like
        """
        target = np.broadcast_to(ndtri(np.asarray(p, dtype=float)), (len(self.z), np.shape(p)[-1]))
        points = np.broadcast_to(self.points, self.z.shape)
        return np.stack([interpolate(z, s, t) for z, s, t in zip(self.z, points, target, strict=True)])

    def below(self, s: ArrayLike) -> FloatArray:
        """Probabilities to be below `s`, shape (Q,); result shape (B, Q).

        Parameters
        ----------
        s : array_like
        """
        return np.asarray(ndtr([interpolate(self.points, z, np.asarray(s, dtype=float)) for z in self.z]))

    def density(self, s: ArrayLike) -> FloatArray:
        """Densities at `s`, shape (Q,), by a central difference; result shape (B, Q).

        Parameters
        ----------
        s : array_like
        """
        at, half = np.asarray(s, dtype=float), 1e-3 * np.ptp(self.points) / len(self.points)
        return (self.below(at + half) - self.below(at - half)) / (2 * half)


def mu_distribution(post: Posterior, shift: float = 0.0) -> Distribution:
    """Distribution of mu + shift tau, on the analysis scale.

    Parameters
    ----------
    post : Posterior
    shift : float
        Zero for mu; the normal quantile 1.96 for the true effect that 97.5 % of trials are below.

    Returns
    -------
    Distribution
    """

    def matrix(s: FloatArray) -> FloatArray:
        grid = post.cells
        return below(s[:, None] - shift * grid.tau, grid.first, grid.step, post.weight.shape[-1])

    values = post.cells.mu + shift * post.cells.tau[:, None]
    return _distribution(post, values.ravel(), post.weight.reshape(len(post.weight), -1), matrix)


def mean_rate_distribution(post: Posterior) -> Distribution:
    """Distribution of the logit of the mean response rate E[expit(theta)].

    Parameters
    ----------
    post : Posterior

    Returns
    -------
    Distribution
    """
    grid = post.cells
    values = logit_mean_rate(grid.mu, grid.tau[:, None])

    def matrix(s: FloatArray) -> FloatArray:
        ends = np.stack([interpolate(row, mu, s) for row, mu in zip(values, grid.mu, strict=True)], axis=1)
        return below(ends, grid.first, grid.step, post.weight.shape[-1])

    return _distribution(post, values.ravel(), post.weight.reshape(len(post.weight), -1), matrix)


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
    """Distribution of the true effect of a new trial, on the analysis scale.

    Parameters
    ----------
    post : Posterior

    Returns
    -------
    Distribution
    """
    grid = post.cells
    nodes, weights = _HERMITE
    values = grid.mu[..., None] + grid.tau[:, None, None] * nodes
    share = post.weight[..., None] * (weights / weights.sum())

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

    return _distribution(post, values.ravel(), share.reshape(len(share), -1), matrix)


def tau_distribution(post: Posterior) -> Distribution:
    """Distribution of tau in the variable t of the grid; ``post.cells.axis.tau`` carries quantiles back.

    Parameters
    ----------
    post : Posterior

    Returns
    -------
    Distribution
    """
    t = post.cells.t

    def matrix(s: FloatArray) -> FloatArray:
        step = np.array([t[1] - t[0]])
        return below(s[:, None], t[:1], step, len(t))[:, 0, :, None]

    return _distribution(post, t, post.slices, matrix)


def _distribution(
    post: Posterior, values: FloatArray, share: FloatArray, matrix: Callable[[FloatArray], FloatArray]
) -> Distribution:
    """Distribution functions, at points where the average of the data sets puts normal quantiles.

    `values` of the quantity and their `share`, shape (B, ...), say roughly where that is.
    """
    average = share.mean(0)
    order = np.argsort(values)
    below_each = np.cumsum(average[order]) - average[order] / 2
    centre = share @ values
    spread = np.sqrt(np.maximum(share @ values**2 - centre**2, 1e-300))
    mixture = np.sqrt(max(average @ values**2 - (average @ values) ** 2, 1e-300))
    count = int(min(_POINTS * max(mixture / spread.min(), 1.0), _MOST_POINTS))
    levels = ndtr(np.linspace(-_REACH, _REACH, count))
    points = np.interp(levels, below_each / below_each[-1], values[order])
    points = points[np.concatenate([[True], np.diff(points) > 1e-12 * np.abs(points).max()])]
    at = matrix(points)
    masses = post.weight if at.shape[-1] > 1 else post.slices[..., None]
    p = masses.reshape(len(masses), -1) @ at.reshape(len(points), -1).T
    z = np.maximum.accumulate(ndtri(np.clip(p, 1e-15, 1 - 1e-15)), axis=-1)
    return Distribution(points, z + 1e-12 * np.arange(len(points)))  # strictly increasing: it is inverted
