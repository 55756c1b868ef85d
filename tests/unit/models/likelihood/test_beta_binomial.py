"""The beta-binomial model by maximum likelihood: what a Fit of it holds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import beta, betabinom, chi2

from meta.data import Counts
from meta.models import BetaBinomial
from tests.unit.models.conftest import N, X


def loglik(rate, rho):
    a, b = rate * (1 - rho) / rho, (1 - rate) * (1 - rho) / rho
    return betabinom.logpmf(X, N, a, b).sum()


@pytest.fixture(scope="module")
def fit(table1):
    return BetaBinomial().fit(table1)


def test_the_likelihood_is_scipy_s_and_at_its_maximum(fit):
    """scipy's betabinom has the coefficients too; 1e-9 is its rounding."""
    rate, rho = fit.proportion.value, fit.correlation.value
    assert fit.loglik == pytest.approx(loglik(rate, rho), abs=1e-9)
    for d_rate, d_rho in ((0.002, 0), (-0.002, 0), (0, 0.002), (0, -0.002)):
        assert loglik(rate + d_rate, rho + d_rho) < fit.loglik


def test_estimands(fit):
    found, rate, rho = fit.estimands, fit.proportion.value, fit.correlation.value
    a, b = rate * (1 - rho) / rho, (1 - rate) * (1 - rho) / rho
    assert found.mean.value == pytest.approx(expit(fit.mu.value), rel=1e-12)
    assert found.median.value == pytest.approx(beta.ppf(0.5, a, b), rel=1e-9)
    assert (found.predictive.low, found.predictive.high) == pytest.approx(
        beta.ppf([0.025, 0.975], a, b), rel=1e-9
    )
    assert found.predictive.kind == "prediction"
    assert (found.median.low, found.median.reason) == (None, "this model gives an interval for the mean")
    assert (fit.tau, fit.dispersion, fit.tau2.value) == (None, None, None)
    assert "intraclass correlation" in fit.tau2.reason


def test_profile_limits_lie_on_the_cut_off(fit):
    """The best correlation on a grid of 2000: its loglik is below by chi2/2, to 1e-3."""
    cut = chi2.ppf(0.95, 1) / 2
    for rate in (fit.proportion.low, fit.proportion.high):
        best = max(loglik(rate, rho) for rho in np.linspace(1e-4, 0.9, 2000))
        assert fit.loglik - best == pytest.approx(cut, abs=1e-3)


@pytest.mark.parametrize("interval", ["profile", "profile-t", "wald", "wald-t"])
def test_every_interval_holds_the_estimate(interval, table1, unexplained):
    found = BetaBinomial(interval=interval).fit(table1)
    assert found.proportion.low < found.proportion.value < found.proportion.high
    assert unexplained(found) == []


@pytest.mark.parametrize("groups", ["common", "separate"])
def test_groups(groups, regions, unexplained):
    found = BetaBinomial(groups=groups).fit(regions)
    asia, west = found.groups
    assert (asia.correlation == west.correlation) is (groups == "common")
    (contrast,) = found.between.contrasts
    assert contrast.mu.estimand == "log-odds-ratio-of-means"
    assert found.between.tests == ()
    assert unexplained(found) == []


@pytest.mark.parametrize(
    ("x", "n", "status"),
    [
        ([3], [19], "exact-interval-only"),
        ([3, 5], [19, 22], "drawn-not-headline"),
        ([0, 0, 0], [5, 8, 12], "drawn-not-headline"),
        ([5, 8, 12], [5, 8, 12], "drawn-not-headline"),
        ([], [], "no-estimate"),
    ],
)
def test_corners_have_a_value_or_a_reason(x, n, status, unexplained):
    found = BetaBinomial().fit(Counts.of(x, n))
    assert unexplained(found) == []
    assert found.standing.status == status
    if len(x) == 3:
        assert found.mu.value is None
        assert found.proportion.value == (x[0] > 0)


def test_without_more_than_binomial_variation_the_correlation_is_zero():
    found = BetaBinomial().fit(Counts.of([5, 5, 5], [20, 20, 20]))
    assert found.correlation.value == 0
    assert found.proportion.value == pytest.approx(0.25, abs=1e-9)
    assert found.prediction.effect.low is None
    assert any("no sign that they agree" in note for note in found.notes)


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [1, 3, 0, 2]])
def test_the_order_of_trials_does_not_matter(order, fit):
    """Sums in another order: 1e-7 of what the search for the maximum leaves open."""
    other = BetaBinomial().fit(Counts.of(np.array(X)[order], np.array(N)[order]))
    assert other.proportion.value == pytest.approx(fit.proportion.value, abs=1e-7)
    assert other.correlation.value == pytest.approx(fit.correlation.value, abs=1e-6)


@pytest.mark.parametrize(
    ("x", "n", "interval", "level"),
    [
        ([5, 0], [59, 38], "profile-t", 0.99),
        ([1, 0], [17, 34], "profile-t", 0.99),
        ([0, 0], [1, 22_625], "profile", 0.95),
        ([2, 2, 0, 4], [8, 14, 16, 95], "profile", 0.95),
        ([0, 0, 0], [100_000, 90_000, 99_000], "profile", 0.95),
        ([0, 21_000, 0, 5], [100_000, 90_000, 100_000, 99_000], "profile", 0.95),
    ],
)
def test_flat_and_far_likelihoods_have_limits(x, n, interval, level, unexplained):
    """Each warned, did not converge, or took minutes (arms of 1e5 without a responder)."""
    found = BetaBinomial(interval=interval, level=level).fit(Counts.of(x, n))
    mean = found.proportion
    assert 0 <= mean.low <= mean.value <= mean.high <= 1
    assert found.correlation.value is not None
    assert unexplained(found) == []


def test_the_lower_of_two_low_peaks_is_left():
    """At 2/8, 2/14, 0/16 and 4/95 the profile has a peak at 0 and a higher one, by 0.001, beside it."""
    found = BetaBinomial().fit(Counts.of([2, 2, 0, 4], [8, 14, 16, 95]))
    rates = np.linspace(1e-4, 0.03, 300)
    rho = rates[:, None, None]
    mean = np.linspace(0.04, 0.1, 300)[:, None]
    a, b = mean * (1 - rho) / rho, (1 - mean) * (1 - rho) / rho
    height = betabinom.logpmf([2, 2, 0, 4], [8, 14, 16, 95], a, b).sum(-1).max()
    assert found.loglik == pytest.approx(height, abs=1e-5)  # of a grid, at most
    assert found.loglik > height - 1e-9


def test_no_prediction_on_another_scale_says_why(fit):
    assert fit.prediction.proportion.low is not None
    assert fit.prediction.effect.low is None
    assert "no scale but its own" in fit.prediction.effect.reason
