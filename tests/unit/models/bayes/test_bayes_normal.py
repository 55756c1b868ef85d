"""The Bayesian normal-normal model: scales, corrections, groups, and the closed form given tau."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import halfnorm, norm

from meta.data import Counts, GroupedCounts
from meta.errors import SpecError
from meta.models import BayesNormal
from meta.models.describe import DIFFERENCES
from meta.stats.normal.scales import SCALES
from meta.stats.numeric.codes import SENTENCES, Code
from tests.unit.stats import brute

TABLE1 = Counts.of([5, 6, 2, 1], [18, 32, 29, 21])
ROWS = GroupedCounts.of(TABLE1.responders, TABLE1.n, ["Asia", "Asia", "West", "West"])
# Priors of a size that suits each scale
PRIORS = {
    "logit": ("half-normal:1.25", "normal:-2,2"),
    "log": ("half-normal:1", "normal:-2,2"),
    "identity": ("half-normal:0.2", "normal:0.2,0.3"),
    "arcsine": ("half-normal:0.3", "normal:0.4,0.5"),
    "double-arcsine": ("half-normal:0.3", "normal:0.4,0.5"),
}


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


def ordered(answer):
    assert answer.low < answer.value < answer.high


def given_tau(y, v, mean, sd, tau):
    """Mean and sd of mu at each tau, and the log evidence there: all normal."""
    w = 1 / (v + tau[:, None] ** 2)
    precision = w.sum(-1) + 1 / sd**2
    centre = (w @ y + mean / sd**2) / precision
    joint = norm.logpdf(y, centre[:, None], w**-0.5).sum(-1) + norm.logpdf(centre, mean, sd)
    return centre, precision**-0.5, joint - norm.logpdf(0, 0, precision**-0.5)


@pytest.mark.parametrize("scale", PRIORS)
def test_against_the_closed_form_given_tau(scale):
    """Tau by Gauss-Legendre panels; distribution functions of mu and of a new trial as mixtures of normals.

    Found: moments 1e-9, probabilities 2e-6.
    """
    prior, mu_prior = PRIORS[scale]
    size = float(prior.partition(":")[2])
    mean, sd = (float(part) for part in mu_prior.partition(":")[2].split(","))
    fit = BayesNormal(scale=scale, prior=prior, mu_prior=mu_prior, thresholds=(0.1, 0.2)).fit(TABLE1)
    effects = SCALES[scale].effects(TABLE1.responders, TABLE1.n)
    tau, weight = brute.nodes(brute.panels(halfnorm(scale=size), 1.5))
    centre, width, log_evidence = given_tau(effects.y, effects.v, mean, sd, tau)
    mass = np.exp(log_evidence - log_evidence.max()) * halfnorm(scale=size).pdf(tau) * weight
    mass /= mass.sum()
    average = mass @ centre
    assert fit.mu.se == pytest.approx(np.sqrt(mass @ (width**2 + centre**2) - average**2), rel=1e-7)
    assert fit.tau.expectation == pytest.approx(mass @ tau, rel=1e-7)
    for q, p in ((fit.mu.low, 0.025), (fit.mu.value, 0.5), (fit.mu.high, 0.975)):
        assert mass @ norm.cdf(q, centre, width) == pytest.approx(p, abs=1e-5)
    for q, p in ((fit.prediction.effect.low, 0.025), (fit.prediction.effect.high, 0.975)):
        assert mass @ norm.cdf(q, centre, np.hypot(width, tau)) == pytest.approx(p, abs=1e-5)
    below_tau = np.interp(fit.tau.value, tau, np.cumsum(mass))
    assert below_tau == pytest.approx(0.5, abs=0.02)  # whole nodes of a panel, none of them above 2 %
    found = {(part.estimand, part.threshold): part.value for part in fit.probabilities}
    harmonic = len(TABLE1.n) / (1 / TABLE1.n).sum()
    for cut in (0.1, 0.2):
        at = float(SCALES[scale].transform(cut * harmonic, harmonic))
        above = 1 - mass @ norm.cdf(at, centre, width)
        assert found["median", cut] == pytest.approx(above, abs=1e-5)


@pytest.mark.parametrize("scale", PRIORS)
def test_what_a_fit_holds(scale):
    prior, mu_prior = PRIORS[scale]
    fit = BayesNormal(scale=scale, prior=prior, mu_prior=mu_prior, thresholds=(0.1,)).fit(ROWS)
    for part in (fit, *fit.groups):
        ordered(part.estimands.median)
        ordered(part.estimands.predictive)
        ordered(part.tau)
        ordered(part.dispersion.median_odds_ratio)
        assert part.estimands.mean.estimand == "mean"
        if scale == "logit":
            assert part.proportion == part.estimands.mean
            assert part.estimands.median.value == pytest.approx(expit(part.mu.value), rel=1e-9)
            ordered(part.estimands.mean)
        else:
            assert part.proportion == part.estimands.median
            assert part.estimands.mean.value is None
            assert f"not on {scale}" in part.estimands.mean.reason
        names = {probability.estimand for probability in part.probabilities}
        assert names == {"median", "predictive"} | ({"mean"} if scale == "logit" else set())
        assert all(isfinite(number) for number in numbers(asdict(part)))
    assert f"{scale} scale" in fit.estimands.median.method
    assert [trial.y for trial in fit.trials] == list(SCALES[scale].effects(TABLE1.responders, TABLE1.n).y)
    (contrast,) = fit.between.contrasts
    assert (contrast.mu.estimand, contrast.mean) == (DIFFERENCES[scale], None)
    ordered(contrast.mu)
    assert contrast.mu.value < 0
    assert 0 < contrast.exceeds < 0.5


def test_groups_with_a_tau_each_are_the_groups_alone():
    fit = BayesNormal(groups="separate").fit(ROWS)
    for index, group in enumerate(fit.groups):
        alone = BayesNormal().fit(ROWS.within(index))
        assert group.estimands.median.value == alone.estimands.median.value
        assert group.tau.value == alone.tau.value
    shared = BayesNormal().fit(ROWS)
    assert shared.groups[0].tau.value == pytest.approx(shared.groups[1].tau.value, abs=1e-6)


@pytest.mark.parametrize("groups", ["common", "separate"])
def test_a_group_without_rows(groups):
    rows = GroupedCounts.of([5, 2], [18, 29], ["Asia", "West"], names=["Africa", "Asia", "West"])
    fit = BayesNormal(groups=groups).fit(rows)
    assert [group.k for group in fit.groups] == [0, 1, 1]
    assert fit.groups[0].proportion.reason == "no trial reported responders"
    (contrast,) = fit.between.contrasts
    assert contrast.reference == "Asia"


@pytest.mark.parametrize(
    ("x", "n"), [([], []), ([3, 4], [19, 20]), ([0, 1], [19, 20]), ([0, 20], [20, 20]), ([0] * 4, [9] * 4)]
)
def test_corners(x, n):
    fit = BayesNormal().fit(Counts.of(x, n))
    assert fit.k == len(x)
    assert all(isfinite(number) for number in numbers(asdict(fit)))
    if not x:
        assert (fit.mu.value, fit.standing.status) == (None, "no-estimate")
        assert fit.mu.reason == "no trial reported responders"
        return
    ordered(fit.estimands.mean)
    corrected = [0 in (count, size - count) for count, size in zip(x, n, strict=True)]
    assert [trial.corrected for trial in fit.trials] == corrected
    assert any("0.5" in note for note in fit.notes) is any(corrected)


def test_without_a_correction_an_arm_without_responders_has_no_effect():
    fit = BayesNormal(continuity="none").fit(GroupedCounts.of([0, 3], [18, 20], ["a", "b"]))
    assert fit.mu.value is None
    assert fit.mu.reason == SENTENCES[Code.INFINITE_EFFECT]
    assert all(group.mu.value is None for group in fit.groups)
    arcsine = BayesNormal(
        continuity="none", scale="arcsine", prior="half-normal:0.3", mu_prior="normal:0.4,0.5"
    )
    assert arcsine.fit(Counts.of([0, 3], [18, 20])).mu.value > 0


def test_shortest_intervals_are_shorter():
    equal, short = (BayesNormal(interval=kind).fit(TABLE1) for kind in ("equal-tailed", "shortest"))
    for name in ("median", "mean", "predictive"):
        one, other = getattr(short.estimands, name), getattr(equal.estimands, name)
        assert one.high - one.low < other.high - other.low
    assert short.tau.high - short.tau.low < equal.tau.high - equal.tau.low


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"continuity": 0.0}, "continuity: found 0.0; none, or a number above 0 up to 1, is allowed"),
        ({"continuity": 1.5}, "continuity: found 1.5"),
        ({"level": 1.0}, "level: found 1.0"),
        ({"thresholds": (2.0,)}, "thresholds: found 2.0"),
        ({"prior": "half-normal:-1"}, "prior: found scale -1"),
        ({"mu_prior": "uniform:0,1"}, "mu_prior: found 'uniform:0,1'"),
    ],
)
def test_options_out_of_range(options, words):
    with pytest.raises(SpecError) as error:
        BayesNormal(**options)
    assert words in str(error.value)
