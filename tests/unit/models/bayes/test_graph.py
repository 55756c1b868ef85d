"""The binomial-normal model in PyMC: its density by hand, its draws against brute-force integration."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.stats as st
from scipy.special import expit

from meta.data import Counts, GroupedCounts
from meta.models.bayes import graph as binomial
from meta.models.mcmc import sampling
from meta.stats.posterior.priors import FAMILIES, MuPrior, TauPrior

# With trials without responders, and with responders only
X, N = np.array([0, 6, 2, 12]), np.array([18, 32, 29, 12])
ONE = Counts.of(X, N)
TWO = GroupedCounts.of(X, N, ["Asia", "West", "West", "Asia"])
ROW = np.array([0, 1, 1, 0])

PRIORS = {
    "half-normal:1.25": st.halfnorm(scale=1.25),
    "half-cauchy:0.5": st.halfcauchy(scale=0.5),
    "half-t:3,0.7": st.foldnorm,  # by hand below
    "uniform:0,2": st.uniform(0, 2),
    "uniform:0.1,3": st.uniform(0.1, 2.9),
    "gamma:2,0.4": st.gamma(2, scale=0.4),
    "expon:0.8": st.expon(scale=0.8),
    "lognorm:0.9,0.6": st.lognorm(0.9, scale=0.6),
    "invgamma:2,0.5": st.invgamma(2, scale=0.5),
    "weibull_min:1.5,0.9": st.weibull_min(1.5, scale=0.9),
    "halflogistic:0.6": st.halflogistic(scale=0.6),
}


def tau_logpdf(prior, tau):
    if prior == "half-t:3,0.7":
        return np.log(2) + st.t(3, scale=0.7).logpdf(tau)
    return PRIORS[prior].logpdf(tau)


def density(model):
    """The model's log density as a function of mu, tau and z on their own scales."""
    import pytensor

    rv = model["tau"]
    tau = rv.type()
    with sampling.uncompiled():
        logp = model.compile_logp(jacobian=False)
        move = pytensor.function([tau], model.rvs_to_transforms[rv].forward(tau, *rv.owner.inputs))

    def at(mu, tau, z):
        return float(logp({"mu": mu, model.rvs_to_values[rv].name: move(tau), "z": z}))

    return at


@pytest.mark.parametrize("groups", ["one", "common", "separate"])
@pytest.mark.parametrize("prior", PRIORS)
def test_log_density_is_the_one_written_by_hand(prior, groups):
    data = ONE if groups == "one" else TWO
    row = np.zeros(4, dtype=int) if groups == "one" else ROW
    model = binomial.build(data, MuPrior(-2, 1.5), TauPrior.parse(prior), separate_tau=groups == "separate")
    found = density(model)
    rng = np.random.default_rng(1)
    for _ in range(5):
        mu = rng.normal(-1, 2, size=row.max() + 1)
        tau = rng.uniform(0.15, 1.9, size=2 if groups == "separate" else None)
        z = rng.normal(size=4)
        theta = mu[row] + (tau[row] if groups == "separate" else tau) * z
        expected = (
            st.norm(-2, 1.5).logpdf(mu).sum()
            + np.sum(tau_logpdf(prior, tau))
            + st.norm.logpdf(z).sum()
            + st.binom.logpmf(X, N, expit(theta)).sum()
        )
        # Double precision, but for the log 2 of the half-Cauchy and half-t, which PyMC rounds to single, 2e-9
        # a tau: a constant, which moves no posterior.
        assert found(mu, tau, z) == pytest.approx(expected, rel=0, abs=5e-9)


def test_every_family_of_priors_has_a_place_in_pymc():
    assert set(binomial._TAU) == set(FAMILIES)
    assert {prior.partition(":")[0] for prior in PRIORS} == set(FAMILIES)


def test_draws_have_names_and_shapes(few):
    assert few.mu.shape == (4, 40, 1)
    assert few.tau.shape == (4, 40, 1)
    assert few.theta.shape == (4, 40, 4)
    assert (few.tau > 0).all()
    posterior = few.idata.posterior
    assert posterior["trial"].to_numpy().tolist() == ["none", "one", "Jia 2022", "all"]
    assert posterior["group"].to_numpy().tolist() == ["all"]
    np.testing.assert_allclose(few.theta, few.mu + few.tau * posterior["z"].to_numpy(), rtol=1e-12)
    assert few.idata.observed_data["responders"].to_numpy().tolist() == [0, 1, 5, 12]
    assert few.idata.constant_data["n"].to_numpy().tolist() == [18, 32, 29, 12]


def test_extreme_arms_are_drawn_towards_their_side(few):
    none, *_, everyone = few.theta.mean(axis=(0, 1))
    assert none < few.mu.mean() < everyone
    assert np.isfinite(few.theta).all()


def test_two_runs_of_a_seed_are_equal(few, few_again):
    for name in ("mu", "tau", "theta"):
        np.testing.assert_array_equal(getattr(few, name), getattr(few_again, name))
    assert few.diagnostics == few_again.diagnostics


def test_a_trial_with_two_groups_has_two_named_rows():
    data = GroupedCounts.of([1, 2, 3], [9, 9, 9], ["a", "b", "a"], labels=["T1", "T1", "T2"])
    model = binomial.build(data, MuPrior(-2, 2), TauPrior.parse("half-normal:1"))
    assert model.coords["trial"] == ("T1, a", "T1, b", "T2, a")
    assert model.coords["group"] == ("a", "b")


REFERENCE = Path(__file__).parents[3] / "reference"
EXACT = json.loads((REFERENCE / "exact.json").read_text(encoding="utf-8"))["sets"]
COUNTS = json.loads((REFERENCE / "metafor.json").read_text(encoding="utf-8"))
SETTINGS = {
    "halfnormal_0.5": ("normal:0,2.5", "half-normal:0.5"),
    "halfnormal_1.0": ("normal:0,2.5", "half-normal:1"),
    "default": ("normal:-2,2", "half-normal:1.25"),
}
PROBABILITIES = (0.025, 0.5, 0.975)
# Standard errors that a difference may have. About 17 quantities in nine posteriors: if each were normal, one
# in 1000 test suites with another seed would meet a larger one; the seed is fixed, so this one never does.
MOST = 4.5
# What exact.json says of itself: 1e-5 for moments and probabilities, 2e-3 for quantiles on their own scale.
MOMENT, QUANTILE = 1e-5, 2e-3


def standard_errors(draws, expected, kind, error, **options):
    """The difference of draws and truth in Monte-Carlo standard errors, less what the truth may be off."""
    import arviz as az

    found = np.mean(draws) if kind == "mean" else np.quantile(draws, options["prob"])
    if np.ptp(draws) == 0:  # an indicator that no draw contradicts: the truth is within one draw of it
        mcse = 1 / draws.size
    else:
        mcse = np.squeeze(az.mcse(draws, method=kind, **options))
    return float(max(abs(found - expected) - error, 0.0) / mcse)


def differences(drawn, exact):
    """Every quantity of exact.json by name, in Monte-Carlo standard errors."""
    mu, tau = drawn.mu[..., 0], drawn.tau[..., 0]
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    mean_orr = expit(mu[..., None] + tau[..., None] * nodes) @ (weights / weights.sum())
    new = mu + tau * np.random.default_rng(2).normal(size=mu.shape)
    means = {
        "mu_mean": mu,
        "tau_mean": tau,
        "mean_orr_expectation": mean_orr,
        "prob_mean_orr_above_10pct": (mean_orr > 0.1).astype(float),
    }
    quantiles = {
        "tau_quantiles": tau,
        "median_orr": expit(mu),
        "mean_orr": mean_orr,
        "predictive_orr": expit(new),
    }
    found = {name: standard_errors(draws, exact[name], "mean", MOMENT) for name, draws in means.items()}
    squares = (mu - exact["mu_mean"]) ** 2
    found["mu_sd"] = standard_errors(squares, exact["mu_sd"] ** 2, "mean", 2 * exact["mu_sd"] * MOMENT)
    for name, draws in quantiles.items():
        for p, truth in zip(PROBABILITIES, exact[name], strict=True):
            found[f"{name} {p}"] = standard_errors(draws, truth, "quantile", QUANTILE, prob=p)
    return found


@pytest.mark.slow
@pytest.mark.reference
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", ["table1", "table1_zero", "pritz1997"])
def test_draws_agree_with_exact_integration(name, setting):
    rows = COUNTS[name]["data"]
    data = Counts.of([row["x"] for row in rows], [row["n"] for row in rows])
    mu_prior, tau_prior = SETTINGS[setting]
    drawn = binomial.draw(
        data,
        mu_prior=MuPrior.parse(mu_prior),
        tau_prior=TauPrior.parse(tau_prior),
        seed=20260723,
        draws=1000,
        tune=500,
    )
    assert drawn.diagnostics.passed, drawn.diagnostics.faults
    found = differences(drawn, EXACT[name]["bayes"][setting])
    assert set(key.partition(" ")[0] for key in found) == set(EXACT[name]["bayes"][setting])
    assert {key: value for key, value in found.items() if value > MOST} == {}
