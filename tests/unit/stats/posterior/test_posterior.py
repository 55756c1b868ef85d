"""Posteriors against brute force (brute.py), and many at once against one at a time."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import halfnorm, norm

from meta.models.bayes.posterior_fit import tau_divergence
from meta.stats.posterior.distributions import (
    logit_mean_rate,
    mean_rate_distribution,
    mu_distribution,
    predictive_distribution,
    tau_distribution,
)
from meta.stats.posterior.posterior import in_batches, posterior, posterior_at
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import binomial_surface, normal_surface
from tests.unit.stats import brute
from tests.unit.stats.brute import CASES, TABLE1

PRIORS = MuPrior(-2, 2), TauPrior.parse("half-normal:1.25")
EIGHT = ([5, 6, 2, 1, 0, 3, 9, 0], [18, 32, 29, 21, 12, 40, 55, 8])
LEVELS = [0.025, 0.5, 0.975]


def ours(name):
    x, n, mu_prior, prior, *_ = CASES[name]
    return posterior(binomial_surface(x, n), MuPrior(*mu_prior), TauPrior.parse(prior))


def moments(post):
    """Mean and sd of mu, mean of tau and of the mean rate, of every data set."""
    mu, tau = post.cells.mu, post.cells.tau[:, None]
    mean = post.expectation(mu)
    sd = np.sqrt(post.expectation(mu**2) - mean**2)
    return np.array([mean, sd, post.expectation(tau), post.expectation(expit(logit_mean_rate(mu, tau)))])


def theirs(found, b=0):
    return [
        found.mean(found.mu, b), found.sd(found.mu, b), found.mean(found.tau[:, None], b),
        found.mean(found.rate, b),
    ]  # fmt: skip


def test_brute_force_has_converged():
    """Smaller steps of the lattice, and half as many nodes again in tau, change what it says by 1e-9."""
    x, n, mu_prior, prior = CASES["table 1"]
    fine = brute.binomial(x, n, mu_prior=mu_prior, prior=brute.prior_of(prior), step=0.07, ratio=2.0)
    coarse = brute.case("table 1")
    assert theirs(fine) == pytest.approx(theirs(coarse), abs=1e-9)
    assert fine.log_evidence[0] == pytest.approx(coarse.log_evidence[0], abs=1e-9)
    # the distribution functions come from splines: their error falls by 4, from 7e-6
    for s in (-3.13, -1.92, -0.93):
        assert fine.below(s) == pytest.approx(coarse.below(s), abs=5e-6)
        assert fine.new_below(s) == pytest.approx(coarse.new_below(s), abs=5e-6)
        assert fine.rate_below(expit(s)) == pytest.approx(coarse.rate_below(expit(s)), abs=5e-6)


@pytest.mark.parametrize("name", CASES)
def test_moments_and_evidence(name):
    """Found: evidence 5e-7 (a gamma's pole at 0 is cut at 1e-11 of its median), moments 9e-7, or less."""
    post, found = ours(name), brute.case(name)
    assert post.log_evidence[0] == pytest.approx(found.log_evidence[0], rel=0, abs=2e-6)
    if name == "half-Cauchy":
        assert np.isfinite(found.mean(found.tau[:, None]))  # 3 trials bound their own effect
    np.testing.assert_allclose(moments(post)[:, 0], theirs(found), rtol=0, atol=5e-6)
    assert post.weight.sum() == pytest.approx(1, abs=1e-10)
    assert post.slices.shape == post.weight.shape[:2]


@pytest.mark.parametrize("name", CASES)
def test_divergence_of_tau(name):
    """Found: 6e-7 nats or less."""
    found = brute.case(name).divergence[0]
    assert tau_divergence(ours(name))[0] == pytest.approx(found, rel=0, abs=2e-6)


@pytest.mark.parametrize(
    ("x", "n", "include"),
    [
        (*TABLE1, [[True, True, False, False], [False, False, True, True]]),
        ([0, 0, 4, 9, 1], [12, 20, 31, 30, 8], [[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]]),
    ],
)
def test_groups_that_share_tau(x, n, include):
    """Given tau they are independent; the evidence is that of all together. Found: 6e-8 or less."""
    include = np.array(include, dtype=bool)
    post = posterior(binomial_surface(x, n, include), *PRIORS, coupled=True)
    found = brute.binomial(x, n, include, prior=halfnorm(scale=1.25), coupled=True)
    every = moments(post)
    for b in range(len(include)):
        np.testing.assert_allclose(every[:, b], theirs(found, b), rtol=0, atol=5e-6)
        assert post.log_evidence[b] == pytest.approx(found.log_evidence[0], abs=2e-6)
    np.testing.assert_allclose(tau_divergence(post), found.divergence[0], atol=2e-6)
    tau = tau_distribution(post).quantile(LEVELS)
    np.testing.assert_allclose(tau - tau[:1], 0, atol=1e-9)  # tau is the same for all groups
    for q, p in zip(post.cells.axis.tau(tau[0]), LEVELS, strict=True):
        assert found.tau_below(q) == pytest.approx(p, abs=1e-5)
    for b, row in enumerate(mu_distribution(post).quantile(LEVELS)):
        for q, p in zip(row, LEVELS, strict=True):
            assert found.below(q, b) == pytest.approx(p, abs=3e-5)


def test_the_normal_model():
    """mu given tau is normal there: its moments in closed form, tau by Gauss-Legendre panels."""
    y, v = np.array([-1.3, -0.2, -2.9, -1.1]), np.array([0.3, 0.1, 0.5, 0.25])
    post = posterior(normal_surface(y, v), *PRIORS)
    tau, weight = brute.nodes(brute.panels(halfnorm(scale=1.25), 1.5))
    w = 1 / (v + tau[:, None] ** 2)
    precision = w.sum(-1) + 1 / 4
    mean = (w @ y - 2 / 4) / precision
    # N(y; mu, v + tau2) and the prior, integrated over mu: the joint density at any mu over the posterior's
    joint = norm.logpdf(y, mean[:, None], w**-0.5).sum(-1) + norm.logpdf(mean, -2, 2)
    mass = np.exp(joint - norm.logpdf(0, 0, precision**-0.5)) * halfnorm(scale=1.25).pdf(tau) * weight
    evidence = mass.sum()
    mass /= evidence
    average = mass @ mean
    sd = np.sqrt(mass @ (1 / precision + mean**2) - average**2)
    assert post.log_evidence[0] == pytest.approx(np.log(evidence), abs=1e-8)
    np.testing.assert_allclose(moments(post)[:3, 0], [average, sd, mass @ tau], atol=1e-8)


@pytest.mark.parametrize("arms", [TABLE1, ([0, 0, 0], [18, 32, 29])], ids=["table 1", "no responder"])
def test_at_a_fixed_tau(arms):
    """Against the lattice at the same tau; at 0 the posterior of a common effect. Found: 2.4e-7 or less."""
    taus = np.array([0.0, 0.05, 0.5, 1.0, 2.0, 8.0])
    post = posterior_at(binomial_surface(*arms), PRIORS[0], taus)
    assert post.weight.shape[0] == len(taus)
    mu = np.arange(-18, 14, 0.1)
    mean = post.expectation(post.cells.mu)
    sd = np.sqrt(post.expectation(post.cells.mu**2) - mean**2)
    medians = mu_distribution(post).quantile([0.5])[:, 0]
    for j, tau in enumerate(taus):
        joint = brute.binomial_table(*arms, mu, tau).prod(0) * norm.pdf(mu, -2, 2)
        mass = joint / joint.sum()
        assert post.log_evidence[j] == pytest.approx(np.log(joint.sum() * 0.1), abs=1e-6)
        assert mean[j] == pytest.approx(mass @ mu, abs=1e-6)
        assert sd[j] == pytest.approx(np.sqrt(mass @ mu**2 - (mass @ mu) ** 2), abs=1e-6)
        # the median by the trapezoidal rule between lattice points: its error is that of h^2 times a slope
        assert np.interp(medians[j], mu + 0.05, np.cumsum(mass)) == pytest.approx(0.5, abs=2e-3)
    assert (post.cells.tau == taus).all()


def read(post):
    """What a subset's row shows: evidence, moments, and quantiles of all distributions."""
    distributions = (mu_distribution, mean_rate_distribution, predictive_distribution)
    found = np.stack([each(post).quantile(LEVELS) for each in distributions], axis=1)
    tau = post.cells.axis.tau(tau_distribution(post).quantile(LEVELS))
    return post.log_evidence, moments(post).T, found, tau


def test_all_subsets_in_batches_are_the_posteriors_one_by_one():
    """In the order given. Not bitwise: a batch shares a grid, which another batch chooses otherwise.

    Evidence and moments stay within 2e-6. Quantiles differ by up to 3e-4 for the widest posteriors, of few
    arms or of arms without responders, whose own grid is the coarser one.
    """
    include = np.array(list(product([False, True], repeat=8)))[::-1]
    batched = in_batches(binomial_surface(*EIGHT, include), *PRIORS, read)
    assert [len(part) for part in batched] == [256] * 4
    for row in range(0, 256, 15):  # every fifteenth, the full set first, none last
        alone = read(posterior(binomial_surface(*EIGHT, include[row]), *PRIORS))
        evidence, middle, quantiles, tau = (part[row] - single[0] for part, single in
                                            zip(batched, alone, strict=True))  # fmt: skip
        assert abs(evidence) < 2e-6
        assert np.abs(middle).max() < 2e-6
        assert np.abs(quantiles).max() < 5e-4
        assert np.abs(tau).max() < 5e-4
    # without a trial the posterior is the prior
    last = [part[-1] for part in batched]
    assert last[0] == pytest.approx(0, abs=1e-8)
    np.testing.assert_allclose(last[2][0], norm.ppf(LEVELS, -2, 2), atol=5e-4)
    np.testing.assert_allclose(last[3], halfnorm.ppf(LEVELS, scale=1.25), atol=5e-4)


def test_batches_keep_the_order_of_data_sets_that_are_far_apart():
    """Sets of one trial each, from 0 to all of its patients, shuffled: they fall into several batches."""
    x = np.random.default_rng(3).permutation(31)
    surface = binomial_surface(x[:, None], np.where(x % 2, 30, 300)[:, None])
    evidence, middle, *_ = in_batches(surface, *PRIORS, read)
    for i in (0, 7, 19, 30):
        alone = posterior(binomial_surface([x[i]], [30 if x[i] % 2 else 300]), *PRIORS)
        assert evidence[i] == pytest.approx(alone.log_evidence[0], abs=2e-6)
        np.testing.assert_allclose(middle[i], moments(alone)[:, 0], atol=5e-6)


def test_repeated_trials_and_left_out_ones_count_as_often_as_they_occur():
    twice = posterior(binomial_surface([3, 3, 0], [20, 20, 11]), *PRIORS)
    surface = binomial_surface([0, 9, 3, 3], [11, 10, 20, 20], [True, False, True, True])
    assert surface.members.tolist() == [[1.0, 2.0]]
    masked = posterior(surface, *PRIORS)
    assert (masked.weight == twice.weight).all()
    assert masked.log_evidence == twice.log_evidence
