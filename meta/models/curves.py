"""Curves and surfaces of a posterior for figures: densities with their priors, and the joint density."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from meta.stats import distributions as dist
from meta.stats.marginal import marginal_terms
from meta.stats.posterior import posterior
from meta.stats.sinc import interpolate
from meta.stats.surface import binomial_surface

if TYPE_CHECKING:
    from meta.stats.posterior import Posterior
    from meta.stats.priors import MuPrior, TauPrior
    from meta.stats.scales import FloatArray
    from meta.stats.surface import Surface

_POINTS = 121  # of a curve
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
    surface : Surface
    mu_prior, tau_prior : MuPrior, TauPrior

    Returns
    -------
    dict of str to tuple of float
        As :class:`meta.results.Fit` describes its `grids`; seven digits.
    """
    before = posterior(binomial_surface([[]], [[]]), mu_prior, tau_prior)
    end = _end(post, before)
    tau = np.linspace(end * 1e-6, end, _POINTS)  # at 0 itself a prior may be infinite
    result: dict[str, FloatArray] = {
        "tau.x": tau,
        "tau.density": _tau_density(post, tau),
        "tau.prior": np.exp(tau_prior.logpdf(tau)),
    }
    for name, of in (
        ("median", dist.mu_distribution),
        ("mean", dist.mean_rate_distribution),
        ("predictive", dist.predictive_distribution),
    ):
        found, prior = of(post), of(before)
        low, high = expit(found.quantile([0.0005, 0.9995])[0])
        x = np.clip(np.linspace(low, high, _POINTS), 1e-9, 1 - 1e-9)
        slope = 1 / (x * (1 - x))
        result |= {
            f"{name}.x": x,
            f"{name}.density": found.density(logit(x))[0] * slope,
            f"{name}.prior": prior.density(logit(x))[0] * slope,
        }
    for name, of in (("mean", dist.mean_rate_distribution), ("predictive", dist.predictive_distribution)):
        x = np.linspace(0.004, 0.996, _POINTS)
        result |= {
            f"before.{name}.x": x,
            f"before.{name}.density": of(before).density(logit(x))[0] / (x * (1 - x)),
        }
    result |= _joint(post, surface, mu_prior, tau_prior, tau[-1])
    return {
        name: tuple(float(f"{value:.{_DIGITS}g}") for value in np.ravel(values))
        for name, values in result.items()
    }


def _end(post: Posterior, before: Posterior) -> float:
    """A tau beyond which neither posterior nor prior has more than a little."""
    ours = post.cells.axis.tau(dist.tau_distribution(post).quantile([0.998]))[0, 0]
    prior = before.cells.axis.tau(dist.tau_distribution(before).quantile([0.95]))[0, 0]
    return float(max(ours, min(prior, 2 * ours)))


def _tau_density(post: Posterior, tau: FloatArray) -> FloatArray:
    """Density of tau from that of each slice, smooth at 0."""
    heights = post.slices[0] / np.exp(post.cells.log_width)
    return np.asarray(np.maximum(interpolate(post.cells.tau, heights, tau), 0.0))


def _joint(
    post: Posterior, surface: Surface, mu_prior: MuPrior, tau_prior: TauPrior, end: float
) -> dict[str, FloatArray]:
    """Density of (mean ORR, tau) and log-likelihood less its maximum on the same points."""
    found = dist.mean_rate_distribution(post)
    low, high = expit(found.quantile([0.001, 0.999])[0])
    mean = np.clip(np.linspace(low, high, _SIDE), 1e-9, 1 - 1e-9)
    tau = np.linspace(end * 1e-6, end, _SIDE)
    mu, slope = _mu_at(mean, tau)
    loglik = surface.loglik(mu, tau)[0]
    log_prior = mu_prior.logpdf(mu) + tau_prior.logpdf(tau)
    log_density = loglik + log_prior - post.log_evidence[0] - np.log(slope)
    return {
        "joint.mean": mean,
        "joint.tau": tau,
        "joint.density": np.exp(log_density),
        "joint.profile": loglik - loglik.max(),
    }


def _mu_at(mean: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mu that has each mean rate at each tau, and the slope of that rate there, shape (means, taus)."""
    target = logit(mean)[:, None]
    mu = target * np.sqrt(1 + 0.346 * tau**2)  # of a probit in place of the logit
    for _ in range(5):
        one = marginal_terms(1, 1, mu, tau**2)
        rate = np.exp(one.value)
        found = one.value - np.log1p(-rate)
        mu = mu - (found - target) * (1 - rate) / one.d_mu
    one = marginal_terms(1, 1, mu, tau**2)
    return mu, np.exp(one.value) * one.d_mu
