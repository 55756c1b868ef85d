"""tau2 against a restricted likelihood in matrix form, brentq, and a closed form; two peaks; batches."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from meta.errors import DataError
from meta.stats.normal.scales import LOGIT
from meta.stats.normal.tau2 import METHODS, bound, estimate, solve_q
from meta.stats.normal.weights import arms
from meta.stats.numeric.codes import Code

SEED = 20260


def restricted_loglik(y, v, x, tau2):
    """Harville's form with a design matrix, for many tau2 at once; shares nothing with the package."""
    w = 1 / (v + np.atleast_1d(tau2)[:, None])
    cross = np.einsum("ki,tk,kj->tij", x, w, x)
    beta = np.linalg.solve(cross, np.einsum("ki,tk,k->ti", x, w, y)[..., None])[..., 0]
    residual = y - beta @ x.T
    return 0.5 * (np.log(w).sum(1) - np.linalg.slogdet(cross)[1] - (w * residual**2).sum(1))


def q(y, v, x, tau2):
    w = 1 / (v + tau2)
    root = np.sqrt(w)
    beta, *_ = np.linalg.lstsq(root[:, None] * x, root * y, rcond=None)
    return float(np.sum(w * (y - x @ beta) ** 2))


def fine_grid(y, v, nodes):
    return np.concatenate([[0.0], np.geomspace(v.min() * 1e-4, max(np.ptp(y) ** 2, v.min()), nodes)])


def random_sets(count, seed, *, spread=(-2.0, 1.0)):
    """Effects with and without heterogeneity; `spread` are the decades over which variances differ."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        k = int(rng.integers(2, 12))
        v = 10 ** rng.uniform(*spread, k)
        y = rng.normal(0, np.sqrt(v + rng.integers(0, 2) * 10 ** rng.uniform(-3, 1)))
        groups = np.arange(k) % 2 if i % 3 == 0 and k > 3 else np.zeros(k, dtype=int)
        yield y, v, groups, np.eye(groups.max() + 1)[groups]


@pytest.mark.parametrize("spread", [(-2.0, 1.0), (-5.0, 2.0)], ids=["similar", "very unequal"])
def test_reml_is_at_the_global_maximum(spread):
    for y, v, groups, x in random_sets(250, SEED, spread=spread):
        tau2, code = estimate(y, v, groups=groups)
        assert code == Code.OK
        best = restricted_loglik(y, v, x, fine_grid(y, v, 1500)).max()
        assert restricted_loglik(y, v, x, float(tau2))[0] >= best - 1e-9


# Two precise trials agree, three imprecise ones do not: either the two agree because trials do not differ,
# or by chance. The restricted likelihood has a peak for each; a search from one end finds the nearer.
TWO_PEAKS = {
    "higher at zero": ([0.0, 0.01, 3.0, -3.0, 2.5], [0.001, 0.001, 2.0, 2.0, 2.0]),
    "higher far out": ([0.0, 0.01, 3.0, -3.0, 2.5], [0.001, 0.001, 1.2, 1.2, 1.2]),
}


@pytest.mark.parametrize("which", TWO_PEAKS)
def test_reml_takes_the_higher_of_two_peaks(which):
    y, v = map(np.array, TWO_PEAKS[which])
    x = np.ones((len(y), 1))
    grid = fine_grid(y, v, 4000)
    loglik = restricted_loglik(y, v, x, grid)
    padded = np.concatenate([[-np.inf], loglik, [-np.inf]])
    peaks = np.flatnonzero((loglik > padded[:-2]) & (loglik >= padded[2:]))
    assert len(peaks) == 2
    higher = peaks[loglik[peaks].argmax()]
    assert (higher == peaks[0]) == (which == "higher at zero")
    tau2, _ = estimate(y, v)
    assert grid[max(higher - 1, 0)] <= tau2 <= grid[higher + 1]


def test_reml_solves_its_score_equation_or_lies_at_zero():
    """The derivative in matrix form, y'PPy - trace(P), with P projecting the mean out."""
    inside = 0
    for y, v, groups, x in random_sets(100, SEED + 1):
        tau2 = float(estimate(y, v, groups=groups)[0])
        w = np.diag(1 / (v + tau2))
        p = w - w @ x @ np.linalg.inv(x.T @ w @ x) @ x.T @ w
        score = y @ p @ p @ y - np.trace(p)
        if tau2 > 0:
            inside += 1
            assert abs(score) < 1e-9 * np.trace(p)
        else:
            assert score <= 1e-9 * np.trace(p)
    assert inside > 20


def test_paule_mandel_against_brentq():
    inside = 0
    for y, v, groups, x in random_sets(150, SEED + 2):
        df = len(y) - x.shape[1]
        expected = 0.0
        if q(y, v, x, 0.0) > df:
            inside += 1
            expected = brentq(lambda t: q(y, v, x, t) - df, 0, 100 * np.ptp(y) ** 2, xtol=1e-15, rtol=1e-14)  # noqa: B023
        assert estimate(y, v, method="PM", groups=groups)[0] == pytest.approx(expected, rel=1e-10, abs=1e-13)
    assert inside > 30


def test_dersimonian_laird_against_its_moment_equation():
    """E Q(weights at tau2 = 0) = trace(P) tau2 + df, with the trace in matrix form."""
    for y, v, groups, x in random_sets(100, SEED + 3):
        w = np.diag(1 / v)
        p = w - w @ x @ np.linalg.inv(x.T @ w @ x) @ x.T @ w
        moment = (y @ p @ y - (len(y) - x.shape[1])) / np.trace(p)
        assert estimate(y, v, method="DL", groups=groups)[0] == pytest.approx(
            max(moment, 0), rel=1e-9, abs=1e-12
        )


def test_dersimonian_laird_and_paule_mandel_against_statsmodels():
    from statsmodels.stats.meta_analysis import combine_effects

    truncated = 0
    for y, v, groups, _ in random_sets(60, SEED + 4):
        if groups.any():
            continue
        with np.errstate(
            invalid="ignore"
        ):  # statsmodels does not truncate, and takes roots of negative variances
            theirs = combine_effects(y, v, method_re="dl")
        truncated += theirs.tau2 < 0
        assert estimate(y, v, method="DL")[0] == pytest.approx(max(theirs.tau2, 0), rel=1e-9, abs=1e-12)
        theirs = combine_effects(y, v, method_re="iterated", atol=1e-12)
        assert estimate(y, v, method="PM")[0] == pytest.approx(max(theirs.tau2, 0), rel=1e-6, abs=1e-9)
    assert truncated > 5


def test_two_trials_in_closed_form():
    """With two trials these solve (y1 - y2)^2 = v1 + v2 + 2 tau2."""
    for method in ("DL", "EB", "HE", "PM", "REML"):
        assert estimate([0, 3], [0.5, 2], method=method)[0] == pytest.approx((9 - 2.5) / 2, rel=1e-12)
        assert estimate([0, 1.5], [0.5, 2], method=method)[0] == 0


def test_bound_is_a_bound():
    for y, v, groups, _ in random_sets(100, SEED + 5, spread=(-6.0, -3.0)):
        given = arms(y, v, True, groups)
        for method in ("ML", "PM", "REML"):  # a moment estimate may lie further out
            assert estimate(y, v, method=method, groups=groups)[0] <= bound(given)


def test_solve_q_meets_its_target():
    given = arms([[0.0, 1.0, 4.0]] * 3, [[0.1, 0.2, 0.3]] * 3)
    target = np.array([0.5, 5.0, 1e6])
    tau2, converged = solve_q(given, target, 10 * given.k * bound(given) / target)
    assert converged.all()
    assert given.q(tau2)[:2] == pytest.approx(target[:2], rel=1e-13)
    assert tau2[2] == 0  # Q is below already


def test_common_effect_is_zero_wherever_there_are_effects():
    tau2, code = estimate([[0, 1], [0, np.nan]], [1, 1], method="common-effect")
    assert tau2[0] == 0
    assert np.isnan(tau2[1])
    assert code.tolist() == [Code.OK, Code.INFINITE_EFFECT]


@pytest.mark.parametrize("method", METHODS)
def test_what_cannot_be_estimated_has_a_code(method):
    include = [[True, True], [True, False], [False, False], [True, True]]
    y = [[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, np.inf]]
    tau2, code = estimate(y, [1.0, 1.0], include, method=method)
    assert code.tolist() == [Code.OK, Code.FEW_TRIALS, Code.FEW_TRIALS, Code.INFINITE_EFFECT]
    assert np.isnan(tau2).tolist() == [False, True, True, True]


@pytest.mark.parametrize("method", METHODS)
def test_groups_of_one_trial_leave_no_degree_of_freedom(method):
    assert estimate([0.0, 1.0], [1.0, 1.0], method=method, groups=[0, 1])[1] == Code.FEW_TRIALS


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("v", [0.0, -1.0, np.inf, np.nan])
def test_a_variance_that_is_none_is_refused_not_used(method, v):
    tau2, code = estimate([0.0, 1.0], [1.0, v], method=method)
    assert np.isnan(tau2)
    assert code == Code.INFINITE_EFFECT


@pytest.mark.parametrize("method", METHODS)
def test_many_trials_and_two_thousand_subsets(method):
    """k = 2,000, and all subsets of eleven trials: the same lines serve both."""
    rng = np.random.default_rng(SEED)
    n = rng.integers(5, 200, 2000)
    e = LOGIT.effects(rng.binomial(n, 0.25), n)
    assert estimate(e.y, e.v, method=method)[1] == Code.OK
    subsets = (np.arange(2**11)[:, None] >> np.arange(11)) & 1 == 1
    tau2, code = estimate(e.y[:11], e.v[:11], subsets, method=method)
    assert (code == np.where(subsets.sum(1) < 2, Code.FEW_TRIALS, Code.OK)).all()
    assert tau2[-1] == pytest.approx(float(estimate(e.y[:11], e.v[:11], method=method)[0]), rel=1e-12)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"y, v and include.*broadcast"):
        estimate([0.0, 1.0, 2.0], [1.0, 1.0])
    with pytest.raises(DataError, match=r"groups: found shape \(3,\).*\(2,\)"):
        estimate([0.0, 1.0], [1.0, 1.0], groups=[0, 0, 1])
