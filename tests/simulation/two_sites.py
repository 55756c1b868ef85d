"""What trials that report only totals are worth: the model of sites, exactly, with two sites.

Trials treat patients of two primary sites. Some report responders by site, some only their total. The
response rate of a half-and-half mix of both sites is estimated three times from each simulated set of
trials: with every split reported, with some trials' totals only, and with those trials left out, as other
software does. The posterior is on a grid: mu, the difference between the sites and tau, trial effects
integrated at each point, so that nothing here depends on a sampler.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit, logsumexp, ndtri
from scipy.stats import norm

from meta.stats.unreported.sums import log_choose, log_probability

# Patients of each trial at the first and the second site, and whether it reports only its total: two of five
N = np.array([[12, 8], [20, 15], [8, 14], [10, 10], [16, 24]])
TOTALS_ONLY = np.array([False, True, False, True, False])
WAYS = ("every split reported", "totals only in two trials of five", "those trials left out")
_MU, _SD = -2.0, 2.0  # prior of mu
_SITE, _TAU = 1.0, 1.25  # half-normal scales of the sd of site effects and of tau


class Grid(NamedTuple):
    """Points of the posterior, and at each of them the prior and the trials' effects.

    `log_prior` (P,). `logits` (P, U, 2) of the two sites at U trial effects of weights `weight` (U,). `mix`
    (P,): rate of the half-and-half mix in new trials, averaged over their effects.
    """

    log_prior: np.ndarray
    logits: np.ndarray
    weight: np.ndarray
    mix: np.ndarray


class Result(NamedTuple):
    """Of one way to use the trials: root-mean-square error, coverage and mean width of 95 % intervals."""

    rmse: float
    coverage: float
    width: float


def grid(means: int = 49, differences: int = 40, taus: int = 10, effects: int = 11) -> Grid:
    """The grid.

    Parameters
    ----------
    means, differences, taus, effects : int
        Points of each; differences an even number, as the prior has a spike at 0.
    """
    mean = np.linspace(-9.0, 4.0, means)
    difference = (np.arange(differences) + 0.5) / differences * 14 - 7
    tau, tau_weight = _half_normal(_TAU, taus)
    sigma, sigma_weight = _half_normal(_SITE, 40)
    # Site effects b1, b2 ~ N(0, sigma^2): mu + (b1 + b2)/2 and b1 - b2 are independent given sigma
    of_mean = norm.pdf(mean[:, None], _MU, np.sqrt(_SD**2 + sigma**2 / 2))
    of_difference = norm.pdf(difference[:, None], 0, np.sqrt(2) * sigma)
    both = np.log(np.einsum("ms,ds,s->md", of_mean, of_difference, sigma_weight))
    log_prior = both[:, :, None] + np.log(tau_weight)
    node, weight = np.polynomial.hermite_e.hermegauss(effects)
    weight /= weight.sum()
    site = np.array([0.5, -0.5])
    logits = (
        mean[:, None, None, None, None]
        + difference[:, None, None, None] * site
        + tau[:, None, None] * node[:, None]
    )
    mix = (expit(logits).mean(-1) * weight).sum(-1)
    return Grid(log_prior.ravel(), logits.reshape(-1, effects, 2), weight, mix.ravel())


def _half_normal(scale: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of a half-normal distribution, by Gauss-Legendre over its probabilities."""
    node, weight = np.polynomial.legendre.leggauss(size)
    return scale * ndtri((1 + (1 + node) / 2) / 2), weight / 2


def simulate(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Responders (count, k, 2) of trials under rates that differ from set to set, and the true mixes.

    Parameters
    ----------
    count, seed : int
    """
    random = np.random.default_rng(seed)
    mean, difference = random.normal(-1.75, 0.75, count), random.normal(0, 1, count)
    tau = np.abs(random.normal(0, 0.75, count))
    site = np.array([0.5, -0.5])
    effects = tau[:, None] * random.standard_normal((count, len(N)))
    logits = (mean[:, None] + effects)[..., None] + difference[:, None, None] * site
    node, weight = np.polynomial.hermite_e.hermegauss(61)
    at = (mean[:, None] + tau[:, None] * node)[..., None] + difference[:, None, None] * site
    return random.binomial(N, expit(logits)), (expit(at).mean(-1) * weight).sum(-1) / weight.sum()


def compare(x: np.ndarray, truth: np.ndarray, points: Grid) -> dict[str, Result]:
    """Estimate every set in the three ways.

    Parameters
    ----------
    x : ndarray of int, shape (sets, k, 2)
    truth : ndarray, shape (sets,)
    points : Grid
    """
    ways = logliks(x, points)
    return {name: _judge(points, loglik, truth) for name, loglik in zip(WAYS, ways, strict=True)}


def logliks(x: np.ndarray, points: Grid) -> np.ndarray:
    """Log-likelihoods at every point in the three ways, shape (3, sets, P).

    Parameters
    ----------
    x : ndarray of int, shape (sets, k, 2)
    points : Grid
    """
    full, partial, dropped = out = np.zeros((3, len(x), len(points.log_prior)), dtype=np.float32)
    for i, totals_only in enumerate(TOTALS_ONLY):
        split = _by_site(points, x[:, i], N[i])
        full += split
        partial += _by_total(points, x[:, i].sum(-1), N[i]) if totals_only else split
        dropped += 0.0 if totals_only else split
    return out


def _by_site(points: Grid, x: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Log-likelihood of both sites' responders (sets, 2), at every point (sets, P)."""
    kinds, index = np.unique(x, axis=0, return_inverse=True)
    up, down = log_expit(points.logits), log_expit(-points.logits)
    out = np.empty((len(kinds), len(points.log_prior)), dtype=np.float32)
    for row, kind in enumerate(kinds):
        choose = log_choose(int(n[0]))[kind[0]] + log_choose(int(n[1]))[kind[1]]
        out[row] = _over_effects(points, choose + (kind * up + (n - kind) * down).sum(-1))
    return out[index.ravel()]


def _by_total(points: Grid, x: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Log-likelihood of the sum of both sites' responders (sets,), at every point (sets, P)."""
    kinds, index = np.unique(x, return_inverse=True)
    found = [_over_effects(points, log_probability(points.logits, n, kind)) for kind in kinds]
    return np.array(found, dtype=np.float32)[index.ravel()]


def _over_effects(points: Grid, log: np.ndarray) -> np.ndarray:
    return np.asarray(logsumexp(log, axis=-1, b=points.weight))


def estimates(points: Grid, loglik: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Posterior means and 95 % equal-tailed limits of the mix, each (sets,).

    Parameters
    ----------
    points : Grid
    loglik : ndarray, shape (sets, P)
    """
    order = np.argsort(points.mix)
    mix = points.mix[order]
    estimate, low, high = np.empty((3, len(loglik)))
    for i, row in enumerate(loglik):
        log = (row + points.log_prior)[order]
        weight = np.exp(log - log.max())
        weight /= weight.sum()
        below = weight.cumsum() - weight / 2
        estimate[i] = weight @ mix
        low[i], high[i] = np.interp([0.025, 0.975], below, mix)
    return estimate, low, high


def _judge(points: Grid, loglik: np.ndarray, truth: np.ndarray) -> Result:
    """Errors, coverage and widths against the truth."""
    estimate, low, high = estimates(points, loglik)
    rmse = float(np.sqrt(np.mean((estimate - truth) ** 2)))
    return Result(rmse, float(np.mean((low <= truth) & (truth <= high))), float(np.mean(high - low)))
