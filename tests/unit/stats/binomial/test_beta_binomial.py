"""Beta-binomial terms against products and differences in 110 decimal digits, scipy, and themselves."""

from __future__ import annotations

from decimal import Decimal, localcontext
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit, logit
from scipy.stats import betabinom, binom

from meta.stats.binomial.beta_binomial import terms
from meta.stats.binomial.terms import Terms

RATES = [-30.0, -4.0, -1.3, 0.0, 2.0, 30.0]
DISPERSIONS = [0.0, 1e-12, 1e-5, 3e-3, 0.02, 0.3, 5.0, 1e3, 1e6]
LARGE = [
    (0, 5000, -30.0, 0.0),
    (0, 5000, -3.0, 0.1),
    (5000, 5000, -30.0, 0.1),
    (1, 5000, -30.0, 1e6),
    (1000, 5000, -1.3, 0.0),
    (1000, 5000, -1.3, 1e-4),
    (1200, 5000, -1.3, 0.2),
    (2500, 5000, 0.0, 1e6),
    (700, 5000, 2.0, 1.0),
]


def loglik(x, n, mu, g):
    """The definition, in as many digits as the context has."""
    p, q = 1 / (1 + (-mu).exp()), 1 / (1 + mu.exp())
    likelihood = Decimal(comb(n, x))
    for j in range(x):
        likelihood *= p + j * g
    for j in range(n - x):
        likelihood *= q + j * g
    for j in range(n):
        likelihood /= 1 + j * g
    return likelihood.ln()


def reference(x, n, mu, g):
    """Value and central differences: with steps of 10^-25 their error is below 10^-17 of the scales below."""
    with localcontext() as context:
        context.prec = 110
        m, v, h = Decimal(float(mu)), Decimal(float(g)), Decimal(10) ** -25
        f = {(i, j): loglik(x, n, m + i * h, v + j * h) for i in (-1, 0, 1) for j in (-1, 0, 1)}
        twice = 2 * f[0, 0]
        exact = (
            f[0, 0],
            (f[1, 0] - f[-1, 0]) / (2 * h),
            (f[0, 1] - f[0, -1]) / (2 * h),
            (f[1, 0] - twice + f[-1, 0]) / h**2,
            (f[1, 1] - f[1, -1] - f[-1, 1] + f[-1, -1]) / (4 * h**2),
            (f[0, 1] - twice + f[0, -1]) / h**2,
        )
        return Terms(*map(float, exact))


def scales(x, n, mu, g):
    """What each quantity is a difference of: near its roots no digits can be asked for beyond these."""
    p, q = expit(mu), expit(-mu)
    yes, no, all_ = (
        [
            np.sum(1 / (a + j * g)),
            np.sum(j / (a + j * g)),
            np.sum(j / (a + j * g) ** 2),
            np.sum((j / (a + j * g)) ** 2),
        ]
        for a, j in ((p, np.arange(x)), (q, np.arange(n - x)), (1.0, np.arange(n)))
    )
    return Terms(
        value=0.0,
        d_mu=p * q * (yes[0] + no[0]),
        d_v=yes[1] + no[1] + all_[1],
        d_mumu=0.0,
        d_muv=p * q * (yes[2] + no[2]),
        d_vv=yes[3] + no[3] + all_[3],
    )


def check(x, n, mu, g, *, rel=1e-12):
    ours, exact, scale = terms(x, n, mu, g), reference(x, n, mu, g), scales(x, n, mu, g)
    for name in Terms._fields:
        # where all patients fared alike nothing cancels, and every digit is there however small the result
        slack = 0.0 if x in {0, n} else 1e-14 * getattr(scale, name)
        found, wanted = float(getattr(ours, name)), getattr(exact, name)
        assert found == pytest.approx(wanted, rel=rel, abs=slack + 1e-40), (name, x, n, mu, g)


@pytest.mark.parametrize("mu", RATES)
@pytest.mark.parametrize("n", [1, 2, 13, 40])
def test_equals_the_definition(n, mu):
    for x in {0, 1, n // 3, n - 1, n}:
        for g in DISPERSIONS:
            check(x, n, mu, g)


@pytest.mark.parametrize("case", LARGE)
def test_equals_the_definition_in_large_arms(case):
    check(*case)


@settings(max_examples=60)
@given(st.data())
def test_equals_the_definition_anywhere(data):
    n = data.draw(st.integers(1, 160))
    x = data.draw(st.integers(0, n))
    mu = data.draw(st.floats(-30, 30))
    g = data.draw(st.just(0.0) | st.floats(-12, 6).map(lambda e: 10**e))
    check(x, n, mu, g)


@pytest.mark.parametrize("mu", RATES)
@pytest.mark.parametrize("n", [1, 4, 31, 110, 700])
def test_probabilities_add_up(n, mu):
    x = np.arange(n + 1)
    probability = np.exp(terms(x, n, mu, np.array(DISPERSIONS)[:, None]).value)
    assert probability.sum(-1) == pytest.approx(np.ones(len(DISPERSIONS)), rel=1e-11)
    mean = (probability * x).sum(-1)
    assert mean == pytest.approx(np.full(len(DISPERSIONS), n * expit(mu)), rel=1e-10)


@pytest.mark.parametrize("n", [1, 14, 110, 2000])
def test_equals_scipy(n):
    x = np.unique(np.linspace(0, n, 12).astype(int))
    for p in (0.02, 0.3, 0.5, 0.9):
        assert terms(x, n, logit(p), 0.0).value == pytest.approx(binom.logpmf(x, n, p), rel=1e-10)
        for g in (0.01, 0.4, 30.0):
            theirs = betabinom.logpmf(x, n, p / g, (1 - p) / g)
            assert terms(x, n, logit(p), g).value == pytest.approx(theirs, rel=1e-8, abs=1e-9)


@settings(max_examples=30)
@given(st.data())
def test_naming_of_outcomes_changes_the_sign_of_mu(data):
    n = data.draw(hnp.arrays(int, 5, elements=st.integers(0, 120)))
    x = np.array([data.draw(st.integers(0, m)) for m in n])
    mu = data.draw(hnp.arrays(float, 5, elements=st.floats(-30, 30)))
    g = data.draw(hnp.arrays(float, 5, elements=st.floats(0, 10)))
    one, other = terms(x, n, mu, g), terms(n - x, n, -mu, g)
    for name in Terms._fields:
        sign = -1 if name in {"d_mu", "d_muv"} else 1
        scale = [getattr(scales(*case), name) for case in zip(x, n, mu, g, strict=True)]
        difference = np.abs(getattr(one, name) - sign * getattr(other, name))
        assert (difference <= 1e-12 * np.abs(getattr(one, name)) + 1e-14 * np.array(scale)).all()


def test_is_smooth_where_one_formula_takes_over_from_another():
    """Second differences of the value across every switch equal the second derivative on either side."""
    for x, n in ((0, 33), (0, 64), (14, 30), (9, 12), (40, 500)):
        for g in (0.0083, 0.0908, 0.1, 0.5):
            mu = logit(0.01) + np.array([-1e-3, 0.0, 1e-3])
            at = terms(x, n, mu, g)
            assert np.diff(at.value, 2)[0] / 1e-6 == pytest.approx(at.d_mumu[1], rel=1e-4, abs=2e-6)
            across = terms(x, n, -1.5, g + np.array([-1e-4, 0.0, 1e-4]))
            assert np.diff(across.value, 2)[0] / 1e-8 == pytest.approx(across.d_vv[1], rel=1e-3)


def test_elements_do_not_know_each_other():
    rng = np.random.default_rng(20261)
    n = rng.integers(0, 150, (1, 9000))
    x = rng.binomial(n, 0.1)
    mu, g = rng.normal(-2, 2, (2, 1)), rng.exponential(0.3, (2, 9000))
    together = terms(x, n, mu, g)
    assert together.value.shape == (2, 9000)
    for i in range(0, 9000, 701):
        alone = terms(x[0, i], n[0, i], mu[1, 0], g[1, i])
        for name in Terms._fields:
            assert float(getattr(alone, name)) == pytest.approx(getattr(together, name)[1, i], rel=1e-13)


def test_no_patient_contributes_nothing():
    assert np.array(terms(0, 0, [-3.0, 0.0, 30.0], 0.2)).tolist() == [[0.0, 0.0, 0.0]] * 6


def test_rates_beyond_those_asked_for_give_no_warning():
    at = np.array(terms([0, 1, 3, 20], [20, 20, 20, 20], [[-100.0], [100.0]], [[[0.0]], [[1e6]]]))
    assert np.isfinite(at).all()


def test_what_cannot_be_computed_is_nan():
    assert np.isnan(terms([0, 3], 10, np.nan, 0.1).value).all()
    assert terms([], 10, 0.0, 0.1).value.shape == (0,)
