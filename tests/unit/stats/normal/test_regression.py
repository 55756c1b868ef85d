"""Meta-regression against least squares and likelihoods in matrix form; permutations against all of them."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from meta.errors import DataError
from meta.stats.normal.heterogeneity import q_test
from meta.stats.normal.permutation import permutation_test
from meta.stats.normal.pooling import between_groups, pool
from meta.stats.normal.regression import indicators, r2, regress
from meta.stats.normal.tau2 import METHODS, estimate
from meta.stats.numeric.codes import Code

GENERAL = ("REML", "ML", "DL", "common-effect")
K = 8
RNG = np.random.default_rng(11)
V = RNG.uniform(0.05, 0.5, K)
YEAR = np.array([2015.0, 2016, 2017, 2018, 2019, 2020, 2021, 2022])
REGION = np.array([0, 0, 1, 1, 0, 1, 0, 1])
X = np.column_stack([np.ones(K), (YEAR - 2018) / 4, REGION])
Y = RNG.normal(-1.5 + 0.7 * REGION, np.sqrt(V + 0.3))
GROUPS = np.array([0, 0, 1, 1, 2, 2, 2, 0])


def projection(v, x, tau2):
    """P = W - W X (X'WX)^-1 X'W, written out."""
    w = np.diag(1 / (v + tau2))
    return w - w @ x @ np.linalg.inv(x.T @ w @ x) @ x.T @ w


def loglik(y, v, x, tau2, *, restricted):
    w = 1 / (v + tau2)
    value = np.log(w).sum() - y @ projection(v, x, tau2) @ y
    return 0.5 * (value - np.linalg.slogdet((x.T * w) @ x)[1] * restricted)


# At a given tau2


@pytest.mark.parametrize("tau2", [0.0, 0.1, 3.0])
def test_weighted_least_squares(tau2):
    found = regress(Y, V, X, tau2=tau2)
    theirs = sm.WLS(Y, X, weights=1 / (V + tau2)).fit(cov_type="fixed scale")
    np.testing.assert_allclose(found.b, theirs.params, rtol=1e-11)
    np.testing.assert_allclose(found.cov, theirs.cov_params(), rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(found.se, theirs.bse, rtol=1e-11)
    wald = theirs.wald_test(np.eye(3)[1:], use_f=False, scalar=True)
    assert found.qm == pytest.approx(float(wald.statistic), rel=1e-10)
    assert found.qm_p == pytest.approx(float(wald.pvalue), rel=1e-9)
    assert (found.qm_df, found.qe_df, found.tau2, found.code) == (2, K - 3, tau2, Code.OK)
    root = np.sqrt(1 / V)
    _, squares, *_ = np.linalg.lstsq(root[:, None] * X, root * Y, rcond=None)
    assert found.qe == pytest.approx(squares[0], rel=1e-11)  # at tau2 = 0, whatever tau2
    assert found.qe_p == pytest.approx(chi2.sf(squares[0], K - 3), rel=1e-10)


def test_a_tau2_that_is_missing_gives_nothing():
    found = regress(np.stack([Y, Y]), V, X, tau2=[0.1, np.nan])
    assert found.code.tolist() == [Code.OK, Code.NOT_CONVERGED]
    assert np.isfinite(found.b[0]).all()
    assert np.isnan(found.b[1]).all()
    assert np.isnan(found.qm[1])


# tau2


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_likelihood_is_at_its_global_maximum(method):
    rng = np.random.default_rng(3)
    for _ in range(40):
        k = int(rng.integers(4, 10))
        v = 10 ** rng.uniform(-3, 1, k)
        y = rng.normal(0, np.sqrt(v + rng.integers(0, 2) * 10 ** rng.uniform(-2, 1)))
        x = np.column_stack([np.ones(k), rng.normal(size=k)])
        found = regress(y, v, x, method=method)
        assert found.code == Code.OK
        restricted = method == "REML"
        grid = np.concatenate([[0.0], np.geomspace(v.min() * 1e-4, 20 * np.ptp(y) ** 2 + 20 * v.max(), 400)])
        best = max(loglik(y, v, x, t, restricted=restricted) for t in grid)
        # 1e-7: rounding of P, whose entries cancel where variances differ by 10^4
        assert loglik(y, v, x, float(found.tau2), restricted=restricted) >= best - 1e-7


def test_dersimonian_laird_by_hand():
    p = projection(V, X, 0.0)
    found = regress(Y, V, X, method="DL")
    assert found.tau2 == pytest.approx(max((Y @ p @ Y - (K - 3)) / np.trace(p), 0), rel=1e-10)
    assert regress(Y, V, X, method="common-effect").tau2 == 0
    assert regress(3 * Y, V, X, method="DL").tau2 > 0


@pytest.mark.parametrize("method", ["HE", "HS", "PM", "PMM", "SJ"])
def test_an_estimator_that_knows_groups_only(method):
    with pytest.raises(DataError, match=f"found {method} with a design .* REML, ML, DL, common-effect are"):
        regress(Y, V, X, method=method)


@pytest.mark.parametrize("method", [*METHODS, "common-effect"])
def test_groups_are_groups_whatever_their_coding(method):
    """The same tau2, means and test as the estimators for groups give."""
    tau2, _ = estimate(Y, V, method=method, groups=GROUPS)
    pooled = pool(Y, V, tau2=tau2, groups=GROUPS)
    test = between_groups(pooled)
    rotated = indicators(GROUPS) @ np.array([[1, 0.5, -2], [0, 3, 1], [0, 0, 7.0]])
    for x, named in ((indicators(GROUPS), True), (np.eye(3)[GROUPS], False), (rotated, False)):
        found = regress(Y, V, x, method=method)
        assert found.tau2 == pytest.approx(float(tau2), rel=1e-10)
        fitted = np.unique(x, axis=0) @ found.b
        np.testing.assert_allclose(np.sort(fitted), np.sort(pooled.mu), rtol=1e-10)
        assert found.qe == pytest.approx(float(q_test(Y, V, groups=GROUPS).q), rel=1e-11)
        if named:
            assert found.qm == pytest.approx(float(test.statistic), rel=1e-10)
            assert found.qm_p == pytest.approx(float(test.p), rel=1e-9)
            np.testing.assert_allclose(found.b, pooled.mu - [0, pooled.mu[0], pooled.mu[0]], rtol=1e-10)


@pytest.mark.parametrize("method", ["REML", "DL"])
def test_two_ways_to_the_same_tau2(method):
    """A column for one trial alone takes that trial out."""
    x = np.column_stack([np.ones(K), np.arange(K) == 3])
    general = regress(Y, V, np.column_stack([x, YEAR - 2018]), method=method)
    others = np.arange(K) != 3
    without = regress(Y[others], V[others], np.column_stack([np.ones(K), YEAR - 2018])[others], method=method)
    assert general.tau2 == pytest.approx(float(without.tau2), rel=1e-9)
    assert general.qe == pytest.approx(float(without.qe), rel=1e-10)
    assert general.b[2] == pytest.approx(without.b[1], rel=1e-8)


def test_units_of_a_moderator_do_not_matter():
    scaled = regress(Y, V, X * [1, 1e9, 1e-7])
    plain = regress(Y, V, X)
    np.testing.assert_allclose(scaled.b * [1, 1e9, 1e-7], plain.b, rtol=1e-9)
    assert scaled.qm == pytest.approx(float(plain.qm), rel=1e-9)
    years = regress(Y, V, np.column_stack([np.ones(K), YEAR, REGION]))  # far from centred
    assert years.b[1] == pytest.approx(plain.b[1] / 4, rel=1e-8)


# Batches, masks, corners


@pytest.mark.parametrize("method", GENERAL)
def test_a_batch_is_its_cells(method):
    rng = np.random.default_rng(5)
    y = rng.normal(0, 1.5, (2, 3, K))
    include = rng.random((2, 3, K)) < 0.8
    include[0, 0] = True
    together = regress(y, V, X, include, method=method)
    for cell in np.ndindex(2, 3):
        used = include[cell]
        rubbish = np.where(used, y[cell], np.nan)
        alone = regress(y[cell][used], V[used], X[used], method=method)
        masked = regress(rubbish, np.where(used, V, -1.0), X, used, method=method)
        for name in together._fields:
            np.testing.assert_allclose(
                getattr(together, name)[cell], getattr(alone, name), rtol=1e-9, atol=1e-12
            )
            np.testing.assert_array_equal(getattr(together, name)[cell], getattr(masked, name))


def test_a_cell_whose_trials_do_not_tell_the_coefficients_apart():
    include = np.ones((4, K), dtype=bool)
    include[1] = REGION == 0  # region is constant there
    include[2, 3:] = False  # as many trials as coefficients
    include[3] = False
    found = regress(Y, V, X, include)
    assert found.code.tolist() == [Code.OK, *[Code.FEW_TRIALS] * 3]
    assert np.isnan(found.b[1:]).all()
    assert np.isnan(found.tau2[1:]).all()
    saturated = regress(Y, V, X, include, method="common-effect")
    assert saturated.code.tolist() == [Code.OK, Code.FEW_TRIALS, Code.OK, Code.FEW_TRIALS]
    assert (saturated.qe_df[2], np.isnan(saturated.qe[2])) == (0, True)
    np.testing.assert_allclose(X[:3] @ saturated.b[2], Y[:3], rtol=1e-9)


def test_an_infinite_effect():
    found = regress([np.inf, *Y[1:]], V, X)
    assert found.code == Code.INFINITE_EFFECT
    assert np.isnan([*found.b, found.qm, found.qe]).all()


def test_two_trials():
    with_slope = regress(Y[:2], V[:2], X[:2, :2])
    assert with_slope.code == Code.FEW_TRIALS
    intercept = regress(Y[:2], V[:2], np.ones((2, 1)))
    assert (intercept.code, intercept.qe_df) == (Code.OK, 1)


def test_an_intercept_alone_is_the_pooled_effect():
    found = regress(Y, V, np.ones((K, 1)))
    tau2, _ = estimate(Y, V)
    pooled = pool(Y, V, tau2=tau2)
    assert (found.b[0], found.se[0]) == pytest.approx((pooled.mu[0], pooled.se[0]), rel=1e-12)
    assert found.qm_df == 0
    assert np.isnan([found.qm, found.qm_p]).all()


@pytest.mark.parametrize(
    "x",
    [
        np.column_stack([X, X[:, 1] + 2 * X[:, 2]]),
        np.column_stack([np.ones(K), np.full(K, 3.0)]),
        np.column_stack([np.ones(K), np.zeros(K)]),
        np.column_stack([X, np.eye(K)]),
        np.ones((K, 0)),
    ],
    ids=["sum of others", "constant moderator", "zero moderator", "more columns than trials", "no column"],
)
def test_collinear_columns(x):
    with pytest.raises(DataError, match=r"collinear in 8 trials; linearly independent"):
        regress(Y, V, x)


@pytest.mark.parametrize("x", [np.ones(K), np.ones((K - 1, 1)), np.ones((2, K, 1))])
def test_shape_of_the_design(x):
    with pytest.raises(DataError, match=r"x: found shape .*shape \(8, p\)"):
        regress(Y, V, x)


def test_a_design_with_gaps():
    with pytest.raises(DataError, match="not finite"):
        regress(Y, V, np.where(X == 1, np.nan, X))


def test_indicators_leave_out_groups_without_trials():
    np.testing.assert_array_equal(indicators([2, 0, 2, 5]), [[1, 1, 0], [1, 0, 0], [1, 1, 0], [1, 0, 1]])
    assert indicators([]).shape == (0, 0)


def test_r2():
    shares = r2([0.4, 0.4, 0.4, 0.0, np.nan, 0.3], [0.1, 0.0, 0.5, 0.0, 0.1, np.nan])
    np.testing.assert_allclose(shares, [0.75, 1, 0, np.nan, np.nan, np.nan], rtol=1e-15)


# Permutations


def brute_force(y, v, x, method):
    """QM of all k! orders of the design's rows, one at a time."""
    orders = list(permutations(range(len(y))))
    qm = np.array([float(regress(y, v, x[list(order)], method=method).qm) for order in orders])
    return np.mean(qm >= qm[0] - 1e-6), np.mean(qm >= qm.max() - 1e-6)


@pytest.mark.parametrize("method", ["REML", "DL", "common-effect"])
@pytest.mark.parametrize(
    ("x", "count"),
    [
        (indicators([0, 1, 1, 0, 1]), 10),
        (indicators([0, 1, 2, 0, 1]), 30),
        (np.column_stack([np.ones(5), [1.0, 4, 2, 2, 7]]), 60),
    ],
    ids=["two groups", "three groups", "a number with a tie"],
)
def test_exact_permutation_against_all_orders(x, count, method):
    """Distinct assignments stand for all k! orders."""
    y, v = 2 * Y[:5], V[:5]
    found = permutation_test(y, v, x, method=method)
    p, smallest = brute_force(y, v, x, method)
    assert (found.assignments, found.exhaustive, found.code) == (count, True, Code.OK)
    assert found.p == pytest.approx(p, rel=1e-12)
    assert found.smallest == pytest.approx(smallest, rel=1e-12)
    assert found.statistic == pytest.approx(float(regress(y, v, x, method=method).qm), rel=1e-12)


def test_two_against_two_cannot_be_significant():
    """Groups of equal size change names: of six assignments two give the same QM."""
    found = permutation_test([-3.0, -3.1, 3.0, 3.1], [0.1] * 4, indicators([0, 0, 1, 1]))
    assert (found.assignments, found.p, found.smallest) == (6, 1 / 3, 1 / 3)


def test_equal_trials_tie_in_every_assignment():
    found = permutation_test([0.3] * 6, [0.1] * 6, indicators([0, 0, 1, 1, 1, 0]))
    assert (found.p, found.smallest) == (1, 1)


def test_order_and_names_of_groups_do_not_matter():
    groups = np.array([0, 1, 1, 0, 2, 2, 1])
    y, v = 2 * Y[:7], V[:7]
    found = permutation_test(y, v, indicators(groups))
    order = np.random.default_rng(1).permutation(7)
    renamed = permutation_test(y[order], v[order], indicators(np.array([2, 0, 1])[groups[order]]))
    assert found.assignments == renamed.assignments == 210
    assert (found.p, found.smallest) == (renamed.p, renamed.smallest)


def test_random_assignments_come_near_all_of_them():
    x = indicators(REGION)
    exact = permutation_test(Y, V, x)
    assert (exact.assignments, exact.exhaustive) == (70, True)
    assert permutation_test(Y, V, x, most=70).exhaustive
    drawn, again, other = (permutation_test(Y, V, x, most=69, seed=seed) for seed in (1, 1, 2))
    assert (drawn.assignments, drawn.exhaustive) == (69, False)
    assert drawn.p == again.p
    # four standard errors of the share
    assert abs(drawn.p - exact.p) < 4 * np.sqrt(exact.p * (1 - exact.p) / 69)
    assert abs(other.p - exact.p) < 4 * np.sqrt(exact.p * (1 - exact.p) / 69)
    general = permutation_test(Y, V, X, most=200)
    assert (general.assignments, general.exhaustive) == (200, False)
    assert general.p >= general.smallest >= 1 / 200


def test_permutation_of_a_batch_with_masks():
    include = np.ones((3, K), dtype=bool)
    include[1, [0, 2]] = False
    include[2] = REGION == 1
    found = permutation_test(Y, V, indicators(REGION), include)
    assert found.code.tolist() == [Code.OK, Code.OK, Code.FEW_TRIALS]
    assert found.assignments.tolist() == [70, 20, 0]
    used = include[1]
    alone = permutation_test(Y[used], V[used], indicators(REGION)[used])
    assert (found.p[1], found.smallest[1]) == (alone.p, alone.smallest)
    assert np.isnan([found.p[2], found.smallest[2]]).all()


def test_nothing_to_permute():
    found = permutation_test(Y, V, np.ones((K, 1)))
    assert np.isnan(found.p)
    with pytest.raises(DataError, match="most: found 0"):
        permutation_test(Y, V, X, most=0)


def test_the_permutation_test_keeps_its_level():
    """Under no difference p <= 0.1 in no more than a tenth of data sets; exact, whatever tau2's estimator."""
    rng = np.random.default_rng(8)
    y = rng.normal(0, np.sqrt(V[:6] + 0.4), (300, 6))
    p = permutation_test(y, V[:6], indicators([0, 1, 1, 0, 1, 0]), method="DL").p
    assert np.mean(p <= 0.1) <= 0.1 + 3 * np.sqrt(0.09 / 300)
    assert 0.4 < p.mean() < 0.68


# Properties

effects = st.lists(st.floats(-4, 4).map(lambda z: round(z, 3)), min_size=6, max_size=6)
variances = st.lists(st.floats(-2, 1).map(lambda e: round(10**e, 4)), min_size=6, max_size=6)


@settings(max_examples=60)
@given(effects, variances, st.floats(-3, 3).map(lambda z: round(z, 2)), st.sampled_from(["ML", "DL"]))
def test_adding_a_line_moves_the_coefficients_alone(y, v, slope, method):
    """REML and ML may have two peaks nearly level; DL has one answer, and ML's score is checked above."""
    x = X[:6, :2]
    plain = regress(y, v, x, method=method)
    moved = regress(np.array(y) + x @ [1.0, slope], v, x, method=method)
    if method == "ML":
        ends = [loglik(np.array(y), np.array(v), x, float(z.tau2), restricted=False) for z in (plain, moved)]
        assert ends[0] == pytest.approx(ends[1], abs=1e-7)
        return
    scale = max(1.0, float(plain.tau2))
    assert moved.tau2 == pytest.approx(float(plain.tau2), abs=1e-9 * scale)
    np.testing.assert_allclose(moved.b - plain.b, [1.0, slope], atol=1e-8)


@settings(max_examples=40)
@given(effects, variances, st.sampled_from(["REML", "DL", "HE"]))
def test_a_permutation_p_is_a_share_no_smaller_than_the_smallest(y, v, method):
    found = permutation_test(y, v, indicators([0, 0, 1, 1, 1, 2]), method=method)
    assert found.exhaustive
    assert 0 < found.smallest <= found.p <= 1
    assert found.p * 60 == pytest.approx(round(float(found.p) * 60), abs=1e-9)
