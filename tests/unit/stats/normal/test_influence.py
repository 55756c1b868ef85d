"""Case diagnostics against one refit a trial, by the formulae of Viechtbauer and Cheung (2010)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meta.stats.normal.influence import influence
from meta.stats.normal.scales import LOGIT
from meta.stats.normal.tau2 import METHODS, estimate
from meta.stats.numeric.codes import Code

K = 7
RNG = np.random.default_rng(4)
V = RNG.uniform(0.05, 0.6, K)
Y = RNG.normal(-1, np.sqrt(V + 0.4))
GROUPS = np.array([0, 1, 0, 1, 0, 1, 2])  # the third group has one trial
MEASURES = ("rstudent", "dffits", "cook", "hat", "covratio", "tau2_deleted", "q_deleted")


def wls(y, v, x, tau2):
    """Coefficients, their covariance and the hat matrix, by normal equations."""
    w = np.diag(1 / (v + tau2))
    cov = np.linalg.inv(x.T @ w @ x)
    return cov @ x.T @ w @ y, cov, x @ cov @ x.T @ w


def refitted(y, v, groups, method):
    """The paper's definitions for a model with design X, one refit a trial."""
    x = np.eye(groups.max() + 1)[groups]
    tau2 = float(estimate(y, v, method=method, groups=groups)[0])
    b, cov, hat = wls(y, v, x, tau2)
    found = {name: np.full(len(y), np.nan) for name in MEASURES}
    found["hat"] = np.diag(hat)
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        t = float(estimate(y[rest], v[rest], method=method, groups=groups[rest])[0])
        found["tau2_deleted"][i] = t
        left = [np.sum((1 / v * (y - np.average(y[m & rest], weights=1 / v[m & rest])) ** 2)[m & rest])
                for m in (groups == g for g in np.unique(groups[rest]))]  # fmt: skip
        found["q_deleted"][i] = sum(left)
        if groups[i] not in groups[rest]:
            continue
        b_i, cov_i, _ = wls(y[rest], v[rest], x[rest], t)
        found["rstudent"][i] = (y[i] - x[i] @ b_i) / np.sqrt(v[i] + t + x[i] @ cov_i @ x[i])
        found["dffits"][i] = x[i] @ (b - b_i) / np.sqrt(hat[i, i] * (t + v[i]))
        found["cook"][i] = (b - b_i) @ np.linalg.inv(cov) @ (b - b_i)
        found["covratio"][i] = np.linalg.det(cov_i) / np.linalg.det(cov)
    return found


@pytest.mark.parametrize("groups", [np.zeros(K, dtype=int), GROUPS], ids=["one group", "three groups"])
@pytest.mark.parametrize("method", [*METHODS, "common-effect"])
def test_brute_force(method, groups):
    ours, theirs = influence(Y, V, method=method, groups=groups), refitted(Y, V, groups, method)
    for name in MEASURES:
        np.testing.assert_allclose(getattr(ours, name), theirs[name], rtol=1e-9, atol=1e-12, err_msg=name)
    alone = np.bincount(groups)[groups] == 1
    np.testing.assert_array_equal(ours.code, np.where(alone, Code.FEW_TRIALS, Code.OK))
    assert np.isfinite(ours.tau2_deleted).all()


def test_a_batch_is_its_cells():
    rng = np.random.default_rng(9)
    y = rng.normal(0, 1.5, (2, 2, K))
    include = rng.random((2, 2, K)) < 0.8
    together = influence(y, V, include)
    for cell in np.ndindex(2, 2):
        used = include[cell]
        alone = influence(y[cell][used], V[used])
        rubbish = influence(np.where(used, y[cell], np.nan), np.where(used, V, 0.0), used)
        for name in MEASURES:
            measure = getattr(together, name)[cell]
            np.testing.assert_allclose(measure[used], getattr(alone, name), rtol=1e-9, atol=1e-12)
            assert np.isnan(measure[~used]).all()
            np.testing.assert_allclose(measure, getattr(rubbish, name), rtol=1e-9, atol=1e-12)


def test_some_trials():
    some = influence(Y, V).rows(np.array([2, 5]))
    assert some.hat.tolist() == influence(Y, V).hat[[2, 5]].tolist()
    assert some.code.shape == (2,)


def test_two_trials_leave_one():
    found = influence(Y[:2], V[:2])
    assert found.code.tolist() == [Code.FEW_TRIALS] * 2
    assert np.isnan([found.rstudent, found.cook, found.tau2_deleted, found.q_deleted]).all()
    assert found.hat.sum() == pytest.approx(1)  # the fit of both stands
    common = influence(Y[:2], V[:2], method="common-effect")
    z = (Y[0] - Y[1]) / np.sqrt(V[0] + V[1])
    np.testing.assert_allclose(common.rstudent, [z, -z], rtol=1e-12)


@pytest.mark.parametrize("k", [0, 1])
def test_hardly_any_trial(k):
    found = influence(Y[:k], V[:k])
    assert found.code.tolist() == [Code.FEW_TRIALS] * k
    assert np.isnan(found.hat).all()


def test_an_infinite_effect_spoils_the_fit():
    found = influence([np.inf, *Y[1:]], V)
    assert found.code.tolist() == [Code.INFINITE_EFFECT] * K
    assert all(np.isnan(getattr(found, name)).all() for name in MEASURES)


def test_an_outlier_is_seen():
    """It stands out, draws the mean its way, and makes nearly all of tau2: without it precision is gained."""
    y = np.array([0.0, 0.1, -0.1, 0.05, 3.0])
    found = influence(y, np.full(5, 0.05))
    assert found.rstudent.argmax() == np.abs(found.dffits).argmax() == found.cook.argmax() == 4
    assert found.rstudent[4] > 10 > np.abs(found.rstudent[:4]).max()
    assert found.tau2_deleted.tolist()[4] == 0
    assert found.covratio[4] < 0.1
    assert found.covratio[0] > 1


def test_trials_alike_have_no_influence():
    found = influence([0.3] * 4, [0.1] * 4)
    np.testing.assert_allclose([found.rstudent, found.dffits, found.cook], 0, atol=1e-12)
    np.testing.assert_allclose(found.hat, 0.25)
    np.testing.assert_allclose(found.covratio, 4 / 3)


def test_table_1():
    """metafor 5.1-12, influence(rma(...)) of Table 1 of Jia et al. (2022)."""
    e = LOGIT.effects([5, 6, 2, 1], [18, 32, 29, 21])
    found = influence(e.y, e.v)
    np.testing.assert_allclose(found.rstudent, [1.262202, 0.449843, -1.468415, -1.251663], atol=5e-7)
    np.testing.assert_allclose(found.cook, [0.675838, 0.365538, 0.598247, 0.259893], atol=5e-7)


@settings(max_examples=60)
@given(
    st.lists(st.floats(-4, 4).map(lambda z: round(z, 3)), min_size=3, max_size=8),
    st.floats(-5, 5).map(lambda z: round(z, 2)),
    st.sampled_from(["DL", "HE", "PM"]),
)
def test_weights_add_up_and_shifts_do_not_matter(y, shift, method):
    v = np.linspace(0.1, 0.9, len(y))
    found, moved = influence(y, v, method=method), influence(np.array(y) + shift, v, method=method)
    assert found.hat.sum() == pytest.approx(1, rel=1e-12)
    assert (found.cook >= 0).all()
    # one group: DFFITS and Cook's distance are the same change in different units
    variance = 1 / np.sum(1 / (v + float(estimate(y, v, method=method)[0])))
    change = np.abs(found.dffits) * np.sqrt(found.hat * (found.tau2_deleted + v))
    np.testing.assert_allclose(np.sqrt(found.cook * variance), change, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(moved.rstudent, found.rstudent, rtol=1e-6, atol=1e-6)
