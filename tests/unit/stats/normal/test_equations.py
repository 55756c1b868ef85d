"""Likelihood, score and Q in columns against matrix form and finite differences; every peak of many sets."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from meta.stats.normal import equations as normal
from meta.stats.normal.tau2 import estimate
from meta.stats.normal.weights import arms
from meta.stats.numeric.roots import newton_root

SEED = 7


def matrix_form(y, v, include, groups, tau2, *, restricted):
    """Harville's form with a design matrix, of one data set at one tau2."""
    y, v, groups = y[include], v[include], groups[include]
    x = (groups[:, None] == np.unique(groups)).astype(float)
    w = np.diag(1 / (v + tau2))
    cross = x.T @ w @ x
    residual = y - x @ np.linalg.solve(cross, x.T @ w @ y)
    q = residual @ w @ residual
    height = np.linalg.slogdet(w)[1] - q - (np.linalg.slogdet(cross)[1] if restricted else 0)
    return height / 2, q


def batch(k, groups, *, holes=True, sets=5):
    rng = np.random.default_rng(SEED + k)
    y, v = rng.normal(3, 2, (sets, k)), 10 ** rng.uniform(-3, 1, (sets, k))
    include = rng.random((sets, k)) < 0.8 if holes else np.ones((sets, k), dtype=bool)
    include[:, :4] = True
    index = np.arange(k) % groups
    return y, v, include, index


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize(("k", "groups"), [(4, 1), (9, 2), (40, 3), (7, 6)])
@pytest.mark.parametrize("holes", [True, False])
def test_likelihood_up_to_a_constant(k, groups, holes, restricted):
    y, v, include, index = batch(k, groups, holes=holes)
    tau2 = np.tile([0.0, 0.01, 0.3, 5.0, 400.0], (len(y), 1))
    found = normal.loglik(normal.Columns.of(arms(y, v, include, index)), tau2, restricted=restricted)
    expected = [
        [matrix_form(*z, index, t, restricted=restricted)[0] for t in tau2[0]]
        for z in zip(y, v, include, strict=True)
    ]
    np.testing.assert_allclose(
        np.diff(found), np.diff(expected), rtol=1e-9, atol=1e-9 * np.abs(expected).max()
    )


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize(("k", "groups"), [(4, 1), (9, 2), (7, 6)])
def test_score_and_its_slope_are_derivatives(k, groups, restricted):
    """The score over sum(w^2)/2 against central differences of the likelihood, its slope against its own."""
    y, v, include, index = batch(k, groups)
    c = normal.Columns.of(arms(y, v, include, index))
    tau2, step = np.full(len(y), 0.4), 1e-4
    score = partial(normal._score, c.y, c.v, parts=c.parts, restricted=restricted)
    low, high = (normal.loglik(c, (tau2 + d)[:, None], restricted=restricted)[:, 0] for d in (-step, step))
    squares = (np.where(include, 1 / (v + 0.4), 0) ** 2).sum(-1)
    value, slope, error = score(tau2)
    np.testing.assert_allclose(value, (high - low) / step / squares, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        slope, (score(tau2 + step)[0] - score(tau2 - step)[0]) / (2 * step), rtol=1e-5, atol=1e-9
    )
    assert (0 < error).all()
    assert (error < 1e-11 * np.maximum(v.max(-1), 1)).all()


def test_the_score_of_equal_variances_is_a_straight_line():
    c = normal.Columns.of(arms([[0.0, 1.0, 5.0, 2.0]] * 3, 0.3))
    value, slope, _ = normal._score(c.y, c.v, np.array([0.0, 1.0, 50.0]), parts=c.parts, restricted=True)
    assert slope == pytest.approx(np.full(3, slope[0]), rel=1e-12)
    assert value[0] + slope[0] * 50 == pytest.approx(value[2], rel=1e-12)


@pytest.mark.parametrize(("k", "groups"), [(4, 1), (9, 2)])
def test_q_and_how_it_falls(k, groups):
    y, v, include, index = batch(k, groups)
    c = normal.Columns.of(arms(y, v, include, index))
    target, step = np.full(len(y), 2.0), 1e-4
    excess = partial(normal._excess, c.y, c.v, target, parts=c.parts)
    at = np.full(len(y), 0.4)
    q = [matrix_form(*z, index, 0.4, restricted=True)[1] for z in zip(y, v, include, strict=True)]
    value, slope, _ = excess(at)
    np.testing.assert_allclose(value, 1 - target / q, rtol=1e-12)
    np.testing.assert_allclose(slope, (excess(at + step)[0] - excess(at - step)[0]) / (2 * step), rtol=1e-6)


def test_one_over_q_is_concave_so_that_newton_stays_on_the_left():
    y, v, include, index = batch(9, 2, sets=200)
    c = normal.Columns.of(arms(y, v, include, index))
    equation = partial(normal._excess, parts=c.parts)
    visited = []

    def seen(*given):
        visited.append(given[-1])
        return equation(*given)

    target = arms(y, v, include, index).q(np.full(len(y), 0.7))
    root, converged = newton_root(
        seen, (c.y, c.v, target), np.zeros(len(y)), np.zeros(len(y)), np.full(len(y), 1e6)
    )
    assert converged.all()
    assert root == pytest.approx(np.full(len(y), 0.7), rel=1e-11)
    assert max(t.max() for t in visited) <= 0.7 * (1 + 1e-9)


@pytest.mark.parametrize("unit", [1e-30, 1e-8, 1.0, 1e8, 1e30])
def test_products_of_variances_neither_overflow_nor_vanish(unit):
    y, v, include, index = batch(40, 3)
    expected, _ = estimate(y, v, include, groups=index)
    found, _ = estimate(y * np.sqrt(unit), v * unit, include, groups=index)
    np.testing.assert_allclose(found / unit, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("ratio", [1e6, 1e12, 1e18, 1e24])
def test_variances_of_very_different_size(ratio):
    """Precise trials that agree, within their error or not, and imprecise ones that do not."""
    y = np.array([[0.0, 1e-3, 3.0, -3.0, 2.0], [0.0, 0.5, 3.0, -3.0, 2.0], [0.0, 1.0, 1.0, 1.0, 1.0]])
    v = np.array([1.0, 2.0, 1.0 * ratio, 1.5 * ratio, ratio]) * 1e-6
    for method in ("REML", "ML", "PM"):
        tau2, code = estimate(y, v, method=method)
        assert (code == 0).all()
        assert ((tau2 >= 0) & (tau2 <= 36)).all()


def test_a_large_batch_is_the_loop_over_its_sets():
    """More sets than one chunk holds, some with two peaks, in no order, with trials left out."""
    rng = np.random.default_rng(SEED)
    sets = 3 * normal._CHUNK // (5 * normal._FEWEST)
    v = 10 ** rng.uniform(-3, 0.5, (sets, 5))
    y = rng.normal(0, 1, (sets, 5)) * np.where(rng.random((sets, 1)) < 0.5, np.sqrt(v), 2)
    y[::7], v[::7] = [0.0, 0.01, 3.0, -3.0, 2.5], [0.001, 0.001, 2.0, 2.0, 2.0]  # higher at zero
    y[3::7], v[3::7] = [0.0, 0.01, 3.0, -3.0, 2.5], [0.001, 0.001, 1.2, 1.2, 1.2]  # higher far out
    include = rng.random((sets, 5)) < 0.95
    include[::7] = include[3::7] = True
    together, code = estimate(y, v, include)
    assert (together[::7] == 0).all()
    assert (together[3::7] > 1).all()
    for i in [*range(40), *range(sets - 40, sets)]:
        alone, own = estimate(y[i], v[i], include[i])
        assert own == code[i]
        np.testing.assert_allclose(together[i], alone, rtol=1e-10, atol=1e-14)


def test_nothing_to_fit():
    assert estimate(np.zeros((0, 4)), np.ones((0, 4)))[0].shape == (0,)
    assert np.isnan(estimate(np.zeros((3, 0)), np.ones((3, 0)))[0]).all()
