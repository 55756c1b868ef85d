"""Q, I2, H2 and the Q-profile interval against independent forms, and where they do not exist."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import chi2

from meta.stats.normal import heterogeneity as het
from meta.stats.normal import tau2 as intervals
from meta.stats.normal.tau2 import estimate
from meta.stats.normal.weights import arms
from meta.stats.numeric.codes import SENTENCES, Code

Y = np.array([-0.96, -1.47, -2.60, -3.00])
V = np.array([0.28, 0.21, 0.54, 1.05])


def typical(v, include=True):
    return het.typical_variance(arms(np.zeros(np.shape(v)), v, include))


def q(y, v, tau2=0.0):
    """Sum over pairs, w_i w_j (y_i - y_j)^2 / sum(w): no mean is taken."""
    w = 1 / (v + tau2)
    return np.sum(np.outer(w, w) * (y[:, None] - y) ** 2) / (2 * w.sum())


def random_sets(count, seed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        k = int(rng.integers(2, 10))
        v = 10 ** rng.uniform(-2, 1, k)
        yield rng.normal(0, np.sqrt(v + rng.integers(0, 2) * 10 ** rng.uniform(-2, 1))), v


def test_q_against_its_pairwise_form():
    for y, v in random_sets(50, 1):
        test = het.q_test(y, v)
        assert test.q == pytest.approx(q(y, v), rel=1e-10, abs=1e-13)
        assert test.df == len(y) - 1
        assert test.p == pytest.approx(chi2.sf(q(y, v), len(y) - 1), rel=1e-9)


def test_q_against_statsmodels():
    from statsmodels.stats.meta_analysis import combine_effects

    theirs = combine_effects(Y, V)
    test = het.q_test(Y, V)
    assert test.q == pytest.approx(theirs.q, rel=1e-12)
    assert het.i2_from_q(test) == pytest.approx(theirs.i2, rel=1e-12)
    assert het.h2_from_q(test) == pytest.approx(theirs.h2, rel=1e-12)


def test_q_of_groups_is_the_sum_over_groups():
    groups = np.array([0, 0, 1, 1])
    test = het.q_test(Y, V, groups=groups)
    assert test.q == pytest.approx(q(Y[:2], V[:2]) + q(Y[2:], V[2:]), rel=1e-12)
    assert test.df == 2


def test_typical_variance_by_hand():
    w = 1 / V
    expected = 3 * w.sum() / (w.sum() ** 2 - (w**2).sum())  # Higgins & Thompson (2002), eq. 9
    assert typical(V) == pytest.approx(expected, rel=1e-12)
    assert typical([0.3, 0.3, 0.3]) == pytest.approx(0.3, rel=1e-12)
    assert typical([0.3, 0.3, 9.0], [True, True, False]) == pytest.approx(0.3, rel=1e-12)


def test_both_definitions_of_i2_agree_under_dersimonian_laird():
    """Higgins and Thompson's I2 from Q is the one from tau2, if tau2 is the moment estimate."""
    for y, v in random_sets(50, 2):
        test, variance = het.q_test(y, v), typical(v)
        tau2, _ = estimate(y, v, method="DL")
        assert het.i2_from_tau2(tau2, variance) == pytest.approx(float(het.i2_from_q(test)), abs=1e-10)
        assert het.h2_from_tau2(tau2, variance) == pytest.approx(
            max(1, float(het.h2_from_q(test))), rel=1e-10
        )


def test_i2_and_h2_tell_the_same():
    for tau2 in (0.0, 0.1, 7.0, 1e9):
        h2 = het.h2_from_tau2(tau2, 0.4)
        assert het.i2_from_tau2(tau2, 0.4) == pytest.approx(1 - 1 / h2, abs=1e-15)
    assert het.i2_from_tau2(0.0, 0.4) == 0
    assert het.i2_from_tau2(np.inf, 0.4) == 1


def test_identical_effects_have_no_heterogeneity():
    test = het.q_test([0.3] * 4, V)
    assert test.q == pytest.approx(0, abs=1e-25)
    assert test.p == 1
    assert het.i2_from_q(test) == 0
    assert intervals.q_profile([0.3] * 4, V).code == Code.EMPTY_INTERVAL


def test_an_empty_interval_is_not_worded_as_homogeneity():
    """What happened, and that it shows nothing; the design forbids to call tau2 = 0 agreement."""
    said = SENTENCES[Code.EMPTY_INTERVAL]
    assert said.startswith("Q lies below its lower quantile even at tau2 = 0")
    assert said.endswith("this is no evidence that the trials agree")
    assert "homogen" not in said
    assert "agree more closely" not in said


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99])
def test_q_profile_against_brentq(level):
    seen = set()
    for y, v in random_sets(60, 3):
        ours = intervals.q_profile(y, v, level=level)
        df = len(y) - 1
        lower, upper = chi2.ppf((1 - level) / 2, df), chi2.isf((1 - level) / 2, df)
        seen.add(Code(int(ours.code)))
        if q(y, v) < lower:
            assert ours.code == Code.EMPTY_INTERVAL
            assert np.isnan([ours.low, ours.high]).all()
            continue
        for limit, quantile in ((ours.low, upper), (ours.high, lower)):
            expected = 0.0
            if q(y, v) > quantile:
                far = len(y) * np.ptp(y) ** 2 / quantile + 1
                expected = brentq(lambda t: q(y, v, t) - quantile, 0, far, xtol=1e-14, rtol=1e-14)  # noqa: B023
            assert limit == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert Code.OK in seen
    if level <= 0.8:
        assert Code.EMPTY_INTERVAL in seen


def test_q_profile_contains_paule_mandel():
    """Both invert the same Q, and its expectation lies between the quantiles."""
    for y, v in random_sets(60, 4):
        ours = intervals.q_profile(y, v)
        if ours.code == Code.OK:
            assert ours.low <= estimate(y, v, method="PM")[0] <= ours.high


def test_q_profile_where_sampling_variances_are_negligible():
    """The bound on the upper limit is then attained, and must not be missed by a rounding error."""
    ours = intervals.q_profile([0.0, 1.0, 0.0, 1.0], [1e-17] * 4)
    assert ours.code == Code.OK
    assert ours.high == pytest.approx(1 / chi2.ppf(0.025, 3), rel=1e-12)  # Q = 1 / tau2
    assert ours.low == pytest.approx(1 / chi2.isf(0.025, 3), rel=1e-12)


def test_what_cannot_be_given_has_a_code():
    include = [[True, True], [True, False], [False, False], [True, True]]
    y, v = [[0.0, 9.0]] * 4, [[1.0, 1.0]] * 3 + [[1.0, 0.0]]
    ours = intervals.q_profile(y, v, include)
    assert ours.code.tolist() == [Code.OK, Code.FEW_TRIALS, Code.FEW_TRIALS, Code.INFINITE_EFFECT]
    assert np.isnan(ours.low).tolist() == [False, True, True, True]
    test = het.q_test(y, v, include)
    assert np.isnan(test.q).tolist() == np.isnan(test.p).tolist() == [False, True, True, True]
    assert np.isnan(het.i2_from_q(test)).tolist() == [False, True, True, True]
    assert np.isnan(het.h2_from_q(test)).tolist() == [False, True, True, True]
    assert np.isnan(typical(v, include)).tolist() == [False, True, True, True]


@pytest.mark.parametrize(("y", "v"), [(np.inf, 1.0), (np.nan, 1.0), (0.0, 0.0), (0.0, -1.0), (0.0, np.inf)])
def test_effects_that_are_none_warn_nowhere(y, v):
    assert np.isnan(het.q_test([y, 1.0], [v, 1.0]).q)
    assert intervals.q_profile([y, 1.0], [v, 1.0]).code == Code.INFINITE_EFFECT
