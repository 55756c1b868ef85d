"""The marginal likelihood against Gauss-Legendre quadrature, exact decimals, sums and differences."""

from __future__ import annotations

from decimal import Decimal, localcontext
from math import comb, lgamma, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import binom, norm

from meta.stats.binomial.integrands import WIDE
from meta.stats.binomial.marginal import approximate_log_marginal, log_marginal, marginal_terms, mean_rate

TAUS = [0.0, 1e-8, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 7.0, 50.0, 1e4, 1e8]
MUS = [-30.0, -7.0, -2.0, 0.0, 1.3, 30.0]
ARMS = [
    (0, 1), (1, 1), (0, 2), (1, 2), (2, 2), (1, 7), (0, 18), (5, 18), (18, 18), (2, 29), (28, 29),
    (0, 110), (1, 110), (44, 110), (110, 110), (1, 1000), (999, 1000),
    (0, 5000), (1, 5000), (37, 5000), (1000, 5000), (4999, 5000), (5000, 5000),
]  # fmt: skip

EPS = np.finfo(float).eps
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


def composite(log_f, low, high, panels):
    """Log of an integral, from panels so short that 16 nodes integrate each to the last digits."""
    ends = np.linspace(low, high, panels + 1)
    half = np.diff(ends)[:, None] / 2
    at = (ends[1:, None] + ends[:-1, None]) / 2 + half * NODES
    values = log_f(at)
    top = values.max()
    return top + np.log((np.exp(values - top) * WEIGHTS * half).sum())


def zoomed(log_f, low, high):
    """Where the log of a log-concave function is within 60 of its maximum: dense grids, one in another."""
    for _ in range(40):
        z = np.linspace(low, high, 401)
        kept = np.flatnonzero(log_f(z) > log_f(z).max() - 60)
        new = z[max(kept[0] - 1, 0)], z[min(kept[-1] + 1, 400)]
        if new[1] - new[0] > 0.9 * (high - low):
            return new
        low, high = new
    raise AssertionError("the zoom does not end")


def brute(x, n, mu, tau):
    """Log marginal likelihood written from the definition.

    Over z = (theta - mu)/tau where that resolves it. Of an arm without responders, a wide normal leaves a
    plateau and a cliff: over theta itself then, from where (1-p)^n is 1 to double precision, with the
    normal's own probability for all below.
    """
    if x == n and n > 0:
        return brute(0, n, -mu, tau)
    coefficient = lgamma(n + 1) - lgamma(x + 1) - lgamma(n - x + 1)

    def binomial(theta):
        return x * theta - n * np.logaddexp(0, theta)

    if tau == 0:
        return coefficient + binomial(mu)
    if x == 0 and tau > 1:
        start = min(-log(n) - 40, mu + 40)
        below = norm.logcdf((start - mu) / tau)

        def over_theta(theta):
            return binomial(theta) - ((theta - mu) / tau) ** 2 / 2 - log(tau * np.sqrt(2 * np.pi))

        _, end = zoomed(over_theta, start, start + 400)
        return np.logaddexp(below, composite(over_theta, start, end, 400))

    def over_z(z):
        return binomial(mu + tau * z) - z**2 / 2 - log(np.sqrt(2 * np.pi))

    # the peak lies between the prior's, 0, and the binomial's, which is infinite without responders
    binomial_peak = (log((x + 0.01) / (n - x + 0.01)) - mu) / tau
    ends = zoomed(over_z, min(0.0, binomial_peak) - 40, max(0.0, binomial_peak) + 40)
    return coefficient + composite(over_z, *ends, 200)


def tolerance(log_l):
    """What is asked for, 1e-10 of the likelihood, and the rounding of a logarithm of that size in both."""
    return 1e-10 + 4 * EPS * np.abs(log_l)


@pytest.mark.parametrize(("x", "n"), ARMS)
def test_against_quadrature_of_the_definition(x, n):
    mu, tau = (z.ravel() for z in np.meshgrid(MUS, TAUS))
    ours = log_marginal(x, n, mu, tau)
    theirs = np.array([brute(x, n, m, t) for m, t in zip(mu, tau, strict=True)])
    assert (np.abs(ours - theirs) <= tolerance(theirs)).all()


def rounding(n, mu):
    """Of x theta - n log(1 + e^theta): of numbers as large as n |mu|, on both sides of a comparison."""
    return 4 * EPS * (1 + np.asarray(n) * (1 + np.abs(mu)))


def size(x, n, d_mu):
    """Of x - n expit(theta) under the integrand.

    The derivatives are averages of polynomials in it, of degree `DEGREES`, which cancel: their error is that
    power of it, times the rounding of x - n p (5e-13 at n = 5,000) and the quadrature's 1e-12.
    """
    return np.abs(d_mu) + np.sqrt(np.minimum(x, n - x) + 1.0)


DEGREES = (0, 1, 2, 2, 3, 4)
AVERAGES = 3e-12  # 1.4e-12 is the largest found


@pytest.mark.parametrize(("x", "n"), ARMS)
def test_a_batch_is_its_cells(x, n):
    """The search for the peak goes on until the last cell has found its own, and must not lose the others.

    Its steps may differ, so that the quadrature's error may: 7e-12 is the largest difference at n = 5,000.
    """
    mu, tau = (z.ravel() for z in np.meshgrid(MUS, TAUS))
    together = log_marginal(x, n, mu, tau)
    alone = np.array([log_marginal(x, n, m, t) for m, t in zip(mu, tau, strict=True)])
    assert (np.abs(together - alone) <= 1.5e-11 + rounding(n, mu)).all()


@pytest.mark.parametrize(
    ("x", "n"), [(0, 30), (0, 110), (1, 110), (0, 400), (3, 5000), (25, 30), (5000, 5000)]
)
def test_far_from_the_data_it_is_finite_and_falls(x, n):
    """Where a grid of mu begins and ends; nothing there counts, but a NaN would reach every sum."""
    mu = np.linspace(-15, 15, 301)
    tau = np.geomspace(0.02, 5, 40)[:, None]
    found = log_marginal(x, n, mu, tau)
    assert np.isfinite(found).all()
    # log-concave in mu, as a convolution of log-concave functions is
    assert (np.diff(found, 2, axis=-1) <= tolerance(found[:, 1:-1])).all()


@pytest.mark.parametrize("n", [1, 18, 110, 5000])
@pytest.mark.parametrize("mu", [-30.0, -2.0, 0.0, 30.0])
def test_by_parts_joins_where_it_takes_over(n, mu):
    """Both formulas at practically one tau.

    The plain one is at its end there: what it integrates has a plateau and a cliff, and its averages amplify
    the cliff (found: 1e-12, 6e-13, 1e-11, 2e-11, 5e-11 and 9e-10; finer steps show that it is its error).
    """
    below, above = np.nextafter(WIDE, 0), np.nextafter(WIDE, 10)
    for x in (0, n):
        plain, parts = marginal_terms(x, n, mu, below**2), marginal_terms(x, n, mu, above**2)
        allowed = np.array([1e-11, 1e-11, 1e-10, 1e-10, 1e-9, 1e-8])
        scale = size(x, n, plain.d_mu) ** np.array(DEGREES)
        assert (np.abs(np.subtract(plain, parts)) <= allowed * scale).all()


def test_of_nothing_the_likelihood_is_one():
    mu, tau = np.meshgrid(MUS, TAUS)
    assert (log_marginal(0, 0, mu, tau) == 0).all()
    for part in marginal_terms(0, 0, mu, tau):
        assert (part == 0).all()


@pytest.mark.parametrize("tau", TAUS)
def test_non_responders_are_the_responders_of_the_other_sign(tau):
    x, n = np.transpose(ARMS)
    mu = np.array(MUS)[:, None]
    here, there = marginal_terms(x, n, mu, tau**2), marginal_terms(n - x, n, -mu, tau**2)
    assert (np.abs(here.value - there.value) <= 1.5e-11 + rounding(n, mu)).all()
    signs = (1, -1, 1, 1, -1, 1)  # odd derivatives in mu change theirs
    scale = size(x, n, here.d_mu)
    for sign, degree, one, other in zip(signs[1:], DEGREES[1:], here[1:], there[1:], strict=True):
        assert (np.abs(one - sign * other) <= AVERAGES * scale**degree).all()


@pytest.mark.parametrize("n", [1, 2, 18, 110, 1000])
def test_the_probabilities_of_all_counts_add_up_to_one(n):
    x = np.arange(n + 1)[:, None, None]
    mu, tau = np.meshgrid([-7.0, -2.0, 0.0, 1.3], TAUS)
    total = np.exp(log_marginal(x, n, mu, tau)).sum(0)
    np.testing.assert_allclose(total, 1, rtol=0, atol=1e-11)


def test_a_mean_rate_is_the_average_of_the_rate():
    """Against the trapezoidal rule with 4001 nodes over the normal: converged to rounding for tau up to 3."""
    z = np.linspace(-10, 10, 4001)
    weight = norm.pdf(z) * (z[1] - z[0])
    mu, tau = np.meshgrid([-30.0, -4.0, -2.0, 0.0, 3.0], [0.0, 1e-8, 0.3, 1.0, 3.0])
    theirs = (expit(mu[..., None] + tau[..., None] * z) * weight).sum(-1)
    np.testing.assert_allclose(mean_rate(mu, tau), theirs, rtol=1e-12)


def stirred(x, n, mu):
    """log L and the ratios of its first four derivatives in theta to itself at tau = 0, in 110 digits."""
    with localcontext() as context:
        context.prec = 110
        m, h = Decimal(float(mu)), Decimal(10) ** -20

        def likelihood(theta):
            p, q = 1 / (1 + (-theta).exp()), 1 / (1 + theta.exp())
            return comb(n, x) * p**x * q ** (n - x)

        f = {j: likelihood(m + j * h) for j in range(-2, 3)}
        derivatives = (
            (f[1] - f[-1]) / (2 * h),
            (f[1] - 2 * f[0] + f[-1]) / h**2,
            (f[2] - 2 * f[1] + 2 * f[-1] - f[-2]) / (2 * h**3),
            (f[2] - 4 * f[1] + 6 * f[0] - 4 * f[-1] + f[-2]) / h**4,
        )
        # steps of 10^-20 leave an error of 10^-40 n^2 times the next derivatives
        return float(f[0].ln()), *(float(d / f[0]) for d in derivatives)


@pytest.mark.parametrize("mu", [-30.0, -2.0, 0.3, 30.0])
def test_without_heterogeneity_terms_are_the_binomial_ones(mu):
    """The normal's even derivatives: L_v = L''/2, L_vv = L''''/4. Rounding is that of powers of x - n p."""
    for x, n in ARMS:
        log_l, c1, c2, c3, c4 = stirred(x, n, mu)
        ours = marginal_terms(x, n, mu, 0.0)
        scale = size(x, n, c1)
        exact = (c1, c2 / 2, c2 - c1**2, (c3 - c1 * c2) / 2, (c4 - c2**2) / 4)
        assert ours.value == pytest.approx(log_l, rel=0, abs=1e-13 + rounding(n, mu))
        for degree, mine, theirs in zip(DEGREES[1:], ours[1:], exact, strict=True):
            # at tau = 0 nothing is integrated: rounding alone, 4.8e-13 at most
            assert mine == pytest.approx(theirs, rel=0, abs=1e-12 * scale**degree)


def five_point(f, at, h):
    """First and second derivative by differences of fourth order."""
    low2, low, here, high, high2 = (f(at + j * h) for j in range(-2, 3))
    first = (low2 - 8 * low + 8 * high - high2) / (12 * h)
    second = (-low2 + 16 * low - 30 * here + 16 * high - high2) / (12 * h**2)
    return first, second


DIFFERENCED = [
    (x, n, mu, tau)
    for x, n in ((0, 18), (5, 18), (18, 18), (1, 110), (44, 110), (0, 1000), (1000, 5000))
    for mu in (-4.0, -2.0, 0.3)
    for tau in (0.2, 1.0, 4.0, 7.0, 50.0)
]


@pytest.mark.parametrize("n", [18, 110, 1000, 5000])
def test_terms_are_the_derivatives(n):
    """Differences of fourth order, whose steps are as small against the width of L as rounding lets them be.

    Relative to a derivative's natural size (it may pass through zero) they are good to 1e-8, second ones by
    tau2 to 1e-6. Under a wide normal the averages lose as many digits as they cancel, see `size`; and the
    quadrature's own error is largest for one responder, whose flank e^theta the polynomials amplify.
    """
    flank = (0.0, 1e-11, 2e-11, 1e-10, 5e-10)  # 1e-12, 4e-12, 4e-11 and 1e-10 are the largest found
    x, n, mu, tau = (np.array(z) for z in zip(*(c for c in DIFFERENCED if c[1] == n), strict=True))
    v = tau**2.0
    ours = marginal_terms(x, n, mu, v)
    dmu, dv = 4e-3 * np.sqrt(v + 1 / np.minimum(n / 10, 50)), 4e-3 * v
    d_mu, _ = five_point(lambda m: log_marginal(x, n, m, tau), mu, dmu)
    _, d_mumu = five_point(lambda m: log_marginal(x, n, m, tau), mu, 3 * dmu)
    d_v, _ = five_point(lambda w: log_marginal(x, n, mu, np.sqrt(w)), v, dv)
    _, d_vv = five_point(lambda w: log_marginal(x, n, mu, np.sqrt(w)), v, 3 * dv)
    d_muv, _ = five_point(lambda w: marginal_terms(x, n, mu, w).d_mu, v, dv)
    scale = size(x, n, ours.d_mu)

    def agree(mine, theirs, natural, degree, *, within):
        allowed = within * (np.abs(mine) + np.abs(natural)) + flank[degree] * scale**degree
        assert (np.abs(mine - theirs) <= allowed).all()

    agree(ours.d_mu, d_mu, 0, 1, within=1e-8)
    agree(ours.d_v, d_v, ours.d_mumu, 2, within=1e-8)
    agree(ours.d_mumu, d_mumu, ours.d_mu**2, 2, within=1e-8)
    agree(ours.d_muv, d_muv, ours.d_mu / v, 3, within=1e-7)
    agree(ours.d_vv, d_vv, ours.d_v / v, 4, within=1e-6)


@pytest.mark.parametrize(("x", "n"), ARMS)
def test_the_heat_equation_holds_down_to_no_heterogeneity(x, n):
    """A step in tau2 away from 0 against the series there, whose next term is h^3 L/48 or so."""
    h = 1e-6 / (1 + n)
    at_zero = marginal_terms(x, n, np.array(MUS), 0.0)
    there = marginal_terms(x, n, np.array(MUS), h)
    scale = size(x, n, at_zero.d_mu)
    reached = at_zero.value + h * at_zero.d_v + h**2 / 2 * at_zero.d_vv
    third = h**3 * scale**6
    assert (np.abs(there.value - reached) <= 1.5e-11 + rounding(n, MUS) + third).all()
    assert (np.abs(there.d_v - (there.d_mumu + there.d_mu**2) / 2) <= AVERAGES * scale**2).all()


def test_shapes_broadcast_and_agree_with_scalars():
    x, n = np.array([[5], [0]]), np.array([[18], [29]])
    mu, tau = np.array([-2.0, 0.1, 3.0]), np.array([1.0, 0.0, 6.0])
    found = log_marginal(x, n, mu, tau)
    assert found.shape == (2, 3)
    assert log_marginal(5, 18, -2.0, 1.0).shape == ()
    assert found[0, 0] == log_marginal(5, 18, -2.0, 1.0)
    assert log_marginal(np.ones((0, 3)), 2, 0.0, 1.0).shape == (0, 3)
    values = marginal_terms(x, n, mu, tau**2)
    np.testing.assert_allclose(values.value, found, rtol=1e-13)  # a finer rule where derivatives are wanted
    assert all(part.shape == (2, 3) for part in values)


@settings(max_examples=60)
@given(n=st.integers(1, 400), share=st.floats(0, 1), mu=st.floats(-12, 12), log_tau=st.floats(-6, 4))
def test_any_arm_against_quadrature_of_the_definition(n, share, mu, log_tau):
    x, tau = round(share * n), float(np.exp(log_tau))
    theirs = brute(x, n, mu, tau)
    assert abs(float(log_marginal(x, n, mu, tau)) - theirs) <= tolerance(theirs)


def test_the_reference_is_the_binomial_where_there_is_nothing_to_integrate():
    """So that the quadrature above is not compared with itself alone."""
    assert brute(5, 18, -1.0, 0.0) == pytest.approx(binom.logpmf(5, 18, expit(-1.0)), rel=1e-13)
    assert brute(5, 18, -1.0, 1e-9) == pytest.approx(binom.logpmf(5, 18, expit(-1.0)), rel=1e-13)
    # one patient of one at mu = 0 responds half the time whatever tau
    assert [brute(1, 1, 0.0, tau) for tau in TAUS] == pytest.approx([-np.log(2)] * len(TAUS), rel=1e-13)
    # a very wide normal puts half below 0 and half above; the width of the cliff is 1/tau of it
    assert np.exp(brute(0, 18, 0.0, 1e8)) == pytest.approx(0.5, rel=1e-6)


def test_laplace_shows_where_to_look():
    """Within 0.2 nats anywhere: a grid that is sought with it reaches 22 nats down from the peak."""
    cases = [
        (x, n, mu, tau)
        for n in (1, 2, 6, 18, 110, 5000)
        for x in {0, 1, n // 10, n // 2, n - 1, n}
        for mu in (-40.0, -12.0, -4.0, 0.0, 2.0, 12.0)
        for tau in (1e-6, 0.1, 1.0, 3.5, 4.9, 5.1, 8.0, 100.0, 1e7)
    ]
    at = [np.array(z) for z in zip(*cases, strict=True)]
    assert np.abs(approximate_log_marginal(*at) - log_marginal(*at)).max() < 0.2  # 0.162 is the largest found
