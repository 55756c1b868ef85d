"""Quantiles and probabilities of every estimand against brute force (brute.py)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm

from meta.stats.posterior.distributions import (
    Distribution,
    logit_mean_rate,
    mean_rate_distribution,
    mu_distribution,
    predictive_distribution,
    tau_distribution,
)
from meta.stats.posterior.posterior import posterior
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import binomial_surface
from tests.unit.stats import brute
from tests.unit.stats.brute import CASES

LEVELS = np.array([0.005, 0.025, 0.16, 0.5, 0.84, 0.975, 0.995])
# of a probability; 1.6e-5 is the largest found, and brute force itself is good to 1.4e-5 where it is narrow
PROBABILITY = 3e-5


def ours(name):
    x, n, mu_prior, prior, *_ = CASES[name]
    return posterior(binomial_surface(x, n), MuPrior(*mu_prior), TauPrior.parse(prior))


def quantities(name):
    """By name: quantiles at `LEVELS`, and brute force's distribution function of the same quantity."""
    post, found = ours(name), brute.case(name)
    return {
        "mu": (mu_distribution(post).quantile(LEVELS)[0], found.below),
        "mean rate": (expit(mean_rate_distribution(post).quantile(LEVELS)[0]), found.rate_below),
        "new trial": (predictive_distribution(post).quantile(LEVELS)[0], found.new_below),
        "tau": (post.cells.axis.tau(tau_distribution(post).quantile(LEVELS)[0]), found.tau_below),
        "lower end": (
            mu_distribution(post, -1.96).quantile(LEVELS)[0], lambda s: found.below(s, shift=-1.96)
        ),
        "upper end": (
            mu_distribution(post, 1.96).quantile(LEVELS)[0], lambda s: found.below(s, shift=1.96)
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_quantiles(name):
    """Put back into brute force's distribution functions; and as far off as their slopes there say.

    Of mu, tau, mean rate and a new trial's effect, quantiles from 2.5 to 97.5 % are within 2e-4 in their own
    units (found: 1.4e-4 without responders, elsewhere 9e-5), and the ends of the middle 95 % within 5e-4.
    """
    for quantity, (q, below) in quantities(name).items():
        assert (np.diff(q) > 0).all()
        reached = np.array([below(s) for s in q])
        assert np.abs(reached - LEVELS).max() < PROBABILITY, quantity
        inner = slice(1, -1)
        error = np.abs(brute.off(below, q[inner], LEVELS[inner])).max()
        assert error < (5e-4 if "end" in quantity else 2e-4), quantity


@pytest.mark.parametrize("name", ["table 1", "no responder", "one trial", "pritz1997", "half-Cauchy"])
def test_probabilities_above_thresholds(name):
    post, found = ours(name), brute.case(name)
    cuts = np.array([0.05, 0.1, 0.2, 0.3, 0.7])
    for distribution, below in (
        (mu_distribution(post), lambda p: found.below(logit(p))),
        (mean_rate_distribution(post), found.rate_below),
        (predictive_distribution(post), lambda p: found.new_below(logit(p))),
    ):
        known = distribution.with_points(logit(cuts))  # evaluated there, not interpolated
        np.testing.assert_allclose(known.below(logit(cuts))[0], [below(p) for p in cuts], atol=PROBABILITY)
        # interpolation between the points that serve anyway
        np.testing.assert_allclose(distribution.below(logit(cuts))[0], known.below(logit(cuts))[0], atol=2e-3)


def test_a_mean_rate_is_kept_exact_at_both_ends():
    """The logit of a rate that rounds to 1 is still known, by symmetry from the rate of non-responders."""
    mu, tau = np.array([-40.0, -30.0, -2.0, 0.0, 2.0, 30.0, 40.0]), np.array([[0.0], [0.7], [2.0]])
    found = logit_mean_rate(mu, tau)
    np.testing.assert_allclose(found, -found[:, ::-1], atol=1e-12)
    assert (np.diff(found, axis=1) > 0).all()
    np.testing.assert_allclose(found[0], mu, atol=1e-12)
    # far below 0, E expit(theta) is E e^theta = e^(mu + tau2/2), less e^mu of it
    np.testing.assert_allclose(found[:, 0], mu[0] + tau[:, 0] ** 2 / 2, atol=1e-10)


def normals(means, sds, points):
    means, sds = (np.asarray(z, dtype=float)[:, None] for z in (means, sds))
    return Distribution.of(points, lambda s: norm.cdf(s, means, sds))


def test_on_the_normal_quantile_scale_a_normal_is_a_line():
    """So that quantiles between and beyond the points are exact: rounding of the tails' quantiles is 1e-9."""
    found = normals([0, 1], [1, 2], np.linspace(-5, 5, 21))
    p = np.array([1e-6, 0.025, 0.5, 0.9, 0.999])
    np.testing.assert_allclose(found.quantile(p), norm.ppf(p) * [[1], [2]] + [[0], [1]], atol=1e-7)
    s = np.array([-2.2, 0.03, 4.9])
    np.testing.assert_allclose(found.below(s), norm.cdf((s - [[0], [1]]) / [[1], [2]]), atol=1e-9)
    own = found.quantile(np.array([[0.1, 0.5], [0.3, 0.9]]))  # levels of each data set's own
    np.testing.assert_allclose(own, [norm.ppf([0.1, 0.5]), norm.ppf([0.3, 0.9], 1, 2)], atol=1e-7)


def test_points_that_are_there_already_are_not_added():
    found = normals([0], [1], np.linspace(-5, 5, 21))
    assert found.with_points(np.array([0.0, 5.0])).points.tolist() == found.points.tolist()
    more = found.with_points(np.array([0.25, 0.25, -7.0]))
    assert len(more.points) == 23
    assert (np.diff(more.z) > 0).all()
    np.testing.assert_allclose(more.z[0], more.points, atol=1e-9)


def test_far_out_probabilities_stay_off_zero_and_one():
    """Where doubles no longer tell them from 1, normal quantiles still increase, and can be inverted."""
    found = normals([0], [1], np.linspace(-14, 14, 41))
    assert np.isfinite(found.z).all()
    assert (np.diff(found.z) > 0).all()
    p = np.array([1e-6, 0.025, 0.5, 1 - 1e-6])
    np.testing.assert_allclose(found.quantile(p)[0], norm.ppf(p), atol=1e-6)


def test_many_data_sets_at_once():
    """Wide and narrow ones share their points and a grid, whose steps are the narrow ones'.

    Alone, a wide posterior has a coarser grid: 3.5e-4 in the logit of a mean rate without any trial.
    """
    include = np.array([[True] * 4, [True, False, False, False], [False] * 4, [False, False, True, True]])
    x, n = brute.TABLE1
    priors = MuPrior(-2, 2), TauPrior.parse("half-normal:1.25")
    every = posterior(binomial_surface(x, n, include), *priors)
    for make in (mu_distribution, mean_rate_distribution, predictive_distribution):
        together = make(every).quantile([0.025, 0.5, 0.975])
        for row, mask in enumerate(include):
            alone = make(posterior(binomial_surface(x, n, mask), *priors)).quantile([0.025, 0.5, 0.975])
            np.testing.assert_allclose(together[row], alone[0], atol=1e-3 if not mask.any() else 1e-4)
