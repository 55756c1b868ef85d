"""Curves and surfaces of a posterior for figures: densities with their priors, and the joint density."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from meta.models.bayes.posterior_fit import SWEEP
from meta.stats.normal.scales import FloatArray
from meta.stats.posterior import densities
from meta.stats.posterior import distributions as dist
from meta.stats.posterior.posterior import Posterior, posterior
from meta.stats.posterior.surface import binomial_surface

if TYPE_CHECKING:
    from meta.stats.posterior.priors import MuPrior, TauPrior
    from meta.stats.posterior.surface import Surface

Density = Callable[[Posterior, FloatArray], FloatArray]

_POINTS = 121  # of a curve
# Where priors are drawn. Not at one half: under a prior of tau with a tail like a half-Cauchy's, the prior
# density of the mean rate is infinite there, since every rate between 0 and 1 tends to it as tau grows
_WHOLE = (0.004, 0.996, 120)
_SIDE = 61  # of the joint density
_DIGITS = 7


def curves(
    post: Posterior, surface: Surface, mu_prior: MuPrior, tau_prior: TauPrior
) -> dict[str, tuple[float, ...]]:
    """Densities of the three ORRs and of tau with their priors, and the joint one of (mean ORR, tau).

    Parameters
    ----------
    post : Posterior
        Of one data set of the binomial-normal model.

    Returns
    -------
    dict of str to tuple of float
        As :class:`meta.results.Fit` describes its `grids`; seven digits.
    """
    before = posterior(binomial_surface([[]], [[]]), mu_prior, tau_prior)
    end = _end(post, before)
    tau = _from_zero(max(end, SWEEP[-1]), _POINTS, tau_prior)
    result: dict[str, FloatArray] = {
        "tau.x": tau,
        "tau.density": densities.tau_density(post, surface, mu_prior, tau_prior, tau)[0],
        "tau.prior": np.exp(tau_prior.logpdf(tau)),
    }
    for name, (of, density) in _RATES.items():
        x = _between(of(post), 0.0005, _POINTS)
        result |= {f"{name}.x": x, f"{name}.density": density(post, x), f"{name}.prior": density(before, x)}
    result |= _joint(post, surface, mu_prior, tau_prior, end)
    return _rounded(result) | _before(before)


def prior_curves(mu_prior: MuPrior, tau_prior: TauPrior) -> dict[str, tuple[float, ...]]:
    """The curves that no data enter: prior densities of the mean ORR and of that of a new trial."""
    return _before(posterior(binomial_surface([[]], [[]]), mu_prior, tau_prior))


def _before(before: Posterior) -> dict[str, tuple[float, ...]]:
    x = np.linspace(*_WHOLE)
    result = dict[str, FloatArray]()
    for name in ("mean", "predictive"):
        result |= {f"before.{name}.x": x, f"before.{name}.density": _RATES[name][1](before, x)}
    return _rounded(result)


def _rounded(curves: dict[str, FloatArray]) -> dict[str, tuple[float, ...]]:
    return {
        name: tuple(float(f"{value:.{_DIGITS}g}") for value in np.ravel(values))
        for name, values in curves.items()
    }


def _mean_rate(post: Posterior, x: FloatArray) -> FloatArray:
    return np.asarray(densities.mean_rate_density(post, x)[0])


def _of_logit(density: Callable[[Posterior, FloatArray], FloatArray]) -> Density:
    """The density of a rate from that of its logit."""
    return lambda post, x: density(post, logit(x))[0] / (x * (1 - x))


# Distribution of the logit, and density of the rate
_RATES: dict[str, tuple[Callable[[Posterior], dist.Distribution], Density]] = {
    "median": (dist.mu_distribution, _of_logit(densities.mu_density)),
    "mean": (dist.mean_rate_distribution, _mean_rate),
    "predictive": (dist.predictive_distribution, _of_logit(densities.predictive_density)),
}


def _between(found: dist.Distribution, tail: float, points: int) -> FloatArray:
    """Rates from one tail of the distribution of their logit to the other."""
    low, high = expit(found.quantile([tail, 1 - tail])[0])
    return np.clip(np.linspace(low, high, points), 1e-9, 1 - 1e-9)


def _end(post: Posterior, before: Posterior) -> float:
    """A tau beyond which neither posterior nor prior has more than a little."""
    ours = post.cells.axis.tau(dist.tau_distribution(post).quantile([0.998]))[0, 0]
    prior = before.cells.axis.tau(dist.tau_distribution(before).quantile([0.95]))[0, 0]
    return float(max(ours, min(prior, 2 * ours)))


def _from_zero(end: float, points: int, tau_prior: TauPrior) -> FloatArray:
    """Values of tau from 0 to `end`; from half a step on where the prior density at 0 is infinite."""
    tau = np.linspace(0, end, points)
    if tau_prior.logpdf(0.0) == np.inf:
        tau[0] = tau[1] / 2
    return tau


def _joint(
    post: Posterior, surface: Surface, mu_prior: MuPrior, tau_prior: TauPrior, end: float
) -> dict[str, FloatArray]:
    """Density of (mean ORR, tau) and log-likelihood less its maximum on the same points."""
    mean = _between(dist.mean_rate_distribution(post), 0.001, _SIDE)
    tau = _from_zero(end, _SIDE, tau_prior)
    mu, slope = densities.mu_at(mean, tau)
    loglik = surface.loglik(mu, tau)[0]
    log_prior = mu_prior.logpdf(mu) + tau_prior.logpdf(tau)
    log_density = loglik + log_prior - post.log_evidence[0] - np.log(slope)
    return {
        "joint.mean": mean,
        "joint.tau": tau,
        "joint.density": np.exp(log_density),
        "joint.profile": loglik - loglik.max(),
    }
