"""The exact models in words and forest plots: every number is the fit's, nothing is called what it is not."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text

from meta.data import Counts, GroupedCounts
from meta.format import number, percent
from meta.models import BayesBinomial, BetaBinomial, BinomialNormal
from meta.models.homogeneity import homogeneity
from meta.report.figures.estimates import several_forest
from meta.report.figures.forest import forest
from meta.report.language import differences, exact, wording
from meta.report.language.roles import first_fit, ordered
from meta.results import FAILED


def words(figure):
    return " ".join(text.get_text() for text in figure.texts)


def shapes(figure, kind):
    found = [artist for artist in figure.axes[0].get_children() if artist.get_gid() == kind]
    return sorted(found, key=lambda artist: artist.get_window_extent().y0, reverse=True)


def diamonds(figure):
    """Left, middle and right of each diamond in percent, its height, and whether it is filled."""
    found = []
    for patch in shapes(figure, "diamond"):
        xs, ys = patch.get_xy().T
        ends = [xs.min(), float(xs[1]), xs.max()]
        found.append((ends, round(float(np.ptp(ys)), 6), patch.get_facecolor()[:3] != (1, 1, 1)))
    return found


def in_percent(found):
    return pytest.approx([100 * found.low, 100 * found.value, 100 * found.high])


# Which fit leads


def test_the_primary_role_leads_and_the_next_one_where_it_is_missing(run_with, table1, table1_by_region):
    run = run_with(*reversed(table1), *reversed(table1_by_region))
    assert first_fit(run) is table1[0]
    assert first_fit(run, "region") is table1_by_region[0]
    assert first_fit(run_with(*reversed(table1[1:]))) is table1[1]
    assert first_fit(run_with(table1[2])) is table1[2]
    assert first_fit(run_with()) is None


def test_a_failed_sampler_leads_only_where_nothing_else_is_there(table1, broken):
    bad = broken(table1[0])
    assert [fit.role for fit in ordered([bad, *table1[1:]])] == ["frequentist", "conventional", "primary"]
    assert ordered([bad]) == [bad]


# Words


@pytest.mark.parametrize(
    ("responders", "differ"), [((10, 20, 30, 40), True), ((20, 21, 20, 19), False), ((0, 0, 0, 0), None)]
)
def test_whether_trials_differ_is_what_the_exact_test_says(responders, differ):
    """Whatever the posterior of tau has moved: large differences, none, and nothing to test."""
    tests = homogeneity(Counts.of(responders, [60] * 4))
    (test,) = (one for one in tests if one.procedure == "conditional")
    if differ is None:
        assert test.p is None or test.p == 1
    else:
        assert (test.p < 0.05) is differ
        assert ("more than chance" in exact.whether(test)) is differ


def test_tau_stands_beside_its_prior(table1):
    fit = table1[0]
    said = wording.heterogeneity(fit, intervals=True)
    assert said.startswith(
        "τ 0.70 (95 % CrI 0.04 to 2.08); prior 0.84 (0.04 to 2.80); "
        "median odds ratio between trials 1.95 (1.04 to 7.26)"
    )
    low, high = fit.dispersion.middle
    for found in (low.value, low.low, low.high, high.value, high.low, high.high):
        assert percent(found) in said
    assert "I²" not in said
    assert "homogene" not in said


def test_tau_of_zero_is_no_sign_of_agreement(roles_of):
    _, likelihood, conventional = roles_of([5, 5, 5, 5], [20, 20, 20, 20])
    assert likelihood.at_zero
    said = wording.heterogeneity(likelihood, intervals=True)
    assert "true ORRs not given: τ is estimated as 0, which does not show that trials agree" in said
    figure = words(forest(likelihood, companions=[conventional]))
    assert "no sign that they agree" in figure or "does not show that they agree" in figure
    assert "homogeneous" not in figure


def test_a_group_without_responders_says_why_it_has_no_middle():
    data = GroupedCounts.of([0, 0, 9, 1, 6], [10, 12, 20, 20, 20], [*"aabbb"])
    nobody = BinomialNormal(bootstrap=0).fit(data).groups[0]
    assert nobody.tau.value > 0
    assert "true ORRs not given: no patient responded" in exact.spread(nobody)


def test_nothing_infinite_is_written_out(roles_of):
    likelihood = roles_of([0, 0, 0], [5, 8, 12])[1]
    assert "no limit" in wording.heterogeneity(likelihood, intervals=True)
    heavy = BayesBinomial(prior="half-cauchy:5").fit(Counts.of([0, 0], [5, 8]))
    assert "over 10,000" in exact.spread(heavy)


def test_models_and_priors_are_named_as_papers_do(table1):
    names = [exact.model_name(fit) for fit in table1]
    assert names == [
        "Bayesian binomial-normal (τ ~ half-normal(1.25), μ ~ normal(−2, 2))",
        "maximum likelihood, binomial-normal (profile-likelihood interval)",
        "conventional (logit, REML, Knapp-Hartung floored)",
    ]


def test_the_correlation_of_the_beta_binomial_is_named():
    fit = BetaBinomial().fit(Counts.of([5, 6, 2, 1], [18, 32, 29, 21]))
    assert "intraclass correlation" in wording.heterogeneity(fit, intervals=True)


def test_probabilities_of_the_leading_estimand(table1):
    fit = table1[0]
    values = [p.value for p in fit.probabilities if p.estimand == "mean"]
    assert exact.probabilities(fit) == (
        f"Pr(mean ORR > 10 %) = {number(values[0], 2)}; Pr(mean ORR > 20 %) = {number(values[1], 2)}"
    )
    count = fit.predictive_count
    assert exact.new_trial(fit) == (
        f"a new trial of 30 patients would have {count.value} responders "
        f"(95 % prediction interval {count.low} to {count.high})"
    )


# Differences between groups


def test_differences_of_a_posterior(table1_by_region):
    fit = table1_by_region[0]
    (found,) = fit.between.contrasts
    odds = [number(np.exp(z), 2) for z in (found.mu.value, found.mu.low, found.mu.high)]
    assert differences.contrasts(fit) == [
        f"West against Asia: mean ORR {percent(found.mean.value)} percentage points (95 % CrI "
        f"{percent(found.mean.low)} to {percent(found.mean.high)}), odds ratio {odds[0]} ({odds[1]} to "
        f"{odds[2]}), Pr(higher in West) = {number(found.exceeds, 2)}"
    ]


def test_the_bootstrap_stands_beside_the_chi_squared_that_is_too_small(table1_by_region):
    fit = table1_by_region[1]
    said = wording.between(fit)
    assert "p is unreliable below k = 10" in said
    ps = [f"p = {number(test.p)}" if test.p >= 0.001 else "p < 0.001" for test in fit.between.tests]
    taus = ("0", "its estimate without groups 0.41", "1")
    shown = ", ".join(f"{p} at τ = {tau}" for p, tau in zip(ps, taus, strict=True))
    assert f"parametric bootstrap: {shown}" in said


def test_tests_without_a_p_say_why_once(roles_of):
    fit = roles_of([0, 0, 0, 0], [5, 8, 12, 9], ["a", "a", "b", "b"])[1]
    assert wording.between(fit).count("p not given: no patient responded") == 1


def test_contrasts_are_called_descriptive_in_figures(table1_by_region):
    lead, *companions = table1_by_region
    said = words(forest(lead, companions=companions))
    assert "Differences between groups by region (descriptive):" in said
    assert said.count("between groups (descriptive):") == 2


# Forest plots


def test_three_roles_in_the_overall_block(table1, nothing_collides):
    lead, *companions = table1
    figure = forest(lead, companions=companions, title="t")
    nothing_collides(figure)
    said = words(figure)
    for text in (
        "All trials: mean ORR (k = 4)",
        "Median ORR, Bayesian binomial-normal",
        "predictive ORR of a new trial",
        "Mean ORR, maximum likelihood, binomial-normal",
        "Median ORR, conventional logit, REML, Knapp-Hartung floored",
    ):
        assert re.search(re.escape(text).replace("\\ ", r" (?:[^A-Za-z]+ )?"), said), text
    drawn = diamonds(figure)
    shown = [lead.estimands.mean, lead.estimands.median, *(other.proportion for other in companions)]
    assert [ends for ends, _, _ in drawn] == [in_percent(found) for found in shown]
    assert [filled for _, _, filled in drawn] == [True, True, False, False]
    heights = [height for _, height, _ in drawn]
    assert heights[0] > max(heights[1:])
    (bar,) = shapes(figure, "bar")
    assert bar.get_x() == pytest.approx(100 * lead.estimands.predictive.low)
    for found in shown:
        assert percent(found.value) in said


def test_statistics_name_the_model_that_they_belong_to(table1):
    lead, *companions = table1
    said = words(forest(lead, companions=companions))
    first, _, rest = said.partition("Maximum likelihood, binomial-normal:")
    likelihood, _, conventional = rest.partition("Conventional model:")
    assert "exact conditional test of homogeneity given the total of responders: p = 0.136" in first
    assert "I²" not in first
    assert "I²" not in likelihood
    assert "I² (from τ²) = 43.9 %" in conventional
    assert "fewer than five trials: only the Bayesian estimate is a headline" in first


def test_companions_in_group_blocks(table1_by_region, nothing_collides):
    lead, *companions = table1_by_region
    figure = forest(lead, companions=companions)
    nothing_collides(figure)
    expected = []
    for i, group in enumerate(lead.groups):
        expected += [group.estimands.mean, group.estimands.median]
        expected += [other.groups[i].proportion for other in companions]
    drawn = diamonds(figure)
    assert [ends for ends, _, _ in drawn[:8]] == [in_percent(found) for found in expected]
    assert not any(filled for _, _, filled in drawn[:8])  # two trials each
    said = words(figure)
    assert said.count("based on two trials; interpret with caution") == 2
    assert said.count("common τ 0.42") == 1  # told once, below the axis


def test_companions_are_matched_by_the_name_of_their_group(table1_by_region):
    lead, likelihood, _ = table1_by_region
    turned = replace(likelihood, groups=tuple(reversed(likelihood.groups)))
    assert diamonds(forest(lead, companions=[turned])) == diamonds(forest(lead, companions=[likelihood]))


@pytest.mark.parametrize("present", [(0,), (1,), (2,), (0, 2), (1, 2)])
def test_any_role_may_be_missing(present, table1, table1_by_region, nothing_collides):
    for fits in (table1, table1_by_region):
        lead, *companions = [fits[i] for i in present]
        figure = forest(lead, companions=companions)
        nothing_collides(figure)
        assert percent(lead.proportion.value) in words(figure)


def test_a_single_trial_has_its_exact_interval_only(roles_of, nothing_collides):
    for fits in (roles_of([5], [18]), roles_of([5, 1, 2], [18, 9, 9], ["a", "b", "b"])):
        lead, *companions = fits
        figure = forest(lead, companions=companions)
        nothing_collides(figure)
        assert "one trial: exact interval only" in words(figure)
        assert len(diamonds(figure)) == (0 if lead.k == 1 else 8)


@pytest.mark.parametrize(
    ("responders", "n"), [([0, 0, 0, 1], [12, 20, 9, 31]), ([0, 0, 0], [12, 20, 9]), ([9, 7], [9, 7])]
)
def test_arms_without_responders_or_without_others(responders, n, roles_of, nothing_collides):
    lead, *companions = roles_of(responders, n)
    nothing_collides(forest(lead, companions=companions))


def test_shrunken_rates_stand_below_the_trials(table1, table1_by_region):
    figure = forest(table1[0])
    dots = [line for line in shapes(figure, "shrunken") if len(line.get_xdata()) == 1]
    assert sorted(float(dot.get_xdata()[0]) for dot in dots) == pytest.approx(
        sorted(100 * trial.shrunken.value for trial in table1[0].trials)
    )
    assert "Light dots: each trial's true rate given all trials." in words(figure)
    assert "Light dots" not in words(forest(table1_by_region[0]))


def test_squares_without_weights_grow_with_patients(table1):
    figure = forest(table1[0])
    sides = [square.get_markersize() for square in shapes(figure, "square")]
    n = [trial.n for trial in table1[0].trials]
    assert np.square(sides) / max(sides) ** 2 == pytest.approx(np.array(n) / max(n))
    assert "Squares: area by patients." in words(figure)
    assert "Weight %" not in words(figure)


def test_leave_one_out_shows_tau_and_names_a_model_that_stands_in(table1, nothing_collides):
    bayes, _, conventional = table1
    figure = several_forest(bayes, [("without a", bayes), ("without b", conventional)])
    nothing_collides(figure)
    said = words(figure)
    assert number(bayes.tau.value, 2) in said
    assert "without b (median ORR, conventional)" in said
    assert "I² %" not in said
    assert "I² %" in words(several_forest(conventional, [("without a", conventional)]))


# Failed samplers


def test_a_failed_sampler_is_marked_wherever_it_is_shown(table1, table1_by_region, broken, nothing_collides):
    for fits in (table1, table1_by_region):
        bad = broken(fits[0])
        for lead, companions in ((bad, fits[1:]), (fits[1], [bad, fits[2]])):
            figure = forest(lead, companions=companions)
            nothing_collides(figure)
            assert FAILED in words(figure)
            assert "no headline: the sampler's diagnostics failed" in words(figure)
            assert not any(filled for _, _, filled in diamonds(figure))
    assert FAILED in wording.heterogeneity(broken(table1[0]), intervals=False)
    said = words(several_forest(table1[0], [("without a", broken(table1[0]))]))
    assert f"[{FAILED}] without a" in said


def test_names_of_groups_are_text(roles_of, nothing_collides):
    lead, *companions = roles_of([5, 6, 2, 1], [18, 32, 29, 21], ["$x_1^2$", "$x_1^2$", "<b>&", "<b>&"])
    figure = forest(lead, companions=companions)
    nothing_collides(figure)
    assert "<b>& against $x_1^2$" in words(figure)
    assert all(not text.get_parse_math() for text in figure.findobj(Text) if "$" in text.get_text())
