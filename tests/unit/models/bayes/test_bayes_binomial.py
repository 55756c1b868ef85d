"""The Bayesian binomial-normal model: corners, groups, what is said in words, and what a Fit holds."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass, replace
from math import isfinite

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import halfnorm

from meta.data import Counts, GroupedCounts
from meta.errors import SpecError
from meta.models import BayesBinomial
from meta.stats.binomial.proportions import proportion_interval
from meta.stats.posterior.posterior import posterior
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import binomial_surface

TABLE1 = Counts.of([5, 6, 2, 1], [18, 32, 29, 21])
CORNERS = {
    "table 1": TABLE1,
    "no responder": Counts.of([0, 0, 0, 0], [18, 32, 29, 21]),
    "only responders": Counts.of([18, 32], [18, 32]),
    "two trials": Counts.of([0, 9], [20, 25]),
    "one patient each": Counts.of([0, 1, 1], [1, 1, 1]),
    "a large one": Counts.of([5, 1000, 2], [18, 5000, 29]),
}


@pytest.fixture(scope="module", params=CORNERS, ids=str)
def corner(request):
    data = CORNERS[request.param]
    return data, BayesBinomial(thresholds=(0.1, 0.2)).detailed_fit(data)


@pytest.fixture(scope="module")
def table1():
    return BayesBinomial(thresholds=(0.1, 0.2)).detailed_fit(TABLE1)


def numbers(value):
    """Every number anywhere in a result."""
    if isinstance(value, bool | None | str):
        return
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from numbers(part)
    else:
        yield value


def without_reason(value):
    """Parts whose value is None though they could say why, and do not."""
    if isinstance(value, dict):
        if "reason" in value and value.get("value", 0) is None and not value["reason"]:
            yield value
        for part in value.values():
            yield from without_reason(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from without_reason(part)


def ordered(answer):
    assert answer.low < answer.value < answer.high


def test_every_number_is_a_plain_finite_one(corner):
    _, fit = corner
    found = list(numbers(asdict(fit)))
    assert len(found) > 100
    assert all(type(number) in (int, float) for number in found)
    assert all(isfinite(number) for number in found)
    assert list(without_reason(asdict(fit))) == []


def test_what_a_fit_holds(corner):
    data, fit = corner
    assert (fit.k, fit.n, fit.responders) == (data.k, data.n.sum(), data.responders.sum())
    estimands = fit.estimands
    names = ("median", "mean", "predictive")
    assert (estimands.median.estimand, estimands.mean.estimand, estimands.predictive.estimand) == names
    assert [part.kind for part in (estimands.median, estimands.mean, estimands.predictive)] == [
        "credible", "credible", "prediction"
    ]  # fmt: skip
    assert fit.proportion == estimands.mean
    for answer in (estimands.median, estimands.mean, estimands.predictive, fit.tau, fit.tau.prior,
                   fit.dispersion.median_odds_ratio, *fit.dispersion.middle):  # fmt: skip
        ordered(answer)
        assert answer.low >= 0
    for answer in (estimands.median, estimands.mean, estimands.predictive, *fit.dispersion.middle):
        assert answer.high <= 1
    # a new trial's rate has the expectation of the mean rate, and reaches farther
    assert estimands.predictive.expectation == estimands.mean.expectation
    assert estimands.predictive.low < estimands.median.low
    assert estimands.predictive.high > estimands.mean.high
    assert fit.mu.low < fit.mu.value < fit.mu.high
    assert fit.mu.se == fit.mu.interval_se
    odds = estimands.median.value / (1 - estimands.median.value)
    assert np.log(odds) == pytest.approx(fit.mu.value, abs=1e-9)
    assert fit.tau2.value == pytest.approx(fit.tau.value**2, rel=1e-12)
    assert (fit.tau2.low, fit.tau2.high) == (fit.tau.low**2, fit.tau.high**2)
    assert fit.dispersion.median_odds_ratio.value == pytest.approx(np.exp(0.9538725524 * fit.tau.value))
    assert fit.heterogeneity.I2.value is None
    assert "I2" in fit.heterogeneity.reason
    assert fit.loglik is None
    assert fit.model.prior == "half-normal:1.25"


def test_probabilities(corner):
    _, fit = corner
    found = {(part.estimand, part.threshold): part.value for part in fit.probabilities}
    assert len(found) == 6
    for name in ("median", "mean", "predictive"):
        assert 0 <= found[name, 0.2] <= found[name, 0.1] <= 1


def test_the_prior_beside_the_posterior_of_tau(corner):
    _, fit = corner
    prior = fit.tau.prior
    assert prior.name == "half-normal:1.25"
    quantiles = halfnorm.ppf([0.025, 0.5, 0.975], scale=1.25)
    assert (prior.low, prior.value, prior.high) == pytest.approx(tuple(quantiles), rel=1e-12)
    assert prior.divergence >= 0


def test_responders_of_a_new_trial(corner):
    _, fit = corner
    count = fit.predictive_count
    assert (count.n, len(count.at_least), count.at_least[0]) == (30, 31, 1.0)
    assert (np.diff(count.at_least) <= 0).all()
    assert count.at_least[-1] >= 0
    assert 0 <= count.low <= count.value <= count.high <= 30
    # the smallest counts that are not exceeded with probabilities of 2.5, 50 and 97.5 %
    at_most = 1 - np.append(count.at_least[1:], 0)
    for r, p in ((count.low, 0.025), (count.value, 0.5), (count.high, 0.975)):
        assert at_most[r] >= p
        assert r == 0 or at_most[r - 1] < p
    mean = sum(count.at_least[1:]) / 30
    # an average over the distribution function, see test_leave_one_out: 6.5e-4 a count, and they add up
    assert mean == pytest.approx(fit.estimands.mean.expectation, abs=1e-3)


def test_trials_and_influence(corner):
    data, fit = corner
    assert [trial.label for trial in fit.trials] == list(data.labels)
    low, high = proportion_interval(data.responders, data.n)
    for i, trial in enumerate(fit.trials):
        assert (trial.y, trial.v, trial.weight, trial.corrected) == (None, None, None, False)
        assert (trial.proportion.low, trial.proportion.high) == (low[i], high[i])
        ordered(trial.shrunken)
        assert trial.shrunken.estimand == "true"
        raw = trial.proportion.value
        assert raw - 0.5 <= trial.shrunken.value <= raw + 0.5
    assert [case.label for case in fit.influence] == list(data.labels)
    for case in fit.influence:
        assert set(case.measures) == {"mid_p", "divergence", "median_shift", "mean_shift"}
        assert 0 <= case.measures["mid_p"] <= 1
        assert case.measures["divergence"] >= 0


def test_the_sweep_over_tau(corner):
    """At tau = 0 median and mean are one: the posterior of a common effect, binomial times normal prior."""
    data, fit = corner
    assert [point.tau for point in fit.sweep] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0]
    first = fit.sweep[0]
    for end in ("low", "value", "high"):
        # two interpolations of one distribution: 1e-5 of a logit
        assert getattr(first.mean, end) == pytest.approx(getattr(first.median, end), rel=1e-3, abs=1e-7)
    mu = np.linspace(-15, 11, 52_001)
    density = np.exp(
        data.responders.sum() * mu - data.n.sum() * np.logaddexp(0, mu) - ((mu + 2) / 2) ** 2 / 2
        - (data.responders.sum() * mu - data.n.sum() * np.logaddexp(0, mu)).max()
    )  # fmt: skip
    cdf = np.cumsum(density) / density.sum()
    ends = 1 / (1 + np.exp(-np.interp([0.025, 0.5, 0.975], cdf, mu + 0.00025)))
    found = [first.median.low, first.median.value, first.median.high]
    np.testing.assert_allclose(found, ends, rtol=5e-4)  # quantiles of mu to 2e-4, see test_distributions
    for point in fit.sweep:
        ordered(point.median)
        ordered(point.mean)


def test_curves_integrate_to_about_one(corner):
    """By the trapezoidal rule over what is drawn, which leaves 0.1 % out, of tau up to 1 %."""
    data, fit = corner
    grids = {name: np.array(values) for name, values in fit.grids.items()}
    for name in ("median", "mean", "tau"):
        x, density, prior = (grids[f"{name}.{part}"] for part in ("x", "density", "prior"))
        assert (np.diff(x) > 0).all()
        assert (density >= 0).all()
        assert (prior >= -1e-9).all()
        area = np.trapezoid(density, x)
        # 121 equal steps leave something out where a density is steep at 0: 4 % without responders
        assert 0.94 < area < 1.02, name
        assert np.trapezoid(prior, x) < 1.02
    assert 0 <= grids["tau.x"][0] < 1e-4  # practically 0, where some priors are infinite
    mean, tau = grids["joint.mean"], grids["joint.tau"]
    joint = grids["joint.density"].reshape(len(mean), len(tau))
    # likewise 61: without responders 12 % of the area lies between 0 and the second point
    least = 0.95 if data.responders.any() else 0.85
    assert least < np.trapezoid(np.trapezoid(joint, tau, axis=1), mean) < 1.02
    profile = grids["joint.profile"]
    assert profile.max() == 0
    assert len(profile) == joint.size


def test_the_joint_density_has_the_marginal_of_the_mean(table1):
    grids = {name: np.array(values) for name, values in table1.grids.items()}
    mean, tau = grids["joint.mean"], grids["joint.tau"]
    marginal = np.trapezoid(grids["joint.density"].reshape(len(mean), len(tau)), tau, axis=1)
    curve = np.interp(mean, grids["mean.x"], grids["mean.density"])
    inner = (mean > table1.estimands.mean.low) & (mean < table1.estimands.mean.high)
    np.testing.assert_allclose(marginal[inner], curve[inner], rtol=0.02)


def test_the_model_says_what_the_posterior_says(table1):
    """No step between loses digits: the same numbers from the statistics beneath."""
    post = posterior(
        binomial_surface(TABLE1.responders, TABLE1.n), MuPrior(-2, 2), TauPrior.parse("half-normal:1.25")
    )
    assert table1.tau.expectation == pytest.approx(post.expectation(post.cells.tau[:, None])[0], rel=1e-12)
    found = (table1.estimands.mean.value, table1.estimands.median.value)
    assert found == pytest.approx((0.148690, 0.127531), abs=2e-5)  # exact.json


@pytest.mark.parametrize(("x", "n"), [([0] * 38, [209] * 38), ([0, 0, 0], [18, 32, 29])])
def test_more_responders_of_a_new_trial_are_never_likelier(x, n):
    """Where nearly nobody responds, neighbouring chances differ by less than their error."""
    model = BayesBinomial(prior="invgamma:48,0.018", mu_prior="normal:7,1.2", level=0.999, new_trial=1000)
    count = model.fit(Counts.of(x, n)).predictive_count
    assert (np.diff(count.at_least) <= 0).all()


def test_what_takes_longer_is_there_on_request(table1):
    """A fit has the numbers of the detailed one, and of the rest nothing."""
    bare = BayesBinomial(thresholds=(0.1, 0.2)).fit(TABLE1)
    assert (bare.influence, bare.sweep, bare.grids) == ((), (), {})
    assert all(trial.shrunken is None for trial in bare.trials)
    extras = {name: getattr(table1, name) for name in ("trials", "influence", "sweep", "grids")}
    assert replace(bare, **extras) == table1


def test_shortest_intervals_are_shorter_and_hold_the_level(table1):
    short = BayesBinomial(interval="shortest").fit(GroupedCounts.of(*TABLE1_ROWS))
    equal = table1
    for name in ("median", "mean", "predictive"):
        one, other = getattr(short.estimands, name), getattr(equal.estimands, name)
        assert one.high - one.low < other.high - other.low
        assert one.value == pytest.approx(other.value, abs=1e-5)
        assert "shortest" in one.method
    assert short.tau.high - short.tau.low < equal.tau.high - equal.tau.low
    # by drawn density: area between the limits
    grids = {key: np.array(values) for key, values in equal.grids.items()}
    fine = np.linspace(short.estimands.mean.low, short.estimands.mean.high, 2001)
    area = np.trapezoid(np.interp(fine, grids["mean.x"], grids["mean.density"]), fine)
    assert area == pytest.approx(0.95, abs=3e-3)  # 121 points of a curve, joined by lines


TABLE1_ROWS = ([5, 6, 2, 1], [18, 32, 29, 21], ["Asia", "Asia", "West", "West"])


@pytest.mark.parametrize("prior", ["half-cauchy:0.5", "half-t:1,1", "invgamma:0.4,0.1"])
def test_a_mean_that_does_not_exist_is_not_given(prior):
    """No arm bounds its own effect, and the prior has no mean: neither has the posterior."""
    fit = BayesBinomial(prior=prior).fit(GroupedCounts.of([0, 0, 4], [18, 32, 4], ["a"] * 3))
    assert fit.tau.expectation is None
    assert "does not exist" in fit.tau.reason
    ordered(fit.tau)
    bounded = BayesBinomial(prior=prior).fit(GroupedCounts.of([0, 2, 4], [18, 32, 4], ["a"] * 3))
    assert bounded.tau.expectation > 0
    assert bounded.tau.reason is None


def test_groups_that_share_tau():
    fit = BayesBinomial(thresholds=(0.1,)).fit(GroupedCounts.of(*TABLE1_ROWS))
    assert [group.label for group in fit.groups] == ["Asia", "West"]
    assert [group.k for group in fit.groups] == [2, 2]
    first, second = fit.groups
    assert first.tau.value == pytest.approx(second.tau.value, abs=1e-6)
    assert first.tau.prior.divergence == pytest.approx(second.tau.prior.divergence, abs=1e-9)
    (contrast,) = fit.between.contrasts
    assert (contrast.group, contrast.reference) == ("West", "Asia")
    assert contrast.mu.estimand == "log-odds-ratio"
    assert contrast.mean.estimand == "difference-of-means"
    ordered(contrast.mu)
    ordered(contrast.mean)
    assert contrast.mu.value < 0
    assert contrast.exceeds == pytest.approx(0.048744, abs=1e-4)  # brute force, see test_contrasts
    assert (fit.between.statistic, fit.between.p, fit.between.df) == (None, None, 1)
    assert fit.between.reason is None
    assert all(isfinite(number) for number in numbers(asdict(fit)))
    # the overall estimate is that of the trials' totals
    alone = BayesBinomial(thresholds=(0.1,)).fit(GroupedCounts.of(*TABLE1_ROWS[:2], ["all"] * 4))
    assert fit.estimands == alone.estimands


def test_groups_with_a_tau_each():
    data = GroupedCounts.of(*TABLE1_ROWS)
    fit = BayesBinomial(groups="separate").fit(data)
    for index, group in enumerate(fit.groups):
        part = data.within(index)
        rows = GroupedCounts.of(part.responders, part.n, ["all"] * part.k)
        alone = BayesBinomial(groups="separate").fit(rows)
        assert group.estimands == alone.estimands
        assert group.tau == alone.tau
    (contrast,) = fit.between.contrasts
    assert contrast.mean is None
    ordered(contrast.mu)
    assert "separate tau" in fit.between.method


@pytest.mark.parametrize("groups", ["common", "separate"])
def test_a_group_without_rows_stays_and_says_so(groups):
    rows = GroupedCounts.of(
        [5, 6, 2, 1], [18, 32, 29, 21], [*2 * ["Asia"], *2 * ["West"]], names=["Africa", "Asia", "West"]
    )
    fit = BayesBinomial(groups=groups).fit(rows)
    africa, asia, west = fit.groups
    assert (africa.k, africa.standing.status) == (0, "no-estimate")
    assert africa.proportion.value is None
    assert africa.proportion.reason == "no trial reported responders"
    assert asia.estimands.mean.value > west.estimands.mean.value
    (contrast,) = fit.between.contrasts
    assert (contrast.group, contrast.reference) == ("West", "Asia")
    assert all(isfinite(number) for number in numbers(asdict(fit)))
    single = BayesBinomial(groups=groups).fit(GroupedCounts.of([5], [18], ["Asia"], names=["Asia", "West"]))
    assert single.between.reason == "fewer than two groups with trials"
    assert single.between.contrasts == ()
    nobody = BayesBinomial(groups=groups).fit(GroupedCounts.of([], [], [], names=["Asia", "West"]))
    assert [group.k for group in nobody.groups] == [0, 0]


def test_no_trial():
    fit = BayesBinomial(thresholds=(0.1,)).fit(Counts.of([], []))
    assert (fit.k, fit.mu.value, fit.proportion.value, fit.standing.status) == (0, None, None, "no-estimate")
    assert fit.mu.reason == "no trial reported responders"
    assert list(without_reason(asdict(fit))) == []


def test_a_trial_with_rows_in_two_groups_is_counted_once_overall():
    rows = GroupedCounts.of([3, 2, 1], [10, 9, 12], ["a", "b", "a"], labels=["one", "one", "two"])
    fit = BayesBinomial().fit(rows)
    assert (fit.k, fit.n, [group.k for group in fit.groups]) == (2, 31, [2, 1])
    assert any("one" in note or "both" in note or "group" in note for note in fit.notes)


@pytest.mark.parametrize(
    ("k", "status"), [(1, "exact-interval-only"), (2, "drawn-not-headline"), (3, "headline"), (5, "headline")]
)
def test_standing(k, status):
    fit = BayesBinomial().fit(GroupedCounts.of([1] * k, [20] * k, ["a"] * k))
    assert fit.standing.status == status


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": 1.0}, "level: found 1.0"),
        ({"level": 0.0}, "level: found 0.0"),
        ({"thresholds": (0.1, 1.0)}, "thresholds: found 1.0"),
        ({"thresholds": (0.0,)}, "thresholds: found 0.0"),
        ({"prior": "half-normal"}, "prior: found half-normal"),
        ({"prior": "normal:0,1"}, "prior: found 'normal'"),
        ({"mu_prior": "half-normal:1"}, "mu_prior: found 'half-normal:1'"),
        ({"mu_prior": "normal:0,0"}, "mu_prior: found sd 0 in normal:0,0"),
        ({"new_trial": 0}, "new_trial: found 0; 1 to 10000 patients are allowed"),
        ({"new_trial": 10_001}, "new_trial: found 10001"),
        ({"draws": 0}, "draws: found 0"),
        ({"draws": -1}, "draws: found -1"),
        ({"tune": 2_000_000}, "tune: found 2000000"),
        ({"seed": -1}, "seed: found -1; a whole number from 0 is allowed"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(SpecError) as error:
        BayesBinomial(**options)
    assert words in str(error.value)


def test_options_are_frozen_and_recorded():
    model = BayesBinomial(prior="half-cauchy:0.5", thresholds=(0.15,), level=0.9)
    with pytest.raises(AttributeError):
        model.prior = "half-normal:1"
    assert is_dataclass(model)
    fit = model.fit(GroupedCounts.of(*TABLE1_ROWS))
    assert fit.model is model
    assert fit.level == fit.estimands.mean.level == fit.tau.level == 0.9
    assert "half-cauchy:0.5" in fit.estimands.mean.method


small = st.lists(
    st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=5
)


@settings(max_examples=10)
@given(small)
def test_whatever_the_counts(arms):
    """Grouped counts leave the costly extras of a single set out."""
    x, n = zip(*arms, strict=True)
    fit = BayesBinomial(thresholds=(0.05, 0.5)).fit(GroupedCounts.of(x, n, ["all"] * len(x)))
    (group,) = fit.groups
    for part in (fit, group):
        assert all(isfinite(number) for number in numbers(asdict(part)))
        if part.k == 1:  # tests/unit/models/test_policy.py
            return
        for answer in (part.estimands.median, part.estimands.mean, part.estimands.predictive, part.tau):
            ordered(answer)
            assert answer.low >= 0
        assert 0 < part.estimands.mean.expectation < 1
        assert all(0 <= probability.value <= 1 for probability in part.probabilities)
    assert group.estimands.mean.value == pytest.approx(fit.estimands.mean.value, abs=1e-4)
