"""The binomial-normal model by maximum likelihood: what a Fit of it holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import binom, chi2, norm

from meta.data import Counts, GroupedCounts
from meta.models import BinomialNormal
from tests.unit.models.conftest import N, X

Z = np.linspace(-10, 10, 4001)  # step 0.005: the trapezoidal rule is exact to rounding there


def loglik(mu, tau, x=X, n=N):
    """Direct sum over the true log odds, with binomial coefficients."""
    theta = mu + tau * Z
    density = norm.pdf(Z) * (Z[1] - Z[0])
    return sum(np.log((binom.pmf(a, b, expit(theta)) * density).sum()) for a, b in zip(x, n, strict=True))


@pytest.fixture(scope="module")
def fit(table1):
    return BinomialNormal().fit(table1)


def test_the_likelihood_is_the_direct_one_and_at_its_maximum(fit):
    """To 1e-8, the quadrature's error; beside the maximum it is lower."""
    mu, tau = fit.mu.value, fit.tau.value
    assert fit.loglik == pytest.approx(loglik(mu, tau), abs=1e-8)
    for d_mu, d_tau in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01)):
        assert loglik(mu + d_mu, tau + d_tau) < fit.loglik


def test_estimands(fit):
    """The mean by a direct sum (1e-8); the median is expit(mu)."""
    found = fit.estimands
    assert [part.kind for part in (found.median, found.mean, found.predictive)] == [
        "confidence", "confidence", "prediction"
    ]  # fmt: skip
    assert found.median.value == pytest.approx(expit(fit.mu.value), rel=1e-12)
    mean = (expit(fit.mu.value + fit.tau.value * Z) * norm.pdf(Z)).sum() * (Z[1] - Z[0])
    assert found.mean.value == pytest.approx(mean, abs=1e-8)
    assert fit.proportion == found.mean
    assert fit.tau2.value == pytest.approx(fit.tau.value**2, rel=1e-12)
    assert "I2 and Q belong to the inverse-variance model" in fit.heterogeneity.reason


def test_profile_limits_lie_on_the_cut_off(fit):
    """The best tau given a limit of mu, on a fine grid: its loglik is below by chi2/2, to the grid's 1e-4."""
    cut = chi2.ppf(0.95, 1) / 2
    for mu in (fit.mu.low, fit.mu.high):
        best = max(loglik(mu, tau) for tau in np.linspace(0, 4, 401))
        assert fit.loglik - best == pytest.approx(cut, abs=1e-3)


def test_widths_follow_the_method(table1):
    widths = {}
    for kind in ("wald", "profile", "wald-t", "profile-t"):
        found = BinomialNormal(interval=kind).fit(table1)
        widths[kind] = found.mu.high - found.mu.low
        assert found.mu.df == (3 if kind == "wald-t" else None)
        assert (found.mu.interval_se is None) == kind.startswith("profile")
    assert widths["wald"] < widths["profile"] < widths["profile-t"]
    assert widths["wald-t"] / widths["wald"] == pytest.approx(3.182446305 / 1.959963985, rel=1e-6)


@pytest.mark.parametrize("groups", ["common", "separate"])
def test_groups(groups, regions, unexplained):
    found = BinomialNormal(groups=groups, bootstrap=20).fit(regions)
    assert [(part.label, part.k, part.responders) for part in found.groups] == [
        ("Asia", 2, 11),
        ("West", 2, 3),
    ]
    asia, west = found.groups
    assert (asia.tau2 == west.tau2) is (groups == "common")
    alone = BinomialNormal().fit(Counts.of(X[:2], N[:2]))
    if groups == "separate":
        assert asia.mu.value == pytest.approx(alone.mu.value, abs=1e-9)  # the same search
    (contrast,) = found.between.contrasts
    assert (contrast.group, contrast.reference, contrast.mu.estimand) == ("West", "Asia", "log-odds-ratio")
    assert contrast.mu.value == pytest.approx(west.mu.value - asia.mu.value, rel=1e-9)
    assert contrast.mu.low < contrast.mu.value < contrast.mu.high
    zero, estimated, one = found.between.tests
    assert (zero.tau, one.tau, estimated.tau_estimated) == (0, 1, True)
    assert {test.procedure for test in found.between.tests} == {"bootstrap-likelihood-ratio"}
    assert found.between.statistic > 0
    assert unexplained(found) == []


CORNERS = {
    "one trial": ([3], [19], "exact-interval-only"),
    "two trials": ([3, 5], [19, 22], "drawn-not-headline"),
    "no responder": ([0, 0, 0], [5, 8, 12], "drawn-not-headline"),
    "only responders": ([5, 8, 12], [5, 8, 12], "drawn-not-headline"),
    "both": ([0, 9, 0, 7, 0], [9, 9, 7, 7, 5], "headline"),
    "no trial": ([], [], "no-estimate"),
}


@pytest.mark.parametrize("name", CORNERS)
@pytest.mark.parametrize("interval", ["profile", "wald-t"])
def test_corners_have_a_value_or_a_reason(name, interval, unexplained):
    x, n, status = CORNERS[name]
    found = BinomialNormal(interval=interval).fit(Counts.of(x, n))
    assert unexplained(found) == []
    assert found.standing.status == status
    assert (found.k, found.responders) == (len(x), sum(x))
    if name in ("no responder", "only responders"):
        assert found.mu.value is None
        assert found.proportion.value == (x[0] > 0)
        assert found.estimands.predictive.value is None
    if name == "both":  # the likelihood rises with tau for ever
        assert found.tau2.value is None
        assert "has no maximum" in found.tau2.reason


def test_tau_at_the_boundary_has_a_note_and_no_prediction():
    found = BinomialNormal().fit(Counts.of([5, 5, 5], [20, 20, 20]))
    assert (found.tau2.value, found.tau2.at_boundary, found.prediction.effect.low) == (0, True, None)
    assert found.estimands.mean.value == pytest.approx(0.25, abs=1e-9)
    assert "pretend that trials do not differ" in found.prediction.effect.reason
    assert any("no sign that they agree" in note for note in found.notes)
    pooled = binom.logpmf(5, 20, 0.25) * 3
    assert found.loglik == pytest.approx(pooled, abs=1e-9)


arms = st.lists(
    st.integers(2, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=5
)


@settings(max_examples=8, deadline=None)
@given(arms, st.randoms(use_true_random=False))
def test_the_order_of_trials_does_not_matter(trials, random):
    """Sums in another order: 1e-6 of what the search for the maximum leaves open."""
    shuffled = random.sample(trials, len(trials))
    one, other = (
        BinomialNormal(interval="wald").fit(GroupedCounts.of(*zip(*part, strict=True), ["all"] * len(part)))
        .groups[0]
        for part in (trials, shuffled)
    )  # fmt: skip
    for name in ("mu", "tau2", "proportion"):
        first, second = getattr(one, name), getattr(other, name)
        assert (first.value is None) == (second.value is None)
        if first.value is not None:
            assert first.value == pytest.approx(second.value, abs=1e-5)


@pytest.mark.parametrize("counts", [([5, 5, 5], [20, 20, 20]), ([0, 0, 0], [5, 8, 12])])
def test_no_middle_of_true_rates_where_tau_is_zero(counts):
    fit = BinomialNormal().fit(Counts.of(*counts))
    assert fit.tau2.at_boundary
    for end in fit.dispersion.middle:
        assert (end.value, end.low, end.high) == (None, None, None)
        assert end.reason == "tau is estimated as 0, which does not show that trials agree"


def test_no_middle_of_true_rates_where_mu_is_infinite():
    data = GroupedCounts.of([0, 0, 9, 1, 6], [10, 12, 20, 20, 20], [*"aabbb"])
    nobody, some = BinomialNormal(bootstrap=0).fit(data).groups
    assert nobody.tau.value == some.tau.value > 0
    assert [end.value for end in nobody.dispersion.middle] == [None, None]
    assert all(end.reason.startswith("no patient responded") for end in nobody.dispersion.middle)
    low, high = some.dispersion.middle
    assert low.value < some.estimands.median.value < high.value


@pytest.mark.parametrize(
    ("x", "n", "level"), [([9, 8], [25_394, 37_548], 0.999), ([24, 543, 1], [24, 564, 1], 0.99)]
)
def test_no_rate_is_above_one(x, n, level):
    """Their upper limits were 1.0000000000000013 and 1.0000000000000018."""
    assert BinomialNormal(interval="profile-t", level=level).fit(Counts.of(x, n)).proportion.high <= 1


def test_influence_and_sweep_are_given_on_request_and_stop_at_many_trials():
    few, many = (Counts.of(np.arange(k) % 7, np.full(k, 20)) for k in (100, 101))
    bare, full = BinomialNormal().fit(few), BinomialNormal().detailed_fit(few)
    assert (bare.influence, bare.sweep) == ((), ())
    assert len(full.influence) == 100
    assert len(full.sweep) == 8
    assert replace(full, influence=(), sweep=()) == bare
    assert BinomialNormal().detailed_fit(many).influence == ()
