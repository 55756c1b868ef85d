"""The latent model against the same model on a grid: no sampler, trial effects integrated at each point."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logsumexp, ndtri
from scipy.stats import norm

from meta.data import PartialCounts
from meta.errors import DataError
from meta.models.sites.latent import latent
from meta.models.sites.site_region import SiteRegion
from meta.stats.unreported.sums import log_probability

LABELS = ("a", "b", "c", "d")
ROWS = [("a", ["poor"], 5), ("a", ["well"], 0), ("b", ["poor"], 6), ("b", ["well"], 2)]
SUMS = [("c", ["poor", "well"], 3), ("d", ["poor", "well"], 1)]
N = [[18, 6], [32, 8], [38, 22], [12, 1]]
EITHER = 8  # of d: 1 to 9 of 21 are well
DATA = PartialCounts.of(N, [*ROWS, *SUMS], LABELS, ("poor", "well"), {}, [(5, ("poor", "well"), EITHER)])


@pytest.fixture(scope="module")
def found():
    return latent(SiteRegion(seed=3), DATA, factor="differentiation")


@pytest.fixture(scope="module")
def grid():
    """Points, their posterior weights, and at each the chance of d's responders among the poor."""
    mean, contrast = np.linspace(-6, 2, 41), np.linspace(-4, 4, 41)
    node, weight = np.polynomial.legendre.leggauss(16)
    tau, tau_weight = 1.25 * ndtri((3 + node) / 4), weight / 2  # half-normal, by its probabilities
    effect, effect_weight = np.polynomial.hermite_e.hermegauss(25)
    effect_weight /= effect_weight.sum()
    mu, c, t = (x.ravel() for x in np.meshgrid(mean, contrast, tau, indexing="ij"))
    log_prior = norm.logpdf(mu, -2, 2) + norm.logpdf(c) + np.tile(np.log(tau_weight), 41 * 41)
    eta = (mu[:, None] + t[:, None] * effect)[..., None] + c[:, None, None] * np.array([-0.5, 0.5])

    def trial(parts):
        return logsumexp(sum(parts) + np.log(effect_weight), axis=-1)

    def both(n, x):
        return log_probability(eta, n, x)

    total = log_prior
    for (poor, well), (x, y) in (((18, 6), (5, 0)), ((32, 8), (6, 2))):
        total = total + trial([both([poor, 0], x), both([0, well], y)])
    total = total + trial([both([38, 22], 3)])
    ways = np.array([both([20 - m, 1 + m], 1) for m in range(EITHER + 1)])
    total = total + trial([logsumexp(ways, axis=0) - np.log(EITHER + 1)])
    posterior = np.exp(total - logsumexp(total))
    mean_rate = (expit(eta[..., 0]) * effect_weight).sum(-1)
    return posterior, c, mean_rate, mu - c / 2


def _moments(weight, values):
    mean = (weight * values).sum()
    return mean, np.sqrt((weight * (values - mean) ** 2).sum())


def test_the_contrast_is_the_grids(found, grid):
    posterior, contrast, *_ = grid
    mean, sd = _moments(posterior, contrast)
    # four standard errors of the mean of some 1000 effective draws; of the sd, whose tails count, twice that
    assert found.contrast.expectation == pytest.approx(mean, abs=0.13 * sd)
    assert found.contrast.sd == pytest.approx(sd, rel=0.13)
    assert found.contrast.prior_sd == 1
    assert sd < 0.75  # the 14 patients move it from the prior


def test_the_rate_of_those_who_stay_is_the_grids(found, grid):
    posterior, _, mean_rate, median_logit = grid
    (rate,) = (one for one in found.fits[0].standardised if one.population == "new-trials")
    mean, sd = _moments(posterior, mean_rate)
    assert rate.mean.expectation == pytest.approx(mean, abs=0.13 * sd)
    mean, sd = _moments(posterior, expit(median_logit))
    assert rate.median.expectation == pytest.approx(mean, abs=0.13 * sd)
    assert (rate.standing.status, found.fits[0].k) == ("headline", 4)


def test_splits_are_those_of_the_sums(found):
    assert [(one.trial, one.n, one.responders, one.leaving) for one in found.splits] == [
        ("c", 60, 3, (22, 22)),
        ("d", 21, 1, (1, 9)),
    ]
    for one in found.splits:
        assert one.low <= one.expected <= one.high
    first, second = found.splits
    # poor patients are the more probable responders of c: more than their 38 of 60
    assert 3 * 38 / 60 < first.expected < 3
    assert (first.expected_leaving, 1 < second.expected_leaving < 9) == (22, True)
    # one responder among 21 where the others have 13 of 64: that more of them are well is a little likelier
    assert second.expected_leaving > 5


def test_what_is_not_asked_is_not_there(found):
    assert (found.alone, found.sampling_alone, len(found.fits)) == (None, None, 1)
    assert (found.factor, found.stays, found.leaves) == ("differentiation", "poor", "well")
    assert found.fits[0].sampling_without_groups is None
    assert any("For 8 patients, no report says" in note for note in found.notes)


def test_the_excluded_are_a_fixed_group_whatever_the_options(monkeypatch):
    asked = []

    def sample(self, data):
        assert data is DATA
        asked.append((self.contrasts, self.groups, dict(self.target), self.interaction_prior, self.beside))
        raise DataError("enough")

    monkeypatch.setattr(SiteRegion, "sample", sample)
    with pytest.raises(DataError, match="enough"):
        latent(SiteRegion(groups="random", interaction_prior="half-normal:0.5"), DATA, factor="f")
    assert asked == [((), "fixed", {"poor": 1.0}, None, False)]


def test_two_groups_are_asked_for():
    three = PartialCounts.of([[1, 2, 3]], [("a", ["x"], 1)], ["a"], ["x", "y", "z"])
    with pytest.raises(DataError, match="groups: found 3; two"):
        latent(SiteRegion(), three, factor="f")
