"""The Bayesian models against brute-force posteriors (exact.json) and against bayesmeta (R, metafor.json).

README.md beside this file says how both were made.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import halfnorm, norm

from meta.data import Counts, GroupedCounts
from meta.models import BayesBinomial, BayesNormal
from meta.stats.normal.scales import SCALES
from meta.stats.posterior.distributions import logit_mean_rate
from meta.stats.posterior.posterior import posterior
from meta.stats.posterior.priors import MuPrior, TauPrior
from meta.stats.posterior.surface import binomial_surface, normal_surface

pytestmark = pytest.mark.reference

FOLDER = Path(__file__).parent
EXACT = json.loads((FOLDER / "exact.json").read_text(encoding="utf-8"))["sets"]
METAFOR = json.loads((FOLDER / "metafor.json").read_text(encoding="utf-8"))

SETS = ("table1", "table1_zero", "pritz1997")
PRIORS = {
    "halfnormal_0.5": ("half-normal:0.5", "normal:0,2.5"),
    "halfnormal_1.0": ("half-normal:1", "normal:0,2.5"),
    "default": ("half-normal:1.25", "normal:-2,2"),
}
# What exact.json says of itself: moments good to 1e-5, quantiles to 2e-3 on their own scale
MOMENT = 1e-4
QUANTILE = 2e-3
# bayesmeta: tau by adaptive integration with a relative tolerance of 1e-8 or so; 12 printed digits
BAYESMETA_TAU = 1e-6
# Its posterior of mu is a mixture over a grid of tau that DIRECT leaves within a divergence of 0.001 nats
BAYESMETA_MU = 5e-4  # 3.6e-4 is the largest difference found
# whose variances it adds up: the largest difference is 1.5e-3
BAYESMETA_NEW_SD = 2e-3
SCALES_OF_TAU = {"halfnormal_0.5": 0.5, "halfnormal_1": 1.0}
MU_SD = 2.82

CASES = [pytest.param(*case, id="-".join(case)) for case in product(SETS, PRIORS)]
NORMAL = [pytest.param(*case, id="-".join(case)) for case in product(SETS, SCALES_OF_TAU)]


def arms(name):
    rows = METAFOR[name]["data"]
    return np.array([row["x"] for row in rows]), np.array([row["n"] for row in rows])


@cache
def exact_posterior(name, prior):
    tau_prior, mu_prior = PRIORS[prior]
    return posterior(binomial_surface(*arms(name)), MuPrior.parse(mu_prior), TauPrior.parse(tau_prior))


def test_every_case_is_there():
    keys = {"mu_mean", "mu_sd", "tau_mean", "tau_quantiles", "median_orr", "mean_orr",
            "mean_orr_expectation", "predictive_orr"}  # fmt: skip
    for name, prior in product(SETS, PRIORS):
        assert keys <= EXACT[name]["bayes"][prior].keys()
    for name, prior in product(SETS, SCALES_OF_TAU):
        assert {"mu_mean", "mu_sd", "tau_mean", "tau_median", "theta_new_sd", "shrink_mean"} <= (
            METAFOR[name]["bayesmeta"][prior].keys()
        )


@pytest.mark.parametrize(("name", "prior"), CASES)
def test_moments(name, prior):
    theirs, post = EXACT[name]["bayes"][prior], exact_posterior(name, prior)
    mu, tau = post.cells.mu, post.cells.tau[:, None]
    mean = post.expectation(mu)[0]
    assert mean == pytest.approx(theirs["mu_mean"], rel=0, abs=MOMENT)
    sd = np.sqrt(post.expectation(mu**2)[0] - mean**2)
    assert sd == pytest.approx(theirs["mu_sd"], rel=0, abs=MOMENT)
    assert post.expectation(tau)[0] == pytest.approx(theirs["tau_mean"], rel=0, abs=MOMENT)
    rate = post.expectation(expit(logit_mean_rate(mu, tau)))[0]
    assert rate == pytest.approx(theirs["mean_orr_expectation"], rel=0, abs=MOMENT)


@pytest.mark.parametrize(("name", "prior"), CASES)
def test_what_the_model_reports(name, prior):
    """Grouped counts of one group: the overall estimate without the extras, which other tests cover."""
    theirs = EXACT[name]["bayes"][prior]
    tau_prior, mu_prior = PRIORS[prior]
    x, n = arms(name)
    fit = BayesBinomial(prior=tau_prior, mu_prior=mu_prior).fit(GroupedCounts.of(x, n, ["all"] * len(x)))
    for ours, reference in (
        (fit.tau, theirs["tau_quantiles"]),
        (fit.estimands.median, theirs["median_orr"]),
        (fit.estimands.mean, theirs["mean_orr"]),
        (fit.estimands.predictive, theirs["predictive_orr"]),
    ):
        assert [ours.low, ours.value, ours.high] == pytest.approx(reference, rel=0, abs=QUANTILE)
    assert fit.tau.expectation == pytest.approx(theirs["tau_mean"], rel=0, abs=MOMENT)
    expectations = [fit.estimands.mean.expectation, fit.estimands.predictive.expectation]
    assert expectations == pytest.approx([theirs["mean_orr_expectation"]] * 2, rel=0, abs=MOMENT)


def effects(name):
    """escalc(measure = "PLO"): 0.5 added to both cells of arms with 0 or n responders."""
    return SCALES["logit"].effects(*arms(name))


@cache
def normal_posterior(name, scale):
    e = effects(name)
    return posterior(normal_surface(e.y, e.v), MuPrior(0, MU_SD), TauPrior.parse(f"half-normal:{scale}"))


@cache
def brute(name, scale):
    """mu given tau is normal: its moments in closed form, over 20,001 equal steps of tau.

    The integrand is even in tau, so that the trapezoidal rule converges faster than any power.
    """
    e = effects(name)
    tau = np.linspace(0, 9 * scale, 20_001)
    w = 1 / (e.v + tau[:, None] ** 2)
    precision = w.sum(-1) + 1 / MU_SD**2
    mean = w @ e.y / precision
    joint = norm.logpdf(e.y, mean[:, None], w**-0.5).sum(-1) + norm.logpdf(mean, 0, MU_SD)
    log_mass = joint + np.log(2 * np.pi / precision) / 2 + halfnorm.logpdf(tau, scale=scale)
    mass = np.exp(log_mass - log_mass.max())
    mass[0] /= 2
    mass /= mass.sum()
    average = mass @ mean
    spread = mass @ (1 / precision + mean**2) - average**2
    new = spread + mass @ tau**2
    # the mean of theta_i given mu and tau weighs y_i by 1/v_i and mu by 1/tau2
    share = e.v / (e.v + tau[:, None] ** 2)
    shrunken = mass @ (share * mean[:, None] + (1 - share) * e.y)
    return {"mu_mean": average, "mu_sd": np.sqrt(spread), "theta_new_mean": average,
            "theta_new_sd": np.sqrt(new), "tau_mean": mass @ tau, "shrink_mean": shrunken}  # fmt: skip


def ours(name, scale):
    post = normal_posterior(name, scale)
    e, mu, tau = effects(name), post.cells.mu, post.cells.tau[:, None]
    average = post.expectation(mu)[0]
    spread = post.expectation(mu**2)[0] - average**2
    shrunken = []
    for y, v in zip(e.y, e.v, strict=True):
        share = v / (v + tau**2)
        shrunken.append(post.expectation(share * mu + (1 - share) * y)[0])
    return {"mu_mean": average, "mu_sd": np.sqrt(spread), "theta_new_mean": average,
            "theta_new_sd": np.sqrt(spread + post.expectation(tau**2)[0]),
            "tau_mean": post.expectation(tau)[0], "shrink_mean": np.array(shrunken)}  # fmt: skip


@pytest.mark.parametrize(("name", "prior"), NORMAL)
def test_bayesmeta_of_tau(name, prior):
    theirs = METAFOR[name]["bayesmeta"][prior]
    model = BayesNormal(prior=f"half-normal:{SCALES_OF_TAU[prior]}", mu_prior=f"normal:0,{MU_SD}")
    fit = model.fit(Counts.of(*arms(name)))
    assert fit.tau.expectation == pytest.approx(theirs["tau_mean"], rel=0, abs=BAYESMETA_TAU)
    assert fit.tau.value == pytest.approx(theirs["tau_median"], rel=0, abs=BAYESMETA_TAU)
    assert fit.mu.value == pytest.approx(theirs["mu_median"], rel=0, abs=BAYESMETA_MU)


@pytest.mark.parametrize(("name", "prior"), NORMAL)
def test_bayesmeta_of_mu_and_of_the_trials(name, prior):
    """Shrunken effects and a new trial's come out of the same mixture over tau."""
    theirs, mine = METAFOR[name]["bayesmeta"][prior], ours(name, SCALES_OF_TAU[prior])
    assert mine["theta_new_sd"] == pytest.approx(theirs["theta_new_sd"], rel=0, abs=BAYESMETA_NEW_SD)
    for key in ("mu_mean", "mu_sd", "theta_new_mean", "shrink_mean"):
        np.testing.assert_allclose(mine[key], theirs[key], rtol=0, atol=BAYESMETA_MU, err_msg=key)


@pytest.mark.parametrize(("name", "prior"), NORMAL)
def test_ours_is_the_closed_form(name, prior):
    """Found: 1.5e-8 (the mean of tau)."""
    truth, mine = brute(name, SCALES_OF_TAU[prior]), ours(name, SCALES_OF_TAU[prior])
    for key, value in truth.items():
        np.testing.assert_allclose(mine[key], value, rtol=0, atol=5e-8, err_msg=key)


def test_bayesmeta_differs_because_its_mixture_is_coarse():
    """Where it differs from ours, it differs from the closed form by the same."""
    truth, theirs = brute("table1", 0.5), METAFOR["table1"]["bayesmeta"]["halfnormal_0.5"]
    assert (truth["mu_mean"], truth["mu_sd"]) == pytest.approx((-1.6706158, 0.3937739), abs=5e-8)
    off = [
        abs(METAFOR[name]["bayesmeta"][prior][key] - brute(name, scale)[key])
        for (name, (prior, scale)), key in product(product(SETS, SCALES_OF_TAU.items()), ("mu_mean", "mu_sd"))
    ]
    assert max(off) > 1e-4
    assert truth["tau_mean"] == pytest.approx(theirs["tau_mean"], abs=BAYESMETA_TAU)  # tau is not affected
