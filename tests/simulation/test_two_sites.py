import numpy as np
import pytest
from scipy.special import expit, logsumexp

from meta.data import PartialCounts
from meta.models.sites.effects import Priors
from meta.models.sites.site_graph import draw
from tests.simulation.two_sites import (
    TOTALS_ONLY,
    N,
    _by_site,
    _by_total,
    compare,
    estimates,
    grid,
    logliks,
    simulate,
)


@pytest.fixture(scope="module")
def points():
    return grid(means=9, differences=6, taus=3, effects=5)


def test_the_prior_is_a_distribution_about_its_own_mean():
    points = grid()
    weight = np.exp(points.log_prior - logsumexp(points.log_prior))
    mean = points.logits.mean((1, 2))
    assert weight @ mean == pytest.approx(-2, abs=0.02)  # the grid ends 3.5 and 3 sd away
    assert weight @ (mean + 2) ** 2 == pytest.approx(4.5, rel=0.03)  # 2^2 + E[sigma^2]/2


def test_a_total_is_the_sum_of_its_splits(points):
    n, total = N[2], 5
    splits = np.array([[j, total - j] for j in range(total + 1)])
    together = logsumexp(_by_site(points, splits, n), axis=0)
    # held in single precision: 6e-8 of logarithms of up to 200
    np.testing.assert_allclose(_by_total(points, np.array([total]), n)[0], together, atol=1e-4)


def test_data_sets_have_the_rates_they_say():
    x, truth = simulate(4000, seed=3)
    half = x / N
    # unbiased: the mean of differences within 4 of their standard errors
    difference = half.mean((1, 2)) - truth
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(x))
    assert ((truth > 0) & (truth < 1)).all()


def test_the_three_ways_differ_by_what_is_not_reported(points, monkeypatch):
    x, truth = simulate(12, seed=4)
    apart = compare(x, truth, points)
    assert len({result.width for result in apart.values()}) == 3
    monkeypatch.setattr("tests.simulation.two_sites.TOTALS_ONLY", np.zeros(len(N), dtype=bool))
    assert len(set(compare(x, truth, points).values())) == 1


def test_totals_over_one_mix_do_not_tell_sites_apart_but_widen_their_contrast():
    """The posterior of the contrast is not quite its prior: the likelihood of a total depends on it.

    Sites further apart raise the mean rate of a mix above that of its mean logit, which fits a total above
    what the prior of mu expects. Which site is the better one stays exactly unknown where halves are mixed.
    """
    points = grid(means=49, differences=40, taus=8, effects=9)
    n, totals = np.array([10, 10]), np.array([4, 7, 2, 5])
    loglik = _by_total(points, totals, n).sum(0)
    contrast = points.logits[:, 0, 0] - points.logits[:, 0, 1]
    sds = []
    for log in (points.log_prior, points.log_prior + loglik):
        weight = np.exp(log - logsumexp(log))
        assert weight @ contrast == pytest.approx(0, abs=1e-4)  # the table is in single precision
        sds.append(np.sqrt(weight @ contrast**2))
    assert 1.02 < sds[1] / sds[0] < 1.2  # 1.115: wider than the prior, never narrower
    reported = _by_site(points, np.array([[1, 3]] * 4), n).sum(0)  # what splits would have told
    weight = np.exp(points.log_prior + reported - logsumexp(points.log_prior + reported))
    assert np.sqrt(weight @ contrast**2 - (weight @ contrast) ** 2) < 0.6 * sds[0]


@pytest.mark.slow
def test_the_sampled_model_agrees_with_the_grid():
    """Without a contrast the model of sites and regions is the model of this simulation."""
    x, _ = simulate(1, seed=6)
    trials, sites = [f"trial {i}" for i in range(len(N))], ["one", "two"]
    rows = []
    for trial, totals_only, responders in zip(trials, TOTALS_ONLY, x[0].tolist(), strict=True):
        apart = [(trial, [site], count) for site, count in zip(sites, responders, strict=True)]
        rows += [(trial, sites, sum(responders))] if totals_only else apart
    data = PartialCounts.of(N, rows, trials, sites)
    found = draw(data, Priors(), groups="random", contrasts=(), draws=1000, tune=500, seed=1)
    node, weight = np.polynomial.hermite_e.hermegauss(15)
    at = (found.mu + found.scales["tau"] * node[:, None])[..., None] + found.group  # (nodes, draws, sites)
    mix = weight @ expit(at).mean(-1) / weight.sum()
    points = grid(means=65, differences=56, taus=14, effects=15)
    _, low, high = (float(z[0]) for z in estimates(points, logliks(x, points)[1]))
    # Of an interval's ends 1,000 effective draws have a standard error of about 2 % of its width
    assert np.quantile(mix, [0.025, 0.975]) == pytest.approx([low, high], abs=0.08 * (high - low))
