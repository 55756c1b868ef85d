"""Posterior densities of mu, tau, the mean response rate and the true effect of a new trial, by quadrature.

A density is not the slope of an interpolated distribution function: under a heavy-tailed prior that function
bends too sharply for its few points, and the slope of a cubic jumps where two cubics meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, ndtri

from meta.stats.binomial.marginal import marginal_terms
from meta.stats.posterior.grid import cells_at

if TYPE_CHECKING:
    from meta.stats.normal.scales import FloatArray
    from meta.stats.posterior.posterior import Posterior
    from meta.stats.posterior.priors import MuPrior, TauPrior
    from meta.stats.posterior.surface import Surface

_HERMITE = np.polynomial.hermite_e.hermegauss(9)
_CLOSE = 3e-3  # of a logit: the step from there leaves about its square
_ROUNDS = 12  # of Newton; 2 are usual
_ASIDE = 1e-7  # of a step
_EVERY = slice(None)


def mu_density(post: Posterior, s: FloatArray) -> FloatArray:
    """Density of mu at `s`, shape (L,); result shape (B, L)."""
    at = np.broadcast_to(s[:, None], (len(s), len(post.cells.tau)))
    return np.asarray(_given_tau(post, at).sum(-1))


def mean_rate_density(post: Posterior, rate: FloatArray) -> FloatArray:
    """Density of the mean response rate E[expit(theta)] at `rate`, shape (L,); result shape (B, L).

    Parameters
    ----------
    rate : ndarray
        Between 0 and 1.
    """
    mu, slope = mu_at(rate, post.cells.tau)
    return np.asarray((_given_tau(post, mu) / slope).sum(-1))


def predictive_density(post: Posterior, s: FloatArray) -> FloatArray:
    """Density of the true effect of a new trial at `s`, shape (L,); result shape (B, L)."""
    grid = post.cells
    wide = grid.tau > grid.step
    z = (s[:, None, None] - grid.mu[wide]) / grid.tau[wide, None]
    normal = np.exp(-(z**2) / 2) / (np.sqrt(2 * np.pi) * grid.tau[wide, None])
    result = np.einsum("btn,ltn->bl", post.weight[:, wide], normal)
    # A normal narrower than the grid's step is not resolved by it: there the average over it goes outside
    nodes, weights = _HERMITE
    narrow = np.flatnonzero(~wide)
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        result += weight * _given_tau(post, s[:, None] - node * grid.tau[narrow], narrow).sum(-1)
    return np.asarray(result)


def tau_density(
    post: Posterior, surface: Surface, mu_prior: MuPrior, tau_prior: TauPrior, tau: FloatArray
) -> FloatArray:
    """Density of tau at `tau` >= 0, shape (L,); result shape (B, L).

    The likelihood is integrated over mu at each tau, so that the density is right at 0 as well, and infinite
    there where the prior's is. `surface` and the priors are those of the posterior.
    """
    log_slices = cells_at(surface, mu_prior, tau).log_slices
    return np.asarray(np.exp(log_slices + tau_prior.logpdf(tau) - post.log_evidence[:, None]))


def mu_at(rate: FloatArray, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mu with a given mean rate at a given tau, and the slope of the mean rate in mu there, shape (L, T).

    Parameters
    ----------
    rate : ndarray, shape (L,)
        Between 0 and 1.
    tau : ndarray, shape (T,)
    """
    # By symmetry with a rate below a half, which is the exact one of the two
    target = -np.abs(logit(rate))[:, None]
    mu = -np.hypot(target, ndtri(expit(target)) * tau)  # exact without tau, and where it is all
    for _ in range(_ROUNDS):
        one = marginal_terms(1, 1, mu, tau**2)
        p = np.exp(one.value)
        off = one.value - np.log1p(-p) - target
        step = -off * (1 - p) / one.d_mu
        mu = mu + step
        if np.abs(off).max() < _CLOSE:
            break
    slope = p * (one.d_mu + (one.d_mumu + one.d_mu**2) * step)
    return np.where(rate[:, None] > 0.5, -mu, mu), np.asarray(slope)


def _given_tau(post: Posterior, at: FloatArray, slices: np.ndarray | slice = _EVERY) -> FloatArray:
    """Density of mu at `at`, shape (L, T), in each of T slices, times their shares; shape (B, L, T)."""
    grid, points = post.cells, np.arange(post.weight.shape[-1])
    step = grid.step[slices]
    u = (at - grid.first[slices]) / step
    u = np.where(np.abs(u - np.rint(u)) < _ASIDE, np.rint(u) + _ASIDE, u)  # at a point sinc would be 0 / 0
    # The sine of sinc(u - n) is the same for all n but for its sign
    sine = np.where((u > 0) & (u < points[-1]), np.sin(np.pi * u) / np.pi, 0.0)
    spread = np.where(points % 2, -1.0, 1.0) / (u[..., None] - points)
    density = sine * np.einsum("btn,ltn->blt", post.weight[:, slices], spread) / step
    return np.asarray(np.maximum(density, 0.0))
