"""Densities against brute force: direct sums over tau and theta that share no line with the package."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from scipy.interpolate import CubicSpline
from scipy.special import expit, logit, ndtr

from meta.models.bayes.curves import curves
from meta.stats.posterior.densities import mu_at, tau_density
from meta.stats.posterior.posterior import posterior
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import binomial_surface

TABLE1 = ([5, 6, 2, 1], [18, 32, 29, 21])
MU = scipy.stats.norm(-2, 2)
TAU = {
    "half-normal:1.25": scipy.stats.halfnorm(scale=1.25),
    "half-cauchy:0.5": scipy.stats.halfcauchy(scale=0.5),
}
# Where an interpolated distribution function had kinks and a jump, and beside the infinite density at 1/2
RATES = np.array([0.01, 0.148, 0.152, 0.31, 0.496, 0.52, 0.95])
THETA = np.linspace(-25, 25, 401)
STEP = THETA[1] - THETA[0]
HERMITE, WEIGHTS = np.polynomial.hermite_e.hermegauss(24)


def average(function, wide, mu, tau):
    """E[function(theta)], by nodes where the normal is narrow, by parts over the logistic density if not."""
    narrow = function(mu[:, None] + tau[:, None] * HERMITE) @ WEIGHTS / WEIGHTS.sum()
    weight = expit(THETA) * expit(-THETA) * STEP
    z = (mu[:, None] - THETA) / tau[:, None]
    return np.where(tau < 0.3, narrow, wide(z, tau[:, None]) @ weight)


def rate(mu, tau):
    return average(expit, lambda z, _: ndtr(z), mu, tau)


def slope(mu, tau):
    return average(
        lambda t: expit(t) * expit(-t), lambda z, t: np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) / t, mu, tau
    )


def slices(prior):
    """Values of tau and their weights, from 1e-15 of the prior's mass to the same from its other end."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    s = 34.5 * nodes
    tau = np.where(s < 0, prior.ppf(expit(s)), prior.isf(expit(-s)))
    return np.maximum(tau, 1e-4), 34.5 * weights * expit(s) * expit(-s)


def bisected(target, tau):
    low, high = -60 * np.hypot(1, tau), 60 * np.hypot(1, tau)
    for _ in range(45):
        middle = (low + high) / 2
        above = rate(middle, tau) > target
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2


def brute_mean(prior, rates):
    tau, weight = slices(prior)
    mu = [bisected(target, tau) for target in rates]
    return np.array([(weight * MU.pdf(at) / slope(at, tau)).sum() for at in mu])


def pmf(x, n, theta):
    """Without the binomial coefficient."""
    return np.exp(x * theta - n * np.logaddexp(0, theta))


def likelihood(mu, t):
    """Of Table 1, by sums over theta."""
    if t < 1:
        z = np.linspace(-8, 8, 161)
        theta = mu[:, None] + t * z
        normal = scipy.stats.norm.pdf(z) * (z[1] - z[0])
        return np.prod([pmf(*arm, theta) @ normal for arm in zip(*TABLE1, strict=True)], axis=0)
    theta = np.linspace(-40, 12, 521)
    density = scipy.stats.norm.pdf((theta - mu[:, None]) / t) / t * (theta[1] - theta[0])
    return np.prod([density @ pmf(*arm, theta) for arm in zip(*TABLE1, strict=True)], axis=0)


def drawn(prior, counts=TABLE1):
    surface, priors = binomial_surface(*counts), (MuPrior(-2, 2), TauPrior.parse(prior))
    return {name: np.array(z) for name, z in curves(posterior(surface, *priors), surface, *priors).items()}


@pytest.fixture(scope="module", params=TAU)
def found(request):
    return request.param, drawn(request.param)


def test_prior_of_the_mean_rate_where_it_is_drawn(found):
    """Within 2e-3 (seen: 7e-4, beside 1/2 under the half-Cauchy, where brute force itself is coarse)."""
    prior, grids = found
    for name, part in (("mean", "prior"), ("before.mean", "density")):
        x = grids[f"{name}.x"]
        np.testing.assert_allclose(grids[f"{name}.{part}"][::9], brute_mean(TAU[prior], x[::9]), rtol=2e-3)
        assert np.abs(x - 0.5).min() > 0


def test_priors_of_a_new_trial_and_of_the_median(found):
    """Within 1e-3: theta given tau is normal, of variance sd squared plus tau squared."""
    prior, grids = found
    tau, weight = slices(TAU[prior])
    x = grids["before.predictive.x"]
    spread = np.hypot(2, tau)
    z = (logit(x)[:, None] + 2) / spread
    expected = (scipy.stats.norm.pdf(z) / spread) @ weight / (x * (1 - x))
    np.testing.assert_allclose(grids["before.predictive.density"], expected, rtol=1e-3)
    x = grids["median.x"]
    np.testing.assert_allclose(grids["median.prior"], MU.pdf(logit(x)) / (x * (1 - x)), rtol=1e-3)


def test_posterior_densities(found):
    """On a lattice of mu and tau of our own, within 5e-3: its steps are what limits it."""
    prior, grids = found
    tau, weight = slices(TAU[prior])
    keep = tau < 50  # beyond, these trials leave less than 1e-4
    tau, weight = tau[keep], weight[keep]
    mu = np.linspace(-14, 8, 221)
    table = np.array([likelihood(mu, t) * MU.pdf(mu) for t in tau])  # (T, M)
    mass = table.sum(-1) * (mu[1] - mu[0])
    total = mass @ weight
    splines = [CubicSpline(mu, row) for row in table]
    x = grids["median.x"][10:101:10]
    joint = np.array([spline(logit(x)) for spline in splines])
    expected = weight @ joint / total / (x * (1 - x))
    np.testing.assert_allclose(grids["median.density"][10:101:10], expected, rtol=5e-3)
    x = grids["mean.x"][10:101:10]
    where = np.array([bisected(target, tau) for target in x])
    joint = np.array([spline(at) for spline, at in zip(splines, where.T, strict=True)]).T
    expected = [(weight * own) @ (1 / slope(at, tau)) / total for own, at in zip(joint, where, strict=True)]
    np.testing.assert_allclose(grids["mean.density"][10:101:10], expected, rtol=5e-3)
    t = grids["tau.x"][5:60:6]
    there = np.array([(likelihood(mu, one) * MU.pdf(mu)).sum() for one in t]) * (mu[1] - mu[0])
    expected = there * TAU[prior].pdf(t) / total
    np.testing.assert_allclose(grids["tau.density"][5:60:6], expected, rtol=5e-3)


@pytest.mark.parametrize(
    ("text", "prior"),
    [("uniform:0,4", scipy.stats.uniform(0, 4)), ("half-normal:1.25", TAU["half-normal:1.25"])],
)
def test_densities_without_heterogeneity(text, prior):
    """At tau = 0 exactly, where all trials have one rate; within 1e-5 (seen: 1e-6, of the sums over tau)."""
    mu = np.linspace(-14, 8, 441)
    step = mu[1] - mu[0]
    tau, weight = slices(prior)
    keep = tau < 50
    evidence = sum(
        w * (likelihood(mu, t) * MU.pdf(mu)).sum() * step
        for t, w in zip(tau[keep], weight[keep], strict=True)
    )

    def one_rate(at):
        return np.prod([pmf(*arm, at) for arm in zip(*TABLE1, strict=True)], axis=0) * MU.pdf(at)

    at_zero = prior.pdf(0) / evidence
    grids = drawn(text)
    assert grids["tau.x"][0] == grids["joint.tau"][0] == 0
    assert grids["tau.density"][0] == pytest.approx(at_zero * one_rate(mu).sum() * step, rel=1e-5)
    assert grids["tau.prior"][0] == pytest.approx(prior.pdf(0), rel=1e-6)
    mean = grids["joint.mean"]
    joint = grids["joint.density"].reshape(len(mean), -1)[:, 0]
    expected = at_zero * one_rate(logit(mean)) / (mean * (1 - mean))
    np.testing.assert_allclose(joint, expected, rtol=1e-5)


def test_curves_begin_beside_an_infinite_prior_density():
    grids = drawn("gamma:0.5,1")
    assert all(np.isfinite(values).all() for values in grids.values())
    for name in ("tau.x", "joint.tau"):
        first, second = grids[name][:2]
        assert first == pytest.approx(second / 2, rel=1e-5)  # 0 itself is left out
    assert grids["joint.density"].size == grids["joint.mean"].size * grids["joint.tau"].size


@pytest.mark.parametrize("prior", ["half-normal:0.3", "half-normal:1.25"])
def test_the_curve_of_tau_reaches_two(prior):
    """Twenty large trials: their posterior ends before 1, their prior does not."""
    grids = drawn(prior, ([10 + i % 3 for i in range(20)], [80] * 20))
    assert grids["tau.x"][-1] >= 2
    assert (grids["tau.density"] >= 0).all()
    area = np.trapezoid(grids["tau.density"], grids["tau.x"])
    assert area == pytest.approx(1, abs=5e-3)  # 121 points, joined by lines


def test_tau_has_no_density_beyond_its_prior():
    priors = MuPrior(-2, 2), TauPrior.parse("uniform:0,0.5")
    surface = binomial_surface(*TABLE1)
    post = posterior(surface, *priors)
    inner, outer = tau_density(post, surface, *priors, np.array([0.49, 0.51]))[0]
    assert inner > 1
    assert outer == 0


def test_the_mu_of_a_mean_rate():
    """Back and forth, by another quadrature, whose own error is 1e-9."""
    tau = np.array([1e-4, 0.05, 0.5, 2.0, 40.0])
    mu, by_mu = mu_at(RATES, tau)
    assert mu.shape == by_mu.shape == (len(RATES), len(tau))
    for row, target in enumerate(RATES):
        np.testing.assert_allclose(rate(mu[row], tau), target, rtol=2e-5)
        np.testing.assert_allclose(by_mu[row], slope(mu[row], tau), rtol=2e-4)
