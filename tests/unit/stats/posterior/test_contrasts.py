"""Differences between groups against brute force (brute.py), and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.special import expit
from scipy.stats import halfnorm, norm

from meta.stats.posterior.contrasts import coupled_difference, independent_difference
from meta.stats.posterior.distributions import Distribution, logit_mean_rate, mu_distribution
from meta.stats.posterior.posterior import posterior
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import binomial_surface
from tests.unit.stats import brute

PRIORS = MuPrior(-2, 2), TauPrior.parse("half-normal:1.25")
LEVELS = np.array([0.005, 0.025, 0.16, 0.5, 0.84, 0.975, 0.995])
GROUPS = {
    "table 1 by region": (*brute.TABLE1, [[1, 1, 0, 0], [0, 0, 1, 1]]),
    "one without responders": ([0, 0, 4, 9], [12, 20, 31, 30], [[1, 1, 0, 0], [0, 0, 1, 1]]),
    "one trial each": ([9, 1], [30, 33], [[1, 0], [0, 1]]),
    "without responders": ([0, 0, 0], [18, 32, 29], [[1, 1, 0], [0, 0, 1]]),
}


def ours(name):
    x, n, include = GROUPS[name]
    return posterior(binomial_surface(x, n, np.array(include, dtype=bool)), *PRIORS, coupled=True)


def theirs(name, *, coupled):
    x, n, include = GROUPS[name]
    return brute.binomial(x, n, include, prior=halfnorm(scale=1.25), coupled=coupled)


def rates(post):
    return expit(logit_mean_rate(post.cells.mu, post.cells.tau[:, None]))


@pytest.mark.parametrize("name", GROUPS)
def test_groups_that_share_tau(name):
    """Of mu 2e-7 of a probability at most.

    Of mean rates less: mu is found there by cubic interpolation over rates, between which it is far from
    cubic where nearly nobody responds.
    """
    post, found = ours(name), theirs(name, coupled=True)
    mu = coupled_difference(post, 0, 1, post.cells.mu)
    reached = [found.difference_below(q) for q in mu.quantile(LEVELS)[0]]
    np.testing.assert_allclose(reached, LEVELS, atol=1e-6)
    zero = found.difference_below(0.0)
    assert mu.with_points(np.array([0.0])).below([0.0])[0, 0] == pytest.approx(zero, abs=1e-6)
    assert mu.below([0.0])[0, 0] == pytest.approx(zero, abs=5e-4)  # interpolated between 19 points: 2e-4
    mean = coupled_difference(post, 0, 1, rates(post)).quantile(LEVELS)[0]
    np.testing.assert_allclose([found.rate_difference_below(q) for q in mean], LEVELS, atol=4e-3)
    np.testing.assert_allclose(brute.off(found.rate_difference_below, mean, LEVELS), 0, atol=2e-3)


@pytest.mark.parametrize("name", ["table 1 by region", "one without responders"])
def test_a_difference_changes_its_sign_with_the_order(name):
    post = ours(name)
    one = coupled_difference(post, 0, 1, post.cells.mu).quantile(LEVELS)[0]
    other = coupled_difference(post, 1, 0, post.cells.mu).quantile(1 - LEVELS)[0]
    np.testing.assert_allclose(one, -other, atol=2e-4)


def test_a_group_differs_from_its_own_twin_by_nothing_on_average():
    x, n = [4, 1, 4, 1], [20, 15, 20, 15]
    twins = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=bool)
    post = posterior(binomial_surface(x, n, twins), *PRIORS, coupled=True)
    found = coupled_difference(post, 0, 1, post.cells.mu)
    assert found.quantile([0.5])[0, 0] == pytest.approx(0, abs=1e-6)
    low, high = found.quantile([0.1, 0.9])[0]
    assert low == pytest.approx(-high, abs=1e-5)


@pytest.mark.parametrize("name", GROUPS)
def test_groups_with_a_tau_each(name):
    """The convolution of two posteriors of mu on brute force's lattice.

    400 quantiles stand for one of the two distributions: 5e-4 of a probability (found: 2e-4).
    """
    x, n, include = GROUPS[name]
    include = np.array(include, dtype=bool)
    posts = [posterior(binomial_surface(x, n, mask), *PRIORS) for mask in include]
    difference = independent_difference(*(mu_distribution(post) for post in posts))
    found = theirs(name, coupled=False)
    first, second = (mass.sum(0) for mass in found.mass)
    under = CubicSpline(found.mu, second / found.step).antiderivative()

    def below(s):
        return first @ (1 - under(np.clip(found.mu - s, found.mu[0], found.mu[-1])))

    reached = [below(q) for q in difference.quantile(LEVELS)[0]]
    np.testing.assert_allclose(reached, LEVELS, atol=5e-4)
    assert difference.below([0.0])[0, 0] == pytest.approx(below(0.0), abs=5e-4)


def test_the_difference_of_two_normals_is_normal():
    """400 quantiles have a little less than the variance: 1e-3 of it, 5e-4 of a standard deviation."""

    def normal(mean, sd):
        points = np.linspace(mean - 5 * sd, mean + 5 * sd, 31)
        return Distribution.of(points, lambda s: norm.cdf(s, mean, sd)[None])

    found = independent_difference(normal(1, 0.5), normal(-0.5, 1.2))
    truth = norm(1.5, 1.3)
    np.testing.assert_allclose(found.quantile(LEVELS)[0], truth.ppf(LEVELS), atol=3e-3)
    assert found.below([0.0])[0, 0] == pytest.approx(truth.cdf(0), abs=2e-4)


@pytest.mark.parametrize("arms", [(30, 30, 0, 30), (9, 10, 1, 40), (12, 12, 0, 60), (0, 110, 10, 12)])
@pytest.mark.parametrize("level", [0.95, 0.99, 0.999])
def test_differences_of_rates_end_at_one(arms, level):
    """Far out, where the distribution function has reached 0 or 1, quantiles stay where the rates are."""
    x, n = arms[::2], arms[1::2]
    post = posterior(binomial_surface(x, n, np.eye(2, dtype=bool)), *PRIORS, coupled=True)
    tail = (1 - level) / 2
    low, middle, high = coupled_difference(post, 0, 1, rates(post)).quantile([tail, 0.5, 1 - tail])[0]
    assert -1 <= low < middle < high <= 1
