"""Answers of the model of sites and regions: from draws written by hand, and what options it takes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import nchypergeom_fisher

from meta.data import PartialCounts
from meta.errors import DataError, SpecError
from meta.models.policy import judged, waived
from meta.models.sites import answers_by_group as answers
from meta.models.sites.effects import Priors
from meta.models.sites.other_priors import sweep
from meta.models.sites.question import Question
from meta.models.sites.site_graph import SiteRegionDraws
from meta.models.sites.site_region import SiteRegion
from meta.results import Reason, Status
from meta.stats.binomial.marginal import mean_rate

SITES = ["lung", "gut"]
DATA = PartialCounts.of(
    [[10, 5], [20, 15], [12, 8]],
    [("a", ["lung"], 2), ("a", ["gut"], 0), ("b", SITES, 3), ("c", ["lung"], 1)],
    ["a", "b", "c"],
    SITES,
    {"region": ["Asia", "West", "West"]},
)
MIX = np.array([0.6, 0.4])
ASKED = Question(data=DATA, contrast="region", mix=MIX, level=0.5, method="by hand")


def by_hand(size=3, omega=False):
    """Draws of three states of the world, each internally consistent."""
    mu = np.array([-2.0, -1.0, -1.5])[:size]
    group = np.array([[0.2, -0.2], [0.5, 0.1], [-0.3, 0.3]])[:size]
    region = np.array([[0.1, -0.1], [0.4, -0.4], [-0.2, 0.2]])[:size]
    trial = np.array([[0.3, -0.1, 0.0], [0.0, 0.2, -0.4], [0.5, 0.6, -0.7]])[:size]
    theta = mu[:, None, None] + group[:, None] + (region[:, [0, 1, 1]] + trial)[..., None]
    scales = {"sigma": np.array([0.4, 0.5, 0.3])[:size], "tau": np.array([0.3, 0.6, 0.9])[:size]}
    if omega:
        scales["omega"] = np.array([0.2, 0.4, 0.1])[:size]
    return SiteRegionDraws(
        mu=mu, group=group, levels={"region": region}, trial=trial, theta=theta, scales=scales,
        idata=None, diagnostics=None,
    )  # fmt: skip


def test_standardised_rates_of_each_draw():
    draws = by_hand()
    found = answers.levels(ASKED, draws)
    for d in range(3):
        for i in range(2):
            eta = draws.mu[d] + draws.levels["region"][d, i] + draws.group[d]
            assert found.new_median[d, i] == pytest.approx(expit(eta) @ MIX)
            assert found.new_mean[d, i] == pytest.approx(mean_rate(eta, draws.scales["tau"][d]) @ MIX)
        assert found.these_mean[d, 0] == pytest.approx(expit(draws.theta[d, 0]) @ MIX)
        west = (35 * expit(draws.theta[d, 1]) + 20 * expit(draws.theta[d, 2])) / 55
        assert found.these_mean[d, 1] == pytest.approx(west @ MIX)


def test_effects_within_trials_widen_the_mean():
    draws = by_hand(omega=True)
    found = answers.levels(ASKED, draws)
    eta = draws.mu[1] + draws.levels["region"][1, 0] + draws.group[1]
    assert found.new_mean[1, 0] == pytest.approx(mean_rate(eta, np.hypot(0.6, 0.4)) @ MIX)
    assert found.new_median[1, 0] == pytest.approx(mean_rate(eta, 0.4) @ MIX)


def test_summaries_are_quantiles_of_draws():
    draws = by_hand()
    levels = answers.levels(ASKED, draws)
    asia, asia_these, west, _ = answers.standardised(ASKED, levels)
    assert (asia.level, asia.population, west.level) == ("Asia", "new-trials", "West")
    low, middle, high = np.quantile(levels.new_mean[:, 0], [0.25, 0.5, 0.75])
    assert (asia.mean.low, asia.mean.value, asia.mean.high) == (low, middle, high)
    assert asia.mean.expectation == pytest.approx(levels.new_mean[:, 0].mean())
    assert asia_these.median is None


def test_differences_stand_beside_those_without_groups():
    levels = answers.levels(ASKED, by_hand())
    arrays = (levels.new_median, levels.new_mean, levels.these_mean)
    crude = answers.Levels(*(np.add(values, [0.0, 0.01]) for values in arrays))
    found = answers.differences(ASKED, levels, crude)
    assert [(d.level, d.reference, d.population, d.estimand) for d in found] == [
        ("West", "Asia", "new-trials", "median"),
        ("West", "Asia", "new-trials", "mean"),
        ("West", "Asia", "these-trials", "mean"),
    ]
    for difference, draws in zip(found, (levels.new_median, levels.new_mean, levels.these_mean), strict=True):
        assert difference.standardised.value == pytest.approx(np.median(draws[:, 1] - draws[:, 0]))
        assert difference.without_groups.value - difference.standardised.value == pytest.approx(0.01)
    assert answers.differences(ASKED, levels, None)[0].without_groups is None


def test_rates_come_with_what_was_reported():
    found = {(rate.group, rate.level): rate for rate in answers.rates(ASKED, by_hand())}
    assert len(found) == 6
    counts = {key: (rate.responders, rate.n_reported, rate.n) for key, rate in found.items()}
    assert counts == {
        ("lung", None): (3, 22, 42),
        ("gut", None): (0, 5, 28),
        ("lung", "Asia"): (2, 10, 10),
        ("gut", "Asia"): (0, 5, 5),
        ("lung", "West"): (1, 12, 32),
        ("gut", "West"): (0, 0, 23),
    }
    draws = by_hand()
    expected = np.median(expit(draws.mu + draws.group[:, 1]))
    assert found["gut", None].median.value == pytest.approx(expected)
    cell = np.median(expit(draws.mu + draws.group[:, 1] + draws.levels["region"][:, 1]))
    assert found["gut", "West"].median.value == pytest.approx(cell)


def test_reported_rates_are_standardised_or_the_gap_is_named():
    asia, west = answers.direct(ASKED)
    assert asia.value == pytest.approx(0.6 * 0.2 + 0.4 * 0)
    assert asia.se == pytest.approx(0.6 * np.sqrt(0.2 * 0.8 / 10))
    assert (west.value, west.se, west.share) == (None, None, pytest.approx(0.6))
    assert "gut" in west.reason
    assert "lung" not in west.reason


def test_order_of_groups():
    lung, gut = answers.orders(ASKED, by_hand())
    assert (lung.group, lung.other, lung.probability) == ("lung", "gut", pytest.approx(2 / 3))
    assert gut.probability == pytest.approx(1 / 3)


def test_unreported_splits_by_hand():
    lung, gut = answers.split_counts(ASKED, by_hand(size=1))
    assert (lung.trial, lung.groups, lung.responders, lung.n, gut.n) == ("b", ("lung", "gut"), 3, 20, 15)
    odds = np.exp(0.4)  # of a lung patient against a gut patient: Fisher's noncentral hypergeometric
    expected = nchypergeom_fisher(35, 20, 3, odds)
    assert lung.expected == pytest.approx(expected.mean())
    assert (lung.low, lung.high) == (expected.ppf(0.25), expected.ppf(0.75))
    assert gut.expected == pytest.approx(3 - expected.mean())


def test_parameters_stand_beside_their_priors():
    contrasts = {"region": 1.0, "group": np.sqrt(2)}
    found = answers.parameters(ASKED, by_hand(), Priors(), contrasts)
    assert [(one.posterior.estimand, one.group, one.reference) for one in found] == [
        ("mu", None, None),
        ("tau", None, None),
        ("sigma", None, None),
        ("log-odds-ratio", "West", "Asia"),
        ("log-odds-ratio", "gut", "lung"),
    ]
    mu, tau, _, region, group = found
    assert (mu.prior_sd, region.prior_sd, group.prior_sd) == (2, 1, pytest.approx(np.sqrt(2)))
    assert tau.prior_sd == pytest.approx(1.25 * np.sqrt(1 - 2 / np.pi))
    assert region.sd == pytest.approx(np.std([-0.2, -0.8, 0.4], ddof=1))
    assert group.posterior.value == pytest.approx(-0.4)


def test_other_priors_are_of_the_draws_made_under_them():
    good, bad = (SimpleNamespace(passed=passed, ess_tail=400.0) for passed in (True, False))
    narrow, wide = replace(by_hand(), diagnostics=good), replace(by_hand(2), diagnostics=good)
    four = PartialCounts.of(
        [[10, 5], [20, 15], [12, 8], [9, 9]], [(name, SITES, 3) for name in "abcd"], "abcd", SITES,
        {"region": ["Asia", "West", "West", "Asia"]},
    )  # fmt: skip
    narrow, wide = (
        replace(draws, theta=np.concatenate([draws.theta, draws.theta[:, :1]], axis=1))
        for draws in (narrow, wide)
    )
    asked = replace(ASKED, data=four)
    found = sweep(asked, {0.75: narrow, 2.5: wide})
    assert [(one.prior_sd, one.level, one.reference) for one in found] == [
        (0.75, "West", "Asia"), (2.5, "West", "Asia"),
    ]  # fmt: skip
    for one, draws in zip(found, (narrow, wide), strict=True):
        effects, means = draws.levels["region"], answers.levels(asked, draws).new_mean
        expected = [np.quantile(z[:, 1] - z[:, 0], [0.25, 0.5, 0.75]) for z in (effects, means)]
        for quantity, ends in zip((one.log_odds_ratio, one.difference), expected, strict=True):
            assert [quantity.low, quantity.value, quantity.high] == ends.tolist()
    (failed,) = sweep(asked, {1.0: replace(narrow, diagnostics=bad)})
    assert failed.difference.value is None
    assert failed.difference.reason.startswith("FAILED")


def test_a_level_of_one_trial_has_no_rate_and_no_difference():
    """Asia is one trial here, which reports every site by itself; West is two."""
    draws = by_hand()
    levels = answers.levels(ASKED, draws)
    asia, asia_these, west, _ = judged(ASKED, answers.standardised(ASKED, levels))
    differences = judged(ASKED, answers.differences(ASKED, levels, levels))
    good = replace(draws, diagnostics=SimpleNamespace(passed=True, ess_tail=400.0))
    points = sweep(ASKED, {1.0: good})
    said = "one trial: exact interval only"
    gone = [asia.mean, asia.median, asia_these.mean]
    gone += [part for one in differences for part in (one.standardised, one.without_groups)]
    gone += [part for one in points for part in (one.log_odds_ratio, one.difference)]
    assert {(one.value, one.low, one.high, one.reason) for one in gone} == {(None, None, None, said)}
    assert {one.standing.status for one in (asia, asia_these, *differences)} == {Status.EXACT_INTERVAL_ONLY}
    assert (west.mean.value is not None, west.standing.status) == (True, Status.DRAWN_NOT_HEADLINE)


def test_a_group_that_one_trial_or_none_reports_is_the_model_s_and_never_a_headline():
    rates = {(one.group, one.level): one for one in judged(ASKED, answers.rates(ASKED, by_hand()))}
    one, none = rates["gut", None], rates["gut", "West"]
    assert (one.standing.reasons, none.standing.reasons) == (
        (Reason.REPORTED_BY_ONE,),
        (Reason.NOT_REPORTED,),
    )
    assert {found.standing.status for found in (one, none)} == {Status.DRAWN_NOT_HEADLINE}
    assert None not in (one.mean.value, none.mean.value)
    assert waived(none.standing) == none.standing


def test_without_a_contrast_there_is_one_level():
    found = answers.levels(Question(data=DATA, contrast=None, mix=MIX, level=0.5, method=""), by_hand())
    assert found.new_mean.shape == (3, 1)


@pytest.mark.parametrize(
    ("target", "name", "mix"),
    [
        ("pooled", "all trials", [0.6, 0.4]),
        ("b", "b", [20 / 35, 15 / 35]),
        ({"gut": 3, "lung": 1}, "given", [0.25, 0.75]),
        ({"gut": 2}, "given", [0, 1]),
    ],
)
def test_targets(target, name, mix):
    found, shares = SiteRegion(target=target).mix(DATA)
    assert found == name
    np.testing.assert_allclose(shares, mix)


@pytest.mark.parametrize("target", ["z", {"liver": 1}])
def test_unknown_targets_are_refused(target):
    with pytest.raises(DataError, match="target"):
        SiteRegion(target=target).mix(DATA)


def test_every_wrong_option_is_named():
    with pytest.raises(SpecError) as caught:
        SiteRegion(
            groups="some",
            contrasts=("region", "region"),
            mu_prior="cauchy:1",
            contrast_prior="normal:1,1",
            factor_prior="normal:0,-1",
            site_prior="uniform:0,1",
            prior="half-normal:-1",
            interaction_prior="half-normal:x",
            target={"gut": -1},
            contrast_sds=(1.0, -1.0),
            draws=1,
            tune=0,
            seed=-1,
            level=1.5,
        )
    names = "groups contrasts mu_prior contrast_prior factor_prior site_prior prior interaction_prior target"
    expected = {*names.split(), "contrast_sds", "draws", "tune", "seed", "level"}
    assert {fault.path for fault in caught.value.faults} == expected


def test_priors_as_numbers():
    assert SiteRegion().priors() == Priors()
    changed = SiteRegion(
        mu_prior="normal:0,2.5", contrast_prior="normal:0,1.5", interaction_prior="half-normal:0.5"
    )
    assert changed.priors() == Priors(mu_mean=0, mu=2.5, contrast=1.5, omega=0.5)


@pytest.mark.slow
def test_a_whole_fit():
    data = PartialCounts.of(
        [[10, 5], [20, 15], [12, 8], [9, 6]],  # two trials a region: rates of a region of one are withheld
        [("a", ["lung"], 2), ("a", ["gut"], 0), ("b", SITES, 3), ("c", ["lung"], 1), ("d", ["lung"], 1)],
        ["a", "b", "c", "d"],
        SITES,
        {"region": ["Asia", "West", "West", "Asia"]},
    )
    fit = SiteRegion(draws=800, tune=800, target="a").fit(data)  # enough for its limits
    assert (fit.k, fit.n, fit.responders, fit.contrast) == (4, 71, 7, "region")
    assert fit.target == {"lung": pytest.approx(2 / 3), "gut": pytest.approx(1 / 3)}
    assert len(fit.standardised) == len(fit.without_groups) == 4
    assert len(fit.parameters) == 5
    for rate in fit.standardised:
        assert 0 < rate.mean.low < rate.mean.value < rate.mean.high < 1
    assert [split.trial for split in fit.splits] == ["b", "b"]
    assert sum(split.expected for split in fit.splits) == pytest.approx(3)
    assert [point.prior_sd for point in fit.prior_sweep] == [0.75, 1.0, 1.5, 2.5]
    own = next(point for point in fit.prior_sweep if point.prior_sd == 1.0)
    gap = next(one for one in fit.differences if (one.population, one.estimand) == ("new-trials", "mean"))
    assert own.difference.value == gap.standardised.value
    assert len({point.log_odds_ratio.value for point in fit.prior_sweep}) == 4
    asia, west = fit.direct
    assert asia.value == pytest.approx(2 / 3 * 3 / 19)
    assert west.value is None
    assert logit(fit.rates[0].median.value) < 0
    assert fit.sampling.seed == fit.sampling_without_groups.seed == 1


@pytest.mark.slow
def test_beside_it_stand_contrasts_of_trials_that_report_every_group():
    """Those of a fit to these trials alone, to the last digit: the draws are the same."""
    model = SiteRegion(draws=60, tune=80, contrasts=())
    fit = model.fit(DATA)
    alone = model.fit(DATA.only(["a"]))
    assert fit.reporting.trials == ("a",)
    assert (fit.reporting.responders, fit.responders) == (2, 6)
    assert fit.reporting.parameters
    expected = [one for one in alone.parameters if one.posterior.estimand == "log-odds-ratio"]
    for one, other in zip(fit.reporting.parameters, expected, strict=True):
        assert "reporting trials alone" in one.posterior.method
        assert replace(one, posterior=replace(one.posterior, method=other.posterior.method)) == other
    named = {(one.group, one.reference): one for one in fit.parameters}
    for one in fit.reporting.parameters:
        assert one.prior_sd == named[one.group, one.reference].prior_sd
        assert one.posterior != named[one.group, one.reference].posterior
    assert fit.reporting.sampling.seed == 1
    assert alone.reporting is None  # it would be the same again
