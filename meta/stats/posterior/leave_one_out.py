"""Influence of each trial on a posterior, and its prediction from the other trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import betaln, expit, log_ndtr, logit, ndtr

from meta.stats.posterior.distributions import (
    Distribution,
    mean_rate_distribution,
    mu_distribution,
    predictive_distribution,
)
from meta.stats.posterior.posterior import batches
from meta.stats.posterior.surface import binomial_surface

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from meta.stats.normal.scales import FloatArray
    from meta.stats.posterior.posterior import Posterior
    from meta.stats.posterior.priors import MuPrior, TauPrior

_NODES = 240  # over the distribution of a proportion, on the logit scale
_MASSES = 2000  # of a trial's true effect
_POINTS = 60  # more of the predictive distribution, which is read at many places
_TAIL = 36.0  # nats


class LeftOut(NamedTuple):
    """One entry a trial, shape (k,), or (k, Q) for the quantiles.

    `mid_p` is the predictive probability, given the other trials, of fewer responders than the trial had
    plus half that of as many; `divergence` is how far the trial moves the posterior of (mu, tau), in nats;
    `median`, `mean` the posterior medians of median and mean rate without it; `shrunken` quantiles of
    its true rate given all trials.
    """

    mid_p: FloatArray
    divergence: FloatArray
    median: FloatArray
    mean: FloatArray
    shrunken: FloatArray


def leave_one_out(
    x: ArrayLike, n: ArrayLike, mu_prior: MuPrior, tau_prior: TauPrior, *, full: Posterior, p: ArrayLike
) -> LeftOut:
    """Leave each trial of a binomial-normal posterior out in turn.

    Parameters
    ----------
    x, n : array_like of int, shape (k,)
        Responders and patients.
    full : Posterior
        Of all trials under the same priors.
    p : array_like, shape (Q,)
        Probabilities of the quantiles of `shrunken`.

    Notes
    -----
    The divergence is Kullback and Leibler's, of the posterior with the trial from the one without it: the
    posterior mean of log L_i plus the log ratio of the evidences without and with it. The true effect of a
    trial given all of them has a density proportional to its own likelihood times the predictive
    density given the others.
    """
    arms, sizes, probabilities = (np.asarray(z, dtype=float) for z in (x, n, p))
    surface = binomial_surface(arms, sizes)
    each = surface._replace(members=surface.members - np.eye(len(surface.first)))
    own = surface.expected(full.cells.mu, full.cells.tau[:, None], full.weight[0])
    place, parts = [], []
    for rows, rest in batches(each, mu_prior, tau_prior):
        found = predictive_distribution(rest)
        found = found.with_points(np.linspace(found.points[0], found.points[-1], _POINTS))
        middle = found.quantile([0.16, 0.5, 0.84])
        alone = [found._replace(z=found.z[[j]]) for j in range(len(rows))]
        trials = list(zip(alone, surface.first[rows], surface.second[rows], strict=True))
        place.append(rows)
        parts.append(
            LeftOut(
                np.array([mid_p(*trial) for trial in trials]),
                own[rows] + rest.log_evidence - full.log_evidence[0],
                expit(mu_distribution(rest).quantile([0.5])[:, 0]),
                expit(mean_rate_distribution(rest).quantile([0.5])[:, 0]),
                np.array(
                    [_shrunken(*trial, probabilities, z) for trial, z in zip(trials, middle, strict=True)]
                ),
            )
        )
    order = np.argsort(np.concatenate(place))
    distinct = (arms[:, None] == surface.first) & (sizes[:, None] == surface.second)
    index = order[distinct.argmax(-1)]
    return LeftOut(*(np.concatenate(column)[index] for column in zip(*parts, strict=True)))


def count_below(predictive: Distribution, r: ArrayLike, m: float) -> FloatArray:
    """Predictive probability of at most r responders among m patients of a new trial.

    Parameters
    ----------
    predictive : Distribution
        Of the true effect of a new trial, one data set.
    r : array_like of int, shape (...)
        -1 ... m.

    Returns
    -------
    ndarray, shape (...)

    Notes
    -----
    Pr(X <= r | theta) = Pr(B > expit(theta)) with B ~ Beta(r + 1, m - r), so that Pr(X <= r) is the average
    of the predictive distribution function over logit B.
    """
    count = np.asarray(r, dtype=float)
    inner = (count >= 0) & (count < m)
    a, b = np.where(inner, count + 1, 1.0), np.where(inner, m - count, 1.0)
    spread = np.sqrt(2 * _TAIL * (1 / a + 1 / b))
    low, high = logit(a / (a + b)) - _TAIL / a - spread, logit(a / (a + b)) + _TAIL / b + spread
    theta = low + (high - low) * np.linspace(0, 1, _NODES).reshape(-1, *[1] * count.ndim)
    log_density = a * theta - (a + b) * np.logaddexp(0, theta) - betaln(a, b)
    weight = np.exp(log_density) * (high - low) / (_NODES - 1)
    average = (weight * predictive.below(theta.ravel())[0].reshape(theta.shape)).sum(0)
    return np.where(inner, np.clip(average, 0, 1), np.where(count < 0, 0.0, 1.0))


def mid_p(predictive: Distribution, x: float, n: float) -> float:
    """Predictive probability of fewer than x responders plus half that of x.

    Parameters
    ----------
    predictive : Distribution
        Of the true effect of a new trial, one data set.
    """
    return float(count_below(predictive, [x - 1, x], n).mean())


def _shrunken(
    predictive: Distribution, x: float, n: float, p: FloatArray, middle_of: FloatArray
) -> FloatArray:
    """Quantiles of a trial's true rate, `predictive` its distribution given the others.

    `middle_of` are the quantiles of that at .16, .5 and .84.
    """
    low, middle, high = middle_of
    place, reach = float(logit((x + 0.5) / (n + 1))), 4 * (high - low) + 1e-12
    left = min(_TAIL / x, reach) if x > 0 else reach
    right = min(_TAIL / (n - x), reach) if x < n else reach
    own = np.sqrt(1 / (x + 0.5) + 1 / (n - x + 0.5))
    ends = np.linspace(min(place, middle) - left - own, max(place, middle) + right + own, _MASSES + 1)
    theta = (ends[1:] + ends[:-1]) / 2
    log_own = x * theta - n * np.logaddexp(0, theta)
    log_mass = _log_differences(predictive.z_at(ends)[0]) + log_own
    mass = np.exp(log_mass - log_mass.max())
    share = np.concatenate([[0.0], np.cumsum(mass)]) / mass.sum()
    return np.asarray(expit(np.interp(p, share, ends)))


def _log_differences(z: FloatArray) -> FloatArray:
    """Log of the probabilities between neighbouring normal quantiles; both may be far out in one tail."""
    sizes = np.abs(z)
    low, high = np.minimum(sizes[1:], sizes[:-1]), np.maximum(sizes[1:], sizes[:-1])
    tail = log_ndtr(-low)
    one_side = tail + np.log(-np.expm1(np.minimum(log_ndtr(-high) - tail, -1e-300)))
    between = np.maximum(ndtr(z[1:]) - ndtr(z[:-1]), 1e-300)
    return np.asarray(np.where(z[1:] * z[:-1] < 0, np.log(between), one_side))
