"""Priors: densities that integrate to their distribution functions, and what is refused in which words."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.stats

from meta.errors import SpecError
from meta.stats.posterior.priors import FAMILIES, MuPrior, TauPrior

PRIORS = [
    "half-normal:1.25", "half-normal:0.01", "half-cauchy:0.5", "half-t:3,1", "half-t:1,0.5", "half-t:30,2",
    "uniform:0,2", "uniform:0.5,5", "gamma:0.5,1", "gamma:2,0.7", "expon:0.8", "lognorm:1,0.5",
    "invgamma:0.4,0.1", "invgamma:3,2", "weibull_min:0.7,1", "weibull_min:2,1", "halflogistic:0.6",
]  # fmt: skip
LEVELS = [1e-4, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999]
# The same distributions under scipy's names
PEERS = {
    "half-normal": lambda s: scipy.stats.halfnorm(scale=s),
    "half-cauchy": lambda s: scipy.stats.halfcauchy(scale=s),
    "uniform": lambda low, high: scipy.stats.uniform(low, high - low),
    "gamma": lambda a, s: scipy.stats.gamma(a, scale=s),
    "expon": lambda s: scipy.stats.expon(scale=s),
    "lognorm": lambda s, scale: scipy.stats.lognorm(s, scale=scale),
    "invgamma": lambda a, s: scipy.stats.invgamma(a, scale=s),
    "weibull_min": lambda c, s: scipy.stats.weibull_min(c, scale=s),
    "halflogistic": lambda s: scipy.stats.halflogistic(scale=s),
}
TAILS = {"half-cauchy:0.5": 1, "half-t:3,1": 3, "half-t:1,0.5": 1, "half-t:30,2": 30, "invgamma:0.4,0.1": 0.4,
         "invgamma:3,2": 3}  # fmt: skip


def test_every_family_is_tested():
    assert {TauPrior.parse(text).family for text in PRIORS} == set(FAMILIES)


def integrals(prior, ends):
    """Of the density between `ends`, over log tau, where even a gamma's pole at 0 is smooth.

    Panels of at most half a unit with 16 nodes each: their error is below 1e-12.
    """
    nodes, weights = np.polynomial.legendre.leggauss(16)
    parts = []
    for a, b in pairwise(np.log(ends)):
        cuts = np.linspace(a, b, int(2 * (b - a)) + 2)
        half = np.diff(cuts)[:, None] / 2
        u = cuts[:-1, None] + half * (1 + nodes)
        parts.append((np.exp(u + prior.logpdf(np.exp(u))) * half * weights).sum())
    return np.array(parts)


@pytest.mark.parametrize("text", PRIORS)
def test_the_density_integrates_to_the_levels_of_the_quantiles(text):
    prior = TauPrior.parse(text)
    start = prior.support[0] or float(prior.quantile(1e-14))
    ends = np.maximum(prior.quantile(LEVELS), 1e-300)
    assert (np.diff(ends) > 0).all()
    np.testing.assert_allclose(np.cumsum(integrals(prior, [start, *ends])), LEVELS, rtol=0, atol=1e-11)


@pytest.mark.parametrize("text", PRIORS)
def test_the_density_integrates_to_one(text):
    """Between quantiles that leave 2e-9 out."""
    prior = TauPrior.parse(text)
    ends = prior.quantile([1e-9, 0.5, 1 - 1e-9])
    assert integrals(prior, ends).sum() == pytest.approx(1 - 2e-9, abs=1e-11)


@pytest.mark.parametrize("text", PRIORS)
def test_against_scipy(text):
    prior = TauPrior.parse(text)
    df, scale = (*prior.values, np.nan)[:2]
    peer = scipy.stats.t(df, scale=scale) if prior.family == "half-t" else PEERS[prior.family](*prior.values)
    tau = np.asarray(prior.quantile(LEVELS))
    half = prior.family == "half-t"  # of a symmetric one: twice its density, half its tail
    # two evaluations of one formula: rounding of logarithms; scipy finds quantiles of t to 2e-13 of a level
    np.testing.assert_allclose(prior.logpdf(tau), peer.logpdf(tau) + half * np.log(2), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(1 - (2 if half else 1) * peer.sf(tau), LEVELS, rtol=0, atol=1e-12)


@pytest.mark.parametrize("text", PRIORS)
def test_outside_its_support_there_is_nothing(text):
    prior = TauPrior.parse(text)
    low, high = prior.support
    if prior.family == "uniform":
        assert prior.logpdf([low / 2 - 1e-9, high + 1e-9]).tolist() == [-np.inf, -np.inf]
        assert prior.logpdf([low, high]) == pytest.approx(-np.log(high - low))
    else:
        assert (low, high) == (0, np.inf)
    assert prior.logpdf(np.ones((2, 3))).shape == (2, 3)
    assert np.shape(prior.quantile(0.5)) == ()
    assert not np.isnan(prior.logpdf([0.0, 1e-300, 1e100])).any()  # a gamma's pole at 0 is infinite


@pytest.mark.parametrize("text", PRIORS)
def test_the_tail_says_how_fast_the_density_falls(text):
    """A density like tau^-(1 + tail) loses (1 + tail) log 10 where tau grows tenfold; others lose more."""
    prior = TauPrior.parse(text)
    assert prior.tail == TAILS.get(text, np.inf)
    if prior.family == "uniform":
        return
    far = 1e6 * float(prior.quantile(0.9))
    lost = float(prior.logpdf(far) - prior.logpdf(10 * far))
    if np.isfinite(prior.tail):
        assert lost == pytest.approx((1 + prior.tail) * np.log(10), rel=1e-3)
    else:
        assert lost > 20  # a lognormal with s = 1 loses 2.3 (1 + 15)


@pytest.mark.parametrize("text", PRIORS)
def test_what_is_written_is_read(text):
    prior = TauPrior.parse(text)
    assert str(prior) == text
    assert TauPrior.parse(f"  {prior} ") == prior
    names = FAMILIES[prior.family].parameters
    assert prior.parameters == tuple(zip(names, prior.values, strict=True))


@pytest.mark.parametrize(
    ("text", "found", "allowed"),
    [
        ("half-normal:", "half-normal:", "half-normal:scale with finite numbers"),
        ("half-normal", "half-normal:", "half-normal:scale with finite numbers"),
        ("half-normal:1,2", "half-normal:1,2", "half-normal:scale with finite numbers"),
        ("half-normal:nan", "half-normal:nan", "finite numbers"),
        ("half-normal:inf", "half-normal:inf", "finite numbers"),
        ("half-normal:0", "scale 0 in half-normal:0", "0.001 to 1000"),
        ("half-normal:-1", "scale -1 in half-normal:-1", "0.001 to 1000"),
        ("half-normal:one", "'half-normal:one'", "family:number,number"),
        ("half-normal:1;2", "'half-normal:1;2'", "family:number,number"),
        ("half-normal:1,", "'half-normal:1,'", "family:number,number"),
        ("half-normal:1:2", "'half-normal:1:2'", "family:number,number"),
        ("half-normal=1", "'half-normal=1'", ", ".join(FAMILIES)),
        ("half_normal:1", "'half_normal'", ", ".join(FAMILIES)),
        ("Half-Normal:1", "'Half-Normal'", ", ".join(FAMILIES)),
        ("beta:1,2", "'beta'", ", ".join(FAMILIES)),
        ("", "''", ", ".join(FAMILIES)),
        (":1", "''", ", ".join(FAMILIES)),
        ("half-t:3", "half-t:3", "half-t:df,scale with finite numbers"),
        ("half-t:0,1", "df 0 in half-t:0,1", "0.5 to 100"),
        ("uniform:2,1", "uniform:2,1", "low < high"),
        ("uniform:1,1", "uniform:1,1", "low < high"),
        ("uniform:-1,1", "low -1 in uniform:-1,1", "0 to 1000"),
        ("uniform:0,0", "high 0 in uniform:0,0", "0.001 to 1000"),
        ("gamma:0.5", "gamma:0.5", "gamma:a,scale with finite numbers"),
        ("gamma:0,1", "a 0 in gamma:0,1", "0.5 to 100"),
        # accepted once: tracebacks, minutes, or a wrong tau
        ("half-normal:1e12", "scale 1e+12 in half-normal:1e+12", "0.001 to 1000"),
        ("half-normal:1e30", "scale 1e+30 in half-normal:1e+30", "0.001 to 1000"),
        ("half-normal:1e300", "scale 1e+300 in half-normal:1e+300", "0.001 to 1000"),
        ("half-normal:1e-300", "scale 1e-300 in half-normal:1e-300", "0.001 to 1000"),
        ("weibull_min:0.01,1", "c 0.01 in weibull_min:0.01,1", "0.5 to 100"),
        ("half-t:0.01,1", "df 0.01 in half-t:0.01,1", "0.5 to 100"),
        ("invgamma:0.001,0.001", "a 0.001 in invgamma:0.001,0.001", "0.4 to 100"),
    ],
)
def test_what_is_refused_and_what_is_allowed(text, found, allowed):
    with pytest.raises(SpecError) as error:
        TauPrior.parse(text)
    message = str(error.value)
    assert message.startswith("prior: found ")
    assert f"found {found}" in message
    assert allowed in message


@pytest.mark.parametrize(
    "text",
    ["normal:-2", "normal:-2,2,1", "normal", "normal:", "", "t:0,1", "half-normal:1", "normal:-2,0",
     "normal:-2,-1", "normal:nan,1", "normal:1e6,1", "normal:0,1e300", "normal:0,1e-300",
     "normal:0,inf", "normal:a,b", "Normal:0,1"],
)  # fmt: skip
def test_a_mu_prior_is_normal(text):
    with pytest.raises(
        SpecError,
        match=r"^mu_prior: found .*(normal:mean,sd|number,number|-20 to 20|0\.001 to 100).* is allowed",
    ):
        MuPrior.parse(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("half-t:-1,0", ["df -1 in half-t:-1,0", "scale 0 in half-t:-1,0"]),
        ("uniform:-1,-2", ["high -2 in uniform:-1,-2", "low -1 in uniform:-1,-2", "uniform:-1,-2"]),
    ],
)
def test_every_parameter_at_fault_is_named(text, found):
    with pytest.raises(SpecError) as error:
        TauPrior.parse(text)
    assert [(fault.path, fault.found) for fault in error.value.faults] == [
        ("prior", f"found {words}") for words in found
    ]


def test_mu_prior():
    prior = MuPrior.parse(" normal:-2,2.5 ")
    assert (prior.mean, prior.sd, str(prior)) == (-2, 2.5, "normal:-2,2.5")
    assert MuPrior.parse(str(prior)) == prior
    mu = np.linspace(-9, 9, 7)
    np.testing.assert_allclose(prior.logpdf(mu), scipy.stats.norm.logpdf(mu, -2, 2.5), rtol=1e-14)
    assert prior.logpdf(np.zeros((2, 3))).shape == (2, 3)
