"""Each estimator against its definition, written separately in matrix form; groups included."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import chi2

from meta.stats.normal.tau2 import METHODS, estimate


def projection(v, tau2, design):
    w = np.diag(1 / (v + tau2))
    return w - w @ design @ np.linalg.inv(design.T @ w @ design) @ design.T @ w


def hedges(y, v, design):
    p = np.eye(len(y)) - design @ np.linalg.pinv(design)
    return max((y @ p @ y - np.trace(p @ np.diag(v))) / (len(y) - design.shape[1]), 0)


def hunter_schmidt(y, v, design):
    return max((y @ projection(v, 0, design) @ y - len(y)) / np.sum(1 / v), 0)


def sidik_jonkman(y, v, design):
    p = np.eye(len(y)) - design @ np.linalg.pinv(design)
    crude = y @ p @ y / len(y)
    return crude * (y @ projection(v, crude, design) @ y) / (len(y) - design.shape[1])


def median_paule_mandel(y, v, design):
    median = chi2.median(len(y) - design.shape[1])

    def excess(tau2):
        return y @ projection(v, tau2, design) @ y - median

    return brentq(excess, 0, 1e4, xtol=1e-14) if excess(0) > 0 else 0.0


def maximum_likelihood(y, v, design):
    grid = np.concatenate([[0], np.geomspace(1e-6, (np.ptp(y)) ** 2 + 1e-6, 4000)])

    def loglik(tau2):
        w = 1 / (v + tau2)
        return 0.5 * (np.sum(np.log(w)) - y @ projection(v, tau2, design) @ y)

    return max(grid, key=loglik)


DEFINITIONS = {
    "HE": (hedges, 1e-9),
    "HS": (hunter_schmidt, 1e-9),
    "SJ": (sidik_jonkman, 1e-9),
    "PMM": (median_paule_mandel, 1e-9),
    "ML": (maximum_likelihood, 6e-3),  # half a step of the grid: a ratio of 1.005
}


@pytest.mark.parametrize("method", DEFINITIONS)
@pytest.mark.parametrize("groups", [None, [0, 0, 0, 1, 1, 1, 1]])
def test_estimator_is_its_definition(method, groups):
    rng = np.random.default_rng(7)
    definition, tolerance = DEFINITIONS[method]
    design = np.ones((7, 1)) if groups is None else np.eye(2)[groups]
    positive = 0
    for _ in range(20):
        v = rng.uniform(0.05, 1.5, 7)
        y = rng.normal(0, np.sqrt(v + rng.choice([0, 0.5, 2])))
        expected = definition(y, v, design)
        found, code = estimate(y, v, method=method, groups=groups)
        assert code == 0
        assert found == pytest.approx(expected, rel=tolerance, abs=1e-6)
        positive += expected > 1e-3
    assert positive >= 5  # or the test would only compare zeros


def test_empirical_bayes_is_paule_mandel():
    assert METHODS["EB"] is METHODS["PM"]


@pytest.mark.parametrize("method", METHODS)
def test_equal_effects_have_no_spread(method):
    tau2, code = estimate([0.3, 0.3, 0.3], [1.0, 2.0, 0.5], method=method)
    assert (tau2, code) == (0, 0)


def test_a_peak_within_the_first_cells_of_the_grid_is_found():
    """Two peaks, the higher one not at zero although the likelihood falls there first."""
    y = np.array([0.0, 0.001, 3.0, -3.0])
    v = np.array([1e-6, 1e-6, 1.0, 1.0])
    tau2, _ = estimate(y, v, method="REML")
    grid = np.concatenate([[0], np.geomspace(1e-9, 36, 20000)])
    design = np.ones((4, 1))

    def loglik(t):
        w = 1 / (v + t)
        return 0.5 * (np.sum(np.log(w)) - np.log(np.sum(w)) - y @ projection(v, t, design) @ y)

    best = max(map(loglik, grid))
    assert loglik(float(tau2)) >= best - 1e-9
