"""Pooled effects by generalised least squares, intervals by scipy's distributions, the group test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from meta.stats.normal.heterogeneity import q_test, typical_variance
from meta.stats.normal.pooling import between_groups, interval, pool, prediction, random_effects
from meta.stats.normal.tau2 import METHODS, estimate
from meta.stats.normal.weights import arms
from meta.stats.numeric.codes import Code

Y = np.array([-0.96, -1.47, -2.60, -3.00, -1.1])
V = np.array([0.28, 0.21, 0.54, 1.05, 0.4])
GROUPS = np.array([0, 0, 1, 1, 0])
TAU2 = 0.37


def least_squares(y, v, tau2, x):
    """Coefficients and their covariance in matrix form."""
    w = np.diag(1 / (v + tau2))
    cov = np.linalg.inv(x.T @ w @ x)
    beta = cov @ x.T @ w @ y
    residual = y - x @ beta
    return beta, cov, residual @ w @ residual / (len(y) - x.shape[1])


@pytest.mark.parametrize("groups", [None, GROUPS], ids=["one", "two groups"])
def test_means_are_generalised_least_squares(groups):
    x = np.ones((5, 1)) if groups is None else np.eye(2)[groups]
    beta, cov, q = least_squares(Y, V, TAU2, x)
    pooled = pool(Y, V, tau2=TAU2, groups=groups)
    assert pooled.mu == pytest.approx(beta, rel=1e-12)
    assert pooled.se == pytest.approx(np.sqrt(np.diag(cov)), rel=1e-12)
    assert pooled.q == pytest.approx(q, rel=1e-12)
    assert pooled.df == 5 - x.shape[1]


def test_weights_are_shares_of_precision():
    pooled = pool(Y, V, tau2=TAU2)
    assert pooled.weights == pytest.approx(1 / (V + TAU2) / np.sum(1 / (V + TAU2)), rel=1e-12)
    assert pooled.weights @ Y == pytest.approx(pooled.mu[0], rel=1e-12)
    grouped = pool(Y, V, tau2=TAU2, groups=GROUPS)
    assert [grouped.weights[GROUPS == g].sum() for g in (0, 1)] == pytest.approx([1, 1], rel=1e-12)


def test_against_statsmodels():
    from statsmodels.stats.meta_analysis import combine_effects

    theirs = combine_effects(Y, V, method_re="dl", use_t=False)
    pooled = pool(Y, V, tau2=theirs.tau2)
    assert pooled.mu[0] == pytest.approx(theirs.mean_effect_re, rel=1e-12)
    assert pooled.se[0] == pytest.approx(theirs.sd_eff_w_re, rel=1e-12)
    hk = interval(pooled, method="hk")
    assert hk.se[0] == pytest.approx(theirs.sd_eff_w_re_hksj, rel=1e-12)


def test_wald_interval():
    pooled = pool(Y, V, tau2=TAU2)
    for level in (0.5, 0.95, 0.999):
        limits = interval(pooled, method="wald", level=level)
        low, high = stats.norm.interval(level, pooled.mu[0], pooled.se[0])
        assert (limits.low[0], limits.high[0]) == pytest.approx((low, high), rel=1e-12)
        assert np.isinf(limits.df).all()


@pytest.mark.parametrize("groups", [None, GROUPS], ids=["one", "two groups"])
def test_knapp_hartung_interval(groups):
    pooled = pool(Y, V, tau2=0.0, groups=groups)
    limits = interval(pooled, method="hk")
    low, high = stats.t.interval(0.95, pooled.df, pooled.mu, pooled.se * np.sqrt(pooled.q))
    assert limits.low == pytest.approx(low, rel=1e-12)
    assert limits.high == pytest.approx(high, rel=1e-12)


def test_floor_acts_only_where_trials_agree():
    near = pool([0.0, 0.01, 0.02], [1.0, 1.0, 1.0], tau2=0.0)
    assert near.q < 1
    assert interval(near, method="mhk").se == pytest.approx(near.se)
    assert interval(near, method="hk").se[0] < 0.02
    far = pool([0.0, 5.0, 9.0], [1.0, 1.0, 1.0], tau2=0.0)
    assert far.q > 1
    assert interval(far, method="mhk").se == pytest.approx(interval(far, method="hk").se)


@pytest.mark.parametrize("effect", [0.0, 0.3, -1.7, 1e-9])
def test_identical_effects_have_no_knapp_hartung_interval(effect):
    pooled = pool([effect] * 4, V[:4], tau2=0.0)
    limits = interval(pooled, method="hk")
    assert limits.code[0] == Code.ZERO_VARIANCE
    assert np.isnan([limits.low[0], limits.high[0]]).all()
    assert interval(pooled, method="mhk").code[0] == Code.OK


@pytest.mark.parametrize("method", ["hk", "mhk"])
def test_one_trial_has_no_knapp_hartung_interval(method):
    limits = interval(pool([0.3], [0.1], tau2=0.0), method=method)
    assert limits.code[0] == Code.FEW_TRIALS
    assert interval(pool([0.3], [0.1], tau2=0.0), method="wald").code[0] == Code.OK


DISTRIBUTIONS = {
    "normal": lambda k: stats.norm(),  # noqa: ARG005
    "t": lambda k: stats.t(k - 1),
    "hk": lambda k: stats.t(k - 1),
    "hts": lambda k: stats.t(k - 2),
}


@pytest.mark.parametrize("method", DISTRIBUTIONS)
@pytest.mark.parametrize("k", [3, 5, 40])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_prediction_interval(method, k, level):
    limits = prediction(-1.5, 0.4, TAU2, k, method=method, level=level)
    half = DISTRIBUTIONS[method](k).ppf((1 + level) / 2) * np.sqrt(TAU2 + 0.4**2)
    assert (limits.low, limits.high) == pytest.approx((-1.5 - half, -1.5 + half), rel=1e-11)


@pytest.mark.parametrize(("method", "k"), [("hts", 2), ("hts", 1), ("t", 1), ("hk", 1)])
def test_no_prediction_without_a_degree_of_freedom(method, k):
    limits = prediction(-1.5, 0.4, TAU2, k, method=method)
    assert limits.code == Code.NO_DF
    assert np.isnan([limits.low, limits.high]).all()


def test_test_between_groups_is_the_wald_test_of_their_contrasts():
    """L b with covariance L C L', for three groups: no grand mean is taken."""
    groups = np.array([0, 1, 2, 1, 2])
    beta, cov, _ = least_squares(Y, V, TAU2, np.eye(3)[groups])
    contrast = np.array([[1, -1, 0], [0, 1, -1]])
    difference = contrast @ beta
    expected = difference @ np.linalg.solve(contrast @ cov @ contrast.T, difference)
    test = between_groups(pool(Y, V, tau2=TAU2, groups=groups))
    assert test.statistic == pytest.approx(expected, rel=1e-12)
    assert test.df == 2
    assert test.p == pytest.approx(stats.chi2.sf(expected, 2), rel=1e-10)


def test_an_empty_group_is_left_out_of_the_test():
    with_gap = pool(Y, V, tau2=TAU2, groups=2 * GROUPS)  # nobody in group 1
    assert np.isnan(with_gap.mu[1])
    assert np.isnan(with_gap.se[1])
    expected = between_groups(pool(Y, V, tau2=TAU2, groups=GROUPS))
    assert np.hstack(between_groups(with_gap)) == pytest.approx(np.hstack(expected), rel=1e-12)


def test_one_group_has_no_test():
    test = between_groups(pool(Y, V, tau2=TAU2))
    assert np.isnan([test.statistic, test.p]).all()
    assert test.df == 0


def test_nothing_included_gives_nothing():
    pooled = pool(Y, V, False, tau2=TAU2)
    assert np.isnan(pooled.mu).all()
    assert pooled.weights.tolist() == [0] * 5
    assert np.isnan(pool(Y, V, tau2=np.nan).mu).all()


@pytest.mark.parametrize(("y", "v"), [(np.inf, 1.0), (np.nan, 1.0), (0.0, 0.0), (0.0, -1.0), (0.0, np.inf)])
def test_effects_that_are_none_give_none_in_silence(y, v):
    assert np.isnan(pool([y, 1.0], [v, 1.0], tau2=0.0).mu).all()


@pytest.mark.parametrize("method", [*METHODS, "common-effect"])
@pytest.mark.parametrize("groups", [None, GROUPS], ids=["one", "two groups"])
def test_random_effects_is_what_its_parts_give_one_by_one(method, groups):
    y, v = np.stack([Y, -2 * Y, Y, Y]).reshape(2, 2, 5), V
    include = np.array([[True] * 5, [True] * 5, [True] + [False] * 4, [False] * 5]).reshape(2, 2, 5)
    fit = random_effects(y, v, include, method=method, groups=groups)
    tau2, code = estimate(y, v, include, method=method, groups=groups)
    np.testing.assert_array_equal(fit.tau2, tau2)
    np.testing.assert_array_equal(fit.code, code)
    for part, whole in (
        (fit.pooled, pool(y, v, include, tau2=tau2, groups=groups)),
        (fit.test, q_test(y, v, include, groups=groups)),
        ((fit.typical,), (typical_variance(arms(y, v, include, groups)),)),
    ):
        for ours, expected in zip(part, whole, strict=True):
            np.testing.assert_allclose(ours, expected, rtol=1e-13)
            assert ours.shape == expected.shape


def test_random_effects_at_a_given_tau2():
    fit = random_effects([Y, Y], V, tau2=[TAU2, np.nan], groups=GROUPS)
    assert fit.tau2[0] == TAU2
    assert fit.code.tolist() == [Code.OK, Code.NOT_CONVERGED]
    assert fit.pooled.mu[0] == pytest.approx(pool(Y, V, tau2=TAU2, groups=GROUPS).mu, rel=1e-14)
    assert np.isnan(fit.pooled.mu[1]).all()
    assert fit.test.q[1] == pytest.approx(float(q_test(Y, V, groups=GROUPS).q), rel=1e-14)


@pytest.mark.parametrize(("y", "v"), [(np.inf, 1.0), (np.nan, 1.0), (0.0, 0.0), (0.0, np.inf)])
def test_random_effects_of_effects_that_are_none(y, v):
    fit = random_effects([y, 1.0], [v, 1.0])
    assert fit.code == Code.INFINITE_EFFECT
    assert np.isnan([fit.tau2, fit.pooled.mu[0], fit.test.q]).all()
