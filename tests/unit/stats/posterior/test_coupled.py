"""Sets of groups that share tau, on one grid, against each set on its own."""

import numpy as np
import pytest

from meta.stats.posterior import coupled as module
from meta.stats.posterior.coupled import coupled_sets
from meta.stats.posterior.distributions import mean_rate_distribution, mu_distribution, tau_distribution
from meta.stats.posterior.posterior import posterior
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import binomial_surface

PRIORS = (MuPrior.parse("normal:-2,2"), TauPrior.parse("half-normal:1.25"))
LEVELS = [0.025, 0.5, 0.975]
# data sets: one trial a column, and which of them belong to each
X, N = np.array([5, 6, 0, 1, 2, 3, 0, 1]), np.array([18, 32, 38, 38, 38, 38, 20, 20])
MEMBERS = np.array(
    [[1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1, 0, 1], [0, 0, 0, 1, 0, 0, 0, 0]],
    dtype=bool,
)
SETS = np.array([[0, 1], [0, 2], [3, -1], [1, 2], [-1, -1], [0, 3]])


def read(post):
    quantiles = (each(post).quantile(LEVELS) for each in (mu_distribution, mean_rate_distribution))
    return (*quantiles, post.cells.axis.tau(tau_distribution(post).quantile(LEVELS)), post.log_evidence)


def surface():
    return binomial_surface(np.tile(X, (4, 1)), np.tile(N, (4, 1)), MEMBERS)


@pytest.mark.parametrize("refuse", [False, True])
def test_sets_are_the_coupled_posteriors_one_by_one(monkeypatch, refuse):
    """With the common grid, and where it resolves nothing.

    Not bitwise with the common grid: each set alone chooses another one. Quantiles within 5e-4 of a logit and
    evidence within 2e-6 nats, as batches of single groups do (test_posterior).
    """
    if refuse:
        monkeypatch.setattr(module, "NODES_IN_CORE", 10**6)
    *quantiles, evidence = coupled_sets(surface(), SETS, *PRIORS, read)
    for row, groups in enumerate(SETS):
        filled = np.flatnonzero(groups >= 0)
        if not filled.size:
            assert np.isnan(evidence[row]).all()
            continue
        *alone, own = read(posterior(surface().of(groups[filled]), *PRIORS, coupled=True))
        for many, one in zip(quantiles, alone, strict=True):
            np.testing.assert_allclose(many[row, filled], one, atol=0 if refuse else 5e-4, rtol=0)
            assert np.isnan(many[row, groups < 0]).all()
        np.testing.assert_allclose(evidence[row, filled], own, atol=0 if refuse else 2e-6, rtol=0)


@pytest.mark.parametrize("changes", [{"_BATCH": 2}, {"_HELD": 1}])
def test_batches_say_the_same(monkeypatch, changes):
    """Two sets a grid, and one set at a time off a grid: within the same tolerances."""
    whole = coupled_sets(surface(), SETS, *PRIORS, read)
    for name, value in changes.items():
        monkeypatch.setattr(module, name, value)
    for one, other in zip(coupled_sets(surface(), SETS, *PRIORS, read), whole, strict=True):
        np.testing.assert_allclose(one, other, atol=5e-4, rtol=0)


def test_groups_that_contradict_each_other_about_tau_fall_back_to_their_own_grid():
    """One group of very different trials, one of equal ones: neither's own grid shows where both meet."""
    x = np.array([[0, 400, 0, 400, 0, 0], [0, 0, 0, 0, 60, 60]])
    include = np.array([[1, 1, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]], dtype=bool)
    both = binomial_surface(x, np.full((2, 6), 400), include)
    mu, *_ = coupled_sets(both, np.array([[0, 1]]), *PRIORS, read)
    alone = read(posterior(both, *PRIORS, coupled=True))[0]
    np.testing.assert_allclose(mu[0], alone, atol=5e-4, rtol=0)
