"""What each trial does, against brute force (brute.py) and against posteriors of other data sets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binom, norm

from meta.stats.posterior.distributions import Distribution, predictive_distribution
from meta.stats.posterior.leave_one_out import count_below, leave_one_out, mid_p
from meta.stats.posterior.posterior import in_batches, posterior
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import binomial_surface
from tests.unit.stats import brute

PRIORS = MuPrior(-2, 2), TauPrior.parse("half-normal:1.25")
HALF_NORMAL = brute.prior_of("half-normal:1.25")
P = [0.025, 0.5, 0.975]
SETS = {
    "table 1": brute.TABLE1,
    "with zeros": ([5, 0, 0, 12], [18, 32, 9, 21]),
    "one trial": ([3], [19]),
    "two trials": ([0, 12], [25, 12]),
}


def ours(arms):
    full = posterior(binomial_surface(*arms), *PRIORS)
    return full, leave_one_out(*arms, *PRIORS, full=full, p=P)


@pytest.fixture(scope="module", params=SETS, ids=str)
def both(request):
    arms = SETS[request.param]
    include = np.vstack([np.full(len(arms[0]), True), ~np.eye(len(arms[0]), dtype=bool)])
    return arms, *ours(arms), brute.binomial(*arms, include, prior=HALF_NORMAL)


def test_divergence(both):
    """Of the posterior with a trial from the one without, cell by cell. Found: 1e-6 nats."""
    (x, _), _, left, found = both
    for i in range(len(x)):
        with_it, without = found.mass[0], found.mass[1 + i]
        kept = with_it > 1e-14
        theirs = (with_it[kept] * np.log(with_it[kept] / without[kept])).sum()
        assert left.divergence[i] == pytest.approx(theirs, abs=1e-5)
    assert (left.divergence > 0).all()


def test_medians_without_each_trial(both):
    (x, _), _, left, found = both
    for i in range(len(x)):
        assert found.below(logit(left.median[i]), 1 + i) == pytest.approx(0.5, abs=3e-5)
        # without any trial the grid is coarse, see test_distributions: 5e-5
        assert found.rate_below(left.mean[i], 1 + i) == pytest.approx(0.5, abs=1e-4)


def test_the_predictive_probability_of_a_trial(both):
    """Evidence of the data set in which the trial had r responders, over the sum for all r."""
    (x, n), _, left, _ = both
    for i in range(len(x)):
        counts = np.arange(n[i] + 1)
        tables = np.tile(np.array(x), (n[i] + 1, 1))
        tables[:, i] = counts
        (evidence,) = in_batches(
            binomial_surface(tables, n), *PRIORS, lambda post: (np.exp(post.log_evidence),)
        )
        share = evidence / evidence.sum()
        theirs = share[: x[i]].sum() + share[x[i]] / 2
        assert left.mid_p[i] == pytest.approx(theirs, abs=1e-3)  # found: 3e-4


def test_true_rates_given_all_trials(both):
    """Density of theta_i: its binomial likelihood times the normal density, averaged over the others'."""
    (x, n), _, left, found = both
    theta = np.linspace(-14, 10, 801)
    for i in range(len(x)):
        kept = found.mass[1 + i].sum(-1) > 1e-12
        density = sum(
            norm.pdf(theta[:, None], found.mu, np.hypot(tau, 1e-9)) @ mass
            if tau > 2 * found.step
            else _narrow(theta, found.mu, mass, tau)
            for tau, mass in zip(found.tau[kept], found.mass[1 + i, kept], strict=True)
        )
        density = density * expit(theta) ** x[i] * expit(-theta) ** (n[i] - x[i])
        share = np.cumsum(density) / density.sum()
        below = np.interp(
            logit(left.shrunken[i]), theta + 0.015, share
        )  # lattice points own half a step each
        # a distribution function interpolated between points is differenced here: found 1.7e-3 of a
        # probability, 2e-4 of a rate
        np.testing.assert_allclose(below, P, atol=4e-3)
        slope = np.interp(logit(left.shrunken[i]), theta, density / density.sum() / 0.03)
        rate = left.shrunken[i]
        np.testing.assert_allclose((below - P) * rate * (1 - rate) / slope, 0, atol=1e-3)


def _narrow(theta, mu, mass, tau):
    """The density of mu + tau z where the lattice does not resolve the normal."""
    nodes, weights = brute.HERMITE
    curve = brute.CubicSpline(mu, mass / (mu[1] - mu[0]))
    at = theta[:, None] - tau * nodes
    return np.where((at > mu[0]) & (at < mu[-1]), curve(at), 0) @ (weights / weights.sum())


def test_a_trial_that_says_nothing_new_moves_little_and_a_contradiction_much():
    _, left = ours(([4, 4, 4, 4, 4, 20], [20] * 6))
    assert left.divergence[5] > 10 * left.divergence[0]
    assert left.mid_p[5] > 0.99
    assert left.mid_p[:5] == pytest.approx(left.mid_p[0], abs=1e-9)  # alike trials, alike
    low, middle, high = left.shrunken.T
    assert (low < middle).all()
    assert (middle < high).all()
    assert middle[5] < 1  # drawn towards the others
    assert (middle[:5] > 0.19).all()


@pytest.mark.parametrize("m", [1, 7, 30, 90])
def test_counts_of_a_new_trial(m):
    """Sums of marginal likelihoods over the cells of the posterior.

    Found: 6.5e-4, the interpolation of the predictive distribution function between 19 points (with 37
    of them 2e-5, with 97 4e-7).
    """
    post = posterior(binomial_surface(*brute.TABLE1), *PRIORS)
    r = np.arange(m + 1)
    surface = binomial_surface(r[:, None], np.full((m + 1, 1), m))
    rows = np.linspace(0, m, min(m, 12) + 1).astype(int)
    own = np.exp(surface.loglik(post.cells.mu, post.cells.tau[:, None]))
    mass = (own * post.weight[0]).sum((1, 2))
    assert mass.sum() == pytest.approx(1, abs=1e-9)
    below = count_below(predictive_distribution(post), rows, m)
    np.testing.assert_allclose(below, np.cumsum(mass)[rows], atol=1e-3)


def test_counts_that_cannot_be():
    ahead = Distribution.of(np.linspace(-6, 2, 31), lambda s: norm.cdf(s, -2, 0.8)[None])
    assert count_below(ahead, [-1, 5, 6], 5).tolist() == [0, 1, 1]
    assert count_below(ahead, np.arange(6).reshape(2, 3), 5).shape == (2, 3)
    assert (np.diff(count_below(ahead, np.arange(-1, 31), 30)) >= 0).all()


@pytest.mark.parametrize(("mean", "sd"), [(-2, 0.8), (-6, 0.3), (0, 3), (4, 1)])
def test_counts_under_a_known_predictive_distribution(mean, sd):
    """A logit-normal rate: the trapezoidal rule, which converges geometrically for it."""
    ahead = Distribution.of(
        np.linspace(mean - 5 * sd, mean + 5 * sd, 31), lambda s: norm.cdf(s, mean, sd)[None]
    )
    theta = np.linspace(mean - 8 * sd, mean + 8 * sd, 801)
    weights = norm.pdf(theta, mean, sd) * (theta[1] - theta[0])
    r = np.array([0, 1, 5, 29])
    theirs = binom.cdf(r[:, None], 30, expit(theta)) @ weights
    np.testing.assert_allclose(count_below(ahead, r, 30), theirs, atol=1e-6)
    middle = (binom.cdf(4, 30, expit(theta)) + binom.cdf(5, 30, expit(theta))) @ weights / 2
    assert mid_p(ahead, 5, 30) == pytest.approx(middle, abs=1e-6)


def test_thousands_of_trials_find_their_grid():
    """The grid of these 4,000 went to and fro between two numbers of slices."""
    generator = np.random.default_rng(1)
    for k in (400, 4000):
        n = generator.integers(6, 125, k)
        x = generator.binomial(n, expit(generator.normal(-1.7, 0.7, k)))
    post = posterior(binomial_surface(x, n), MuPrior(-2, 2), TauPrior.parse("half-normal:1.25"))
    # drawn with tau 0.7, which 4,000 trials of 65 patients tell to a standard error of 0.02
    assert post.expectation(post.cells.tau[:, None])[0] == pytest.approx(0.7, abs=0.08)
