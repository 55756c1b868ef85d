"""The exact models in words and figures: every number is the fit's, and nothing is called what it is not."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.text import Text

from meta.data import Counts, GroupedCounts
from meta.models import BayesBinomial, BetaBinomial, BinomialNormal, InverseVariance
from meta.records.run import Provenance, Run
from meta.report import curves, exact, wording
from meta.report.figures import figures
from meta.report.forest import forest
from meta.report.format import number, percent
from meta.report.long_tables import TABLES
from meta.results import Diagnostics

ROWS = ([5, 6, 2, 1], [18, 32, 29, 21])
REGIONS = ["Asia", "Asia", "West", "West"]


def run_of(*fits):
    return Run(
        name="quick", question="?", variation="base", analysis={}, ledger=(), printed=(), acknowledged=(),
        fits=fits, provenance=Provenance(digest="0"),
    )  # fmt: skip


def texts(figure):
    figure.canvas.draw()
    return " ".join(text.get_text() for text in figure.findobj(Text))


@pytest.fixture(scope="module")
def bayes():
    return replace(BayesBinomial(thresholds=(0.1,)).fit(Counts.of(*ROWS)), role="primary")


@pytest.fixture(scope="module")
def by_region():
    data = GroupedCounts.of(*ROWS, REGIONS)
    models = {
        "primary": BayesBinomial(),
        "frequentist": BinomialNormal(bootstrap=50),
        "conventional": InverseVariance(),
    }
    return [replace(model.fit(data), role=role, by="region") for role, model in models.items()]


def test_tau_stands_beside_its_prior(bayes):
    said = wording.heterogeneity(bayes, intervals=True)
    tau, prior = bayes.tau, bayes.tau.prior
    for value in (tau.value, tau.low, tau.high, prior.value, prior.low, prior.high, prior.divergence):
        assert number(value, 2) in said
    assert "say little about heterogeneity" in said
    assert "I²" not in said
    assert "homogene" not in said


def test_three_models_in_one_forest_plot(by_region):
    lead, *companions = by_region
    shown = texts(forest(lead, companions=companions))
    assert "Mean ORR: binomial-normal maximum likelihood, profile" in shown
    assert "Median ORR: inverse variance, logit, REML, mhk" in shown
    for fit in by_region:
        assert percent(fit.proportion.value) in shown
        for group in fit.groups:
            assert percent(group.proportion.value) in shown
    assert percent(lead.estimands.median.value) in shown


def test_differences_are_descriptive_and_bootstrap_stands_beside_chi2(by_region):
    lead, likelihood, _ = by_region
    said = wording.between(lead)
    contrast = lead.between.contrasts[0]
    assert percent(contrast.mean.value) in said
    assert number(np.exp(contrast.mu.value), 2) in said
    assert "descriptive" in said
    assert f"Pr(West > Asia) = {number(contrast.exceeds, 2)}" in said
    assert "too small below k = 10" in wording.between(likelihood)
    assert sum("parametric bootstrap" in line for line in exact.tests(likelihood)) == 3


def test_a_failed_sampler_is_marked_wherever_it_is_shown(bayes):
    bad = Diagnostics(
        rhat=1.2, ess_bulk=100.0, ess_tail=90.0, bfmi=0.2, divergences=9, draws=10, chains=4,
        target_accept=0.99, retried=True, passed=False, seed=1, backend="none",
    )  # fmt: skip
    failed = replace(bayes, sampling=bad)
    assert "FAILED" in texts(forest(failed))
    assert "FAILED" in wording.heterogeneity(failed, intervals=False)


def test_curves_show_the_numbers_of_the_fits(bayes):
    others = [(p, BayesBinomial(prior=p).fit(Counts.of(*ROWS))) for p in ("half-normal:0.5", "uniform:0,4")]
    shown = texts(curves.prior_sensitivity(others, title="priors"))
    for name, fit in others:
        assert name in shown
        assert percent(fit.estimands.mean.value) in shown
        assert number(fit.tau.value, 2) in shown
    for draw in (curves.posterior, curves.sweep, curves.prior_predictive):
        assert "a title" in texts(draw(bayes, title="a title"))


def test_posterior_figures_are_planned_for_the_base_only(bayes):
    base = run_of(bayes)
    names = {plan.name.rpartition(".")[2] for plan in figures([base])}
    assert {"posterior", "sweep", "prior-predictive"} <= names
    other = replace(run_of(bayes), variation="p.half", family="p", expansion="each-prior")
    names = [plan.name for plan in figures([base, other])]
    assert sum(name.endswith(".overall") for name in names) == 1  # none for a prior alone
    assert f"{base.name}.p" in names


def test_heavy_tails_and_no_responders_are_drawn():
    fit = BayesBinomial(prior="half-cauchy:1").fit(Counts.of([0, 0, 0], [5, 8, 12]))
    assert "over 10,000" in exact.spread(fit) or "odds ratio" in exact.spread(fit)
    forest(fit)
    curves.posterior(fit, title="none responded")


def test_the_correlation_of_the_beta_binomial_is_named():
    fit = BetaBinomial().fit(Counts.of(*ROWS))
    assert "intraclass correlation" in wording.heterogeneity(fit, intervals=True)


def test_long_tables_have_every_number_once(by_region):
    run = run_of(*by_region)
    tables = {name: table([run]) for name, table in TABLES.items()}
    found = tables["estimands"]
    mean = found[(found.role == "primary") & (found.estimand == "mean ORR") & (found.group == "Asia")]
    assert mean.value.tolist() == [by_region[0].groups[0].proportion.value]
    assert not found.duplicated(["role", "by", "group", "estimand"]).any()
    assert (tables["tests"].of == "groups").sum() >= 4


def test_tau_estimated_as_zero_is_not_worded_as_one_rate_for_all():
    fit = BinomialNormal(bootstrap=0).fit(Counts.of([4, 4, 4], [20, 20, 20]))
    assert fit.tau.value == 0
    said = wording.heterogeneity(fit, intervals=True)
    assert "not given: τ is estimated as 0" in said
    assert "the middle 95 % of trials have" not in said
