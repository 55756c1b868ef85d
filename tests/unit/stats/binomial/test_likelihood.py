"""Maxima against a fine grid, a simplex search, closed forms and their own gradient; cases without one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize
from scipy.stats import binom, chi2, f

from meta.errors import DataError
from meta.stats.binomial import beta_binomial as betabinomial
from meta.stats.binomial.between import likelihood_ratio
from meta.stats.binomial.likelihood import fixed, maximise
from meta.stats.binomial.marginal import log_marginal, marginal_terms
from meta.stats.numeric.codes import SENTENCES, Code

TABLE1 = ([5, 6, 2, 1], [18, 32, 29, 21])
REGION = [0, 0, 1, 1]
SETS = {
    "table1": TABLE1,
    "one arm without responders": ([5, 6, 0, 1], [18, 32, 29, 21]),
    "hardly any responder": ([0, 0, 2, 0, 1], [18, 32, 29, 21, 3]),
    "far apart": ([0, 19, 3, 40], [30, 20, 30, 50]),
    "large and small": ([1040, 3, 0], [5000, 11, 6]),
    "equal": ([3, 3, 3], [20, 20, 20]),
}
# Quadratures of 1e-11 relative error in the likelihood, and a handful of arms
LOGLIK = 1e-10
MODELS = {"binomial-normal": marginal_terms, "beta-binomial": betabinomial.terms}


def loglik(x, n, mu, tau):
    """Summed over the arms (last axis)."""
    return log_marginal(x, n, np.asarray(mu)[..., None], np.asarray(tau)[..., None]).sum(-1)


def gradient(terms, x, n, m):
    t = terms(x, n, m.mu[0], m.v)
    return t.d_mu.sum(), t.d_v.sum()


def same(one, other, **tolerance):
    """First mean, v and log-likelihood."""
    ours, theirs = ([m.mu[0], m.v, m.loglik] for m in (one, other))
    np.testing.assert_allclose(ours, theirs, **tolerance)


def counts(largest=40, arms=(1, 6)):
    arm = st.integers(1, largest).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
    return st.lists(arm, min_size=arms[0], max_size=arms[1]).map(lambda z: tuple(np.transpose(z)))


@pytest.mark.parametrize("name", SETS)
def test_nothing_on_a_fine_grid_is_higher(name):
    x, n = SETS[name]
    m = maximise(marginal_terms, x, n)
    mu, tau = np.meshgrid(np.linspace(-6, 2, 81), np.append(0, np.geomspace(0.01, 20, 60)))
    assert m.code == Code.OK
    assert loglik(x, n, mu, tau).max() <= m.loglik + LOGLIK
    near = loglik(
        x, n, m.mu[0] + np.linspace(-0.02, 0.02, 21)[:, None], np.sqrt(m.v) * np.linspace(0.98, 1.02, 21)
    )
    assert near.max() <= m.loglik + LOGLIK
    assert loglik(x, n, m.mu[0], np.sqrt(m.v)) == pytest.approx(m.loglik, abs=LOGLIK)


@pytest.mark.parametrize("name", SETS)
def test_a_simplex_search_ends_there(name):
    x, n = SETS[name]
    m = maximise(marginal_terms, x, n)
    found = minimize(
        lambda z: -loglik(x, n, z[0], abs(z[1])),
        [-1.0, 0.5],
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-13, "maxiter": 2000},
    )
    # a search by values alone sees where the top is to the root of their rounding error, 1e-6 or so
    assert found.x[0] == pytest.approx(m.mu[0], abs=2e-5)
    assert found.x[1] ** 2 == pytest.approx(m.v, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", SETS)
def test_gradient_is_zero_and_errors_come_from_the_hessian(name, model):
    x, n = SETS[name]
    m = maximise(MODELS[model], x, n)
    t = MODELS[model](x, n, m.mu[0], m.v)
    by_mu, by_v = gradient(MODELS[model], x, n, m)
    assert abs(by_mu * m.se_mu[0]) < 1e-10
    hessian = np.array([[t.d_mumu.sum(), t.d_muv.sum()], [t.d_muv.sum(), t.d_vv.sum()]])
    if m.at_boundary:
        assert by_v <= 1e-12
        assert m.se_mu[0] == pytest.approx((-hessian[0, 0]) ** -0.5, rel=1e-6)
        assert np.isnan(m.se_v)
    else:
        assert abs(by_v * m.se_v) < 1e-10
        # the iteration ends within 1e-6 standard errors of the point where its Hessian was taken
        np.testing.assert_allclose(m.cov, np.linalg.inv(-hessian), rtol=1e-5)
        np.testing.assert_allclose([m.se_mu[0], m.se_v], np.sqrt(np.diag(m.cov)), rtol=1e-14)


def test_two_peaks():
    """A peak at v = 0, and a higher one at v = 0.32 with the likelihood lower in between."""
    x, n = [3, 2, 1, 3, 1], [4, 16, 15, 19, 12]
    m = maximise(marginal_terms, x, n)
    ridge = fixed(marginal_terms, x, n, True, [0.0, 0.02, 0.315])
    assert ridge.loglik[1] < ridge.loglik[0] < ridge.loglik[2]
    assert m.v == pytest.approx(0.3151865, abs=1e-6)
    assert m.loglik >= ridge.loglik.max()


@pytest.mark.parametrize(("x", "n"), [(3, 10), (1, 2), (1000, 5000), (4999, 5000)])
@pytest.mark.parametrize("model", MODELS)
def test_one_arm_is_binomial(x, n, model):
    m = maximise(MODELS[model], [x], [n])
    assert m.at_boundary
    assert m.mu[0] == pytest.approx(np.log(x / (n - x)), abs=1e-12)
    assert m.loglik == pytest.approx(binom.logpmf(x, n, x / n), abs=1e-10)  # binom's own rounding at 5,000
    # the Hessian is that of the last point looked at, less than 1e-6 standard errors away
    assert m.se_mu[0] == pytest.approx(np.sqrt(1 / x + 1 / (n - x)), rel=1e-6)


@pytest.mark.parametrize(("x", "n"), [([0, 0, 0], [5, 6, 7]), ([5, 6, 7], [5, 6, 7]), ([0], [9])])
def test_no_responder_or_nobody_else(x, n):
    m = maximise(marginal_terms, x, n)
    assert m.code == Code.INFINITE_MU
    assert m.mu[0] == (np.inf if x[0] else -np.inf)
    assert (m.v, m.loglik) == (0, 0)
    assert np.isnan(m.se_mu[0])
    assert all(SENTENCES[code] for code in Code if code != Code.OK)


@pytest.mark.parametrize("model", MODELS)
def test_rising_without_a_maximum(model):
    x, n = [0, 7, 0], [5, 7, 20]
    m = maximise(MODELS[model], x, n)
    assert m.code == Code.NO_MAXIMUM
    assert np.isnan(m.mu[0])
    assert m.v == np.inf
    assert m.loglik == pytest.approx(2 * np.log(2 / 3) + np.log(1 / 3), rel=1e-14)
    at = fixed(MODELS[model], x, n, True, 10.0 ** np.arange(0, 16, 3))
    assert (np.diff(at.loglik) > 0).all()
    assert (at.loglik < m.loglik).all()
    # the binomial-normal approaches its limit like 1/tau, 3e-8 here times the logs of n
    assert at.loglik[-1] == pytest.approx(m.loglik, abs=1e-6)


def test_single_patients_say_nothing_about_v():
    m = maximise(marginal_terms, [0, 1, 1, 0, 0], [1, 1, 1, 1, 1])
    assert (m.code, m.v) == (Code.OK, 0)
    assert m.mu[0] == pytest.approx(np.log(2 / 3), abs=1e-12)
    assert m.loglik == pytest.approx(2 * np.log(0.4) + 3 * np.log(0.6), abs=1e-12)


def test_nothing_at_all():
    m = maximise(marginal_terms, [[1, 2], [0, 0]], [[9, 9], [0, 0]], [[False, False], [True, True]])
    assert (m.code == Code.NO_TRIALS).all()
    assert np.isnan([m.mu[:, 0], m.v, m.loglik]).all()


def test_a_group_without_responders_leaves_the_others_as_they_are():
    x, n = [0, 0, 5, 6, 0], [9, 4, 18, 32, 29]
    groups = [1, 1, 0, 0, 0]
    m, alone = maximise(marginal_terms, x, n, groups=groups), maximise(marginal_terms, x[2:], n[2:])
    assert m.code == Code.INFINITE_MU
    assert m.mu[1] == -np.inf
    same(m, alone, rtol=1e-12)
    assert m.se_mu[0] == pytest.approx(alone.se_mu[0], rel=1e-12)


def test_an_empty_group():
    m = maximise(marginal_terms, *TABLE1, [True, True, False, False], groups=REGION)
    alone = maximise(marginal_terms, [5, 6], [18, 32])
    assert m.code == Code.OK
    assert np.isnan(m.mu[1])
    assert m.mu[0] == pytest.approx(alone.mu[0], abs=1e-12)


def test_groups_share_v():
    """Against a simplex search over both means and tau."""
    x, n = np.array([5, 1, 0, 9, 14, 2]), np.array([18, 32, 29, 21, 20, 30])
    groups = np.array([0, 0, 0, 1, 1, 1])
    m = maximise(marginal_terms, x, n, groups=groups)
    found = minimize(
        lambda z: -log_marginal(x, n, z[groups], abs(z[2])).sum(),
        [-1.0, 0.0, 0.5],
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-13, "maxiter": 4000},
    )
    assert m.loglik == pytest.approx(-found.fun, abs=1e-10)
    np.testing.assert_allclose([*m.mu, m.v], [*found.x[:2], found.x[2] ** 2], atol=2e-5)
    t = marginal_terms(x, n, m.mu[groups], m.v)
    hessian = np.zeros((3, 3))
    for g in (0, 1):
        hessian[g, g] = t.d_mumu[groups == g].sum()
        hessian[g, 2] = hessian[2, g] = t.d_muv[groups == g].sum()
    hessian[2, 2] = t.d_vv.sum()
    np.testing.assert_allclose(m.cov, np.linalg.inv(-hessian), rtol=1e-5)


def test_a_batch_is_its_sets_one_by_one():
    rng = np.random.default_rng(1)
    n = rng.integers(1, 60, (60, 5))
    x, include = rng.binomial(n, rng.uniform(0, 0.5, (60, 5))), rng.random((60, 5)) < 0.8
    for groups in (None, [0, 1, 0, 1, 1]):
        batch = maximise(marginal_terms, *(z.reshape(6, 10, 5) for z in (x, n, include)), groups=groups)
        assert batch.v.shape == (6, 10)
        for i in range(60):
            one = maximise(marginal_terms, x[i], n[i], include[i], groups=groups)
            at = divmod(i, 10)
            assert one.code == batch.code[at]
            # matrix products may sum in another order, a starting point may differ by rounding
            np.testing.assert_allclose(one.mu, batch.mu[at], rtol=1e-11)
            np.testing.assert_allclose([one.v, one.loglik], [batch.v[at], batch.loglik[at]], rtol=1e-11)


@settings(max_examples=40, deadline=None)
@given(counts(), st.integers(0, 6), st.tuples(st.integers(0, 9), st.just(9)))
def test_an_excluded_arm_changes_nothing(sets, where, extra):
    x, n = sets
    where = min(where, len(x))
    one = maximise(marginal_terms, x, n)
    wider = (np.insert(z, where, e) for z, e in zip((x, n), extra, strict=True))
    other = maximise(marginal_terms, *wider, np.insert(np.ones(len(x), dtype=bool), where, False))
    assert one.code == other.code
    same(one, other, rtol=1e-10, atol=1e-11)


@settings(max_examples=40, deadline=None)
@given(counts())
def test_responders_and_others_swap(sets):
    x, n = sets
    one, other = maximise(marginal_terms, x, n), maximise(marginal_terms, n - x, n)
    assert one.code == other.code
    # v of nearly flat likelihoods (arms of one or two patients) is defined to the root of rounding error
    np.testing.assert_allclose(one.loglik, other.loglik, rtol=1e-12, atol=1e-12)
    if one.code == Code.OK and one.se_v < 10:
        np.testing.assert_allclose([one.mu[0], one.v], [-other.mu[0], other.v], rtol=1e-8, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(counts())
def test_no_lower_than_without_heterogeneity(sets):
    x, n = sets
    pooled = x.sum() / n.sum()
    assert maximise(marginal_terms, x, n).loglik >= binom.logpmf(x, n, pooled).sum() - 1e-12


def test_wrong_input():
    with pytest.raises(DataError, match="outside 0 <= x <= n"):
        maximise(marginal_terms, [3], [2])
    with pytest.raises(DataError, match="broadcast"):
        maximise(marginal_terms, [3, 1], [2, 5, 6])
    with pytest.raises(DataError, match="groups"):
        maximise(marginal_terms, [3, 1], [4, 5], groups=[0])
    with pytest.raises(DataError, match="single numbers"):
        maximise(marginal_terms, 3, 4)
    with pytest.raises(DataError, match="not finite"):
        fixed(marginal_terms, [3], [4], True, -1.0)


@pytest.mark.parametrize("v", [0.0, 0.17, 4.0, 400.0])
def test_fixed_v(v):
    """Peak and interval against a bracketed search in the log-likelihood."""
    x, n = SETS["one arm without responders"]
    at = fixed(marginal_terms, x, n, True, v)
    slope = marginal_terms(x, n, at.mu[0], v)
    assert abs(slope.d_mu.sum() * at.se[0]) < 1e-10
    assert at.se[0] == pytest.approx((-slope.d_mumu.sum()) ** -0.5, rel=1e-5)
    tau = np.sqrt(v)
    floor = at.loglik - chi2.isf(0.05, 1) / 2
    for limit, side in ((at.low[0], -1), (at.high[0], 1)):
        ends = sorted([at.mu[0], at.mu[0] + side * (10 + 10 * tau)])
        found = brentq(lambda mu: loglik(x, n, mu, tau) - floor, *ends, xtol=1e-13)
        assert limit == pytest.approx(found, abs=1e-9 * (1 + tau))


def test_fixed_v_is_batched_over_v_and_groups():
    x, n = [0, 0, 2, 1], [18, 32, 29, 21]
    v = np.array([0.0, 0.5, 2.0])
    at = fixed(marginal_terms, x, n, True, v, groups=REGION, cutoff="f")
    assert at.mu.shape == at.low.shape == (3, 2)
    assert (at.mu[:, 0] == -np.inf).all()
    assert (at.low[:, 0] == -np.inf).all()
    assert np.isfinite(at.high).all()
    assert (at.code == [Code.INFINITE_MU, Code.OK]).all()
    for i in range(3):
        one = fixed(marginal_terms, x, n, True, v[i], groups=REGION, cutoff="f")
        np.testing.assert_allclose(at.high[i], one.high, rtol=1e-11)
    # at v = 0 the group without responders is binomial: (1 - p)^50 has fallen by the cut-off
    p = -np.expm1(-f.isf(0.05, 1, 4) / 2 / 50)
    assert at.high[0, 0] == pytest.approx(np.log(p / (1 - p)), abs=1e-9)


def test_likelihood_ratio_of_table_1():
    test = likelihood_ratio(marginal_terms, *TABLE1, groups=REGION)
    assert (test.df, test.code) == (1, Code.OK)
    assert test.statistic == pytest.approx(5.32, abs=5e-3)
    assert test.p == pytest.approx(0.021, abs=5e-4)
    # Under the alternative the trials of each region agree (v = 0): binomial by hand
    x, n = np.reshape(TABLE1[0], (2, 2)), np.reshape(TABLE1[1], (2, 2))
    alternative = binom.logpmf(x, n, (x.sum(1) / n.sum(1))[:, None]).sum()
    null = maximise(marginal_terms, *TABLE1).loglik
    assert test.statistic == pytest.approx(2 * (alternative - null), abs=1e-10)


def test_likelihood_ratio_at_the_edges():
    one = likelihood_ratio(marginal_terms, *TABLE1, [True, True, False, False], groups=REGION)
    assert one.code == Code.ONE_GROUP
    assert np.isnan([one.statistic, one.p]).all()
    none = likelihood_ratio(marginal_terms, [0, 0, 0, 0], TABLE1[1], groups=REGION)
    assert (none.statistic, none.p, none.code) == (0, 1, Code.OK)
    apart = likelihood_ratio(marginal_terms, [0, 0, 29, 21], TABLE1[1], groups=REGION)
    assert apart.statistic == pytest.approx(8 * np.log(2), rel=1e-12)  # suprema: 0 and 4 log(1/2)
    three = likelihood_ratio(marginal_terms, *TABLE1, groups=[0, 1, 3, 3])
    assert three.df == 2
